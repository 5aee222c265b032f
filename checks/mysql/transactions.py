"""Transactions and locks: what is open for long, what waits, what ended in a deadlock."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    limit,
    ok,
)
from checks.judging import judged, missing
from checks.mysql import TARGET, _waiting
from checks.mysql._locks import Transaction
from checks.mysql._server import SYSTEMS, UNKNOWN
from checks.mysql._transaction_facts import Facts, probe
from checks.wording import count, duration


class LongThresholds(Thresholds, frozen=True):
    """How long a transaction may be open, and how much undo may wait."""

    warning_seconds: Annotated[float, limit("s", "catalogue MY-014")] = 600
    critical_seconds: Annotated[float, limit("s", "MT 3600 s")] = 3600
    warning_history: Annotated[int, limit("records", "MT 100 000")] = 100_000
    critical_history: Annotated[int, limit("records", "catalogue MY-014")] = 1_000_000


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
    if facts.innodb is None:
        yield from missing(facts.innodb_refused or UNKNOWN, "history_list")
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
        _waiting.LOCKS,
    ),
)
