"""SQL Server's own history of backups (msdb), as agent and checks read it. Pure.

A row there says that a backup was made, not that it is still there. Its times are the server's
local ones; `time_zone` is their offset when the backup began, in quarters of an hour.

Written from Microsoft's documentation of backupset, backupmediafamily and sys.databases (2014 and
newer); no SQL Server has run these queries for us yet.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from checks.errors import UnexpectedOutput

Row = Mapping[str, object]
LISTED_DAYS = 400
UNKNOWN_ZONE = 127
_DISK = (2, 102)
_NOWHERE = frozenset({"NUL", "NUL:", "/DEV/NULL"})

SERVER = """
SELECT CAST(SERVERPROPERTY('ServerName') AS nvarchar(128)) AS server_name,
       CAST(@@SERVERNAME AS nvarchar(128)) AS instance_name,
       CAST(SERVERPROPERTY('MachineName') AS nvarchar(128)) AS machine_name,
       CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)) AS product_version,
       CONVERT(nvarchar(30), SYSUTCDATETIME(), 126) AS utc_now,
       DATEPART(tzoffset, SYSDATETIMEOFFSET()) AS offset_minutes,
       (SELECT CONVERT(nvarchar(30), MIN(backup_finish_date), 126)
        FROM msdb.dbo.backupset) AS history_from
"""
DATABASES = """
SELECT d.name AS name,
       CAST(r.database_guid AS nvarchar(36)) AS database_guid,
       d.state_desc AS state_desc,
       CASE WHEN d.replica_id IS NULL THEN NULL
            ELSE sys.fn_hadr_backup_is_preferred_replica(d.name) END AS preferred
FROM sys.databases AS d
LEFT JOIN sys.database_recovery_status AS r ON r.database_id = d.database_id
WHERE d.name <> 'tempdb' AND d.source_database_id IS NULL
"""
_COLUMNS = """
SELECT CAST(bs.backup_set_uuid AS nvarchar(36)) AS backup_set_uuid,
       bs.database_name AS database_name,
       bs.type AS type,
       bs.is_copy_only AS is_copy_only,
       bs.is_snapshot AS is_snapshot,
       bs.is_damaged AS is_damaged,
       bs.has_backup_checksums AS has_backup_checksums,
       CONVERT(nvarchar(30), bs.backup_start_date, 126) AS started,
       CONVERT(nvarchar(30), bs.backup_finish_date, 126) AS finished,
       bs.time_zone AS time_zone,
       CAST(bs.backup_size AS bigint) AS backup_size,
       CAST(bs.compressed_backup_size AS bigint) AS stored_size,
       bs.encryptor_type AS encryptor_type,
       CAST(bs.database_guid AS nvarchar(36)) AS database_guid,
       CAST(bs.differential_base_guid AS nvarchar(36)) AS base_guid,
       bs.server_name AS server_name,
       mf.device_type AS device_type,
       mf.physical_device_name AS device,
       mf.family_sequence_number AS family,
       mf.mirror AS mirror
"""
_TABLES = """
FROM (SELECT s.*, ROW_NUMBER() OVER (PARTITION BY s.database_name, s.type
                                     ORDER BY s.backup_set_id DESC) AS newest
      FROM msdb.dbo.backupset AS s) AS bs
LEFT JOIN msdb.dbo.backupmediafamily AS mf ON mf.media_set_id = bs.media_set_id
"""
HISTORY = (
    f"{_COLUMNS}{_TABLES}"
    "WHERE bs.newest = 1 OR (bs.type <> 'L' AND "
    f"bs.backup_finish_date >= DATEADD(day, -{LISTED_DAYS}, GETDATE()))"
)
"""Of log backups the newest of each database alone: there may be a thousand a day."""
RECENT = (
    f"{_COLUMNS}{_TABLES}"
    "WHERE bs.newest = 1 OR (bs.type IN ('D', 'I') AND "
    "bs.backup_finish_date >= DATEADD(day, -14, GETDATE()))"
)


class Present(Struct, frozen=True):
    """A database that the instance has today."""

    name: str
    guid: str
    """Lower case; empty: not told."""
    why_not: str = ""
    """Why it is not backed up here; empty: it is."""


class Server(Struct, frozen=True):
    """The instance that answered."""

    names: tuple[str, ...]
    """What it calls itself, in lower case: two names after it was renamed."""
    machine: str
    version: str
    now: datetime
    offset: timedelta
    """Of its local time now: for rows that don't tell their own."""
    history_from: datetime | None
    """The oldest backup in msdb; what is older was purged."""


class BackupSetRow(Struct, frozen=True, kw_only=True):
    """One backup set with all of its media families."""

    uuid: str
    database: str
    type: str
    """D full, I differential, L log, F and G files, P and Q parts."""
    started_at: datetime
    finished_at: datetime
    zone_known: bool
    """False: converted by the server's offset of today, wrong by an hour across a change."""
    bytes: int | None
    copy_only: bool
    snapshot: bool
    """By an image tool through VSS: a row without a .bak."""
    damaged: bool
    checksum: bool
    encrypted: bool
    database_guid: str
    base: str
    """Of a differential: uuid of the full backup that it needs."""
    server: str
    """Lower case. Another one's: restored here, or made by another replica."""
    files: tuple[str, ...]
    """Of all stripes, mirrors left out; empty: tape, URL or virtual device."""
    devices: tuple[str, ...]
    nowhere: bool
    """Written to NUL: thrown away."""


def server_of(rows: Iterable[Row]) -> Server:
    """Read the answer to SERVER. Raise UnexpectedOutput."""
    row = next(iter(rows), None)
    if row is None:
        raise UnexpectedOutput("SERVERPROPERTY", "no row")
    offset = _offset(_number(row, "offset_minutes"))
    history = row.get("history_from")
    names = (text_of(row, "server_name").lower(), text_of(row, "instance_name").lower())
    return Server(
        names=tuple(dict.fromkeys(name for name in names if name)),
        machine=text_of(row, "machine_name").lower(),
        version=text_of(row, "product_version"),
        now=local_time(text_of(row, "utc_now"), timedelta()),
        offset=offset,
        history_from=local_time(str(history), offset) if history else None,
    )


def present(rows: Iterable[Row]) -> tuple[Present, ...]:
    """Read the answer to DATABASES. Raise UnexpectedOutput."""
    found = []
    for row in rows:
        state, preferred = text_of(row, "state_desc"), text_of(row, "preferred")
        why_not = f"while it is {state}" if state != "ONLINE" else ""
        if preferred and not flag(row, "preferred"):
            why_not = "while another replica is the one to back it up"
        found.append(Present(text_of(row, "name"), text_of(row, "database_guid").lower(), why_not))
    return tuple(found)


def backup_sets(rows: Iterable[Row], server: Server) -> tuple[BackupSetRow, ...]:
    """Read the answer to HISTORY or RECENT: one entry for each set. Raise UnexpectedOutput."""
    families: dict[str, list[Row]] = {}
    for row in rows:
        families.setdefault(text_of(row, "backup_set_uuid").lower(), []).append(row)
    return tuple(_backup_set(uuid, of_set, server) for uuid, of_set in families.items())


def local_time(text: str, offset: timedelta) -> datetime:
    """Return UTC of a server's local time. Raise UnexpectedOutput."""
    try:
        # Up to seven digits of a second come; Python reads six.
        return (datetime.fromisoformat(text[:26]) - offset).replace(tzinfo=UTC)
    except ValueError as error:
        raise UnexpectedOutput("date", text[:100]) from error


def text_of(row: Row, name: str) -> str:
    """Return a column as text, empty for NULL. Raise UnexpectedOutput where it is missing."""
    if name not in row:
        raise UnexpectedOutput(name, "no such column in the answer")
    value = row[name]
    return "" if value is None else str(value).strip()


def flag(row: Row, name: str) -> bool:
    """Return a bit; NULL is no."""
    return text_of(row, name) in ("1", "True")


def _backup_set(uuid: str, rows: list[Row], server: Server) -> BackupSetRow:
    row = rows[0]
    zone = text_of(row, "time_zone")
    zone_known = zone not in ("", str(UNKNOWN_ZONE))
    offset = _offset(15 * _number(row, "time_zone")) if zone_known else server.offset
    devices = _devices(rows)
    stored = row.get("stored_size") or row.get("backup_size")
    return BackupSetRow(
        uuid=uuid,
        database=text_of(row, "database_name"),
        type=text_of(row, "type"),
        started_at=local_time(text_of(row, "started"), offset),
        finished_at=local_time(text_of(row, "finished"), offset),
        zone_known=zone_known,
        bytes=int(str(stored)) if stored is not None else None,
        copy_only=flag(row, "is_copy_only"),
        snapshot=flag(row, "is_snapshot"),
        damaged=flag(row, "is_damaged"),
        checksum=flag(row, "has_backup_checksums"),
        encrypted=text_of(row, "encryptor_type") != "",
        database_guid=text_of(row, "database_guid").lower(),
        base=text_of(row, "base_guid").lower(),
        server=text_of(row, "server_name").lower(),
        files=tuple(
            name for kind, name in devices if kind in _DISK and name.upper() not in _NOWHERE
        ),
        devices=tuple(name for _, name in devices),
        nowhere=any(name.upper() in _NOWHERE for _, name in devices),
    )


def _devices(rows: list[Row]) -> list[tuple[int, str]]:
    """Return type and name of each stripe in its order; of mirrors the first."""
    found: dict[int, tuple[int, int, str]] = {}
    for row in rows:
        if row.get("device") is None:
            continue
        family, mirror = _number(row, "family"), _number(row, "mirror")
        known = found.get(family)
        if known is None or mirror < known[0]:
            found[family] = (mirror, _number(row, "device_type"), text_of(row, "device"))
    return [(kind, name) for _, (_, kind, name) in sorted(found.items())]


def _offset(minutes: int) -> timedelta:
    """Return an offset from UTC. Raise UnexpectedOutput for one that no zone ever had."""
    if not -12 * 60 <= minutes <= 14 * 60:
        raise UnexpectedOutput("time zone", f"{minutes} minutes")
    return timedelta(minutes=minutes)


def _number(row: Row, name: str) -> int:
    text = text_of(row, name)
    try:
        return int(text or 0)
    except ValueError as error:
        raise UnexpectedOutput(name, text[:100]) from error
