"""达梦 DM8: sessions against their limit, waits for locks, deadlocks, transactions left open.

V$TRX has no time of its own: a transaction that has written is as old as its session's last
request. Waiting times of V$TRXWAIT are milliseconds (documented for V$DSC_TRXWAIT, its twin).

From documentation and public scripts (views of DM8); no DM8 has run these queries for us yet.
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
    info,
    limit,
    ok,
)
from checks.databases import Database
from checks.errors import UnexpectedOutput, part
from checks.judging import judged, missing
from checks.wording import count, duration, percent

SESSIONS = """
SELECT (SELECT COUNT(*) FROM V$SESSIONS) AS "in_use",
       (SELECT MAX(p.PARA_VALUE) FROM V$DM_INI p WHERE p.PARA_NAME = 'MAX_SESSIONS') AS "most"
FROM DUAL
"""
WAITS = """
SELECT COUNT(*) AS "waits", MAX(WAIT_TIME) AS "longest_milliseconds" FROM V$TRXWAIT
"""
DEADLOCKS = """
SELECT COUNT(*) AS "deadlocks" FROM V$DEADLOCK_HISTORY WHERE HAPPEN_TIME > SYSDATE - 1
"""
OPEN = """
SELECT s.USER_NAME AS "username", s.CLNT_IP AS "client", s.STATE AS "state",
       (SYSDATE - s.LAST_RECV_TIME) * 86400 AS "seconds"
FROM V$TRX t JOIN V$SESSIONS s ON s.SESS_ID = t.SESS_ID
WHERE t.STATUS = 'ACTIVE' AND t.INS_CNT + t.DEL_CNT + t.UPD_CNT > 0
ORDER BY s.LAST_RECV_TIME
"""
_MOST = 20


class SessionRow(Struct, frozen=True):
    """Sessions and how many there may be."""

    in_use: int
    most: int | None = None


class WaitRow(Struct, frozen=True):
    """Transactions that wait for others."""

    waits: int
    longest_milliseconds: float | None = None


class DeadlockRow(Struct, frozen=True):
    """Deadlocks of a day."""

    deadlocks: int


class OpenRow(Struct, frozen=True):
    """One transaction that has written and is not ended."""

    seconds: float
    username: str | None = None
    client: str | None = None
    state: str | None = None


class Facts(Struct, frozen=True):
    """Sessions of one instance."""

    sessions: tuple[SessionRow, ...] | Failure
    waits: tuple[WaitRow, ...] | Failure
    deadlocks: int | Failure
    open: tuple[OpenRow, ...] | Failure
    """The oldest ones."""


def probe(database: Database) -> Facts:
    """Ask the instance. Raise a ProbeError."""
    return Facts(
        part(lambda: _limited(database.rows(SESSIONS, SessionRow))),
        part(lambda: database.rows(WAITS, WaitRow)[:1]),
        part(lambda: sum(row.deadlocks for row in database.rows(DEADLOCKS, DeadlockRow))),
        part(lambda: database.rows(OPEN, OpenRow)[:_MOST]),
    )


def _limited(rows: tuple[SessionRow, ...]) -> tuple[SessionRow, ...]:
    if not rows or not rows[0].most:
        raise UnexpectedOutput("V$DM_INI", "no MAX_SESSIONS")
    return rows[:1]


class SessionThresholds(Thresholds, frozen=True):
    """Of MAX_SESSIONS."""

    warning_percent: Annotated[float, limit("%", "DBC 80")] = 80
    critical_percent: Annotated[float, limit("%", "DBC 90")] = 90


def sessions(facts: Facts, thresholds: SessionThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge how near to their limit sessions are."""
    if isinstance(facts.sessions, Failure):
        yield from missing(facts.sessions)
        return
    row = facts.sessions[0]
    message = Text(
        f"当前会话 {row.in_use} 个，上限 MAX_SESSIONS 为 {row.most}。",
        f"{row.in_use} sessions of at most {row.most} (MAX_SESSIONS).",
    )
    yield judged(
        "",
        _share(row),
        thresholds.warning_percent,
        thresholds.critical_percent,
        show=percent,
        message=message,
    )


def _share(row: SessionRow) -> float:
    return 100 * row.in_use / row.most if row.most else 100.0


class WaitThresholds(Thresholds, frozen=True):
    """Of waits for locks, and of transactions left open."""

    warning_waits: Annotated[int, limit("transactions", "DBC 2")] = 2
    critical_waits: Annotated[int, limit("transactions", "DBC 5")] = 5
    warning_seconds: Annotated[float, limit("s", "DBC 60")] = 60
    critical_seconds: Annotated[float, limit("s", "DBC 300")] = 300


def waits(facts: Facts, thresholds: WaitThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge waits for locks, transactions left open; tell deadlocks."""
    if isinstance(facts.waits, Failure):
        yield from missing(facts.waits, "waits")
    else:
        waiting = sum(row.waits for row in facts.waits)
        longest = max((row.longest_milliseconds or 0 for row in facts.waits), default=0)
        message = Text(
            "{waits} 个事务在等待锁，最长已等待 {longest}。",
            "{waits} transactions wait for locks, {longest} at most.",
        ).format(waits=waiting, longest=duration(longest / 1000))
        yield judged(
            "waits",
            waiting,
            thresholds.warning_waits,
            thresholds.critical_waits,
            show=lambda number: count(int(number), "个", "transactions"),
            message=message,
        )
    yield from _open(facts.open, thresholds)
    if isinstance(facts.deadlocks, Failure):
        yield from missing(facts.deadlocks, "deadlocks")
        return
    current = count(facts.deadlocks, "次", "times")
    none = Text("24 小时内无", "none in 24 h")
    if facts.deadlocks:
        message = Text(
            f"24 小时内发生 {facts.deadlocks} 次死锁，被回滚的操作需要应用重试。",
            f"{facts.deadlocks} deadlocks in 24 h: the application has to repeat what was undone.",
        )
        yield info("deadlocks", current, none, message)
    else:
        yield ok("deadlocks", current, none)


def _open(found: tuple[OpenRow, ...] | Failure, thresholds: WaitThresholds) -> Iterator[Verdict]:
    if isinstance(found, Failure):
        yield from missing(found, "transactions")
        return
    if not found:
        none = Text("没有未结束的写事务", "no open transaction has written")
        yield ok("transactions", none, none)
        return
    worst = max(found, key=lambda row: row.seconds)
    message = Text(
        "用户 {user}（{client}，{state}）的写事务已有 {age}没有结束。",
        "A transaction of {user} ({client}, {state}) that has written is open for {age}.",
    ).format(
        user=worst.username or "—",
        client=worst.client or "—",
        state=worst.state or "—",
        age=duration(worst.seconds),
    )
    yield judged(
        "transactions",
        worst.seconds,
        thresholds.warning_seconds,
        thresholds.critical_seconds,
        show=duration,
        message=message,
    )


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield the share of sessions."""
    if not isinstance(facts.sessions, Failure):
        yield from (Measure("used_percent", "", _share(row)) for row in facts.sessions)


CHECK = Check(
    title=Text("达梦会话与锁", "DM8 sessions and locks"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    measures=measures,
    trends=(
        Trend(
            "used_percent",
            Text("达梦会话使用率", "Use of DM8 sessions"),
            "%",
            rule="DM-006",
            warning="warning_percent",
            critical="critical_percent",
        ),
    ),
    systems=("linux", "windows"),
    target="dameng",
    reads=("V$SESSIONS, V$DM_INI, V$TRXWAIT, V$TRX, V$DEADLOCK_HISTORY",),
    privilege=Text("角色 VTI（V$ 视图）", "the role VTI (V$ views)"),
    rules=(
        Rule(
            code="DM-006",
            title=Text("达梦会话使用率", "Use of sessions"),
            why=Text(
                "达到 MAX_SESSIONS 后新的连接会被拒绝。",
                "At MAX_SESSIONS new connections are refused.",
            ),
            remedy=Text(
                "检查应用连接池是否泄漏；需要时调大 dm.ini 的 MAX_SESSIONS 并重启，"
                "同时核对操作系统句柄限制。",
                "Look for leaks of the application's connection pool; else raise MAX_SESSIONS in "
                "dm.ini with a restart, together with the system's limit of open files.",
            ),
            priority=2,
            thresholds=SessionThresholds,
            evaluate=sessions,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="DM-007",
            title=Text("达梦锁等待与长事务", "Waits for locks and open transactions"),
            why=Text(
                "不提交的事务让其他用户一直等待，业务看起来就像卡死。",
                "Transactions left open keep others waiting: the application looks frozen.",
            ),
            remedy=Text(
                "用 V$TRXWAIT 的 WAIT_FOR_ID 找到阻塞的会话，先联系使用者提交；"
                "确认可以中断后再 SP_CLOSE_SESSION(会话号)，它未提交的修改会回滚。",
                "Find the blocker by WAIT_FOR_ID in V$TRXWAIT and ask its user to commit; "
                "SP_CLOSE_SESSION(id) only when that is agreed: its changes are rolled back.",
            ),
            priority=2,
            thresholds=WaitThresholds,
            evaluate=waits,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
