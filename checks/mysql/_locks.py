"""Who waits for a lock, and for whom."""

from checks.api import Failure, Struct
from checks.databases import Database
from checks.errors import part
from checks.mysql._server import is_mariadb

# InnoDB tells its moments in the system's zone, whatever zone the session has.
OLDEST = (
    "SELECT t.trx_mysql_thread_id AS thread, p.user AS user_name, p.db AS database_name, "
    "p.command AS command, TIMESTAMPDIFF(SECOND, t.trx_started, "
    "CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')) AS seconds "
    "FROM information_schema.innodb_trx t "
    "LEFT JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id "
    "ORDER BY t.trx_started LIMIT 20"
)
ROW_WAITS = (
    "SELECT t.trx_mysql_thread_id AS thread, p.user AS user_name, p.db AS database_name, "
    "TIMESTAMPDIFF(SECOND, t.trx_wait_started, "
    "CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')) AS seconds "
    "FROM information_schema.innodb_trx t "
    "LEFT JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id "
    "WHERE t.trx_state = 'LOCK WAIT' ORDER BY t.trx_wait_started LIMIT 100"
)
TABLE_WAITS = (
    "SELECT id AS thread, user AS user_name, db AS database_name, time AS seconds "
    "FROM information_schema.processlist "
    "WHERE state LIKE 'Waiting for %lock' OR state = 'Waiting for table flush' "
    "ORDER BY time DESC LIMIT 100"
)
BLOCKERS = (
    "SELECT r.trx_mysql_thread_id AS waiting, b.trx_mysql_thread_id AS blocking "
    "FROM information_schema.innodb_lock_waits w "
    "JOIN information_schema.innodb_trx r ON r.trx_id = w.requesting_trx_id "
    "JOIN information_schema.innodb_trx b ON b.trx_id = w.blocking_trx_id LIMIT 500"
)
BLOCKERS_8 = (
    "SELECT r.trx_mysql_thread_id AS waiting, b.trx_mysql_thread_id AS blocking "
    "FROM performance_schema.data_lock_waits w "
    "JOIN information_schema.innodb_trx r ON r.trx_id = w.requesting_engine_transaction_id "
    "JOIN information_schema.innodb_trx b ON b.trx_id = w.blocking_engine_transaction_id LIMIT 500"
)


class Transaction(Struct, frozen=True):
    """An open transaction of InnoDB."""

    thread: int
    """Its connection; 0: none, left prepared by XA."""
    seconds: float
    user_name: str | None = None
    database_name: str | None = None
    command: str | None = None
    """Sleep: the client does nothing and holds it open."""


class Waiting(Struct, frozen=True):
    """A connection that waits for a lock."""

    thread: int
    seconds: float | None = None
    user_name: str | None = None
    database_name: str | None = None


class Pair(Struct, frozen=True):
    """Who waits for whom."""

    waiting: int
    blocking: int


class Waits(Struct, frozen=True):
    """Every wait, the longest first."""

    rows: tuple[Waiting, ...]
    tables: tuple[Waiting, ...]
    """For metadata, table, global and backup locks."""
    blockers: tuple[Pair, ...] | Failure


def waits(database: Database) -> Waits:
    """Return who waits for a lock. Raise a ProbeError."""
    rows = database.rows(ROW_WAITS, Waiting)
    return Waits(
        rows=rows,
        tables=database.rows(TABLE_WAITS, Waiting),
        blockers=part(lambda: database.rows(_blockers(database), Pair)) if rows else (),
    )


def _blockers(database: Database) -> str:
    return BLOCKERS_8 if not is_mariadb(database) and database.version >= (8, 0, 1) else BLOCKERS
