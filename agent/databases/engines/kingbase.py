"""KingbaseES: PostgreSQL's line, with a driver, a default database and catalogue names of its own.

Its catalogue goes by sys_ names in sys_catalog; most installations answer to those of pg_catalog,
too. Where one doesn't, queries are translated. From documentation: no KingbaseES has been asked;
the translation is tested on a PostgreSQL whose catalogue was renamed.
"""

import re

import msgspec

from agent.databases.engines import postgresql
from agent.databases.engines.kind import Ask, Execute, Identity
from agent.databases.settings import DatabaseSettings
from checks.errors import Unsupported

DRIVERS: tuple[str, ...] = ("KingbaseES ODBC Driver", "KingbaseES", *postgresql.DRIVERS)
DRIVER_TIMEOUT = False
_PORT = 54321
_KNOWS_NAMES = "SELECT to_regclass('pg_catalog.pg_stat_activity') IS NOT NULL AS known"
_NAME = re.compile(
    r"""'(?:[^']|'')*'          # a text
    |"[^"]*"                    # a quoted name
    |\bpg_(\w+)(?!\w|\s*\()     # a table, view or schema, but no function""",
    re.VERBOSE,
)


def keywords(settings: DatabaseSettings, driver: str, database: str) -> list[str]:
    """Return what its driver must know (EngineModule.keywords)."""
    found = postgresql.keywords(settings, driver, database or settings.database or "test")
    return [
        f"PORT={settings.port or _PORT}" if each.startswith("PORT=") else each for each in found
    ]


def prepare(settings: DatabaseSettings, ask: Ask, execute: Execute) -> Identity:
    """Hold the session to reading, and find out what the catalogue is called (EngineModule)."""
    identity = postgresql.prepare(settings, ask, execute)
    execute("SET search_path = sys_catalog, pg_catalog")
    return msgspec.structs.replace(identity, translated=not _knows_names(ask))


def _knows_names(ask: Ask) -> bool:
    try:
        known = ask(_KNOWS_NAMES)[0]["known"]
    except Unsupported:
        return False  # The function has another name, too.
    # The driver gives a boolean as one or as a character.
    return str(known).lower() in ("true", "t", "1")


def translate(query: str) -> str:
    """Return a query with sys_ in place of pg_ in the names of tables, views and schemas.

    Texts, quoted names and functions stay as they are: functions answer to both names.
    """
    return _NAME.sub(lambda found: f"sys_{found[1]}" if found[1] else found[0], query)


def enter(database: str) -> str | None:
    """Return None: a connection is one database's (EngineModule.enter)."""
    return postgresql.enter(database)
