"""What the tests of faults share: databases that flush as in service, figures that are noted."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from scripts.postgresql import Cluster, cluster
from tests.faults.figures import FIGURES_VARIABLE, Figure


@pytest.fixture(scope="session")
def durable_postgresql() -> Iterator[Cluster]:
    """Run one PostgreSQL that flushes, for each process of tests."""
    with cluster(durable=True) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Name an empty database; PostgreSQL flushes, as in service."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/collector.db"
        return
    running: Cluster = request.getfixturevalue("durable_postgresql")
    name = running.new_database()
    yield running.url(name)
    running.drop_database(name)


Note = Callable[..., None]


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Note a figure for the table of `make faults`; the seconds are counted from here."""
    began = time.monotonic()

    def noted(name: str, database: str, **counted: int) -> None:
        figure = Figure(
            name=name,
            database="PostgreSQL" if database.startswith("postgresql") else "SQLite",
            seconds=round(time.monotonic() - began, 1),
            **counted,
        )
        target = os.environ.get(FIGURES_VARIABLE)
        if target:
            with Path(target).open("ab") as file:
                file.write(msgspec.json.encode(figure) + b"\n")

    return noted
