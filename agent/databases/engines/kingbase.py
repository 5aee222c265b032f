"""KingbaseES: PostgreSQL's line, with a driver and a default database of its own.

From documentation: no KingbaseES has been asked.
"""

from agent.databases.engines import postgresql
from agent.databases.engines.kind import Ask, Execute, Identity
from agent.databases.settings import DatabaseSettings

DRIVERS: tuple[str, ...] = ("KingbaseES ODBC Driver", "KingbaseES", *postgresql.DRIVERS)
DRIVER_TIMEOUT = False
_PORT = 54321


def keywords(settings: DatabaseSettings, driver: str, database: str) -> list[str]:
    """Return what its driver must know (EngineModule.keywords)."""
    found = postgresql.keywords(settings, driver, database or settings.database or "test")
    return [
        f"PORT={settings.port or _PORT}" if each.startswith("PORT=") else each for each in found
    ]


def prepare(settings: DatabaseSettings, ask: Ask, execute: Execute) -> Identity:
    """Hold the session to reading (EngineModule.prepare)."""
    return postgresql.prepare(settings, ask, execute)


def enter(database: str) -> str | None:
    """Return None: a connection is one database's (EngineModule.enter)."""
    return postgresql.enter(database)
