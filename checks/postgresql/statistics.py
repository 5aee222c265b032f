"""PostgreSQL: what the server counted in each database: checksum failures, deadlocks and more."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Owner,
    Past,
    Rule,
    State,
    Text,
    Thresholds,
    Verdict,
    critical,
    grade,
    limit,
    not_applicable,
    ok,
)
from checks.postgresql._database_counters import Facts, Span, facts_of, named, span_of
from checks.postgresql._database_work import CACHE, TEMPORARY
from checks.wording import count, duration, percent

_SHARED = "pg_global"
"""Object of the catalogues that all databases share: the tablespace that they are in."""


class ChecksumThresholds(Thresholds, frozen=True):
    """Every block that fails counts."""

    critical_failures: Annotated[int, limit("count", "PGA checksum_errors 1")] = 1


_OFF = Text(
    "实例没有开启数据校验（data_checksums = off），坏块不会被发现。",
    "The instance has no data checksums, so a damaged block is not noticed.",
)
_NOT_COUNTED = Text("12 之前的版本不统计校验失败。", "Versions before 12 don't count failures.")
_FAILED = Text(
    "{name} 累计发现 {count} 次数据块校验失败（最近一次 {age}前）：磁盘上的数据已经损坏。",
    "{count} blocks of {name} failed their checksum (the last {age} ago): data are damaged.",
)
_NONE = Text("0 次", "0")


def checksums(
    facts: Facts, thresholds: ChecksumThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge the blocks that failed since the statistics were reset."""
    if not facts.counts_checksums:
        yield not_applicable("", _NOT_COUNTED)
    elif not facts.data_checksums:
        yield not_applicable("", _OFF)
    else:
        for database in facts.databases:
            name, failures = database.name or _SHARED, database.checksum_failures or 0
            if failures < thresholds.critical_failures:
                yield ok(name, _NONE, _NONE)
                continue
            age = duration(database.failure_seconds or 0)
            message = _FAILED.format(name=name, count=failures, age=age)
            yield critical(name, count(failures, "次", "blocks"), _NONE, message)


class ErrorThresholds(Thresholds, frozen=True):
    """A day; of a shorter time since the last inspection what was counted stands for the day."""

    warning_deadlocks: Annotated[float, limit("per day", "OWN 10; ND 10/min")] = 10
    critical_deadlocks: Annotated[float, limit("per day", "OWN")] = 100
    warning_rollback_percent: Annotated[float, limit("%", "catalogue PG-024")] = 10
    least_transactions: Annotated[int, limit("count", "OWN: of fewer a share says little")] = 1000


_DEADLOCKS = Text(
    "死锁 {rate:.1f} 次/天，回滚 {share}", "deadlocks {rate:.1f}/day, rollbacks {share}"
)
_DEADLOCKED = Text(
    "数据库 {name} 在 {span}内发生死锁 {count} 次。",
    "{count} deadlocks in {name} within {span}.",
)
_ROLLED_BACK = Text(
    "数据库 {name} 在 {span}内有 {count} 个事务回滚，占 {share}：应用在大量报错或重试。",
    "{count} transactions ({share}) of {name} were rolled back within {span}.",
)


def errors(facts: Facts, thresholds: ErrorThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge deadlocks a day and the share of rollbacks of every database."""
    reference = Text(
        f"死锁 < {thresholds.warning_deadlocks:g} 次/天，"
        f"回滚 < {thresholds.warning_rollback_percent:g}%",
        f"deadlocks < {thresholds.warning_deadlocks:g}/day, "
        f"rollbacks < {thresholds.warning_rollback_percent:g}%",
    )
    for database in named(facts):
        yield _errors(span_of(database, past), thresholds, reference)


def _errors(span: Span, thresholds: ErrorThresholds, reference: Text) -> Verdict:
    counters = span.counters
    rate = counters.deadlocks / span.days
    transactions = counters.commits + counters.rollbacks
    share = 100 * counters.rollbacks / max(1, transactions)
    deadlocks = grade(rate, thresholds.warning_deadlocks, thresholds.critical_deadlocks)
    many = transactions >= thresholds.least_transactions
    rolled_back = many and share >= thresholds.warning_rollback_percent
    current = _DEADLOCKS.format(rate=rate, share=percent(share))
    if deadlocks is State.OK and not rolled_back:
        return ok(counters.name, current, reference)
    values: dict[str, Text | str] = {"name": counters.name, "span": span.told}
    if deadlocks is not State.OK:
        message = _DEADLOCKED.format(**values, count=counters.deadlocks)
    else:
        message = _ROLLED_BACK.format(**values, count=counters.rollbacks, share=percent(share))
    state = State.WARNING if deadlocks is State.OK else deadlocks
    return Verdict(counters.name, state, current, reference, message)


CHECK = Check(
    title=Text("PostgreSQL 运行统计", "PostgreSQL statistics"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=facts_of,
    systems=("linux", "windows"),
    target="postgresql",
    reads=(
        "pg_stat_database",
        "pg_stat_bgwriter",
        "pg_stat_archiver",
        "pg_database",
        "pg_settings",
    ),
    privilege=Text("角色 pg_monitor", "role pg_monitor"),
    rules=(
        Rule(
            code="PG-022",
            title=Text("数据块校验失败", "Checksum failures"),
            why=Text(
                "校验失败说明磁盘、控制器或内存改坏了数据块；坏块会随备份一起流转，"
                "越晚发现越难恢复。",
                "A failed checksum means that a disk, a controller or memory changed a block; it "
                "goes into the backups, too, and the later it is seen the less can be restored.",
            ),
            remedy=Text(
                "立即保留最近的完好备份，不要覆盖；在副本或恢复环境上用 pg_amcheck、pg_dump "
                "确认损坏的"
                "表，从备份恢复；检查磁盘和内存硬件。处理完成后在该库执行 "
                "SELECT pg_stat_reset() 清零计数（会同时清掉其他统计）。不要打开 "
                "ignore_checksum_failure 了事。",
                "Keep the last good backups from being overwritten; find what is damaged with "
                "pg_amcheck and pg_dump on a copy, restore it from a backup; test disks and "
                "memory. Afterwards SELECT pg_stat_reset() in the database clears the count (and "
                "its other statistics). Don't switch on ignore_checksum_failure and leave it.",
            ),
            priority=1,
            thresholds=ChecksumThresholds,
            evaluate=checksums,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="PG-024",
            title=Text("死锁与回滚", "Deadlocks and rollbacks"),
            why=Text(
                "每次死锁都有一个事务被中止，用户看到的就是保存失败；"
                "回滚比例高说明应用在反复报错。",
                "Every deadlock aborts a transaction: somebody's save failed. Many rollbacks mean "
                "that the application runs into errors over and over.",
            ),
            remedy=Text(
                "开启 log_lock_waits，从服务器日志的 deadlock detected 找出相互等待的语句，"
                "请应用厂商统一加锁顺序、缩短事务；回滚多的从日志的 ERROR 看具体原因。",
                "Switch on log_lock_waits, find the statements by 'deadlock detected' in the "
                "server's log, and ask the vendor to lock in one order and in short transactions; "
                "the log's ERROR lines tell why transactions are rolled back.",
            ),
            priority=2,
            thresholds=ErrorThresholds,
            evaluate=errors,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        TEMPORARY,
        CACHE,
    ),
)
