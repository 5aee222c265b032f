"""What each engine says of all its databases at once: state, size, last backup, last CHECKDB."""

from collections.abc import Mapping

from checks.api import Failure, Struct
from checks.databases import Database, Engine
from checks.errors import NotApplicable, Unsupported, part

ONLINE = "ONLINE"
_FIRST_WITH_CHECKDB = (13, 0, 5026)
"""SQL Server 2016 SP2 (documentation of DATABASEPROPERTYEX)."""
_NEVER_MINUTES = 50 * 365 * 24 * 60
"""DATABASEPROPERTYEX gives 1900-01-01 where CHECKDB never ended well."""

MSSQL_DATABASES = """
SELECT d.name AS name, d.state_desc AS state, CAST(d.is_read_only AS int) AS read_only,
       (SELECT SUM(CAST(f.size AS bigint)) * 8192
        FROM sys.master_files AS f WHERE f.database_id = d.database_id) AS size_bytes
FROM sys.databases AS d
WHERE d.database_id > 4 AND d.source_database_id IS NULL
"""
MSSQL_BACKUPS = """
SELECT b.database_name AS name,
       DATEDIFF(minute, MAX(b.backup_finish_date), GETDATE()) AS minutes
FROM msdb.dbo.backupset AS b
WHERE b.type = 'D' AND b.is_damaged = 0 AND b.is_snapshot = 0
  AND b.server_name IN (@@SERVERNAME, CAST(SERVERPROPERTY('ServerName') AS nvarchar(128)))
GROUP BY b.database_name
"""
MSSQL_CHECKS = """
SELECT d.name AS name,
       DATEDIFF(minute, CAST(DATABASEPROPERTYEX(d.name, 'LastGoodCheckDbTime') AS datetime),
                GETDATE()) AS minutes
FROM sys.databases AS d
WHERE d.database_id > 4 AND d.state = 0
"""
POSTGRESQL_DATABASES = """
SELECT d.datname AS name,
       CASE WHEN d.datallowconn THEN 'ONLINE' ELSE 'NO CONNECTIONS' END AS state,
       0 AS read_only,
       CASE WHEN has_database_privilege(d.oid, 'CONNECT')
            THEN pg_database_size(d.oid) END AS size_bytes
FROM pg_database AS d
WHERE NOT d.datistemplate
"""
MYSQL_DATABASES = """
SELECT s.schema_name AS name, 'ONLINE' AS state, 0 AS read_only, t.size_bytes AS size_bytes
FROM information_schema.schemata AS s
LEFT JOIN (SELECT table_schema AS table_schema, SUM(data_length + index_length) AS size_bytes
           FROM information_schema.tables GROUP BY table_schema) AS t
  ON t.table_schema = s.schema_name
WHERE s.schema_name NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')
"""
_DATABASES = {
    Engine.MSSQL: MSSQL_DATABASES,
    Engine.POSTGRESQL: POSTGRESQL_DATABASES,
    Engine.KINGBASE: POSTGRESQL_DATABASES,
    Engine.MYSQL: MYSQL_DATABASES,
    Engine.MARIADB: MYSQL_DATABASES,
}


class DatabaseRow(Struct, frozen=True):
    """One database of the instance."""

    name: str
    state: str
    read_only: bool
    size_bytes: int | None


class AgeRow(Struct, frozen=True):
    """How long ago something was, by the server's clock."""

    name: str
    minutes: int | None


Ages = Mapping[str, float | None]
"""Seconds by the name of the database (casefolded); None: never."""


def databases(database: Database) -> Mapping[str, DatabaseRow]:
    """Return the databases of the instance by name (casefolded). Raise a ProbeError."""
    query = _DATABASES.get(database.engine)
    if query is None:
        raise Unsupported("account sets", f"as databases of {database.engine.value}")
    return {row.name.casefold(): row for row in database.rows(query, DatabaseRow)}


def backup_ages(database: Database) -> Ages | Failure:
    """Return how old the last full backup of each database is; only SQL Server keeps a history."""
    if database.engine is not Engine.MSSQL:
        return NotApplicable("backup history", database.engine.value).failure()
    return part(lambda: _ages(database, MSSQL_BACKUPS))


def check_ages(database: Database) -> Ages | Failure:
    """Return how long ago CHECKDB last ended well; only SQL Server has it."""
    if database.engine is not Engine.MSSQL:
        return NotApplicable("CHECKDB", database.engine.value).failure()
    if database.version < _FIRST_WITH_CHECKDB:
        return Unsupported("LastGoodCheckDbTime", "since SQL Server 2016 SP2").failure()
    return part(lambda: _ages(database, MSSQL_CHECKS))


def _ages(database: Database, query: str) -> Ages:
    return {
        row.name.casefold(): None
        if row.minutes is None or row.minutes > _NEVER_MINUTES
        else row.minutes * 60.0
        for row in database.rows(query, AgeRow)
    }
