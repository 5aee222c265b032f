"""A real stanza of pgBackRest with two repositories, for tests: made once, copied for each case."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.archiving_postgresql import Archiving, archiving

STANZA = "erp"
_SETTINGS = """\
[global]
repo1-path={first}
repo1-retention-full=9
repo2-path={second}
repo2-retention-full=9
lock-path={folder}/lock
log-path={folder}/log
log-level-file=off
start-fast=y
archive-timeout=60
compress-level=1
[erp]
pg1-path={folder}/data
pg1-socket-path={folder}/socket
"""


@dataclass(frozen=True)
class Built:
    """The stanza after its server has ended."""

    server: Archiving

    @property
    def first(self) -> Path:
        return self.server.folder / "first"

    @property
    def second(self) -> Path:
        return self.server.folder / "second"


def configure(server: Archiving, place: Path, first: Path, second: Path) -> Path:
    """Write settings for repositories at these places."""
    place.write_text(_SETTINGS.format(folder=server.folder, first=first, second=second))
    return place


@contextmanager
def stanza() -> Iterator[Built]:
    """Make full, full and incremental backups in the first, a full one in the second."""
    command = "pgbackrest --config={folder}/pgbackrest.conf --stanza=erp archive-push %p"
    with archiving(command) as server:
        built = Built(server)
        file = server.folder / "pgbackrest.conf"
        configure(server, file, built.first, built.second)
        for name in ("first", "second", "lock", "log"):
            (server.folder / name).mkdir()
            server.own(server.folder / name)
        ours = ("pgbackrest", f"--config={file}", f"--stanza={STANZA}")
        server.run(*ours, "stanza-create")
        server.ask("CREATE TABLE orders AS SELECT generate_series(1, 5000) AS id")
        server.run(*ours, "--repo=2", "--type=full", "backup")
        server.ask("INSERT INTO orders SELECT generate_series(1, 500)")
        server.run(*ours, "--repo=1", "--type=full", "backup")
        server.ask("SELECT pg_switch_wal()")
        server.run(*ours, "--repo=1", "--type=incr", "backup")
        for _ in range(2):
            server.ask("INSERT INTO orders VALUES (1)")
            server.ask("SELECT pg_switch_wal()")
        server.run(*ours, "check")
        yield built
