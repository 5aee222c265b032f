"""A collector on its own database with one customer, one host and one agent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.database import Database, open_database
from tests.collector.place import Place
from tests.enrolled import enrolled


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/collector.db")
    yield opened
    opened.close()


@pytest.fixture
def place(database: Database) -> Place:
    return enrolled(database)
