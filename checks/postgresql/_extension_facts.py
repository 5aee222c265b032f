"""Extensions older than their files, and collations that sort otherwise than their indexes."""

from checks.api import Struct
from checks.databases import Database
from checks.postgresql._each_database import Parts, each

EXTENSIONS = """
SELECT a.name, a.installed_version, a.default_version
FROM pg_available_extensions a
WHERE a.installed_version IS NOT NULL AND a.installed_version <> a.default_version
ORDER BY a.name
"""

# Of the collations only those that a column or an index uses: initdb takes in all of ICU's.
COLLATIONS = """
SELECT n.nspname || '.' || c.collname AS name, c.collversion AS recorded,
       pg_collation_actual_version(c.oid) AS present
FROM pg_collation c
JOIN pg_namespace n ON n.oid = c.collnamespace
WHERE c.collversion IS NOT NULL
  AND c.collversion <> pg_collation_actual_version(c.oid)
  AND EXISTS (SELECT 1 FROM pg_depend d
              WHERE d.refclassid = 'pg_collation'::regclass AND d.refobjid = c.oid)
ORDER BY 1
LIMIT 100
"""

DATABASE_COLLATION = """
SELECT '' AS name, d.datcollversion AS recorded,
       pg_database_collation_actual_version(d.oid) AS present
FROM pg_database d
WHERE d.datname = current_database() AND d.datcollversion IS NOT NULL
  AND d.datcollversion <> pg_database_collation_actual_version(d.oid)
"""


class Extension(Struct, frozen=True):
    """A row of EXTENSIONS."""

    name: str
    installed_version: str
    default_version: str


class Collation(Struct, frozen=True):
    """A row of COLLATIONS; name '': the collation of the database itself."""

    name: str
    recorded: str
    present: str | None


class Inside(Struct, frozen=True):
    """What one database has; always one of it."""

    extensions: tuple[Extension, ...]
    collations: tuple[Collation, ...]


class Facts(Struct, frozen=True):
    """What differs in every database."""

    inside: Parts[Inside]
    knows_database_collation: bool
    """From 15 on the version of the database's own collation is recorded."""


def facts_of(database: Database) -> Facts:
    """Ask each database. Raise a ProbeError."""
    return Facts(each(database, _inside), database.version >= (15,))


def _inside(database: Database, _name: str) -> tuple[Inside, ...]:
    collations = database.rows(COLLATIONS, Collation)
    if database.version >= (15,):
        collations = (*database.rows(DATABASE_COLLATION, Collation), *collations)
    return (Inside(database.rows(EXTENSIONS, Extension), collations),)
