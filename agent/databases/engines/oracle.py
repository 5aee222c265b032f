"""Oracle Database through Oracle's ODBC driver. From documentation: none has been asked."""

from agent.databases.engines.kind import Ask, Execute, Identity, numbers
from agent.databases.settings import DatabaseSettings
from checks.databases import Engine

DRIVERS: tuple[str, ...] = (
    "Oracle 23 ODBC driver",
    "Oracle 21 ODBC driver",
    "Oracle 19 ODBC driver",
    "Oracle",
)
DRIVER_TIMEOUT = True
_VERSION = "SELECT version AS release FROM v$instance"


def keywords(settings: DatabaseSettings, driver: str, database: str) -> list[str]:
    """Return what the driver must know (EngineModule.keywords)."""
    del driver, database
    place = f"{settings.host}:{settings.port or 1521}/{settings.service or settings.database}"
    return [f"DBQ={place}", "QTO=T", "FWC=T"]


def prepare(_settings: DatabaseSettings, ask: Ask, execute: Execute) -> Identity:
    """Make numbers and moments come alike whatever the client is set to (EngineModule.prepare)."""
    for statement in (
        "ALTER SESSION SET NLS_NUMERIC_CHARACTERS = '.,'",
        "ALTER SESSION SET NLS_DATE_FORMAT = 'YYYY-MM-DD HH24:MI:SS'",
        "ALTER SESSION SET TIME_ZONE = '+00:00'",
    ):
        execute(statement)
    release = str(ask(_VERSION)[0]["release"])
    return Identity(Engine.ORACLE, numbers(release), release)


def enter(_database: str) -> str | None:
    """Return nothing to do: every schema is in sight (EngineModule.enter)."""
    return ""
