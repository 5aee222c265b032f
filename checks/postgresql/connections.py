"""Connections: how many of those that applications may open are in use."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Measure,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Trend,
    Verdict,
    limit,
)
from checks.databases import Database
from checks.judging import judged
from checks.wording import percent
from wire.messages import Count, Label

ROOM = """
SELECT (SELECT setting::int FROM pg_settings WHERE name = 'max_connections') AS maximum,
       (SELECT sum(setting::int) FROM pg_settings
        WHERE name IN ('superuser_reserved_connections', 'reserved_connections')) AS reserved
"""
_USED = """
SELECT count(*) AS used,
       count(*) FILTER (WHERE state = 'active') AS active,
       count(*) FILTER (WHERE state = 'idle') AS idle,
       count(*) FILTER (WHERE state LIKE 'idle in transaction%') AS idle_in_transaction,
       count(*) FILTER (WHERE query = '<insufficient privilege>') AS hidden
FROM pg_stat_activity
"""
# An account without pg_read_all_stats sees no kind of other sessions, but what they are bound to.
_HIDDEN = "backend_type IS NULL AND datid IS NOT NULL"
USED = f"{_USED}WHERE backend_type = 'client backend' OR {_HIDDEN}\n"
# Before 12 max_wal_senders were taken from max_connections.
USED_11 = f"{_USED}WHERE backend_type IN ('client backend', 'walsender') OR {_HIDDEN}\n"
USED_9 = f"{_USED}WHERE datid IS NOT NULL\n"
LIMITS = """
SELECT 'DATABASE ' || d.datname AS name, d.datconnlimit AS most, s.numbackends AS used
FROM pg_database AS d
JOIN pg_stat_database AS s ON s.datid = d.oid
WHERE d.datconnlimit > 0
UNION ALL
SELECT 'ROLE ' || r.rolname, r.rolconnlimit,
       (SELECT count(*) FROM pg_stat_activity AS a WHERE a.usesysid = r.oid)
FROM pg_roles AS r
WHERE r.rolconnlimit > 0 AND NOT r.rolsuper AND r.rolcanlogin
ORDER BY 1
LIMIT 200
"""
BUSIEST = """
SELECT coalesce(datname::text, '-') || '/' || coalesce(usename::text, '-') AS name,
       count(*) AS used
FROM pg_stat_activity
WHERE datid IS NOT NULL
GROUP BY datname, usename
ORDER BY count(*) DESC
LIMIT 5
"""


class States(Struct, frozen=True):
    """What the connections do."""

    active: Count
    idle: Count
    idle_in_transaction: Count


class Limited(Struct, frozen=True):
    """A database or role that has a limit of its own: `DATABASE erp`, `ROLE app`."""

    name: Label
    most: Count
    used: Count


class Client(Struct, frozen=True):
    """Database and login that hold connections: `erp/app`."""

    name: Label
    used: Count


class Facts(Struct, frozen=True):
    """Connections of clients."""

    maximum: Count
    """max_connections."""
    reserved: Count
    """For superusers, and from 16 on for roles with pg_use_reserved_connections."""
    used: Count
    states: States | None
    """None where the account may not see what others do."""
    limited: tuple[Limited, ...]
    busiest: tuple[Client, ...]


class _Room(Struct, frozen=True):
    maximum: Count
    reserved: Count


class _Used(Struct, frozen=True):
    used: Count
    active: Count
    idle: Count
    idle_in_transaction: Count
    hidden: Count


def probe(database: Database) -> Facts:
    """Count the sessions of clients."""
    room = database.rows(ROOM, _Room)[0]
    before_12 = USED_11 if database.version >= (10,) else USED_9
    now = database.rows(USED if database.version >= (12,) else before_12, _Used)[0]
    states = None if now.hidden else States(now.active, now.idle, now.idle_in_transaction)
    limited = database.rows(LIMITS, Limited)
    busiest = database.rows(BUSIEST, Client)
    return Facts(room.maximum, room.reserved, now.used, states, limited, busiest)


class UsedThresholds(Thresholds, frozen=True):
    """Share of the connections that ordinary accounts may open."""

    warning_percent: Annotated[float, limit("%", "DBC, ND 80 %")] = 80
    critical_percent: Annotated[float, limit("%", "DBC, ND 90 %")] = 90


_NEARLY = Text(
    "已用 {used} 个连接，普通用户最多 {most} 个（max_connections {maximum}，保留 {reserved} 个）。"
    "{states}占用最多：{busiest}。",
    "{used} of the {most} connections for ordinary users are in use (max_connections {maximum}, "
    "{reserved} reserved). {states}Most are held by {busiest}.",
)
_STATES = Text(
    "其中执行中 {active} 个，空闲 {idle} 个，事务中空闲 {waiting} 个。",
    "{active} are active, {idle} idle, {waiting} idle in transaction. ",
)
_LIMIT = Text(
    "{name} 的连接上限为 {most}，已用 {used} 个。",
    "{name} has a limit of {most} connections; {used} are in use.",
)


def used(facts: Facts, thresholds: UsedThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the connections of the instance, and of databases and roles with limits."""
    states: Text | str = ""
    if facts.states is not None:
        states = _STATES.format(
            active=facts.states.active,
            idle=facts.states.idle,
            waiting=facts.states.idle_in_transaction,
        )
    message = _NEARLY.format(
        used=facts.used,
        most=_room(facts),
        maximum=facts.maximum,
        reserved=facts.reserved,
        states=states,
        busiest=", ".join(f"{client.name} {client.used}" for client in facts.busiest) or "-",
    )
    yield _judged("", used_percent(facts), thresholds, message)
    for each in facts.limited:
        share = 100 * each.used / each.most if each.most else 100
        message = _LIMIT.format(name=each.name, most=each.most, used=each.used)
        yield _judged(each.name, share, thresholds, message)


def used_percent(facts: Facts) -> float:
    """Return the share in use of what ordinary accounts may open."""
    return 100 * facts.used / _room(facts)


def _room(facts: Facts) -> int:
    return max(1, facts.maximum - facts.reserved)


def _judged(name: str, share: float, thresholds: UsedThresholds, message: Text) -> Verdict:
    worst = thresholds.critical_percent
    return judged(name, share, thresholds.warning_percent, worst, show=percent, message=message)


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield the share in use."""
    yield Measure("used_percent", "", used_percent(facts))


CHECK = Check(
    title=Text("PostgreSQL 连接数", "PostgreSQL connections"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    measures=measures,
    trends=(
        Trend(
            "used_percent",
            Text("PostgreSQL 连接使用率", "PostgreSQL connections used"),
            "%",
            rule="PG-002",
            warning="warning_percent",
            critical="critical_percent",
        ),
    ),
    reads=(
        "pg_stat_activity (counts)",
        "pg_settings",
        "pg_database",
        "pg_stat_database",
        "pg_roles",
    ),
    privilege=Text(
        "任意登录用户；看到各连接的状态需要 pg_read_all_stats（或 pg_monitor）",
        "any account; pg_read_all_stats (or pg_monitor) to see what the connections do",
    ),
    systems=("linux", "windows"),
    target="postgresql",
    rules=(
        Rule(
            code="PG-002",
            title=Text("连接数使用率", "Connections used"),
            why=Text(
                "连接数用完后，新的登录会被拒绝（too many clients），业务系统报错；"
                "每个连接还占用数 MB 内存。",
                "Once they are used up new logins are refused (too many clients), and the "
                "application fails; each connection also takes some MB of memory.",
            ),
            remedy=Text(
                "先查明占用连接的应用和空闲连接（SELECT datname, usename, state, count(*) FROM "
                "pg_stat_activity GROUP BY 1, 2, 3），修正连接池上限或连接泄漏，"
                "或使用 pgbouncer；"
                "确需调大 max_connections 时先核算内存，修改后要重启数据库。",
                "Find who holds them and how many are idle (SELECT datname, usename, state, "
                "count(*) FROM pg_stat_activity GROUP BY 1, 2, 3); put pool sizes and leaks right "
                "or use pgbouncer. A larger max_connections needs memory, and a restart.",
            ),
            priority=1,
            thresholds=UsedThresholds,
            evaluate=used,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
