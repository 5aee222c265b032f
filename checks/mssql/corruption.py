"""SQL Server: signs of corruption, and whether anybody has looked for them."""

from checks.api import Chapter, Check, Text
from checks.databases import Database
from checks.errors import part
from checks.mssql import _checked, _damage
from checks.mssql._corruption import CheckRow, DumpRow, Facts, PageRow, RepairRow
from checks.mssql._gates import LAST_GOOD_CHECKDB, SQL_2012, demand
from checks.mssql._included import included

LAST_GOOD = """
SELECT d.name AS name,
       d.state_desc AS state,
       d.is_read_only AS is_read_only,
       d.is_in_standby AS is_in_standby,
       CAST(DATEDIFF(minute, d.create_date, GETDATE()) AS bigint) * 60 AS age_seconds,
       CASE WHEN DATABASEPROPERTYEX(d.name, 'LastGoodCheckDbTime') IS NULL THEN 0
            ELSE 1 END AS is_known,
       CASE WHEN CAST(DATABASEPROPERTYEX(d.name, 'LastGoodCheckDbTime') AS datetime) > '19000102'
            THEN CAST(DATEDIFF(minute, CAST(DATABASEPROPERTYEX(d.name, 'LastGoodCheckDbTime')
                               AS datetime), GETDATE()) AS bigint) * 60 END AS checked_seconds
FROM sys.databases AS d
WHERE d.name <> N'tempdb' AND d.source_database_id IS NULL
"""
SUSPECT_PAGES = """
SELECT COALESCE(d.name, N'database_id ' + CAST(p.database_id AS nvarchar(12))) AS name,
       SUM(CASE WHEN p.event_type IN (1, 2, 3) THEN 1 ELSE 0 END) AS bad,
       COUNT(*) AS pages,
       CAST(MIN(DATEDIFF(minute, p.last_update_date, GETDATE())) AS bigint) * 60 AS newest_seconds
FROM msdb.dbo.suspect_pages AS p
LEFT JOIN sys.databases AS d ON d.database_id = p.database_id
GROUP BY COALESCE(d.name, N'database_id ' + CAST(p.database_id AS nvarchar(12)))
"""
REPAIRS_BY_REPLICA = """
SELECT COALESCE(d.name, N'database_id ' + CAST(r.database_id AS nvarchar(12))) AS name,
       COUNT(*) AS pages,
       CAST(MIN(DATEDIFF(minute, r.modification_time, GETDATE())) AS bigint) * 60
           AS newest_seconds
FROM sys.dm_hadr_auto_page_repair AS r
LEFT JOIN sys.databases AS d ON d.database_id = r.database_id
WHERE r.modification_time >= DATEADD(day, -30, GETDATE())
GROUP BY COALESCE(d.name, N'database_id ' + CAST(r.database_id AS nvarchar(12)))
"""
REPAIRS_BY_MIRROR = """
SELECT COALESCE(d.name, N'database_id ' + CAST(r.database_id AS nvarchar(12))) AS name,
       COUNT(*) AS pages,
       CAST(MIN(DATEDIFF(minute, r.modification_time, GETDATE())) AS bigint) * 60
           AS newest_seconds
FROM sys.dm_db_mirroring_auto_page_repair AS r
LEFT JOIN sys.databases AS d ON d.database_id = r.database_id
WHERE r.modification_time >= DATEADD(day, -30, GETDATE())
GROUP BY COALESCE(d.name, N'database_id ' + CAST(r.database_id AS nvarchar(12)))
"""
DUMPS = """
SELECT COUNT(*) AS dumps,
       CAST(MIN(DATEDIFF(minute, m.creation_time, SYSDATETIMEOFFSET())) AS bigint) * 60
           AS newest_seconds
FROM sys.dm_server_memory_dumps AS m
WHERE m.creation_time >= DATEADD(day, -365, SYSDATETIMEOFFSET())
"""
SINCE = {"LAST_GOOD": LAST_GOOD_CHECKDB}


def probe(database: Database) -> Facts:
    """Ask each source for itself: one that refuses leaves the others. Raise a ProbeError."""
    # Whatever refuses the connection refuses it here, for all of them.
    version = database.version
    left_out = 0

    def checked() -> tuple[CheckRow, ...]:
        nonlocal left_out
        demand(database, LAST_GOOD_CHECKDB, "LastGoodCheckDbTime")
        rows, left_out = included(database, database.rows(LAST_GOOD, CheckRow))
        return rows

    def repairs() -> tuple[RepairRow, ...]:
        found = database.rows(REPAIRS_BY_MIRROR, RepairRow)
        if SQL_2012.lets(version):  # availability groups came with it
            found += database.rows(REPAIRS_BY_REPLICA, RepairRow)
        return found[:1000]

    return Facts(
        version=".".join(map(str, version)),
        checked=part(checked),
        databases_left_out=left_out,
        suspect=part(lambda: included(database, database.rows(SUSPECT_PAGES, PageRow))[0]),
        repairs=part(repairs),
        dumps=part(lambda: database.rows(DUMPS, DumpRow)),
    )


CHECK = Check(
    title=Text("SQL Server 数据完整性", "SQL Server integrity"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    reads=(
        "sys.databases, DATABASEPROPERTYEX (LastGoodCheckDbTime)",
        "msdb.dbo.suspect_pages",
        "sys.dm_hadr_auto_page_repair, sys.dm_db_mirroring_auto_page_repair",
        "sys.dm_server_memory_dumps",
    ),
    privilege=Text(
        "VIEW ANY DATABASE、VIEW ANY DEFINITION、VIEW SERVER STATE"
        "（2022 起为 VIEW SERVER PERFORMANCE STATE 和 VIEW SERVER SECURITY STATE），"
        "msdb 中 suspect_pages 的 SELECT",
        "VIEW ANY DATABASE, VIEW ANY DEFINITION, VIEW SERVER STATE (from 2022: VIEW SERVER "
        "PERFORMANCE STATE and VIEW SERVER SECURITY STATE), SELECT on suspect_pages in msdb",
    ),
    rules=(_checked.CHECKED, _damage.SUSPECT, _damage.REPAIRED, _damage.DUMPED),
)
