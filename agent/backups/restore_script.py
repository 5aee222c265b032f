"""The script of a SQL Server test restore, for an engineer to run on an instance that is not live.

Its shape is dbatools' Test-DbaLastBackup (backup-verification.md §5.1): restore the newest chain
under a prefix with renamed files, DBCC CHECKDB, drop. It has not run on a real SQL Server.
"""

from collections.abc import Iterator, Sequence

from agent.backups import texts
from agent.errors import AgentError
from checks.backup_sets import BackupFacts, Form, Kind, PointState, RestorePoint

PREFIX = "xunjian_restore_test_"
_HEADER = """\
-- Xunjian: test restore of {database}, restore point {point} ({started_at:%Y-%m-%d %H:%M} UTC).
-- 巡检：恢复演练脚本。请在非生产实例上由 sysadmin 执行；只建立并删除带前缀的临时库。
-- Run it with sqlcmd or Management Studio on an instance that is not live.
-- Afterwards 完成后: xunjian-agent backup record {set_name} --point '{point}'
--                    --result passed|failed --person NAME --minutes N --note 'DBCC CHECKDB ...'
SET NOCOUNT ON;
SET XACT_ABORT ON;
DECLARE @target sysname = {target}, @folder nvarchar(260) = {folder};
DECLARE @begun datetime2 = SYSDATETIME();
DECLARE @quoted nvarchar(260) = QUOTENAME(@target);
DECLARE @nothing nvarchar(1) = N'';
IF DB_ID(@target) IS NOT NULL
BEGIN
    RAISERROR(N'%s is there already: drop it first.', 16, 1, @target);
    RETURN;
END;
IF @@SERVERNAME = {source_server} AND {source_server} <> N''
BEGIN
    RAISERROR(N'This is the instance that the backup is of: run it on another one.', 16, 1);
    RETURN;
END;
"""
_VERIFY = "RESTORE VERIFYONLY FROM {devices} WITH CHECKSUM, STOP_ON_ERROR;\n"
_FILES = """\
-- The logical names of its files, so that each gets a place of its own under @folder.
-- SQL Server 2016 and later; before, FILELISTONLY has no column SnapshotUrl: remove it here.
DECLARE @files TABLE (LogicalName nvarchar(128), PhysicalName nvarchar(260), Type char(1),
    FileGroupName nvarchar(128), Size numeric(20,0), MaxSize numeric(20,0), FileId bigint,
    CreateLSN numeric(25,0), DropLSN numeric(25,0), UniqueId uniqueidentifier,
    ReadOnlyLSN numeric(25,0), ReadWriteLSN numeric(25,0), BackupSizeInBytes bigint,
    SourceBlockSize int, FileGroupId int, LogGroupGUID uniqueidentifier,
    DifferentialBaseLSN numeric(25,0), DifferentialBaseGUID uniqueidentifier, IsReadOnly bit,
    IsPresent bit, TDEThumbprint varbinary(32), SnapshotUrl nvarchar(360));
INSERT @files EXEC (N'RESTORE FILELISTONLY FROM {escaped_devices}');
DECLARE @moves nvarchar(max) = N'';
SELECT @moves += N', MOVE N''' + REPLACE(LogicalName, N'''', N'''''') + N''' TO N'''
    + REPLACE(@folder, N'''', N'''''') + @target + N'_' + CONVERT(nvarchar(20), FileId)
    + CASE Type WHEN 'L' THEN N'.ldf' ELSE N'.mdf' END + N'''' FROM @files;
"""
_RESTORE = """\
EXEC (N'RESTORE DATABASE ' + @quoted + N' FROM {escaped_devices} WITH {recovery}'
    + {moves} + N', CHECKSUM, STOP_ON_ERROR, STATS = 10');
"""
_CHECK = """\
EXEC (N'RESTORE DATABASE ' + @quoted + N' WITH RECOVERY');
EXEC (N'DBCC CHECKDB (' + @quoted + N') WITH NO_INFOMSGS, ALL_ERRORMSGS');
EXEC (N'SELECT COUNT(*) AS tables_restored FROM ' + @quoted + N'.sys.tables');
SELECT DATEDIFF(SECOND, @begun, SYSDATETIME()) / 60.0 AS minutes_taken;
EXEC (N'ALTER DATABASE ' + @quoted + N' SET SINGLE_USER WITH ROLLBACK IMMEDIATE');
EXEC (N'DROP DATABASE ' + @quoted);
"""


def restore_script(facts: BackupFacts, database: str | None) -> str:
    """Return T-SQL that restores the newest full backup and the differential after it.

    Raise AgentError where the set is none of SQL Server, or has nothing to restore.
    """
    declared = facts.declaration
    is_files = declared.kind is Kind.FILES and declared.format == "mssql_bak"
    if declared.kind is not Kind.MSSQL and not is_files:
        raise AgentError(texts.NOT_MSSQL.format(name=declared.name))
    usable = [point for point in facts.points if point.state is PointState.COMPLETE]
    if database is not None:
        usable = [point for point in usable if point.object == database]
    full = next((point for point in usable if point.form is Form.FULL), None)
    if full is None:
        raise AgentError(
            texts.NOTHING_TO_RESTORE.format(name=declared.name, database=database or "*")
        )
    differential = next(
        (
            point
            for point in usable
            if point.form is Form.DIFFERENTIAL
            and point.object == full.object
            and point.started_at > full.started_at
        ),
        None,
    )
    chain = [full] if differential is None else [full, differential]
    return "".join(_script(facts, chain))


def _script(facts: BackupFacts, chain: Sequence[RestorePoint]) -> Iterator[str]:
    full = chain[0]
    name = full.object or facts.declaration.name
    yield _HEADER.format(
        database=_comment(name),
        point=_comment(full.id),
        started_at=full.started_at,
        set_name=_comment(facts.declaration.name),
        target=_quoted(f"{PREFIX}{name}"[:120]),
        folder=_quoted("D:\\xunjian_restore_test\\"),
        source_server=_quoted(full.server),
    )
    for place, point in enumerate(chain):
        devices = _devices(facts, point)
        escaped = devices.replace("'", "''")
        yield _VERIFY.format(devices=devices)
        if place == 0:
            yield _FILES.format(escaped_devices=escaped)
        moves = "@moves" if place == 0 else "@nothing"
        yield _RESTORE.format(
            escaped_devices=escaped, recovery=f"FILE = {point.position}, NORECOVERY", moves=moves
        )
    yield _CHECK


def _devices(facts: BackupFacts, point: RestorePoint) -> str:
    paths = point.paths or (f"{facts.declaration.place.rstrip('/')}/{point.id}",)
    return ", ".join(f"DISK = {_quoted(path)}" for path in paths)


def _quoted(text: str) -> str:
    return "N'" + text.replace("'", "''") + "'"


def _comment(text: str) -> str:
    return " ".join(text.split())
