"""A PostgreSQL that archives its WAL, for tests of pgBackRest and barman: it ends with the block.

Its folder belongs to who runs it: to `postgres` where the tests are root.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = max(
    Path("/usr/lib/postgresql").glob("*/bin"),
    key=lambda path: float(path.parent.name),
    default=None,
)


@dataclass(frozen=True)
class Archiving:
    """A running server in a folder of its own."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    def run(self, *command: str) -> str:
        """Run a command as the owner of the server."""
        done = subprocess.run(
            [*_as_owner(), *command],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}: {done.stdout} {done.stderr}"
        return done.stdout

    def ask(self, statement: str) -> str:
        """Run a statement as the superuser."""
        host = ("-h", str(self.socket), "-U", "postgres")
        return self.run(f"{PROGRAMS}/psql", *host, "-X", "-q", "-A", "-t", "-c", statement)

    def own(self, *places: Path) -> None:
        """Give files to the owner of the server."""
        if os.geteuid() == 0:
            for place in places:
                shutil.chown(place, "postgres", "postgres")


@contextmanager
def archiving(command: str) -> Iterator[Archiving]:
    """Run a server; `command` archives a segment, `{folder}` in it is the server's folder."""
    folder = Path(tempfile.mkdtemp(prefix="xunjian-archiving-"))
    folder.chmod(0o755)
    server = Archiving(folder)
    server.socket.mkdir()
    server.own(folder, server.socket)
    pg_ctl = (f"{PROGRAMS}/pg_ctl", "-D", str(server.data), "-w")
    try:
        server.run(
            f"{PROGRAMS}/initdb",
            *("-D", str(server.data), "-U", "postgres", "--auth=trust", "--no-sync"),
        )
        with (server.data / "postgresql.conf").open("a") as settings:
            settings.write(
                "listen_addresses = ''\n"
                f"unix_socket_directories = '{server.socket}'\n"
                "fsync = off\nwal_level = replica\nmax_wal_senders = 4\nmin_wal_size = 32MB\n"
                "autovacuum = off\narchive_mode = on\n"
                f"archive_command = '{command.format(folder=folder)}'\n"
            )
        server.run(*pg_ctl, "-l", f"{folder}/server.log", "start")
        try:
            yield server
        finally:
            server.run(*pg_ctl, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_owner() -> list[str]:
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    return [
        "setpriv",
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
        "--",
    ]
