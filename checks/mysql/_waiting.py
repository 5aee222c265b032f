"""MY-015: who waits for a lock, and what ended in a deadlock."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Failure,
    Owner,
    Past,
    Rule,
    State,
    Text,
    Thresholds,
    Verdict,
    info,
    limit,
    ok,
    warning,
)
from checks.judging import judged, missing
from checks.mysql._locks import Waiting, Waits
from checks.mysql._server import UNKNOWN, grown, too_few
from checks.mysql._transaction_facts import Facts
from checks.wording import duration, percent


class LockThresholds(Thresholds, frozen=True):
    """How long a wait for a lock may last, how many table locks wait, how many deadlocks are."""

    warning_seconds: Annotated[float, limit("s", "DBC 60 s")] = 60
    critical_seconds: Annotated[float, limit("s", "catalogue MY-015")] = 300
    warning_percent: Annotated[float, limit("%", "DBC 5 %; ND 10-50 %")] = 5
    least_locks: Annotated[int, limit("locks", "OWN: fewer say nothing")] = 10_000
    recent_deadlock_seconds: Annotated[float, limit("s", "OWN: one day")] = 86400
    warning_deadlocks_a_day: Annotated[float, limit("1/d", "OWN: retried without notice")] = 10


_NONE = Text("无", "none")
_WAITS = Text(
    "{number} 个连接在等锁，最久的是连接 {thread}，已等 {time}{blocker}。",
    "{number} connections wait for a lock, the longest is {thread}, for {time}{blocker}.",
)
_BLOCKED = Text("，被连接 {blocking} 阻塞", ", held by connection {blocking}")
_TABLE_LOCKS = Text(
    "{window}有 {share} 的表锁需要等待：常见于 MyISAM 表或 LOCK TABLES。",
    "{share} of table locks had to wait ({window}): MyISAM tables, or LOCK TABLES.",
)
_DEADLOCK = Text(
    "最近一次死锁在 {time}前：被回滚的一方需要由程序重试。",
    "The latest deadlock was {time} ago: the transaction rolled back must be tried again by the "
    "application.",
)
_DEADLOCKS = Text(
    "{window}发生 {found} 次死锁（约每天 {rate:.0f} 次）{latest}。",
    "{found} deadlocks, about {rate:.0f} a day ({window}){latest}.",
)
_LATEST = Text("，最近一次在 {time}前", ", the latest {time} ago")


def locks(facts: Facts, thresholds: LockThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the waits at this moment, the table locks and the deadlocks."""
    yield _waiting(facts.waits, thresholds)
    found, window = grown(facts.counters, facts.uptime_seconds, past)
    asked = found["waited"] + found["immediate"]
    if asked < thresholds.least_locks:
        yield too_few("table_locks", Text("次表锁", "table locks"), asked, thresholds.least_locks)
    else:
        share = 100 * found["waited"] / asked
        state = State.WARNING if share >= thresholds.warning_percent else State.OK
        message = _TABLE_LOCKS.format(window=window.words, share=percent(share))
        yield Verdict(
            "table_locks",
            state,
            percent(share),
            Text.same(f"< {thresholds.warning_percent:g}%"),
            None if state is State.OK else message,
        )
    yield _deadlocks(facts, thresholds, found.get("deadlocks"), window.seconds, window.words)


def _waiting(found: Waits, thresholds: LockThresholds) -> Verdict:
    everyone = [*found.rows, *found.tables]
    if not everyone:
        reference = Text("< {limit}", "< {limit}").format(
            limit=duration(thresholds.warning_seconds)
        )
        return ok("lock_waits", _NONE, reference)
    longest = max(everyone, key=lambda each: each.seconds or 0)
    time = max(0.0, longest.seconds or 0)
    return judged(
        "lock_waits",
        time,
        thresholds.warning_seconds,
        thresholds.critical_seconds,
        show=duration,
        message=_WAITS.format(
            number=len({each.thread for each in everyone}),
            thread=longest.thread,
            time=duration(time),
            blocker=_blocker(found, longest),
        ),
    )


def _blocker(found: Waits, longest: Waiting) -> Text | str:
    if isinstance(found.blockers, Failure):
        return ""
    names = {f"{pair.blocking}" for pair in found.blockers if pair.waiting == longest.thread}
    return _BLOCKED.format(blocking=", ".join(sorted(names)[:5])) if names else ""


def _deadlocks(
    facts: Facts, thresholds: LockThresholds, number: int | None, seconds: float, window: Text
) -> Verdict:
    if facts.innodb is None:
        return missing(facts.innodb_refused or UNKNOWN, "deadlocks")[0]
    ago = facts.innodb.deadlock_seconds
    # Less than a day of counting would make a crowd of one.
    rate = (number or 0) / max(1.0, seconds / 86400)
    most = thresholds.warning_deadlocks_a_day
    reference = Text(f"< {most:g} 次/天", f"< {most:g} a day")
    current = Text("无", "none")
    if ago is not None:
        current = Text("最近一次在 {time}前", "latest {time} ago").format(time=duration(ago))
    if rate >= most:
        latest: Text | str = _LATEST.format(time=duration(ago)) if ago is not None else ""
        message = _DEADLOCKS.format(window=window, found=number or 0, rate=rate, latest=latest)
        return warning("deadlocks", current, reference, message)
    if ago is not None and ago < thresholds.recent_deadlock_seconds:
        return info("deadlocks", current, reference, _DEADLOCK.format(time=duration(ago)))
    return ok("deadlocks", current, reference)


LOCKS: Rule[Facts, LockThresholds] = Rule(
    code="MY-015",
    title=Text("锁等待与死锁", "Lock waits and deadlocks"),
    why=Text(
        "等锁的会话对用户来说就是“卡死”；死锁频繁说明程序更新数据的顺序不一致。",
        "To its user a session that waits for a lock is frozen; many deadlocks tell of "
        "programs that change rows in different orders.",
    ),
    remedy=Text(
        "MySQL 8 查 sys.innodb_lock_waits，其他版本查 information_schema.innodb_lock_waits"
        "找到阻塞者，与业务方确认后 KILL 它（会回滚其事务）；"
        "死锁的详情在 SHOW ENGINE INNODB STATUS 中，交开发统一更新顺序、缩短事务、补索引。",
        "Find the holder in sys.innodb_lock_waits (MySQL 8) or "
        "information_schema.innodb_lock_waits; KILL it after asking (its work is rolled "
        "back). SHOW ENGINE INNODB STATUS has the details of the latest deadlock: same "
        "order of changes, shorter transactions, the missing index.",
    ),
    priority=2,
    thresholds=LockThresholds,
    evaluate=locks,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
