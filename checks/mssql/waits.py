"""SQL Server: what the server waited for, deadlocks, and since when it counts."""

from checks.api import Chapter, Check, Text
from checks.databases import Database
from checks.errors import Unsupported, part
from checks.mssql import _wait_rules
from checks.mssql._rights import PERFORMANCE_STATE
from checks.mssql._wait_facts import (
    CLOCK_WAIT,
    DEADLOCKS,
    UPTIME,
    WAITS,
    DeadlocksRow,
    Facts,
    UptimeRow,
    Wait,
    WaitRow,
)
from wire.messages import Failure


def probe(database: Database) -> Facts:
    """Ask for the start, the waits and the deadlocks. Raise a ProbeError."""
    up = database.rows(UPTIME, UptimeRow)[0]
    waits = part(lambda: database.rows(WAITS, WaitRow))
    clock = None
    found: tuple[Wait, ...] | Failure
    if isinstance(waits, Failure):
        found = waits
    else:
        # The server's own pauses add up to the time since the statistics were last cleared.
        clock = next((each.milliseconds / 1000 for each in waits if each.name == CLOCK_WAIT), None)
        found = tuple(
            Wait(each.name, each.waits, each.milliseconds / 1000)
            for each in waits
            if each.name != CLOCK_WAIT
        )
    return Facts(up.up_seconds, clock or None, found, part(lambda: _deadlocks(database)))


def _deadlocks(database: Database) -> int:
    rows = database.rows(DEADLOCKS, DeadlocksRow)
    if not rows:  # its counters are missing where Windows did not load them
        raise Unsupported("sys.dm_os_performance_counters")
    return rows[0].deadlocks


CHECK = Check(
    title=Text("SQL Server 等待与死锁", "SQL Server waits and deadlocks"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    reads=("sys.dm_os_sys_info", "sys.dm_os_wait_stats", "sys.dm_os_performance_counters"),
    privilege=PERFORMANCE_STATE,
    rules=(_wait_rules.POISON, _wait_rules.DEADLOCKS, _wait_rules.RESTARTED),
)
