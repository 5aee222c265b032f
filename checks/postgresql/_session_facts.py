"""What the sessions of clients do right now: facts, and how they are read.

Texts of queries stay on the server: that of a session is only compared with the words that stand
in its place where the account may not see it.
"""

from checks.api import Failure, Struct
from checks.databases import Database
from checks.errors import Unsupported
from checks.postgresql._parts import named
from wire.messages import Count, Label, Reason

SEEN = """
SELECT count(*) FILTER (WHERE query = '<insufficient privilege>') AS hidden,
       count(*) FILTER (WHERE state = 'disabled') AS untracked,
       (SELECT setting::int FROM pg_settings
        WHERE name = 'max_prepared_transactions') AS prepared_room
FROM pg_stat_activity
WHERE datid IS NOT NULL
"""
_SESSIONS = """
SELECT pid, datname AS database, usename AS login, application_name AS application,
       host(client_addr) AS client, state,
       EXTRACT(epoch FROM clock_timestamp() - state_change) AS state_seconds,
       EXTRACT(epoch FROM clock_timestamp() - query_start) AS query_seconds,
       EXTRACT(epoch FROM clock_timestamp() - xact_start) AS transaction_seconds
FROM pg_stat_activity
WHERE xact_start IS NOT NULL AND datname IS NOT NULL AND pid <> pg_backend_pid()
      AND state IN ('active', 'fastpath function call', 'idle in transaction',
                    'idle in transaction (aborted)')
"""
SESSIONS = f"{_SESSIONS} AND backend_type = 'client backend' ORDER BY xact_start LIMIT 100\n"
# Before 10 workers of autovacuum stand among the clients.
SESSIONS_9 = f"{_SESSIONS} AND query NOT LIKE 'autovacuum:%' ORDER BY xact_start LIMIT 100\n"
PREPARED = """
SELECT gid AS name, database, owner AS login,
       EXTRACT(epoch FROM clock_timestamp() - prepared) AS seconds
FROM pg_prepared_xacts
ORDER BY prepared
LIMIT 100
"""
_BLOCKED = """
SELECT w.pid, w.database, w.login, w.application, w.seconds, w.blockers[1] AS blocker,
       b.usename AS blocker_login, b.application_name AS blocker_application,
       b.state AS blocker_state
FROM (SELECT a.pid, a.datname AS database, a.usename AS login,
             a.application_name AS application,
             EXTRACT(epoch FROM clock_timestamp() - {since}) AS seconds,
             pg_blocking_pids(a.pid) AS blockers
      FROM pg_stat_activity AS a {waits}
      WHERE {waiting}
      ORDER BY {since}
      LIMIT 100) AS w
LEFT JOIN pg_stat_activity AS b ON b.pid = w.blockers[1]
WHERE w.blockers[1] IS NOT NULL
ORDER BY w.seconds DESC
"""
BLOCKED = _BLOCKED.format(
    since="coalesce(l.waitstart, a.query_start)",
    waits="JOIN pg_locks AS l ON l.pid = a.pid AND NOT l.granted",
    waiting="a.wait_event_type = 'Lock'",
)
# Before 14 nothing tells since when a session waits, but since when its query runs.
BLOCKED_13 = _BLOCKED.format(since="a.query_start", waits="", waiting="a.wait_event_type = 'Lock'")


class Session(Struct, frozen=True):
    """A session in a transaction."""

    pid: int
    database: Label
    login: Label | None
    application: Label | None
    client: Label | None
    """Address; None for a local socket."""
    state: Label
    state_seconds: float
    query_seconds: float
    transaction_seconds: float


class Prepared(Struct, frozen=True):
    """A transaction that was prepared (two phases) and neither committed nor rolled back."""

    name: Label
    """What COMMIT PREPARED and ROLLBACK PREPARED call it by."""
    database: Label
    login: Label
    seconds: float


class Blocked(Struct, frozen=True):
    """A session that waits for a lock, and the first of those that hold it."""

    pid: int
    database: Label | None
    login: Label | None
    application: Label | None
    seconds: float
    """From 14 on: of waiting; before: of its query."""
    blocker: int
    """Its process; 0: a prepared transaction."""
    blocker_login: Label | None
    blocker_application: Label | None
    blocker_state: Label | None


class Facts(Struct, frozen=True):
    """Sessions at one moment, the oldest transactions first, at most 100 of each kind."""

    unseen: Failure | None
    """Why some sessions do not show what they do."""
    sessions: tuple[Session, ...]
    prepared_possible: bool
    """max_prepared_transactions is more than 0."""
    prepared: tuple[Prepared, ...]
    blocked: tuple[Blocked, ...] | Failure


class _Seen(Struct, frozen=True):
    hidden: Count
    untracked: Count
    prepared_room: Count


def probe(database: Database) -> Facts:
    """Read the sessions that are in a transaction, and leave out what the settings exclude."""
    seen = database.rows(SEEN, _Seen)[0]
    query = SESSIONS if database.version >= (10,) else SESSIONS_9
    sessions = database.rows(query, Session)
    prepared = database.rows(PREPARED, Prepared)
    return Facts(
        unseen=_unseen(seen),
        sessions=tuple(each for each in sessions if not database.excluded(each.database)),
        prepared_possible=seen.prepared_room > 0,
        prepared=tuple(each for each in prepared if not database.excluded(each.database)),
        blocked=named("pg_blocking_pids()", lambda: _blocked(database)),
    )


def _blocked(database: Database) -> tuple[Blocked, ...]:
    if database.version < (9, 6):
        raise Unsupported("pg_blocking_pids()")
    found = database.rows(BLOCKED if database.version >= (14,) else BLOCKED_13, Blocked)
    return tuple(each for each in found if not database.excluded(each.database or ""))


def _unseen(seen: _Seen) -> Failure | None:
    if seen.hidden:
        return Failure(Reason.PERMISSION, "pg_stat_activity")
    return Failure(Reason.NOT_CONFIGURED, "track_activities") if seen.untracked else None
