"""SQL Server: the memory it may take, what it leaves to the system, and how it gets by."""

from collections.abc import Iterator

from checks.api import Chapter, Check, Measure, Scope, Text, Trend
from checks.databases import Database
from checks.errors import NotPermitted, part
from checks.mssql import _buffers, _memory_limits
from checks.mssql._memory import BufferRow, Facts, SettingRow, SystemRow

SETTING = """
SELECT CAST(c.value_in_use AS bigint) AS megabytes
FROM sys.configurations AS c
WHERE c.name = N'max server memory (MB)'
"""
SYSTEM = """
SELECT m.total_physical_memory_kb * 1024 AS total_bytes,
       m.available_physical_memory_kb * 1024 AS free_bytes,
       m.system_memory_state_desc AS state
FROM sys.dm_os_sys_memory AS m
"""
BUFFERS = """
SELECT MAX(CASE WHEN c.counter_name = N'Page life expectancy'
                THEN c.cntr_value END) AS page_life_seconds,
       MAX(CASE WHEN c.counter_name = N'Buffer cache hit ratio' THEN c.cntr_value END) AS hits,
       MAX(CASE WHEN c.counter_name = N'Buffer cache hit ratio base'
                THEN c.cntr_value END) AS lookups,
       MAX(CAST(DATEDIFF(minute, i.sqlserver_start_time, GETDATE()) AS bigint) * 60)
           AS up_seconds
FROM sys.dm_os_performance_counters AS c
CROSS JOIN sys.dm_os_sys_info AS i
WHERE c.object_name LIKE N'%:Buffer Manager%'
"""


def probe(database: Database) -> Facts:
    """Ask for the setting, the system and the counters. Raise a ProbeError."""

    def system() -> tuple[SystemRow, ...]:
        rows = database.rows(SYSTEM, SystemRow)
        if not rows:
            raise NotPermitted("sys.dm_os_sys_memory", "no row")
        return rows

    return Facts(
        setting=part(lambda: database.rows(SETTING, SettingRow)),
        system=part(system),
        buffers=part(lambda: database.rows(BUFFERS, BufferRow)),
    )


def measures(facts: Facts) -> Iterator[Measure]:
    """Keep the page life expectancy."""
    for row in facts.buffers if isinstance(facts.buffers, tuple) else ():
        if row.page_life_seconds is not None:
            yield Measure("page_life_seconds", "", float(row.page_life_seconds))


CHECK = Check(
    title=Text("SQL Server 内存", "SQL Server memory"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    measures=measures,
    trends=(
        Trend(
            measure="page_life_seconds",
            title=Text("页生命周期", "Page life expectancy"),
            unit="s",
            rule="MSSQL-030",
            warning="warning_page_life_seconds",
            critical="critical_page_life_seconds",
        ),
    ),
    systems=("linux", "windows"),
    target="mssql",
    reads=(
        "sys.configurations (max server memory)",
        "sys.dm_os_sys_memory",
        "sys.dm_os_performance_counters (Buffer Manager), sys.dm_os_sys_info",
    ),
    privilege=Text(
        "VIEW SERVER STATE（2022 起为 VIEW SERVER PERFORMANCE STATE）",
        "VIEW SERVER STATE (from 2022: VIEW SERVER PERFORMANCE STATE)",
    ),
    scopes=(Scope.METADATA, Scope.CONFIG),
    rules=(_memory_limits.SETTING, _memory_limits.SYSTEM, _buffers.BUFFERS),
)
