"""MSSQL-017 and 019: logs that are nearly full, and logs larger than their data."""

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
    grade,
    limit,
    not_applicable,
    not_run,
    ok,
)
from checks.judging import judged, missing
from checks.mssql._log import Facts, LogRow, not_open, used_of
from checks.wording import percent, size
from wire.messages import Reason


class UseThresholds(Thresholds, frozen=True):
    """How full a log may be."""

    warning_used_percent: Annotated[float, limit("%", "DCK 75 %")] = 75
    critical_used_percent: Annotated[float, limit("%", "ND 90 %")] = 90


class SizeThresholds(Thresholds, frozen=True):
    """How large a log may be beside its data."""

    warning_ratio: Annotated[float, limit("× data", "FRK#75; DCK 100 %")] = 1
    critical_ratio: Annotated[float, limit("× data", "catalogue: more than 5 times")] = 5
    least_bytes: Annotated[float, limit("bytes", "catalogue: logs of more than 1 GB")] = 2**30


_USED = Text(
    "数据库 {name} 的日志（{bytes}）已用 {used}，未截断的原因：{wait}。",
    "The log of {name} ({bytes}) is {used} full; it is not emptied because of {wait}.",
)
_LARGE = Text(
    "数据库 {name} 的日志文件 {log}，是数据文件 {data} 的 {ratio:.1f} 倍："
    "多为长期没有日志备份所致。",
    "The log of {name} takes {log}, {ratio:.1f} times its data ({data}): log backups were missing "
    "for long.",
)
_TEMPDB = Text(
    "sys.master_files 中的 tempdb 是启动时的大小，不作比较。",
    "Of tempdb sys.master_files tells the size at the start: not compared.",
)
_RATIO = Text("日志 {log} / 数据 {data}", "log {log}, data {data}")
_WANTED = Text("日志不大于数据", "a log no larger than the data")


def used(facts: Facts, thresholds: UseThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge how full each log is."""
    if isinstance(facts.used, Failure):
        yield from missing(facts.used)
        return
    known = used_of(facts)
    for log in facts.logs:
        value = known.get(log.name)
        aside = not_open(log)
        if aside is not None:
            yield aside
        elif value is None:
            failure = Failure(Reason.UNSUPPORTED, "sys.dm_os_performance_counters")
            yield not_run(log.name, failure)
        else:
            yield judged(
                log.name,
                value,
                thresholds.warning_used_percent,
                thresholds.critical_used_percent,
                show=percent,
                message=_USED.format(
                    name=log.name,
                    bytes=size(log.log_bytes),
                    used=percent(value),
                    wait=log.reuse_wait or "-",
                ),
            )


def sizes(facts: Facts, thresholds: SizeThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the size of each log beside its data."""
    for log in facts.logs:
        if log.name == "tempdb":
            yield not_applicable(log.name, _TEMPDB)
        elif not log.log_bytes or not log.data_bytes:
            yield not_run(log.name, Failure(Reason.PERMISSION, "sys.master_files"))
        else:
            yield _sized(log, thresholds)


def _sized(log: LogRow, thresholds: SizeThresholds) -> Verdict:
    ratio = log.log_bytes / log.data_bytes
    shown = {"log": size(log.log_bytes), "data": size(log.data_bytes)}
    current = _RATIO.format(**shown)
    state = grade(ratio, thresholds.warning_ratio, thresholds.critical_ratio)
    # Young databases have logs larger than their data, and small.
    if state is State.OK or log.log_bytes <= thresholds.least_bytes:
        return ok(log.name, current, _WANTED)
    message = _LARGE.format(name=log.name, ratio=ratio, **shown)
    return Verdict(log.name, state, current, _WANTED, message)


USED = Rule(
    code="MSSQL-017",
    title=Text("日志使用率", "How full the logs are"),
    why=Text(
        "日志用满且无法增长时报错 9002，所有修改都会失败，ERP 只能查询不能保存。",
        "A full log that can't grow gives error 9002: every change fails, and the ERP can only "
        "read.",
    ),
    remedy=Text(
        "先看未截断的原因：LOG_BACKUP 则立即备份日志，ACTIVE_TRANSACTION 则找出最早的事务"
        "（DBCC OPENTRAN），REPLICATION、AVAILABILITY_REPLICA 则修复同步；"
        "不要分离数据库或删除日志文件。",
        "See why it is not emptied: LOG_BACKUP needs a log backup now, ACTIVE_TRANSACTION the "
        "oldest "
        "one found (DBCC OPENTRAN), REPLICATION and AVAILABILITY_REPLICA the partner mended. Never "
        "detach the database or delete its log.",
    ),
    priority=1,
    thresholds=UseThresholds,
    evaluate=used,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
SIZES = Rule(
    code="MSSQL-019",
    title=Text("日志大于数据", "Log larger than the data"),
    why=Text(
        "日志比数据还大，说明日志备份曾长期缺失；它占用磁盘，也让还原和启动恢复变慢。",
        "A log larger than its data tells of missing log backups; it takes disk space, and "
        "restores "
        "and recovery are slow.",
    ),
    remedy=Text(
        "先恢复每 15 至 60 分钟的日志备份（或确认可改为简单模式），日志截断后再用 DBCC SHRINKFILE "
        "收缩一次到合理大小（数据的 10% 至 25%），不要定期收缩。",
        "Bring back log backups every 15 to 60 minutes (or simple recovery where that will do), "
        "then "
        "shrink once by DBCC SHRINKFILE to a sensible size (10 to 25 % of the data); never by "
        "schedule.",
    ),
    priority=1,
    thresholds=SizeThresholds,
    evaluate=sizes,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
