"""How old the oldest transaction in each database is: facts, and how they are read."""

from checks.api import Failure, Struct
from checks.databases import Database
from checks.postgresql._parts import named
from wire.messages import Count, Label

AGES = """
SELECT datname AS name, datallowconn AS connectable, age(datfrozenxid) AS transactions,
       mxid_age(datminmxid) AS multixacts
FROM pg_database
ORDER BY age(datfrozenxid) DESC
"""
# Before 9.5 the age of multixacts can't be asked.
AGES_9 = """
SELECT datname AS name, datallowconn AS connectable, age(datfrozenxid) AS transactions
FROM pg_database
ORDER BY age(datfrozenxid) DESC
"""
FREEZING = """
SELECT (SELECT setting::bigint FROM pg_settings
        WHERE name = 'autovacuum_freeze_max_age') AS transactions,
       (SELECT setting::bigint FROM pg_settings
        WHERE name = 'autovacuum_multixact_freeze_max_age') AS multixacts,
       (SELECT setting = 'on' FROM pg_settings WHERE name = 'autovacuum') AS autovacuum
"""
OLDEST_TABLES = """
SELECT n.nspname || '.' || c.relname AS name
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 't')
ORDER BY age(c.relfrozenxid) DESC
LIMIT 3
"""
_MOST_LOOKED_INTO = 5
_LOOK_INTO_PERCENT = 85
"""Of the age of a forced freeze: below it no one asks which tables are oldest."""


class Ages(Struct, frozen=True, omit_defaults=True):
    """How old the oldest number in a database is."""

    name: Label
    transactions: Count
    multixacts: Count | None = None
    """None before 9.5."""
    oldest_tables: tuple[Label, ...] | Failure = ()
    """Only of the databases that are due."""


class Facts(Struct, frozen=True):
    """Every database, template0 and excluded ones, too: any of them can stop the whole instance."""

    databases: tuple[Ages, ...]
    freeze_transactions: Count
    """autovacuum_freeze_max_age: what is older is frozen even where autovacuum is off."""
    freeze_multixacts: Count | None
    autovacuum: bool


class _Row(Struct, frozen=True):
    name: Label
    connectable: bool
    transactions: Count
    multixacts: Count | None = None


class _Freezing(Struct, frozen=True):
    transactions: Count
    multixacts: Count | None
    autovacuum: bool


class _Table(Struct, frozen=True):
    name: str


def probe(database: Database) -> Facts:
    """Read the ages, and of the databases that are due the oldest tables."""
    freezing = database.rows(FREEZING, _Freezing)[0]
    rows = database.rows(AGES if database.version >= (9, 5) else AGES_9, _Row)
    due = [
        row.name
        for row in rows
        if row.connectable
        and 100 * row.transactions >= _LOOK_INTO_PERCENT * freezing.transactions
        and not database.excluded(row.name)
    ][:_MOST_LOOKED_INTO]
    databases = tuple(
        Ages(
            row.name,
            row.transactions,
            row.multixacts,
            _oldest_tables(database, row.name) if row.name in due else (),
        )
        for row in rows
    )
    return Facts(databases, freezing.transactions, freezing.multixacts, freezing.autovacuum)


def _oldest_tables(database: Database, name: str) -> tuple[str, ...] | Failure:
    inside = database.within(name)
    return named(
        "pg_class", lambda: tuple(row.name[:255] for row in inside.rows(OLDEST_TABLES, _Table))
    )
