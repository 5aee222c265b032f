"""Which databases of an instance are looked at."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from checks.databases import Database

MOST_DATABASES = 1000
SYSTEM = frozenset({"master", "model", "msdb", "tempdb"})


class Named(Protocol):
    """A row about a database."""

    @property
    def name(self) -> str:
        """Name of the database."""
        ...


Row = TypeVar("Row", bound=Named)


def included(database: Database, rows: Iterable[Row]) -> tuple[tuple[Row, ...], int]:
    """Return the rows of databases that the settings don't leave out, and how many are too many."""
    found = tuple(row for row in rows if not database.excluded(row.name))
    return found[:MOST_DATABASES], max(0, len(found) - MOST_DATABASES)
