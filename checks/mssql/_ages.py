"""MSSQL-004, 005 and 006: how old the backups of each database are."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

from checks.api import (
    Owner,
    Past,
    Rule,
    State,
    Text,
    Thresholds,
    Verdict,
    critical,
    grade,
    info,
    limit,
    not_applicable,
    ok,
    warning,
)
from checks.mssql._chain import NO_LOG_NEEDED, aside, keeps_log
from checks.mssql._history import Database, Facts
from checks.wording import duration


class FullThresholds(Thresholds, frozen=True):
    """For weekly fulls; a policy for ERP databases holds them to 26 and 50 hours."""

    warning_hours: Annotated[float, limit("h", "DASH 10080 min, FRK#1, DCK: 7 d")] = 168
    critical_hours: Annotated[float, limit("h", "DASH 14400 min: 10 d")] = 240
    new_database_hours: Annotated[float, limit("h", "DCK newdbgraceperiod")] = 24


class LogThresholds(Thresholds, frozen=True):
    """For databases that keep their log until it is backed up."""

    warning_hours: Annotated[float, limit("h", "DASH 720 min")] = 12
    critical_hours: Annotated[float, limit("h", "DASH 1440 min")] = 24
    new_database_hours: Annotated[float, limit("h", "DCK newdbgraceperiod")] = 24


class DifferentialThresholds(Thresholds, frozen=True):
    """Where differential backups were made in the last days; a newer full counts, too (DASH)."""

    warning_hours: Annotated[float, limit("h", "DCK 25 h")] = 25
    critical_hours: Annotated[float, limit("h", "catalogue MSSQL-006")] = 48
    schedule_days: Annotated[float, limit("d", "OWN: later ones tell of no schedule")] = 14


_NEVER = Text("从未", "never")
_LIMIT = Text("≤{limit}", "within {limit}")
_NO_SCHEDULE = Text("近期没有差异备份。", "No differential backups are made.")
_NEW = Text(
    "数据库 {name} 是 {age}前新建的，还没有备份。",
    "The database {name} was made {age} ago and has no backup yet.",
)
_NO_FULL = Text(
    "数据库 {name} 在 msdb 中没有可用的完整备份（记录始于 {since}）。{snapshot}",
    "msdb has no full backup of {name} that is any good (its history begins {since}).{snapshot}",
)
_SNAPSHOT = Text(
    "{age}前有一次 VSS 快照，它没有独立的备份文件。",
    " A VSS snapshot was taken {age} ago; it has no file of its own.",
)
_OLD_FULL = Text(
    "数据库 {name} 最近一次完整备份在 {age}前（{device}）。",
    "The last full backup of {name} was made {age} ago ({device}).",
)
_READ_ONLY = Text(
    "数据库 {name} 是只读的，最近一次完整备份在 {age}前：请确认备份在其变为只读之后。",
    "{name} is read-only and was backed up {age} ago: make sure that was after it became so.",
)
_NO_LOG = Text(
    "数据库 {name} 为 {model} 恢复模式，但没有日志备份：日志会一直增长，也无法恢复到任意时间点。",
    "{name} has {model} recovery but no log backup: its log grows, and there is no restore to a "
    "point in time.",
)
_OLD_LOG = Text(
    "数据库 {name}（{model} 恢复模式）最近一次日志备份在 {age}前。",
    "The last log backup of {name} ({model} recovery) was made {age} ago.",
)
_OLD_DIFFERENTIAL = Text(
    "数据库 {name} 有差异备份计划，但最近一次差异或完整备份在 {age}前。",
    "{name} is backed up differentially, but the last such or full backup was made {age} ago.",
)
_FUTURE = Text(
    "数据库 {name} 最近一次备份的时间在将来：服务器时钟或时区有误。",
    "The last backup of {name} is dated in the future: clock or time zone of the server is wrong.",
)
_UNKNOWN_TIME = Text.same("-")
FUTURE_HOURS = 0.25


def full_age(facts: Facts, thresholds: FullThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the newest full backup of every database."""
    for database in facts.databases:
        yield aside(database) or _full(facts, database, thresholds, past.observed_at)


def log_age(facts: Facts, thresholds: LogThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the newest log backup of every database that needs one."""
    for database in facts.databases:
        yield aside(database) or _log(database, thresholds, past.observed_at)


def differential_age(
    facts: Facts, thresholds: DifferentialThresholds, past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge the newest differential backup where some are made."""
    for database in facts.databases:
        yield aside(database) or _differential(database, thresholds, past.observed_at)


def _full(facts: Facts, database: Database, thresholds: FullThresholds, now: datetime) -> Verdict:
    name = database.name
    reference = _LIMIT.format(limit=duration(thresholds.warning_hours * 3600))
    if database.full is None:
        if _is_new(database, thresholds.new_database_hours, now):
            return _new(database, reference, now)
        snapshot: Text | str = ""
        if database.snapshot_at is not None:
            snapshot = _SNAPSHOT.format(age=_ago(database.snapshot_at, now))
        since = f"{facts.history_from:%Y-%m-%d}" if facts.history_from else _UNKNOWN_TIME
        message = _NO_FULL.format(name=name, since=since, snapshot=snapshot)
        return critical(name, _NEVER, reference, message)
    age = _ago(database.full.at, now)
    state = _graded(database.full.at, thresholds.warning_hours, thresholds.critical_hours, now)
    if state is None:
        return warning(name, age, reference, _FUTURE.format(name=name))
    if state is State.OK:
        return ok(name, age, reference)
    if database.read_only:
        return info(name, age, reference, _READ_ONLY.format(name=name, age=age))
    message = _OLD_FULL.format(name=name, age=age, device=database.full.device)
    return Verdict(name, state, age, reference, message)


def _log(database: Database, thresholds: LogThresholds, now: datetime) -> Verdict:
    name, model = database.name, database.recovery_model
    if not keeps_log(database):
        return not_applicable(name, NO_LOG_NEEDED)
    reference = _LIMIT.format(limit=duration(thresholds.warning_hours * 3600))
    if database.log is None:
        if _is_new(database, thresholds.new_database_hours, now):
            return _new(database, reference, now)
        return critical(name, _NEVER, reference, _NO_LOG.format(name=name, model=model))
    age = _ago(database.log.at, now)
    state = _graded(database.log.at, thresholds.warning_hours, thresholds.critical_hours, now)
    if state is None:
        return warning(name, age, reference, _FUTURE.format(name=name))
    message = _OLD_LOG.format(name=name, model=model, age=age)
    return Verdict(name, state, age, reference, None if state is State.OK else message)


def _differential(database: Database, thresholds: DifferentialThresholds, now: datetime) -> Verdict:
    name = database.name
    newest = database.differential
    if newest is None or _hours(newest.at, now) > thresholds.schedule_days * 24:
        return not_applicable(name, _NO_SCHEDULE)
    at = max(newest.at, database.full.at) if database.full is not None else newest.at
    reference = _LIMIT.format(limit=duration(thresholds.warning_hours * 3600))
    age = _ago(at, now)
    state = _graded(at, thresholds.warning_hours, thresholds.critical_hours, now)
    if state is None:
        return warning(name, age, reference, _FUTURE.format(name=name))
    message = _OLD_DIFFERENTIAL.format(name=name, age=age)
    return Verdict(name, state, age, reference, None if state is State.OK else message)


def _is_new(database: Database, hours: float, now: datetime) -> bool:
    return _hours(database.created_at, now) < hours


def _new(database: Database, reference: Text, now: datetime) -> Verdict:
    message = _NEW.format(name=database.name, age=_ago(database.created_at, now))
    return info(database.name, _NEVER, reference, message)


def _graded(at: datetime, warn: float, worst: float, now: datetime) -> State | None:
    """Return the state of an age; None for one that lies in the future."""
    hours = _hours(at, now)
    return None if hours < -FUTURE_HOURS else grade(hours, warn, worst)


def _hours(at: datetime, now: datetime) -> float:
    return (now - at).total_seconds() / 3600


def _ago(at: datetime, now: datetime) -> Text:
    return duration((now - at).total_seconds())


FULL = Rule(
    code="MSSQL-004",
    title=Text("完整备份时间", "Age of the full backup"),
    why=Text(
        "没有近期的完整备份，数据库损坏后只能丢失数据；差异和日志备份也都依赖它。",
        "Without a recent full backup a broken database means lost data; differential and log "
        "backups need it, too.",
    ),
    remedy=Text(
        "立即做一次完整备份（WITH CHECKSUM），检查 SQL Server 代理中的备份作业、其历史和磁盘空间。",
        "Make a full backup now (WITH CHECKSUM); look at the job in SQL Server Agent, its history "
        "and the room on its disk.",
    ),
    priority=1,
    thresholds=FullThresholds,
    evaluate=full_age,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
LOG = Rule(
    code="MSSQL-005",
    title=Text("日志备份时间", "Age of the log backup"),
    why=Text(
        "完整恢复模式下不做日志备份，日志文件会一直增长直到写满磁盘，也无法恢复到故障前的时间点。",
        "With full recovery and no log backups the log grows until the disk is full, and nothing "
        "can be restored up to the accident.",
    ),
    remedy=Text(
        "增加每 15 至 60 分钟一次的日志备份作业；确实不需要按时间点恢复的数据库改为简单恢复模式。",
        "Add a job for log backups every 15 to 60 minutes; set databases that need no restore to a "
        "point in time to simple recovery.",
    ),
    priority=1,
    thresholds=LogThresholds,
    evaluate=log_age,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
DIFFERENTIAL = Rule(
    code="MSSQL-006",
    title=Text("差异备份时间", "Age of the differential backup"),
    why=Text(
        "差异备份停了而没有新的完整备份，可恢复的时间点会一天天变旧。",
        "Where differential backups have stopped and no full one followed, what can be restored "
        "grows older every day.",
    ),
    remedy=Text(
        "检查差异备份作业的历史和计划，修复后立即补做一次差异或完整备份。",
        "Look at history and schedule of the job, put it right and make a differential or full "
        "backup now.",
    ),
    priority=2,
    thresholds=DifferentialThresholds,
    evaluate=differential_age,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
