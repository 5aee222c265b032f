"""What SQL Server's backup history says of each database: facts, and how they are read. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import PureWindowsPath

from checks.api import Failure, Struct
from checks.msdb import BackupSetRow, Server, flag, local_time, text_of
from checks.mssql._gates import SQL_2014
from wire.messages import Count, Label, Moment

Row = Mapping[str, object]
MOST_DATABASES = 1000

DATABASES = """
SELECT d.name AS name,
       d.state_desc AS state_desc,
       d.recovery_model_desc AS recovery_model,
       d.is_read_only AS is_read_only,
       d.is_in_standby AS is_in_standby,
       CONVERT(nvarchar(30), d.create_date, 126) AS created,
       CAST(r.database_guid AS nvarchar(36)) AS database_guid,
       CASE WHEN r.database_id IS NULL THEN NULL
            WHEN r.last_log_backup_lsn IS NULL THEN 0 ELSE 1 END AS chain_started,
       CASE WHEN d.replica_id IS NULL THEN NULL
            ELSE sys.fn_hadr_backup_is_preferred_replica(d.name) END AS preferred
FROM sys.databases AS d
LEFT JOIN sys.database_recovery_status AS r ON r.database_id = d.database_id
WHERE d.name <> 'tempdb' AND d.source_database_id IS NULL
"""
DATA_FILES = """
SELECT d.name AS name, f.physical_name AS physical_name
FROM sys.master_files AS f
JOIN sys.databases AS d ON d.database_id = f.database_id
"""
CERTIFICATES = """
SELECT c.name AS name,
       CONVERT(nvarchar(30), c.pvt_key_last_backup_date, 126) AS backed_up,
       CONVERT(nvarchar(30), c.expiry_date, 126) AS expires
FROM master.sys.certificates AS c
WHERE EXISTS (SELECT 1 FROM sys.dm_database_encryption_keys AS k
              WHERE k.encryptor_thumbprint = c.thumbprint)
   OR EXISTS (SELECT 1 FROM msdb.dbo.backupset AS b
              WHERE b.encryptor_thumbprint = c.thumbprint)
"""
SINCE = {"CERTIFICATES": SQL_2014}
"""Backups are encrypted since 2014: the thumbprint in msdb came then."""


class Backup(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One backup of a database that could be restored from."""

    at: Moment
    device: Label = ""
    checksum: bool = False
    copy_only: bool = False


class Database(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One database of the instance, with its newest backups."""

    name: Label
    state: Label
    recovery_model: Label
    created_at: Moment
    read_only: bool = False
    standby: bool = False
    preferred: bool | None = None
    """Whether an availability group has it backed up here; None: it is in none."""
    chain_started: bool | None = None
    """None: the login may not see it, or the database is offline."""
    full: Backup | None = None
    differential: Backup | None = None
    log: Backup | None = None
    bad: tuple[Label, ...] = ()
    """Backups that are no good, the newest first: damaged, written to NUL."""
    snapshot_at: Moment | None = None
    """The newest VSS snapshot by an image tool; it has no file here."""
    left_out: Count = 0
    """Rows of other servers and of former databases of the name."""
    backup_drives: tuple[Label, ...] = ()
    """Of the last fourteen days: `e:`, or a path where it is no drive of Windows."""
    data_drives: tuple[Label, ...] = ()


class Certificate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A certificate that encrypts a database or its backups."""

    name: Label
    backed_up_at: Moment | None = None
    """Of its private key; None: never."""
    expires_at: Moment | None = None


class Facts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The backup history of one instance."""

    server: Label
    version: Label
    history_from: Moment | None
    """The oldest row of msdb."""
    databases: tuple[Database, ...]
    databases_left_out: Count = 0
    certificates: tuple[Certificate, ...] | Failure = ()
    data_files: Failure | None = None
    """Why the places of the data files are not known."""


def databases(
    rows: Iterable[Row],
    sets: Iterable[BackupSetRow],
    places: Mapping[str, tuple[str, ...]],
    server: Server,
) -> tuple[Database, ...]:
    """Join the databases of today with their backups."""
    of_database: dict[str, list[BackupSetRow]] = {}
    for one in sorted(sets, key=lambda one: one.started_at, reverse=True):
        of_database.setdefault(one.database.casefold(), []).append(one)
    return tuple(
        _database(row, of_database.get(text_of(row, "name").casefold(), []), places, server)
        for row in rows
    )


def data_drives(rows: Iterable[Row]) -> dict[str, tuple[str, ...]]:
    """Return where the files of each database lie."""
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(text_of(row, "name"), set()).add(drive_of(text_of(row, "physical_name")))
    return {name: tuple(sorted(drives - {""})) for name, drives in found.items()}


def certificates(rows: Iterable[Row], offset: timedelta) -> tuple[Certificate, ...]:
    """Read the answer to CERTIFICATES."""
    return tuple(
        Certificate(
            name=text_of(row, "name")[:255],
            backed_up_at=_moment(row, "backed_up", offset),
            expires_at=_moment(row, "expires", offset),
        )
        for row in rows
    )


def drive_of(path: str) -> str:
    """Return the drive of a file; the path where there are none; empty for a share or URL."""
    if path.startswith("/"):
        return path
    drive = PureWindowsPath(path).drive.lower()
    return drive if len(drive) == 2 and drive.endswith(":") else ""


def _database(
    row: Row, sets: list[BackupSetRow], places: Mapping[str, tuple[str, ...]], server: Server
) -> Database:
    name = text_of(row, "name")
    guid = text_of(row, "database_guid").lower()
    mine = [
        one
        for one in sets
        if one.server in server.names and guid in ("", one.database_guid or guid)
    ]
    stored = [one for one in mine if not one.snapshot]
    good = [one for one in stored if not one.damaged and not one.nowhere]
    newest = {
        kind: next((_backup(one) for one in good if one.type == kind), None) for kind in "DIL"
    }
    chain, preferred = row.get("chain_started"), row.get("preferred")
    since = server.now - timedelta(days=14)
    return Database(
        name=name[:255],
        state=text_of(row, "state_desc"),
        recovery_model=text_of(row, "recovery_model"),
        created_at=local_time(text_of(row, "created"), server.offset),
        read_only=flag(row, "is_read_only"),
        standby=flag(row, "is_in_standby"),
        preferred=None if preferred is None else flag(row, "preferred"),
        chain_started=None if chain is None else flag(row, "chain_started"),
        full=newest["D"],
        differential=newest["I"],
        log=newest["L"],
        bad=tuple(_told(one) for one in stored if one.damaged or one.nowhere)[:20],
        snapshot_at=next((one.started_at for one in mine if one.snapshot), None),
        left_out=len(sets) - len(mine),
        backup_drives=tuple(
            sorted(
                {drive_of(name) for one in good if one.started_at >= since for name in one.files}
                - {""}
            )
        )[:20],
        data_drives=places.get(name, ())[:20],
    )


def _backup(one: BackupSetRow) -> Backup:
    return Backup(
        at=one.started_at,
        device=(one.devices[0] if one.devices else "")[:255],
        checksum=one.checksum,
        copy_only=one.copy_only,
    )


def _told(one: BackupSetRow) -> str:
    what = "NUL" if one.nowhere else "is_damaged"
    return f"{one.type} {one.started_at:%Y-%m-%d %H:%M} UTC: {what}"


def _moment(row: Row, name: str, offset: timedelta) -> datetime | None:
    text = text_of(row, name)
    return local_time(text, offset) if text else None
