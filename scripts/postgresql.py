"""A throw-away PostgreSQL, for tests, benchmarks and for trying things out: `scripts/postgresql`.

It lives in a temporary folder, listens on a free loopback port only, and asks for a password that
is made for it. It ends with whoever started it, also when that one is killed; the system's own
clusters are never touched.
"""

import argparse
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

_VERSIONS = Path("/usr/lib/postgresql")
_OWNER = "xunjian"
_START_SECONDS = 30.0
_TRIES = 5
_STATUS_LINE = 7  # of postmaster.pid
_COMMON = {
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "logging_collector": "off",
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
    "shared_buffers": "64MB",
}
_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


class CannotStart(Exception):
    """No PostgreSQL is installed, or it does not come up."""


@dataclass
class Cluster:
    """A running PostgreSQL."""

    port: int
    password: str
    process: "subprocess.Popen[bytes]"
    """The server itself."""
    folder: Path
    command: tuple[str, ...]

    @property
    def owner(self) -> str:
        """Return the user it runs as."""
        return (self.folder / "data").owner()

    def stop(self) -> None:
        """End it at once, as a power cut does; what was flushed is there after start_again."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def start_again(self) -> None:
        """Start it on the same port after stop. Raise CannotStart if it does not come up."""
        process = _launch(self.command, self.folder)
        if process is None:
            raise CannotStart(f"PostgreSQL does not start again: {_said(self.folder)}")
        self.process = process

    def url(self, database: str, user: str = _OWNER) -> str:
        """Return how the collector names a database of it."""
        return f"postgresql+psycopg://{user}:{self.password}@127.0.0.1:{self.port}/{database}"

    def administer(self, statement: str | sql.Composed) -> None:
        """Run one statement as the superuser."""
        with self._superuser() as connection:
            connection.execute(sql.SQL(statement) if isinstance(statement, str) else statement)

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Return the rows of a query of the superuser."""
        with self._superuser() as connection:
            return connection.execute(sql.SQL(query)).fetchall()

    def new_database(self, template: str | None = None) -> str:
        """Make a database, empty or a copy of `template`; return its name."""
        name = f"xunjian_{secrets.token_hex(6)}"
        self.administer(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                sql.Identifier(name),
                sql.Identifier(_OWNER),
                sql.Identifier(template or "template0"),
            )
        )
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.administer(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _superuser(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            password=self.password,
            dbname="postgres",
            autocommit=True,
        )


@contextmanager
def cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """Run a PostgreSQL while the block runs; `durable` as it is in service, else without flushes.

    Raise CannotStart if none is installed or it does not come up.
    """
    programs = _programs()
    user = _unprivileged()
    password = secrets.token_urlsafe(18)
    folder = Path(tempfile.mkdtemp(prefix="xunjian-postgresql-"))
    try:
        _make(programs, folder, user, password)
        settings = _COMMON if durable else _COMMON | _FAST
        running = _start(programs, folder, user, settings, password)
        try:
            running.administer(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                    sql.Identifier(_OWNER), sql.Literal(password)
                )
            )
            yield running
        finally:
            running.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """Return the folder with the programs of the newest version that is installed."""
    found = [place.parent for place in _VERSIONS.glob("*/bin/initdb")]
    if not found:
        raise CannotStart(
            f"There is no PostgreSQL in {_VERSIONS}: scripts/apt-install postgresql-15 installs it."
        )
    return max(found, key=lambda place: float(place.parent.name))


def _unprivileged() -> pwd.struct_passwd | None:
    """Return who runs it where root would: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise CannotStart("There is neither a user postgres nor nobody to run PostgreSQL as.")


def _make(programs: Path, folder: Path, user: pwd.struct_passwd | None, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password, encoding="utf-8")
    if user:
        for place in (folder, secret):
            os.chown(place, user.pw_uid, user.pw_gid)
    command = [
        f"{programs}/initdb",
        f"--pgdata={folder}/data",
        "--username=postgres",
        f"--pwfile={secret}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]
    made = subprocess.run(
        [*_as(user), *command], cwd=folder, check=False, capture_output=True, text=True
    )
    secret.unlink()
    if made.returncode:
        raise CannotStart(f"initdb failed: {made.stderr.strip()}")


def _start(
    programs: Path,
    folder: Path,
    user: pwd.struct_passwd | None,
    settings: dict[str, str],
    password: str,
) -> Cluster:
    options = [f"--{name}={value}" for name, value in settings.items()]
    for _ in range(_TRIES):
        # Another one may take the port meanwhile: then the server ends at once.
        port = _free_port()
        server = [f"{programs}/postgres", "-D", f"{folder}/data", f"--port={port}", *options]
        command = (*_as(user), *server)
        process = _launch(command, folder)
        if process is not None:
            return Cluster(port, password, process, folder, command)
    raise CannotStart(f"PostgreSQL does not start: {_said(folder)}")


def _launch(command: tuple[str, ...], folder: Path) -> "subprocess.Popen[bytes] | None":
    """Start a server and wait until it takes connections; None if it ended instead."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C is for whoever uses it, and comes before the end of this.
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _ready(process, folder):
            return process
        time.sleep(0.02)
    process.kill()
    process.wait()
    return None


def _said(folder: Path) -> str:
    return " ".join((folder / "log").read_text(errors="replace").split())


def _as(user: pwd.struct_passwd | None) -> list[str]:
    """Return the words before a command: as `user`, and ended when this process is."""
    ended = ["setpriv", "--pdeathsig", "QUIT", "--"]
    if user is None:
        return ended
    # Twice: the kernel forgets that signal when the user changes.
    identity = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["setpriv", *identity, "--", *ended]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ready(process: "subprocess.Popen[bytes]", folder: Path) -> bool:
    """Tell whether the server says of itself that it takes connections."""
    try:
        lines = (folder / "data/postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    if len(lines) <= _STATUS_LINE or lines[0] != str(process.pid):
        return False
    return lines[_STATUS_LINE].strip() == "ready"


def main() -> None:
    """Run one until Ctrl-C; print the URL of an empty database of it."""
    parser = argparse.ArgumentParser(
        description="Run a throw-away PostgreSQL; prints its URL, ends with Ctrl-C."
    )
    parser.add_argument("--durable", action="store_true", help="flush as in service")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with cluster(durable=arguments.durable) as running:
            print(running.url(running.new_database()), flush=True)
            signal.pause()
    except KeyboardInterrupt:
        pass
    except CannotStart as error:
        sys.exit(f"postgresql: {error}")


if __name__ == "__main__":
    main()
