"""The two databases that uploads are measured on: agents enrolled once, a copy for each run."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from bench.agents import Enrolment, enrolled
from bench.server import Server, moment
from collector.database import Database, open_database
from collector.identity import open_identity
from scripts.postgresql import cluster

BUDGET_UPLOADS_A_SECOND = 1000
BUDGET_UPLOADS_A_SECOND_POSTGRESQL = 800


@dataclass(frozen=True)
class Store:
    """One kind of database, with the agents enrolled, and copies of it for the runs."""

    name: str
    budget_uploads_a_second: int
    new: Callable[[Path], str]
    """Makes a copy for the collector whose data are in the folder, and gives its URL."""


@contextmanager
def on_sqlite(folder: Path, servers: Sequence[Server]) -> Iterator[tuple[Store, list[Enrolment]]]:
    """Give SQLite in files below the folder, and the agents."""
    empty = folder / "empty"
    url = f"sqlite:///{empty}/collector.db"
    agents = enrolled_agents(empty, url, servers)

    def copy(place: Path) -> str:
        shutil.copytree(empty, place)
        return f"sqlite:///{place}/collector.db"

    yield Store("SQLite", BUDGET_UPLOADS_A_SECOND, copy), agents


@contextmanager
def on_postgresql(
    folder: Path, servers: Sequence[Server]
) -> Iterator[tuple[Store, list[Enrolment]]]:
    """Give a durable PostgreSQL, and the agents. Raise CannotStart where it is not installed."""
    empty = folder / "empty"
    empty.mkdir(parents=True)
    with cluster(durable=True) as running:
        template = running.new_database()
        agents = enrolled_agents(empty, running.url(template), servers)

        def copy(place: Path) -> str:
            shutil.copytree(empty, place)
            return running.url(running.new_database(template))

        yield Store("PostgreSQL", BUDGET_UPLOADS_A_SECOND_POSTGRESQL, copy), agents


def enrolled_agents(folder: Path, url: str, servers: Sequence[Server]) -> list[Enrolment]:
    """Return an agent for each server, enrolled in a new database."""
    database = open_database(url)
    identity = open_identity(folder / "collector.key", database)
    agents = [
        enrolled(
            database,
            identity,
            customer="bench",
            site="bench",
            time_zone="Asia/Shanghai",
            host=server.name,
            now=moment(server, 0),
        )
        for server in servers
    ]
    if not database.is_postgresql:
        tidied_bytes(database)
    database.close()
    return agents


def tidied_bytes(database: Database) -> int:
    """Return the size of the database, with everything moved from the write-ahead log into it."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        pages = connection.execute(text("PRAGMA page_count")).scalar() or 0
        size = connection.execute(text("PRAGMA page_size")).scalar() or 0
    return int(pages) * int(size)
