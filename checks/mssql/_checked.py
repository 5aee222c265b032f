"""MSSQL-010: how long ago DBCC CHECKDB found each database whole."""

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
    critical,
    grade,
    info,
    limit,
    not_applicable,
    not_run,
    ok,
)
from checks.judging import missing
from checks.mssql._corruption import CheckRow, Facts
from checks.wording import duration
from wire.messages import Reason


class CheckThresholds(Thresholds, frozen=True):
    """For weekly runs of DBCC CHECKDB."""

    warning_hours: Annotated[float, limit("h", "DASH 192 h: 8 d")] = 192
    critical_hours: Annotated[float, limit("h", "DASH 360 h: 15 d; FRK#68 14 d")] = 360


_NEVER = Text("从未", "never")
_WITHIN = Text("≤{limit}", "within {limit}")
_NEVER_CHECKED = Text(
    "数据库 {name} 从未成功执行过 DBCC CHECKDB，是否损坏无人知道。",
    "DBCC CHECKDB never went through {name}: nobody knows whether it is whole.",
)
_OLD = Text(
    "数据库 {name} 最近一次成功的 DBCC CHECKDB 在 {age}前，此后的损坏不会被发现。",
    "DBCC CHECKDB last went through {name} {age} ago; damage since then is not found.",
)
_NEW = Text(
    "数据库 {name} 是 {age}前新建或还原的，还没有执行过 DBCC CHECKDB。",
    "{name} was made or restored {age} ago and was not checked yet.",
)
_NOT_OPEN = Text(
    "数据库状态为 {state}，无法检查。", "The database is {state}: it can't be checked."
)
_STANDBY = Text("备用数据库，请在主库上检查。", "A standby database: check it where it comes from.")
_READ_ONLY = Text(
    "只读数据库：检查结果无法写回，不作判定。", "Read-only: the date of a check is not kept there."
)


def checked(facts: Facts, thresholds: CheckThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the last good DBCC CHECKDB of every database."""
    if isinstance(facts.checked, Failure):
        yield from missing(facts.checked)
        return
    for row in facts.checked:
        yield _judged(row, thresholds)


def _judged(row: CheckRow, thresholds: CheckThresholds) -> Verdict:
    name = row.name
    if row.state != "ONLINE":
        return not_applicable(name, _NOT_OPEN.format(state=row.state))
    if row.is_in_standby:
        return not_applicable(name, _STANDBY)
    if row.is_read_only:
        return not_applicable(name, _READ_ONLY)
    if not row.is_known:
        return not_run(name, Failure(Reason.PERMISSION, "LastGoodCheckDbTime"))
    reference = _WITHIN.format(limit=duration(thresholds.warning_hours * 3600))
    if row.checked_seconds is None:
        if row.age_seconds < thresholds.warning_hours * 3600:
            age = duration(max(0, row.age_seconds))
            return info(name, _NEVER, reference, _NEW.format(name=name, age=age))
        return critical(name, _NEVER, reference, _NEVER_CHECKED.format(name=name))
    age = duration(row.checked_seconds)
    state = grade(row.checked_seconds / 3600, thresholds.warning_hours, thresholds.critical_hours)
    if state is State.OK:
        return ok(name, age, reference)
    return Verdict(name, state, age, reference, _OLD.format(name=name, age=age))


CHECKED = Rule(
    code="MSSQL-010",
    title=Text("最近一次 CHECKDB", "Last good CHECKDB"),
    why=Text(
        "存储损坏往往很久才被碰到；不定期执行 CHECKDB，等发现时连最旧的备份里也是坏数据。",
        "Damage by storage is met late; without CHECKDB even the oldest backup holds it by then.",
    ),
    remedy=Text(
        "每周在业务低峰执行 DBCC CHECKDB ([库名]) WITH NO_INFOMSGS（大库可用 PHYSICAL_ONLY，"
        "或在恢复出来的备份上执行），作为代理作业并配置失败通知。",
        "Run DBCC CHECKDB ([name]) WITH NO_INFOMSGS weekly at a quiet hour (PHYSICAL_ONLY for "
        "great "
        "ones, or on a restored backup) as a job that tells when it fails.",
    ),
    priority=1,
    thresholds=CheckThresholds,
    evaluate=checked,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
