"""What must be asked inside each database: one that refuses does not stop the others."""

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from checks.databases import Database
from checks.errors import part
from wire.messages import Failure, Reason

Value = TypeVar("Value")
MOST_DATABASES = 50
ONLINE = """
SELECT d.name AS name, HAS_DBACCESS(d.name) AS accessible
FROM sys.databases AS d
WHERE d.state = 0 AND d.source_database_id IS NULL
  AND d.name NOT IN ('master', 'model', 'msdb', 'tempdb')
ORDER BY d.database_id
"""
"""Users' databases that are open, snapshots left out."""


class OnlineRow(Struct, frozen=True):
    """A row of ONLINE."""

    name: str
    accessible: bool | None


def each_database(
    database: Database, read: Callable[[Database], Value]
) -> tuple[list[tuple[str, Value | Failure]], int]:
    """Return what `read` gives of each database that is not excluded, and how many were too many.

    Raise a ProbeError where the databases can't be listed.
    """
    found: list[tuple[str, Value | Failure]] = []
    online = [row for row in database.rows(ONLINE, OnlineRow) if not database.excluded(row.name)]
    for row in online[:MOST_DATABASES]:
        if row.accessible:
            found.append((row.name, _part_of(database.within(row.name), read)))
        else:
            found.append((row.name, Failure(Reason.PERMISSION, row.name, "CONNECT")))
    return found, max(0, len(online) - MOST_DATABASES)


def _part_of(inside: Database, read: Callable[[Database], Value]) -> Value | Failure:
    return part(lambda: read(inside))
