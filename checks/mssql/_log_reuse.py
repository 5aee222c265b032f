"""MSSQL-018: what keeps a log from being emptied, seen in two inspections.

LOG_BACKUP by itself is how every log with full recovery looks between two backups: it counts
where no log backup was made between the inspections.
"""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Failure,
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.mssql._log import Facts, LogRow, not_open, statistics_of, used_of
from wire.messages import Reason


class ReuseThresholds(Thresholds, frozen=True):
    """When a log that is not emptied becomes urgent."""

    critical_used_percent: Annotated[float, limit("%", "catalogue: + log > 75 %")] = 75


_HOLDERS = {
    "LOG_BACKUP": Text("没有日志备份", "no log backup"),
    "ACTIVE_TRANSACTION": Text("有未结束的长事务", "a transaction that does not end"),
    "REPLICATION": Text("复制或 CDC 未读取日志", "replication or CDC that does not read it"),
    "AVAILABILITY_REPLICA": Text("可用性副本落后或断开", "a replica that is behind or gone"),
    "DATABASE_MIRRORING": Text("镜像落后或断开", "a mirror that is behind or gone"),
}
_WANTED = Text("日志可以截断", "the log is emptied")
_FREE = Text("可以截断", "emptied")
_MODEL = Text("新建数据库的模板，没有业务。", "The pattern of new databases: nobody works in it.")
_HELD = Text(
    "数据库 {name} 的日志连续两次巡检都无法截断：{holder}（{wait}），日志会一直增长。",
    "Two inspections found the log of {name} held by {holder} ({wait}): it grows without end.",
)
_ONCE = Text(
    "第一次见到日志被 {wait} 占用，下次巡检后才能判断是否持续。",
    "The log is held by {wait} for the first time; the next inspection tells whether that lasts.",
)


def reuse(facts: Facts, thresholds: ReuseThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge what held each log in this inspection and in the one before."""
    for log in facts.logs:
        yield not_open(log) or _judged(facts, log, thresholds, past)


def _judged(facts: Facts, log: LogRow, thresholds: ReuseThresholds, past: Past[Facts]) -> Verdict:
    if log.name == "model":
        return not_applicable(log.name, _MODEL)
    wait = log.reuse_wait or ""
    if not wait:
        return not_run(log.name, Failure(Reason.PERMISSION, "sys.databases"))
    if wait not in _HOLDERS:
        return ok(log.name, _FREE if wait == "NOTHING" else Text.same(wait), _WANTED)
    if past.previous is None:
        failure = Failure(Reason.NO_HISTORY, f"log_reuse_wait {wait}")
        return not_run(log.name, failure, _ONCE.format(wait=wait))
    before = next((row for row in past.previous.logs if row.name == log.name), None)
    if before is None or before.reuse_wait != wait or _was_emptied(facts, log, past):
        return ok(log.name, Text.same(wait), _WANTED)
    message = _HELD.format(name=log.name, wait=wait, holder=_HOLDERS[wait])
    full = used_of(facts).get(log.name, 0.0) >= thresholds.critical_used_percent
    return (critical if full else warning)(log.name, Text.same(wait), _WANTED, message)


def _was_emptied(facts: Facts, log: LogRow, past: Past[Facts]) -> bool:
    """Return whether a log backup was made since the inspection before."""
    if log.reuse_wait != "LOG_BACKUP":
        return False
    if not isinstance(facts.statistics, Failure):
        row = statistics_of(facts).get(log.name)
        age = row.backup_seconds if row is not None else None
        return age is not None and age < (past.elapsed_seconds or 0)
    # Before 2016 SP2 the log tells no date: one that got emptier was backed up.
    before = used_of(past.previous) if past.previous is not None else {}
    return used_of(facts).get(log.name, 100.0) < before.get(log.name, 0.0)


REUSE = Rule(
    code="MSSQL-018",
    title=Text("日志无法截断", "Logs that are not emptied"),
    why=Text(
        "日志不能截断就会一直增长，直到写满磁盘；连续两次巡检都如此，说明不是偶然。",
        "A log that is not emptied grows until the disk is full; in two inspections that is no "
        "chance.",
    ),
    remedy=Text(
        "LOG_BACKUP：恢复日志备份作业；ACTIVE_TRANSACTION：用 DBCC OPENTRAN 找到会话，"
        "与业务确认后再结束；"
        "REPLICATION：检查日志读取代理或停用无用的 CDC；AVAILABILITY_REPLICA："
        "修复或移除落后的副本。",
        "LOG_BACKUP: bring back the job; ACTIVE_TRANSACTION: find the session by DBCC OPENTRAN and "
        "ask "
        "its people before ending it; REPLICATION: mend the log reader, or switch off a CDC nobody "
        "reads; AVAILABILITY_REPLICA: mend or remove the replica.",
    ),
    priority=1,
    thresholds=ReuseThresholds,
    evaluate=reuse,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
