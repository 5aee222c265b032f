"""Who replicates from this server, and how far this server is behind: facts, how they are read."""

from checks.api import Failure, Struct
from checks.databases import Database
from checks.errors import NotPermitted
from checks.postgresql._parts import named
from wire.messages import Label

# pg_receivewal and its like replay nothing: what they have written counts.
STANDBYS = """
SELECT application_name AS application, host(client_addr) AS address, state, sync_state,
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()
                            ELSE pg_current_wal_lsn() END,
                       coalesce(replay_lsn, write_lsn, sent_lsn)) AS lag_bytes,
       EXTRACT(epoch FROM CASE WHEN replay_lsn IS NULL THEN write_lag
                               ELSE replay_lag END) AS lag_seconds
FROM pg_stat_replication
"""
STANDBYS_9 = """
SELECT application_name AS application, host(client_addr) AS address, state, sync_state,
       pg_xlog_location_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_xlog_receive_location()
                                  ELSE pg_current_xlog_location() END,
                             coalesce(replay_location, write_location,
                                      sent_location)) AS lag_bytes
FROM pg_stat_replication
"""
ROLE = """
SELECT pg_is_in_recovery() AS standby,
       (SELECT coalesce(length(setting), 0) > 0 FROM pg_settings
        WHERE name = 'synchronous_standby_names') AS synchronous
"""
REPLAY = """
SELECT pg_is_wal_replay_paused() AS paused,
       pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AS caught_up,
       EXTRACT(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) AS replayed_seconds,
       pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) AS lag_bytes,
       (SELECT coalesce(length(setting), 0) > 0 FROM pg_settings
        WHERE name = 'primary_conninfo') AS streams,
       coalesce((SELECT setting::bigint FROM pg_settings
                 WHERE name = 'recovery_min_apply_delay'), 0) AS delay_milliseconds
"""
REPLAY_9 = """
SELECT pg_is_xlog_replay_paused() AS paused,
       pg_last_xlog_receive_location() = pg_last_xlog_replay_location() AS caught_up,
       EXTRACT(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) AS replayed_seconds,
       pg_xlog_location_diff(pg_last_xlog_receive_location(),
                             pg_last_xlog_replay_location()) AS lag_bytes,
       0 AS delay_milliseconds
"""
RECEIVER = """
SELECT status FROM pg_stat_wal_receiver
"""


class Standby(Struct, frozen=True):
    """Who receives WAL from this server."""

    application: Label
    address: Label
    """Empty for a local socket."""
    state: Label
    """streaming, catchup, startup, stopping; backup for pg_basebackup."""
    sync_state: Label
    lag_bytes: float | None
    """None before the first answer."""
    lag_seconds: float | None = None
    """None before 10, and where nothing was written for a while: then the bytes tell."""


class Replay(Struct, frozen=True):
    """How far this server, a standby, is."""

    paused: bool
    caught_up: bool | None
    """All is replayed that was received; None where nothing was ever received by stream."""
    replayed_seconds: float | None
    """Since the commit of the last transaction replayed, by both servers' clocks."""
    lag_bytes: float | None
    streams: bool | None = None
    """primary_conninfo is set; None where that can't be seen (before 12, or without the right)."""
    delay_milliseconds: float = 0
    """recovery_min_apply_delay: how late it is meant to be."""


class Facts(Struct, frozen=True):
    """Replication by stream from and to this server."""

    standby: bool
    synchronous: bool
    """synchronous_standby_names is set: commits wait for a standby."""
    standbys: tuple[Standby, ...] | Failure
    replay: tuple[Replay, ...] | Failure
    """One where this is a standby."""
    receiver: tuple[Label, ...] | Failure
    """State of the process that receives: none where it does not run."""


class _Role(Struct, frozen=True):
    standby: bool
    synchronous: bool


class _Standby(Struct, frozen=True):
    application: Label | None
    address: Label | None
    state: Label | None
    sync_state: Label | None
    lag_bytes: float | None
    lag_seconds: float | None = None


class _Receiver(Struct, frozen=True):
    status: Label | None


def probe(database: Database) -> Facts:
    """Read both directions."""
    role = database.rows(ROLE, _Role)[0]
    later = database.version >= (10,)
    replay = REPLAY if later else REPLAY_9
    return Facts(
        standby=role.standby,
        synchronous=role.synchronous,
        standbys=named("pg_stat_replication", lambda: _standbys(database)),
        replay=named("pg_is_wal_replay_paused()", lambda: database.rows(replay, Replay))
        if role.standby
        else (),
        receiver=named("pg_stat_wal_receiver", lambda: _receiver(database)) if role.standby else (),
    )


def _standbys(database: Database) -> tuple[Standby, ...]:
    rows = database.rows(STANDBYS if database.version >= (10,) else STANDBYS_9, _Standby)
    if any(row.state is None for row in rows):
        raise NotPermitted("pg_stat_replication")
    return tuple(
        Standby(
            row.application or "",
            row.address or "",
            row.state or "",
            row.sync_state or "",
            row.lag_bytes,
            row.lag_seconds,
        )
        for row in rows
    )


def _receiver(database: Database) -> tuple[str, ...]:
    rows = database.rows(RECEIVER, _Receiver)
    if any(row.status is None for row in rows):
        raise NotPermitted("pg_stat_wal_receiver")
    return tuple(row.status or "" for row in rows)
