"""Oracle Database through Oracle's ODBC driver. From documentation: none has been asked.

Sessions can be held to reading from 26ai on (parameter READ_ONLY); before, it is the account's
matter. Queries wait for no locks; the driver ends those that take too long (QTO).
"""

from contextlib import suppress

from agent.databases.engines.kind import Ask, Execute, Identity, numbers
from agent.databases.settings import DatabaseSettings
from checks.databases import Engine
from checks.errors import ProbeError, UnexpectedOutput

DRIVERS: tuple[str, ...] = (
    "Oracle 23 ODBC driver",
    "Oracle 21 ODBC driver",
    "Oracle 19 ODBC driver",
    "Oracle",
)
DRIVER_TIMEOUT = True
# Granted to PUBLIC, so that nothing but signing in is needed for it.
_VERSION = """
SELECT product AS product, version AS version FROM product_component_version
WHERE product LIKE 'Oracle%'
"""
_FULL_VERSION = """
SELECT version_full AS version FROM product_component_version WHERE product LIKE 'Oracle%'
"""
_UPDATES_FROM = (18,)
"""From here on `version` ends in zeros, and version_full tells the Release Update."""
_READ_ONLY_FROM = (23,)


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
    rows = ask(_VERSION)
    if not rows:
        raise UnexpectedOutput("product_component_version", "no row")
    version = numbers(str(rows[0]["version"]))
    if version >= _UPDATES_FROM:
        version = max(numbers(str(row["version"])) for row in ask(_FULL_VERSION))
    if version >= _READ_ONLY_FROM:
        # The first updates of 23ai lack it.
        with suppress(ProbeError):
            execute("ALTER SESSION SET READ_ONLY = TRUE")
    return Identity(Engine.ORACLE, version, str(rows[0]["product"]))


def enter(_database: str) -> str | None:
    """Return nothing to do: every schema is in sight (EngineModule.enter)."""
    return ""
