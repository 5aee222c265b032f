"""MySQL and MariaDB through MariaDB's ODBC driver or MySQL's.

Measured (MariaDB 3.1.15): `connect(timeout=)` is ignored and hangs on a silent port, CONN_TIMEOUT
works; the driver's query time-out is ignored, the server's works.
"""

from agent.databases.engines.kind import Ask, Execute, Identity, braced, numbers
from agent.databases.settings import DatabaseSettings
from checks.databases import Engine

DRIVERS: tuple[str, ...] = (
    "MariaDB Unicode",
    "MariaDB ODBC 3.2 Driver",
    "MariaDB ODBC 3.1 Driver",
    "MySQL ODBC 9.0 Unicode Driver",
    "MySQL ODBC 8.0 Unicode Driver",
)
DRIVER_TIMEOUT = False
_LOCK_SECONDS = 1


def keywords(settings: DatabaseSettings, driver: str, database: str) -> list[str]:
    """Return what the driver must know (EngineModule.keywords)."""
    place = (
        [f"SOCKET={settings.socket}"]
        if settings.socket
        else [f"SERVER={settings.host}", f"PORT={settings.port or 3306}"]
    )
    chosen = database or settings.database
    seconds = settings.login_seconds
    limit = (
        f"CONNECT_TIMEOUT={seconds}"
        if "mysql odbc" in driver.lower()
        else f"CONN_TIMEOUT={seconds}"
    )
    return [
        *place,
        *([f"DATABASE={braced(chosen)}"] if chosen else []),
        limit,
        "CHARSET=utf8mb4",
        "NO_PROMPT=1",
    ]


def prepare(settings: DatabaseSettings, ask: Ask, execute: Execute) -> Identity:
    """Hold the session to reading by the server's own means (EngineModule.prepare)."""
    release = str(ask("SELECT VERSION() AS version_text")[0]["version_text"])
    engine = Engine.MARIADB if "mariadb" in release.lower() else Engine.MYSQL
    # Old MariaDB puts 5.5.5- before its own version, for the sake of old replicas.
    version = numbers(release.removeprefix("5.5.5-"))
    for statement in (
        "SET SESSION TRANSACTION READ ONLY",
        f"SET SESSION innodb_lock_wait_timeout = {_LOCK_SECONDS}",
        f"SET SESSION lock_wait_timeout = {_LOCK_SECONDS}",
        "SET SESSION time_zone = '+00:00'",
    ):
        execute(statement)
    if engine is Engine.MARIADB:
        if version >= (10, 1):
            execute(f"SET SESSION max_statement_time = {settings.query_seconds}")
    elif version >= (5, 7, 8):
        execute(f"SET SESSION max_execution_time = {settings.query_seconds * 1000}")
    return Identity(engine, version, release)


def enter(_database: str) -> str | None:
    """Return nothing to do: every schema is in sight (EngineModule.enter)."""
    return ""
