"""SQL Server through Microsoft's driver or FreeTDS. No SQL Server has been asked: see the docs.

Measured against the tests' TDS server: both drivers keep login and query time-outs; FreeTDS can't
read `sql_variant`, so that queries cast what SERVERPROPERTY gives.
"""

from agent.databases.engines.kind import Ask, Execute, Identity, braced, numbers
from agent.databases.settings import DatabaseSettings
from checks.databases import Engine

DRIVERS: tuple[str, ...] = (
    "ODBC Driver 18 for SQL Server",
    "ODBC Driver 17 for SQL Server",
    "ODBC Driver 13 for SQL Server",
    "FreeTDS",
)
DRIVER_TIMEOUT = True
_LOCK_MILLISECONDS = 1000
_VERSION = """
SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS number,
       CAST(@@VERSION AS nvarchar(300)) AS release
"""


def keywords(settings: DatabaseSettings, driver: str, database: str) -> list[str]:
    """Return what the driver must know (EngineModule.keywords)."""
    freetds = "freetds" in driver.lower() or "libtdsodbc" in driver.lower()
    server = f"{settings.host}\\{settings.instance}" if settings.instance else settings.host
    port = None if settings.instance and settings.port is None else settings.port or 1433
    found = [f"DATABASE={braced(database or settings.database or 'master')}"]
    if freetds:
        found += [f"SERVER={server}", *([f"PORT={port}"] if port else [])]
        return [*found, "TDS_Version=7.4", "ClientCharset=UTF-8", "APP=xunjian"]
    found.append(f"SERVER=tcp:{server},{port}" if port else f"SERVER={server}")
    return [*found, "APP=xunjian", "ApplicationIntent=ReadOnly"]


def prepare(_settings: DatabaseSettings, ask: Ask, execute: Execute) -> Identity:
    """Keep the session short in waiting, and last where there is a deadlock (EngineModule)."""
    for statement in (
        f"SET LOCK_TIMEOUT {_LOCK_MILLISECONDS}",
        "SET DEADLOCK_PRIORITY LOW",
        "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
    ):
        execute(statement)
    row = ask(_VERSION)[0]
    return Identity(Engine.MSSQL, numbers(str(row["number"])), str(row["release"]))


def enter(database: str) -> str | None:
    """Return the statement that changes the database (EngineModule.enter)."""
    return f"USE [{database.replace(']', ']]')}]"
