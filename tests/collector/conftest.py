"""A collector on its own database with one customer, one host and one agent.

Every test that asks for a database runs on SQLite and on PostgreSQL. One PostgreSQL runs for each
process of tests; a test gets a copy of a database that was migrated once.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector.database import Database, open_database
from scripts.postgresql import Cluster
from tests.collector.place import Place
from tests.enrolled import enrolled


@pytest.fixture(scope="session")
def migrated(postgresql: Cluster) -> str:
    """Return the name of a PostgreSQL database that has the tables and nothing else."""
    name = postgresql.new_database()
    open_database(postgresql.url(name)).close()
    return name


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Return what makes databases of one kind and gives their URLs."""
    made: list[str] = []
    if request.param == "sqlite":

        def on_sqlite() -> str:
            made.append(f"sqlite:///{tmp_path}/collector-{len(made)}.db")
            return made[-1]

        yield on_sqlite
        return
    cluster: Cluster = request.getfixturevalue("postgresql")
    template: str = request.getfixturevalue("migrated")

    def on_postgresql() -> str:
        made.append(cluster.new_database(template))
        return cluster.url(made[-1])

    yield on_postgresql
    for name in made:
        cluster.drop_database(name)


@pytest.fixture
def database(new_url: Callable[[], str]) -> Iterator[Database]:
    opened = open_database(new_url())
    yield opened
    opened.close()


@pytest.fixture
def place(database: Database) -> Place:
    return enrolled(database)
