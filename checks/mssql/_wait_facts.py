"""What SQL Server counts since its start: facts and queries."""

from checks.api import Failure, Struct
from wire.messages import Count, Label, Seconds

CLOCK_WAIT = "SQLTRACE_INCREMENTAL_FLUSH_SLEEP"
UPTIME = """
SELECT DATEDIFF(second, i.sqlserver_start_time, SYSDATETIME()) AS up_seconds
FROM sys.dm_os_sys_info AS i
"""
WAITS = """
SELECT w.wait_type AS name, w.waiting_tasks_count AS waits, w.wait_time_ms AS milliseconds
FROM sys.dm_os_wait_stats AS w
WHERE w.wait_type IN (
  'IO_QUEUE_LIMIT', 'IO_RETRY', 'LOG_RATE_GOVERNOR', 'POOL_LOG_RATE_GOVERNOR', 'PREEMPTIVE_DEBUG',
  'RESMGR_THROTTLED', 'RESOURCE_SEMAPHORE', 'RESOURCE_SEMAPHORE_QUERY_COMPILE',
  'SE_REPL_CATCHUP_THROTTLE', 'SE_REPL_COMMIT_ACK', 'SE_REPL_COMMIT_TURN', 'SE_REPL_ROLLBACK_ACK',
  'SE_REPL_SLOW_SECONDARY_THROTTLE', 'THREADPOOL', 'SQLTRACE_INCREMENTAL_FLUSH_SLEEP')
"""
"""Waits that mean the server itself is out of something (FRK#107), and one that is a clock."""
DEADLOCKS = """
SELECT c.cntr_value AS deadlocks
FROM sys.dm_os_performance_counters AS c
WHERE c.object_name LIKE '%:Locks%' AND c.counter_name = 'Number of Deadlocks/sec'
  AND c.instance_name = '_Total'
"""
"""Despite its name the counter is the number since the start."""


class UptimeRow(Struct, frozen=True):
    """The answer to UPTIME."""

    up_seconds: Seconds


class WaitRow(Struct, frozen=True):
    """A row of WAITS."""

    name: str
    waits: int
    milliseconds: int


class DeadlocksRow(Struct, frozen=True):
    """The answer to DEADLOCKS."""

    deadlocks: int


class Wait(Struct, frozen=True):
    """One type of waits since the start, or since the statistics were cleared."""

    name: Label
    waits: Count
    seconds: Seconds


class Facts(Struct, frozen=True):
    """Counters since the server's start."""

    up_seconds: Seconds
    counted_seconds: Seconds | None
    """Since the wait statistics begin; None: not told."""
    waits: tuple[Wait, ...] | Failure
    deadlocks: Count | Failure
