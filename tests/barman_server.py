"""A real server of barman for tests: made once, copied for each case."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.archiving_postgresql import PROGRAMS, Archiving, archiving

SERVER = "erp"
_SETTINGS = """\
[barman]
barman_home = {home}
barman_user = {user}
barman_lock_directory = {home}
log_file = {home}/barman.log
log_level = ERROR
path_prefix = {programs}
[erp]
description = erp
conninfo = host={folder}/socket user=postgres dbname=postgres
streaming_conninfo = host={folder}/socket user=postgres
backup_method = postgres
archiver = on
immediate_checkpoint = true
{more}
"""


@dataclass(frozen=True)
class Built:
    """The server's folder after PostgreSQL has ended."""

    server: Archiving

    @property
    def home(self) -> Path:
        return self.server.folder / "home"


def configure(server: Archiving, place: Path, home: Path, more: str = "") -> Path:
    """Write settings for a folder of barman."""
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    text = _SETTINGS.format(
        folder=server.folder, home=home, user=user, programs=PROGRAMS, more=more
    )
    place.write_text(text)
    place.chmod(0o644)
    return place


@contextmanager
def barman_server() -> Iterator[Built]:
    """Make two base backups, and WAL after them."""
    with archiving(
        # Renamed once it is whole: barman takes what it finds.
        "cp %p {folder}/home/%f && mv {folder}/home/%f {folder}/home/erp/incoming/%f"
    ) as server:
        built = Built(server)
        file = configure(server, server.folder / "barman.conf", built.home)
        incoming = built.home / "erp" / "incoming"
        incoming.mkdir(parents=True)
        server.own(built.home, built.home / "erp", incoming)
        ours = ("barman", "-c", str(file))
        server.ask("CREATE TABLE orders AS SELECT generate_series(1, 5000) AS id")
        server.run(*ours, "cron")
        server.run(*ours, "switch-wal", "--archive", "--archive-timeout", "30", SERVER)
        for _ in range(2):
            server.run(*ours, "backup", SERVER)
            server.ask("INSERT INTO orders VALUES (1)")
            server.run(*ours, "switch-wal", "--archive", "--archive-timeout", "30", SERVER)
        yield built
