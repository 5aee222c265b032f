"""PostgreSQL through psqlodbc, and KingbaseES, which is of its line.

Measured (psqlodbc 13.02): the ANSI driver fails with pyodbc; `connect(timeout=)` works, the
driver's query time-out is refused (attribute 113), `connect(readonly=True)` does nothing.
"""

from agent.databases.engines.kind import Ask, Execute, Identity, braced
from agent.databases.settings import DatabaseSettings
from checks.databases import Engine

DRIVERS: tuple[str, ...] = ("PostgreSQL Unicode", "PostgreSQL Unicode(x64)", "PostgreSQL")
DRIVER_TIMEOUT = False
_LOCK_MILLISECONDS = 1000
_VERSION = """
SELECT current_setting('server_version_num') AS number, version() AS release
"""


def keywords(settings: DatabaseSettings, driver: str, database: str) -> list[str]:
    """Return what psqlodbc must know (EngineModule.keywords)."""
    del driver
    return [
        f"SERVER={settings.socket or settings.host}",
        f"PORT={settings.port or 5432}",
        f"DATABASE={braced(database or settings.database or 'postgres')}",
        f"pqopt={{connect_timeout={settings.login_seconds}}}",
        "BoolsAsChar=0",
    ]


def prepare(settings: DatabaseSettings, ask: Ask, execute: Execute) -> Identity:
    """Hold the session to reading by the server's own means (EngineModule.prepare)."""
    for statement in (
        "SET default_transaction_read_only = on",
        f"SET statement_timeout = {settings.query_seconds * 1000}",
        f"SET lock_timeout = {_LOCK_MILLISECONDS}",
        "SET TimeZone = 'UTC'",
        "SET application_name = 'xunjian'",
        # What a superuser's `ALTER ROLE` or the database may have set to something else.
        "SET search_path = pg_catalog",
    ):
        execute(statement)
    row = ask(_VERSION)[0]
    release = str(row["release"])
    number = int(str(row["number"]))
    # From 10 on: major * 10000 + minor; before: major * 10000 + middle * 100 + minor.
    later = number >= 100_000
    version = (
        (number // 10_000, number % 10_000)
        if later
        else (number // 10_000, number // 100 % 100, number % 100)
    )
    engine = Engine.KINGBASE if "kingbase" in release.lower() else Engine.POSTGRESQL
    return Identity(engine, version, release)


def enter(_database: str) -> str | None:
    """Return None: a connection is one database's (EngineModule.enter)."""
    return None
