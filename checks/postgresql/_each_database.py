"""Asking inside each database of an instance: bounded, and one that refuses stops no other."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from checks.api import Failure, Struct, Text, Verdict, not_applicable, not_run
from checks.databases import Database
from checks.errors import NotApplicable, NotPermitted, part
from wire.messages import Reason

MOST_DATABASES = 50
"""By name; how many were left out is told."""

DATABASES = """
SELECT d.datname AS name,
       d.datallowconn AS connectable,
       has_database_privilege(d.oid, 'CONNECT') AS permitted
FROM pg_database d
WHERE NOT d.datistemplate
ORDER BY d.datname
"""

Found = TypeVar("Found", bound=Struct)


Reading = Callable[[Database, str], tuple[Found, ...]]
"""Asks within the database of the name."""


class Listed(Struct, frozen=True):
    """A row of DATABASES."""

    name: str
    connectable: bool
    permitted: bool


class Part(Struct, Generic[Found], frozen=True):
    """What one database showed, or why it showed nothing."""

    name: str
    found: tuple[Found, ...] | Failure


class Parts(Struct, Generic[Found], frozen=True):
    """What the databases of an instance showed."""

    databases: tuple[Part[Found], ...]
    left_out: int = 0
    """Databases beyond MOST_DATABASES."""


def each(database: Database, read: Reading[Found]) -> Parts[Found]:
    """Return what `read` finds within every database that the settings don't leave out.

    Raise a ProbeError where not even their names can be read.
    """
    wanted = [row for row in database.rows(DATABASES, Listed) if not database.excluded(row.name)]
    asked = tuple(_asked(database, row, read) for row in wanted[:MOST_DATABASES])
    return Parts(asked, len(wanted) - len(asked))


def _asked(database: Database, row: Listed, read: Reading[Found]) -> Part[Found]:
    def inside() -> tuple[Found, ...]:
        if not row.connectable:
            raise NotApplicable(row.name, "datallowconn is off")
        if not row.permitted:
            raise NotPermitted(row.name, f'GRANT CONNECT ON DATABASE "{row.name}"')
        return read(database.within(row.name), row.name)

    return Part(row.name, part(inside))


_LEFT_OUT = Text(
    "该实例数据库很多，其中 {count} 个未逐库检查。",
    "The instance has many databases; {count} of them were not looked into.",
)
_CLOSED = Text(
    "该数据库不允许任何连接（datallowconn = false）。",
    "The database lets nobody in (datallowconn = false).",
)
_NONE = Text("该实例没有可检查的数据库。", "The instance has no database to look into.")


def verdicts(
    parts: Parts[Found], judge: Callable[[str, tuple[Found, ...]], Iterator[Verdict]]
) -> Iterator[Verdict]:
    """Yield what `judge` says of every database that was read; not_run for the others."""
    for one in parts.databases:
        if not isinstance(one.found, Failure):
            yield from judge(one.name, one.found)
        elif one.found.reason is Reason.NOT_APPLICABLE:
            yield not_applicable(one.name, _CLOSED)
        else:
            yield not_run(one.name, one.found)
    if parts.left_out:
        failure = Failure(Reason.NOT_SELECTED, f"{parts.left_out} databases")
        yield not_run("", failure, _LEFT_OUT.format(count=parts.left_out))
    elif not parts.databases:
        yield not_applicable("", _NONE)
