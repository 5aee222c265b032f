"""A throw-away MariaDB for tests: in a temporary folder, on a socket only, ended with the tests."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_START_SECONDS = 30.0
_SERVER = "/usr/sbin/mariadbd"
_FAST = (
    "--skip-networking",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=4M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--skip-log-bin",
)


class CannotStart(Exception):
    """No MariaDB is installed, or it does not come up."""


@dataclass(frozen=True)
class Server:
    """A running MariaDB."""

    folder: Path
    user: str
    pid: int = 0
    password: str = ""

    @property
    def options(self) -> tuple[str, ...]:
        """Return what its tools need to reach it."""
        secret = (f"--password={self.password}",) if self.password else ()
        return (f"--socket={self.folder}/s", f"--user={self.user}", *secret)

    def run(self, statements: str) -> None:
        """Run statements as its administrator."""
        _demand("mariadb", "--no-defaults", *self.options, given=statements)

    def dump(self, *arguments: str) -> bytes:
        """Return what mariadb-dump writes."""
        return _demand("mariadb-dump", "--no-defaults", *self.options, *arguments)

    def back_up(self, target: Path, *arguments: str) -> bytes:
        """Back it up with mariadb-backup; return what it wrote to its output (streams)."""
        return _demand(
            "mariadb-backup",
            "--no-defaults",
            "--backup",
            f"--target-dir={target}",
            *self.options,
            *arguments,
        )


@contextmanager
def server(*options: str, **environment: str) -> Iterator[Server]:
    """Run a MariaDB while the block runs, with options of its own. Raise CannotStart."""
    if not Path(_SERVER).exists():
        raise CannotStart("scripts/apt-install mariadb-server mariadb-backup installs it.")
    folder = Path(tempfile.mkdtemp(prefix="xunjian-mariadb-"))
    user = pwd.getpwuid(os.geteuid()).pw_name
    try:
        _demand(
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={folder}/data",
            f"--user={user}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--innodb-log-file-size=4M",
        )
        process = _start(folder, user, options, environment)
        try:
            yield Server(folder, "root", process.pid)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(
    folder: Path, user: str, options: tuple[str, ...], environment: dict[str, str]
) -> "subprocess.Popen[bytes]":
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", "--", _SERVER, "--no-defaults"),
                *(f"--datadir={folder}/data", f"--socket={folder}/s", f"--user={user}"),
                *(f"--pid-file={folder}/pid", *_FAST, *options),
            ],
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        asked = subprocess.run(
            ["mariadb-admin", "--no-defaults", f"--socket={folder}/s", "--user=root", "ping"],
            capture_output=True,
            check=False,
        )
        if asked.returncode == 0:
            return process
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise CannotStart((folder / "log").read_text(errors="replace")[-2000:])


def _demand(*command: str, given: str = "") -> bytes:
    # The dates in dumps are local times: tests know only one.
    done = subprocess.run(
        command,
        input=given.encode(),
        capture_output=True,
        check=False,
        env=os.environ | {"TZ": "UTC"},
    )
    if done.returncode:
        words = done.stderr.decode(errors="replace")[-2000:]
        raise CannotStart(f"{command[0]} ended with {done.returncode}: {words}")
    return done.stdout
