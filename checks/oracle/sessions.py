"""Oracle: sessions and processes against their limits, and sessions that block others.

From the reference (11.2 to 23ai); no Oracle has run these queries for us yet.
"""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
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
    not_applicable,
    ok,
)
from checks.databases import Database
from checks.errors import part
from checks.judging import judged, missing
from checks.wording import duration, percent

LIMITS = """
SELECT resource_name AS name, current_utilization AS in_use, max_utilization AS highest,
       TRIM(limit_value) AS most
FROM v$resource_limit
WHERE resource_name IN ('processes', 'sessions')
"""
BLOCKED = """
SELECT s.sid AS sid, s.username AS username, s.blocking_session AS blocker,
       s.seconds_in_wait AS seconds, b.username AS blocker_username, b.machine AS blocker_machine
FROM v$session s
LEFT JOIN v$session b
       ON b.sid = s.blocking_session AND s.blocking_instance = USERENV('INSTANCE')
WHERE s.blocking_session IS NOT NULL AND s.wait_class <> 'Idle'
ORDER BY s.seconds_in_wait DESC
"""
_MOST = 20


class LimitRow(Struct, frozen=True):
    """One resource of the instance."""

    name: str
    in_use: int
    highest: int
    most: str
    """A number, or UNLIMITED."""

    @property
    def used_percent(self) -> float | None:
        """Return its share of the limit; None where there is none."""
        return (
            100 * self.in_use / int(self.most) if self.most.isdigit() and int(self.most) else None
        )


class BlockedRow(Struct, frozen=True):
    """One session that waits for another."""

    sid: int
    blocker: int
    seconds: float
    username: str | None = None
    blocker_username: str | None = None
    blocker_machine: str | None = None


class Facts(Struct, frozen=True, kw_only=True):
    """Sessions of one instance."""

    limits: tuple[LimitRow, ...] | Failure
    blocked: tuple[BlockedRow, ...] | Failure
    """The longest waits."""
    blocked_sessions: int = 0


def probe(database: Database) -> Facts:
    """Ask the instance. Raise a ProbeError."""
    blocked = part(lambda: database.rows(BLOCKED, BlockedRow))
    return Facts(
        limits=part(lambda: database.rows(LIMITS, LimitRow)),
        blocked=blocked if isinstance(blocked, Failure) else blocked[:_MOST],
        blocked_sessions=0 if isinstance(blocked, Failure) else len(blocked),
    )


class LimitThresholds(Thresholds, frozen=True):
    """Of the parameters PROCESSES and SESSIONS."""

    warning_percent: Annotated[float, limit("%", "COH 80; DBC 85")] = 80
    critical_percent: Annotated[float, limit("%", "DBC 95; COH 100")] = 95


def limits(facts: Facts, thresholds: LimitThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge how near to its limit each resource is."""
    if isinstance(facts.limits, Failure):
        yield from missing(facts.limits)
        return
    for row in facts.limits:
        share = row.used_percent
        if share is None:
            yield not_applicable(row.name, Text("没有上限。", "There is no limit."))
            continue
        message = Text(
            f"{row.name} 已用 {row.in_use}，上限 {row.most}，启动以来最高 {row.highest}。",
            f"{row.in_use} of {row.most} {row.name} are in use, {row.highest} at most since start.",
        )
        yield judged(
            row.name,
            share,
            thresholds.warning_percent,
            thresholds.critical_percent,
            show=percent,
            message=message,
        )


class BlockThresholds(Thresholds, frozen=True):
    """Of the longest wait for another session."""

    warning_seconds: Annotated[float, limit("s", "COH 60; DBC 60")] = 60
    critical_seconds: Annotated[float, limit("s", "COH 120")] = 120


def blocking(facts: Facts, thresholds: BlockThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the longest wait for another session."""
    if isinstance(facts.blocked, Failure):
        yield from missing(facts.blocked)
        return
    if not facts.blocked:
        none = Text("无阻塞", "no session is blocked")
        yield ok("", none, none)
        return
    worst = max(facts.blocked, key=lambda row: row.seconds)
    message = Text(
        "{number} 个会话被阻塞，最长的 {user}（SID {sid}）已等待 {wait}，"
        "被 {blocker}（SID {other}，{machine}）阻塞。",
        "{number} sessions are blocked; {user} (SID {sid}) has waited {wait} for {blocker} (SID "
        "{other}, {machine}).",
    ).format(
        number=max(facts.blocked_sessions, len(facts.blocked)),
        user=worst.username or "—",
        sid=worst.sid,
        wait=duration(worst.seconds),
        blocker=worst.blocker_username or "—",
        other=worst.blocker,
        machine=worst.blocker_machine or "—",
    )
    yield judged(
        "",
        worst.seconds,
        thresholds.warning_seconds,
        thresholds.critical_seconds,
        show=duration,
        message=message,
    )


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield the share of each limit."""
    if not isinstance(facts.limits, Failure):
        for row in facts.limits:
            if (share := row.used_percent) is not None:
                yield Measure("used_percent", row.name, share)


CHECK = Check(
    title=Text("Oracle 会话", "Oracle sessions"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    measures=measures,
    trends=(
        Trend(
            "used_percent",
            Text("Oracle 会话与进程使用率", "Use of Oracle sessions and processes"),
            "%",
            rule="ORA-009",
            warning="warning_percent",
            critical="critical_percent",
        ),
    ),
    systems=("linux", "windows"),
    target="oracle",
    reads=("v$resource_limit, v$session",),
    privilege=Text(
        "CREATE SESSION，以及对上述视图（V_$…）的 SELECT",
        "CREATE SESSION, and SELECT on these views (V_$…)",
    ),
    rules=(
        Rule(
            code="ORA-009",
            title=Text("会话与进程使用率", "Sessions and processes"),
            why=Text(
                "达到 PROCESSES 或 SESSIONS 上限后新的连接会失败（ORA-00020、ORA-00018）。",
                "At the limit of PROCESSES or SESSIONS new connections fail (ORA-00020, "
                "ORA-00018).",
            ),
            remedy=Text(
                "先检查应用连接池是否泄漏；需要时 ALTER SYSTEM SET processes=… SCOPE=SPFILE 并"
                "安排重启，同时核对内存和内核参数。",
                "Look for leaks of the application's connection pool first; else ALTER SYSTEM SET "
                "processes=… SCOPE=SPFILE and a planned restart, with a look at memory and kernel "
                "limits.",
            ),
            priority=2,
            thresholds=LimitThresholds,
            evaluate=limits,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="ORA-010",
            title=Text("阻塞会话", "Blocking sessions"),
            why=Text(
                "一个不提交的会话会让其他用户的操作一直等待，业务看起来就像卡死。",
                "One session that doesn't commit keeps others waiting: the application looks "
                "frozen.",
            ),
            remedy=Text(
                "先联系阻塞会话的使用者提交或回滚；确认可以中断后再执行 "
                "ALTER SYSTEM KILL SESSION 'sid,serial#'，它未提交的修改会回滚。",
                "Ask the blocker's user to commit or roll back; ALTER SYSTEM KILL SESSION "
                "'sid,serial#' only when that is agreed: its uncommitted changes are rolled back.",
            ),
            priority=2,
            thresholds=BlockThresholds,
            evaluate=blocking,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
