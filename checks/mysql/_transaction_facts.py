"""Open transactions, waits for locks and deadlocks, as the server shows them."""

from collections.abc import Mapping

from checks.api import Failure, Struct
from checks.databases import Database
from checks.errors import part
from checks.mysql._innodb_status import InnodbStatus, innodb_status
from checks.mysql._locks import OLDEST, Transaction, Waits, waits
from checks.mysql._server import is_mariadb, number, settings

STATUS = (
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', 'Innodb_deadlocks', "
    "'Table_locks_waited', 'Table_locks_immediate')"
)
DEADLOCKS = (
    "SELECT `count` AS deadlocks FROM information_schema.innodb_metrics "
    "WHERE name = 'lock_deadlocks' AND status = 'enabled'"
)


class Counted(Struct, frozen=True):
    """A row of INNODB_METRICS."""

    deadlocks: int


class Facts(Struct, frozen=True):
    """Open transactions, waits, and counters since the start."""

    oldest: tuple[Transaction, ...]
    waits: Waits
    innodb: InnodbStatus | None
    innodb_refused: Failure | None
    """Why it is not known."""
    uptime_seconds: float
    counters: Mapping[str, int]
    """waited and immediate (table locks), deadlocks where the version counts them."""


def probe(database: Database) -> Facts:
    """Ask transactions, waits and InnoDB's status. Raise a ProbeError."""
    status = settings(database, STATUS)
    deadlocks = number(status, "innodb_deadlocks")
    if deadlocks is None and not is_mariadb(database) and database.version >= (5, 6):
        counted = part(lambda: database.rows(DEADLOCKS, Counted))
        if not isinstance(counted, Failure) and counted:
            deadlocks = counted[0].deadlocks
    counters = {
        "waited": number(status, "table_locks_waited") or 0,
        "immediate": number(status, "table_locks_immediate") or 0,
    }
    oldest = database.rows(OLDEST, Transaction)
    innodb = part(lambda: innodb_status(database))
    return Facts(
        oldest=oldest,
        waits=waits(database),
        innodb=None if isinstance(innodb, Failure) else innodb,
        innodb_refused=innodb if isinstance(innodb, Failure) else None,
        uptime_seconds=number(status, "uptime") or 0,
        counters=counters if deadlocks is None else {**counters, "deadlocks": deadlocks},
    )
