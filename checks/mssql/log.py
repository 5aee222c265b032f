"""SQL Server: the transaction logs: how full, why not emptied, how large, in how many pieces."""

from checks.api import Chapter, Check, Text
from checks.databases import Database
from checks.errors import NotPermitted, part
from checks.mssql import _log_pieces, _log_reuse, _log_use
from checks.mssql._gates import LOG_STATISTICS, demand
from checks.mssql._included import included
from checks.mssql._log import CounterRow, Facts, LogRow, StatisticsRow

LOGS = """
SELECT d.name AS name,
       d.state_desc AS state,
       d.recovery_model_desc AS recovery_model,
       d.log_reuse_wait_desc AS reuse_wait,
       SUM(CASE WHEN f.type = 1 THEN CAST(f.size AS bigint) * 8192 ELSE 0 END) AS log_bytes,
       SUM(CASE WHEN f.type = 0 THEN CAST(f.size AS bigint) * 8192 ELSE 0 END) AS data_bytes
FROM sys.databases AS d
LEFT JOIN sys.master_files AS f ON f.database_id = d.database_id
WHERE d.source_database_id IS NULL
GROUP BY d.name, d.state_desc, d.recovery_model_desc, d.log_reuse_wait_desc
"""
USED = """
SELECT RTRIM(c.instance_name) AS name, c.cntr_value AS used_percent
FROM sys.dm_os_performance_counters AS c
WHERE c.counter_name = N'Percent Log Used' AND c.object_name LIKE N'%:Databases%'
"""
"""A counter that needs no look into each database; whole per cent."""
STATISTICS = """
SELECT d.name AS name,
       s.total_vlf_count AS pieces,
       CASE WHEN s.log_backup_time > '19000102'
            THEN CAST(DATEDIFF(minute, s.log_backup_time, GETDATE()) AS bigint) * 60
       END AS backup_seconds
FROM sys.databases AS d
CROSS APPLY sys.dm_db_log_stats(d.database_id) AS s
WHERE d.state = 0 AND d.source_database_id IS NULL
"""
SINCE = {"STATISTICS": LOG_STATISTICS}


def probe(database: Database) -> Facts:
    """Ask for the logs, how full they are, and their pieces. Raise a ProbeError."""
    logs, left_out = included(database, database.rows(LOGS, LogRow))

    def used() -> tuple[CounterRow, ...]:
        rows = database.rows(USED, CounterRow)
        if not rows:
            raise NotPermitted("sys.dm_os_performance_counters", "no row: Percent Log Used")
        return included(database, rows)[0]

    def statistics() -> tuple[StatisticsRow, ...]:
        demand(database, LOG_STATISTICS, "sys.dm_db_log_stats")
        return included(database, database.rows(STATISTICS, StatisticsRow))[0]

    return Facts(
        logs=logs, databases_left_out=left_out, used=part(used), statistics=part(statistics)
    )


CHECK = Check(
    title=Text("SQL Server 事务日志", "SQL Server transaction logs"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    reads=(
        "sys.databases, sys.master_files",
        "sys.dm_os_performance_counters (Percent Log Used)",
        "sys.dm_db_log_stats (from 2016 SP2)",
    ),
    privilege=Text(
        "VIEW ANY DEFINITION、VIEW SERVER STATE（2022 起为 VIEW SERVER PERFORMANCE STATE）",
        "VIEW ANY DEFINITION, VIEW SERVER STATE (from 2022: VIEW SERVER PERFORMANCE STATE)",
    ),
    rules=(_log_use.USED, _log_reuse.REUSE, _log_use.SIZES, _log_pieces.PIECES),
)
