"""SQL Server: the state of every database, and options that no ERP wants."""

from checks.api import Chapter, Check, Failure, Scope, Text
from checks.databases import Database
from checks.errors import part
from checks.mssql import _options, _states
from checks.mssql._databases import DatabaseRow, Facts, ShrinkJob
from checks.mssql._included import included
from checks.mssql.services import EDITION, EditionRow

DATABASES = """
SELECT d.name AS name,
       d.state_desc AS state,
       d.is_in_standby AS is_in_standby,
       d.is_read_only AS is_read_only,
       d.user_access_desc AS user_access,
       d.page_verify_option_desc AS page_verify,
       d.is_auto_close_on AS auto_close,
       d.is_auto_shrink_on AS auto_shrink,
       d.is_auto_create_stats_on AS create_statistics,
       d.is_auto_update_stats_on AS update_statistics,
       CASE WHEN m.mirroring_guid IS NULL THEN 0 ELSE 1 END AS is_mirrored,
       (SELECT SUM(CAST(f.size AS bigint)) * 8192 FROM sys.master_files AS f
        WHERE f.database_id = d.database_id AND f.type = 0) AS data_bytes
FROM sys.databases AS d
LEFT JOIN sys.database_mirroring AS m ON m.database_id = d.database_id
WHERE d.source_database_id IS NULL
"""
SHRINK_JOBS = """
SELECT j.name AS job, s.step_name AS step
FROM msdb.dbo.sysjobs AS j
JOIN msdb.dbo.sysjobsteps AS s ON s.job_id = j.job_id
WHERE j.enabled = 1 AND s.subsystem = N'TSQL'
  AND (UPPER(s.command) LIKE N'%SHRINKDATABASE%' OR UPPER(s.command) LIKE N'%SHRINKFILE%')
"""
"""The server looks into the commands; they don't leave it."""


def probe(database: Database) -> Facts:
    """Ask for the databases, and for jobs that shrink. Raise a ProbeError."""
    rows, left_out = included(database, database.rows(DATABASES, DatabaseRow))
    edition = next(iter(database.rows(EDITION, EditionRow)), EditionRow(on_linux=False))
    jobs = part(lambda: database.rows(SHRINK_JOBS, ShrinkJob))
    return Facts(
        databases=rows,
        databases_left_out=left_out,
        engine_edition=edition.engine_edition,
        shrink_jobs=jobs if isinstance(jobs, Failure) else jobs[:100],
    )


CHECK = Check(
    title=Text("SQL Server 数据库状态与选项", "SQL Server databases and their options"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    reads=(
        "sys.databases, sys.database_mirroring, sys.master_files",
        "msdb.dbo.sysjobs, msdb.dbo.sysjobsteps (only whether a command shrinks)",
        "SERVERPROPERTY (EngineEdition)",
    ),
    privilege=Text(
        "VIEW ANY DATABASE、VIEW ANY DEFINITION，msdb 中 sysjobs、sysjobsteps 的 SELECT；"
        "OFFLINE 的数据库只有具备 ALTER ANY DATABASE 或 master 中 CREATE DATABASE 的登录才能看到",
        "VIEW ANY DATABASE, VIEW ANY DEFINITION, SELECT on sysjobs and sysjobsteps in msdb; "
        "databases "
        "that are OFFLINE show only to logins with ALTER ANY DATABASE, or CREATE DATABASE in "
        "master",
    ),
    scopes=(Scope.METADATA, Scope.CONFIG),
    rules=(
        _states.STATE,
        _options.PAGE_VERIFY,
        _options.AUTO_CLOSE,
        _options.AUTO_SHRINK,
        _options.STATISTICS,
    ),
)
