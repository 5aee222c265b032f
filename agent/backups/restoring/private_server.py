"""A private PostgreSQL for a test restore: its own folder, a socket only, gone with its block.

It never is the production's: other data, no port, no flushes. As root it runs as `nobody`, who has
no right to anything of the host's own servers. It is a child of this process, so that it ends with
the probe whatever ends that.
"""

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from agent.backups.kind import Budget, Source
from agent.tools import find_tool
from checks.errors import TimedOut, ToolMissing, UnexpectedOutput

_VERSIONS = Path("/usr/lib/postgresql")
"""Where Debian and its relatives keep each major version."""
_RED_HAT = "/usr/pgsql-*/bin"
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_UNPRIVILEGED = "nobody"
SUPERUSER = "postgres"
_SETTINGS = (
    "listen_addresses=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "archive_mode=off",
    "shared_buffers=64MB",
    "max_connections=10",
    "logging_collector=off",
    # Our service forbids memory that is written and executed.
    "jit=off",
)


class PrivateServer(Struct, frozen=True):
    """A running server that nobody else reaches."""

    programs: Path
    """Folder of its version's programs."""
    socket: Path
    version: str

    def arguments(self, database: str, user: str = SUPERUSER) -> tuple[str, ...]:
        """Return what every client needs to get at a database of it."""
        return ("-h", str(self.socket), "-U", user, "-d", database)

    def program(self, name: str) -> str:
        """Return the path of one of its programs."""
        return str(self.programs / name)


def unprivileged() -> str | None:
    """Return the user that a server runs as; None: as we do, where we are not root."""
    return _UNPRIVILEGED if os.geteuid() == 0 else None


def programs(at_least: int = 0) -> Path:
    """Return the folder of the newest PostgreSQL here. Raise ToolMissing if none is new enough."""
    found = [
        (int(folder.parent.name), folder)
        for folder in _VERSIONS.glob("*/bin")
        if folder.parent.name.isdecimal() and (folder / "postgres").exists()
    ]
    found += [
        (int(folder.parent.name.rpartition("-")[2]), folder)
        for folder in Path("/").glob(_RED_HAT.lstrip("/"))
        if (folder / "postgres").exists()
    ]
    version, newest = max(found, default=(0, Path()))
    if version == 0 or version < at_least:
        raise ToolMissing(f"PostgreSQL server {at_least or ''}".strip())
    return newest


@contextmanager
def private_server(source: Source, folder: Path, budget: Budget) -> Iterator[PrivateServer]:
    """Make an empty server in `folder` and run it while the block runs.

    Raise ToolMissing where no server is installed, TimedOut or UnexpectedOutput where it does not
    come up: nothing is said of the backup then.
    """
    place = programs()
    data = folder / "data"
    data.mkdir(mode=0o700)
    hand_over(folder, data)
    made = source.run(
        str(place / "initdb"),
        *("-D", str(data), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8"),
        *("--locale=C.UTF-8", "--no-sync", "--no-instructions"),
        timeout_seconds=min(_START_SECONDS, budget.left_seconds()),
        user=unprivileged(),
    )
    if made.exit_code != 0:
        raise UnexpectedOutput("initdb", _last(made.error_text))
    with running(place, data, _SETTINGS) as server:
        yield server


@contextmanager
def running(
    place: Path, data: Path, settings: tuple[str, ...], *, user: str | None = None
) -> Iterator[PrivateServer]:
    """Run the server of a data folder while the block runs. Raise as private_server does.

    As root it runs as `user`, where its data need somebody else's rights than nobody's.
    """
    socket = data.parent
    log = data.parent / "server.log"
    options = [part for setting in settings for part in ("-c", setting)]
    user = user or unprivileged()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [find_tool(str(place / "postgres")), "-D", str(data), "-k", str(socket), *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(socket)},
            cwd=str(socket),
            process_group=0,
            user=user,
            group=None if user is None else pwd.getpwnam(user).pw_gid,
            extra_groups=None if user is None else (),
        )
    try:
        _wait(process, data, log)
        version = (data / "PG_VERSION").read_text().strip()
        yield PrivateServer(place, socket, version)
    finally:
        _stop(process)


def hand_over(*folders: Path, user: str | None = None) -> None:
    """Give folders to the user that the server runs as, and let it pass those above."""
    user = user or unprivileged()
    if user is None:
        return
    for folder in folders:
        shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
    parent = folders[0].parent
    parent.chmod(parent.stat().st_mode | 0o011)


def _wait(process: "subprocess.Popen[bytes]", data: Path, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise UnexpectedOutput("postgres", _last(log.read_text("utf-8", "replace")))
        with suppress(OSError):
            lines = (data / "postmaster.pid").read_text().splitlines()
            if len(lines) > 7 and lines[7].strip() == "ready":
                return
        time.sleep(0.05)
    raise TimedOut("postgres", f"not ready after {_START_SECONDS:g} s")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End it; its data are thrown away, so at once."""
    with suppress(ProcessLookupError, PermissionError):
        process.send_signal(signal.SIGQUIT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(_STOP_SECONDS)


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:500] if lines else "it said nothing"
