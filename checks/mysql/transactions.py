"""Transactions and locks: what is open for long, what waits, what ended in a deadlock."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    info,
    limit,
    ok,
    warning,
)
from checks.databases import Database
from checks.errors import part
from checks.judging import judged, missing
from checks.mysql._innodb_status import InnodbStatus, innodb_status
from checks.mysql._locks import OLDEST, Transaction, Waiting, Waits, waits
from checks.mysql._server import (
    SYSTEMS,
    TARGET,
    grown,
    is_mariadb,
    number,
    settings,
    too_few,
)
from checks.wording import count, duration, percent

STATUS = (
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', 'Innodb_deadlocks', "
    "'Table_locks_waited', 'Table_locks_immediate')"
)
DEADLOCKS = (
    "SELECT `count` AS deadlocks FROM information_schema.innodb_metrics "
    "WHERE name = 'lock_deadlocks' AND status = 'enabled'"
)


class Counted(Struct, frozen=True):
    """A row of INNODB_METRICS."""

    deadlocks: int


class Facts(Struct, frozen=True):
    """Open transactions, waits, and counters since the start."""

    oldest: tuple[Transaction, ...]
    waits: Waits
    innodb: InnodbStatus | Failure
    uptime_seconds: float
    counters: Mapping[str, int]
    """waited and immediate (table locks), deadlocks where the version counts them."""


def probe(database: Database) -> Facts:
    """Ask transactions, waits and InnoDB's status. Raise a ProbeError."""
    status = settings(database, STATUS)
    deadlocks = number(status, "innodb_deadlocks")
    if deadlocks is None and not is_mariadb(database) and database.version >= (5, 6):
        counted = part(lambda: database.rows(DEADLOCKS, Counted))
        if not isinstance(counted, Failure) and counted:
            deadlocks = counted[0].deadlocks
    counters = {
        "waited": number(status, "table_locks_waited") or 0,
        "immediate": number(status, "table_locks_immediate") or 0,
    }
    return Facts(
        oldest=database.rows(OLDEST, Transaction),
        waits=waits(database),
        innodb=part(lambda: innodb_status(database)),
        uptime_seconds=number(status, "uptime") or 0,
        counters=counters if deadlocks is None else {**counters, "deadlocks": deadlocks},
    )


class LongThresholds(Thresholds, frozen=True):
    """How long a transaction may be open, and how much undo may wait."""

    warning_seconds: Annotated[float, limit("s", "catalogue MY-014")] = 600
    critical_seconds: Annotated[float, limit("s", "MT 3600 s")] = 3600
    warning_history: Annotated[int, limit("records", "MT 100 000")] = 100_000
    critical_history: Annotated[int, limit("records", "catalogue MY-014")] = 1_000_000


class LockThresholds(Thresholds, frozen=True):
    """How long a wait for a lock may last, how many table locks wait, how many deadlocks are."""

    warning_seconds: Annotated[float, limit("s", "DBC 60 s")] = 60
    critical_seconds: Annotated[float, limit("s", "catalogue MY-015")] = 300
    warning_percent: Annotated[float, limit("%", "DBC 5 %; ND 10-50 %")] = 5
    least_locks: Annotated[int, limit("locks", "OWN: fewer say nothing")] = 10_000
    recent_deadlock_seconds: Annotated[float, limit("s", "OWN: one day")] = 86400
    warning_deadlocks_a_day: Annotated[float, limit("1/d", "OWN: retried without notice")] = 10


_NONE = Text("无", "none")
_LONG = Text(
    "连接 {thread}（{who}）的事务已打开 {time}{asleep}：它锁住的行和撤销数据一直无法释放。",
    "The transaction of connection {thread} ({who}) is open for {time}{asleep}: its locks and its "
    "undo are held.",
)
_ASLEEP = Text("，且连接空闲（Sleep）", ", and the client is idle (Sleep)")
_XA = Text(
    "有一个 XA 事务已准备但没有提交或回滚，已有 {time}：它的锁在重启后仍在（XA RECOVER 可列出）。",
    "An XA transaction is prepared and neither committed nor rolled back for {time}: its locks "
    "outlive a restart (XA RECOVER lists it).",
)
_HISTORY = Text(
    "有 {length} 条撤销记录等待清理：有长事务或写入超过清理速度，查询会越来越慢，undo 文件变大。",
    "{length} undo records wait for the purge: a long transaction, or more writes than it keeps "
    "up with; queries slow down and the undo files grow.",
)


def long(facts: Facts, thresholds: LongThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the oldest transaction, and the length of the history list."""
    if facts.oldest:
        oldest = max(facts.oldest, key=lambda each: each.seconds)
        yield judged(
            "longest",
            max(0.0, oldest.seconds),
            thresholds.warning_seconds,
            thresholds.critical_seconds,
            show=duration,
            message=_told(oldest),
        )
    else:
        reference = Text("< {limit}", "< {limit}").format(
            limit=duration(thresholds.warning_seconds)
        )
        yield ok("longest", _NONE, reference)
    if isinstance(facts.innodb, Failure):
        yield from missing(facts.innodb, "history_list")
        return
    yield judged(
        "history_list",
        facts.innodb.history_length,
        thresholds.warning_history,
        thresholds.critical_history,
        show=lambda value: count(int(value), "条", "records"),
        message=_HISTORY.format(length=facts.innodb.history_length),
    )


def _told(transaction: Transaction) -> Text:
    time = duration(transaction.seconds)
    if transaction.thread == 0:
        return _XA.format(time=time)
    who = transaction.user_name or "?"
    if transaction.database_name:
        who = f"{who}, {transaction.database_name}"
    asleep: Text | str = _ASLEEP if transaction.command == "Sleep" else ""
    return _LONG.format(thread=transaction.thread, who=who, time=time, asleep=asleep)


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
    if isinstance(facts.innodb, Failure):
        return missing(facts.innodb, "deadlocks")[0]
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


CHECK: Check[Facts] = Check(
    title=Text("MySQL 事务与锁", "MySQL transactions and locks"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=SYSTEMS,
    target=TARGET,
    reads=(
        "information_schema.innodb_trx, information_schema.processlist",
        "information_schema.innodb_lock_waits (MySQL 5, MariaDB)",
        "performance_schema.data_lock_waits (MySQL 8+)",
        "information_schema.innodb_metrics (MySQL)",
        "SHOW ENGINE INNODB STATUS (numbers and times only)",
        "SHOW GLOBAL STATUS",
    ),
    privilege=Text(
        "PROCESS；MySQL 8+ 另需 performance_schema.data_lock_waits 的 SELECT（仅用于指出阻塞者）",
        "PROCESS; on MySQL 8+ also SELECT on performance_schema.data_lock_waits, to name blockers",
    ),
    rules=(
        Rule(
            code="MY-014",
            title=Text("长事务与撤销历史", "Long transactions and history list"),
            why=Text(
                "长时间不提交的事务占着行锁，别人改不了；InnoDB 也不能清理旧版本数据，"
                "越积越多，全库变慢。",
                "A transaction that stays open holds its locks, and InnoDB must keep every old "
                "version since then: everything becomes slower.",
            ),
            remedy=Text(
                "在 information_schema.innodb_trx 和 SHOW PROCESSLIST 中找到该连接，"
                "先与业务方确认它在做什么（备份、批处理可等其结束），再 KILL；"
                "KILL 会回滚，改动多时回滚可能比执行还久。程序侧检查是否漏了提交。",
                "Find the connection in information_schema.innodb_trx and SHOW PROCESSLIST and "
                "ask what it does (a backup or a batch may be let run); KILL rolls back, and that "
                "may take longer than the work did. Then look for the missing commit.",
            ),
            priority=2,
            thresholds=LongThresholds,
            evaluate=long,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
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
        ),
    ),
)
