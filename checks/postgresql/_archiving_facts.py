"""What is known of WAL and its archive: facts, and how they are read.

The archive command itself stays on the server, for it may hold a password: only whether there is
one, and whether it keeps anything.
"""

from checks.api import Failure, Struct
from checks.databases import Database
from checks.errors import NotPermitted
from checks.postgresql._parts import named
from wire.messages import Count, Label

MODE = """
SELECT pg_is_in_recovery() AS standby,
       (SELECT setting FROM pg_settings WHERE name = 'archive_mode') AS mode,
       (SELECT setting FROM pg_settings WHERE name = 'wal_level') AS wal_level,
       (SELECT CASE WHEN coalesce(length(btrim(setting)), 0) = 0
                         OR setting = '(disabled)' THEN 'empty'
                    WHEN btrim(setting) IN ('true', '/bin/true', '/usr/bin/true', ':', 'exit 0',
                                            'cd .', '(exit 0)', 'echo', 'REM', 'rem')
                    THEN 'discards'
                    ELSE 'set' END
        FROM pg_settings WHERE name = 'archive_command') AS command,
       (SELECT coalesce(length(setting), 0) > 0 FROM pg_settings
        WHERE name = 'archive_library') AS library
"""
ARCHIVER = """
SELECT archived_count, failed_count, last_failed_wal,
       EXTRACT(epoch FROM clock_timestamp() - last_archived_time) AS archived_seconds,
       EXTRACT(epoch FROM clock_timestamp() - last_failed_time) AS failed_seconds
FROM pg_stat_archiver
"""
_WAITING = "SELECT count(*) AS files"
WAITING = f"""
{_WAITING}, EXTRACT(epoch FROM clock_timestamp() - min(modification)) AS oldest_seconds
FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'
"""
WAITING_11 = f"{_WAITING} FROM pg_ls_dir('pg_wal/archive_status') AS n WHERE n LIKE '%.ready'"
WAITING_9 = f"{_WAITING} FROM pg_ls_dir('pg_xlog/archive_status') AS n WHERE n LIKE '%.ready'"
# Whoever may not read the states of others sees NULL.
RECEIVERS = """
SELECT count(*) FILTER (WHERE application_name IN ('pg_receivewal', 'pg_receivexlog',
                                                   'barman_receive_wal')
                              AND state IN ('streaming', 'catchup')) AS receivers,
       count(*) FILTER (WHERE state IS NULL) AS hidden
FROM pg_stat_replication
"""
FOLDER = """
SELECT coalesce(sum(size), 0) AS bytes FROM pg_ls_waldir()
"""
# wal_keep_segments became wal_keep_size in 13.
ALLOWED = """
SELECT pg_size_bytes(current_setting('max_wal_size'))
       + (SELECT coalesce(sum(CASE name WHEN 'wal_keep_size' THEN setting::bigint * 1024 * 1024
                              ELSE setting::bigint
                                   * pg_size_bytes(current_setting('wal_segment_size')) END), 0)
          FROM pg_settings WHERE name IN ('wal_keep_size', 'wal_keep_segments')) AS bytes
"""


class Archiver(Struct, frozen=True, omit_defaults=True):
    """What the archiver has done since its statistics were reset."""

    archived_count: Count
    failed_count: Count
    last_failed_wal: Label | None = None
    archived_seconds: float | None = None
    """Since the last success."""
    failed_seconds: float | None = None
    """Since the last failure."""


class Facts(Struct, frozen=True):
    """WAL and its archive."""

    standby: bool
    mode: Label
    """archive_mode: off, on, always."""
    wal_level: Label
    command: Label
    """`set`, `library`, `empty`, or `discards` where it says yes and keeps nothing."""
    archiver: tuple[Archiver, ...] | Failure
    """One."""
    waiting_files: Count | Failure
    """Segments that are ready to be archived."""
    waiting_seconds: float | None
    """Since the first of them was ready; None before 12, and where none is."""
    receivers: Count | Failure
    """pg_receivewal and its like that are connected: they archive over the network."""
    wal_bytes: Count | Failure
    """Of pg_wal."""
    allowed_bytes: Count | Failure
    """max_wal_size and what wal_keep adds to it."""


class _Mode(Struct, frozen=True):
    standby: bool
    mode: str
    wal_level: str
    command: str
    library: bool | None = None


class _Receivers(Struct, frozen=True):
    receivers: Count
    hidden: Count


class _Waiting(Struct, frozen=True):
    files: Count
    oldest_seconds: float | None = None


class _Bytes(Struct, frozen=True):
    bytes: Count


def probe(database: Database) -> Facts:
    """Read settings, the archiver's counters and the two folders."""
    mode = database.rows(MODE, _Mode)[0]
    waiting = named("pg_ls_archive_statusdir()", lambda: (_waiting(database),))
    return Facts(
        standby=mode.standby,
        mode=mode.mode,
        wal_level=mode.wal_level,
        command="library" if mode.library else mode.command,
        archiver=named("pg_stat_archiver", lambda: database.rows(ARCHIVER, Archiver)),
        waiting_files=waiting if isinstance(waiting, Failure) else waiting[0].files,
        waiting_seconds=None if isinstance(waiting, Failure) else waiting[0].oldest_seconds,
        receivers=named("pg_stat_replication", lambda: _receivers(database)),
        wal_bytes=named("pg_ls_waldir()", lambda: database.rows(FOLDER, _Bytes)[0].bytes),
        allowed_bytes=named("max_wal_size", lambda: database.rows(ALLOWED, _Bytes)[0].bytes),
    )


def _waiting(database: Database) -> _Waiting:
    before_12 = WAITING_11 if database.version >= (10,) else WAITING_9
    return database.rows(WAITING if database.version >= (12,) else before_12, _Waiting)[0]


def _receivers(database: Database) -> int:
    found = database.rows(RECEIVERS, _Receivers)[0]
    if found.hidden and not found.receivers:
        raise NotPermitted("pg_stat_replication")
    return found.receivers
