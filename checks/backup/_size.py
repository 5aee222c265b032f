"""BAK-002: whether the newest restore point is as large as those before it."""

from collections.abc import Iterator
from datetime import datetime
from statistics import median
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
    info,
    limit,
    not_run,
    ok,
)
from checks.backup._standing import Standing, objects, points_of, standings
from checks.backup._telling import told
from checks.backup._term import outside_term
from checks.backup_sets import BackupFacts, Form, PointState, RestorePoint
from checks.wording import size
from wire.messages import Reason

MIB = 2**20


class SizeThresholds(Thresholds, frozen=True):
    """Against the median of those before; a small difference in bytes is noise."""

    warning_change_percent: Annotated[float, limit("%", "catalogue BAK-002; both ways")] = 50
    warning_change_bytes: Annotated[int, limit("bytes", "PGA #104: with the share")] = 100 * MIB
    critical_drop_percent: Annotated[float, limit("%", "catalogue BAK-002")] = 80
    compared_points: Annotated[int, limit("points", "catalogue BAK-002: last 5")] = 5
    least_points: Annotated[int, limit("points", "OWN: fewer have no median")] = 3


_REFERENCE = Text(
    "与近 {count} 次中位数相差 <{percent:g}%", "within {percent:g}% of the median of {count}"
)
_MINIMUM = Text("，且 ≥{least}", ", and at least {least}")
_EMPTY = Text(
    "{name}最新的备份 {id}（{at}）大小为 0。",
    "{name}The newest backup {id} ({at}) has no bytes at all.",
)
_SMALL = Text(
    "{name}最新的备份 {id}（{at}）只有 {bytes}，低于约定的最小值 {least}。",
    "{name}The newest backup {id} ({at}) has only {bytes}, less than the agreed {least}.",
)
_DIFFERS = Text(
    "{name}最新的备份 {id}（{at}）为 {bytes}，"
    "此前 {count} 次的中位数为 {median}（{change:+.0f}%）。",
    "{name}The newest backup {id} ({at}) has {bytes}; the median of the {count} before it is "
    "{median} ({change:+.0f}%).",
)
_SAME = Text(
    "{name}最近两次备份 {other} 与 {id} 的大小完全相同（{count} 字节）：请确认备份内容确实在更新。",
    "{name}The last two backups, {other} and {id}, have exactly the same size ({count} bytes): "
    "make sure that what is backed up still changes.",
)


def sizes(
    facts: BackupFacts, thresholds: SizeThresholds, past: Past[BackupFacts]
) -> Iterator[Verdict]:
    """Judge the size of the newest restore point of every object."""
    outside = outside_term(facts.declaration, past.observed_at)
    if outside is not None:
        yield outside
        return
    for name in objects(facts):
        yield _judged(facts, name, thresholds, past.observed_at)


def compared(facts: BackupFacts, name: str, now: datetime) -> list[RestorePoint]:
    """Return the restore points whose sizes compare: finished, of one form, the newest first."""
    known = standings(facts, now)
    ended = [
        point
        for point in points_of(facts, name)
        if known[point.id] is not Standing.UNFINISHED or point.state is PointState.EMPTY
    ]
    forms = [point for point in ended if point.form is Form.FULL] or ended
    return [point for point in forms if point.form is forms[0].form]


def _judged(facts: BackupFacts, name: str, thresholds: SizeThresholds, now: datetime) -> Verdict:
    points = compared(facts, name, now)
    least = facts.declaration.minimum_bytes
    reference = _REFERENCE.format(
        count=thresholds.compared_points, percent=thresholds.warning_change_percent
    )
    if least:
        reference = Text("{one}{two}", "{one}{two}").format(
            one=reference, two=_MINIMUM.format(least=size(least))
        )
    if not points:
        return not_run(name, Failure(Reason.NO_HISTORY, "0"))
    newest = points[0]
    if newest.state is PointState.EMPTY or newest.bytes == 0:
        return critical(name, size(0), reference, told(_EMPTY, name, newest, facts))
    if newest.bytes is None:
        return not_run(name, Failure(Reason.UNSUPPORTED, "size", f"no size told of {newest.id}"))
    shown = size(newest.bytes)
    if newest.bytes < least:
        return critical(
            name,
            shown,
            reference,
            told(_SMALL, name, newest, facts, bytes=shown, least=size(least)),
        )
    before = [point.bytes for point in points[1:] if point.bytes is not None]
    before = before[: thresholds.compared_points]
    if len(before) < thresholds.least_points:
        if least:
            return ok(name, shown, reference)
        failure = Failure(Reason.NO_HISTORY, f"{len(before)}/{thresholds.least_points}")
        return not_run(name, failure)
    middle = median(before)
    state = _state(newest.bytes, middle, thresholds)
    if state is not State.OK:
        change = (newest.bytes / middle - 1) * 100 if middle else 100.0
        message = told(
            _DIFFERS,
            name,
            newest,
            facts,
            bytes=shown,
            count=len(before),
            median=size(middle),
            change=change,
        )
        return Verdict(name, state, shown, reference, message)
    other = points[1]
    apart = newest.started_at.date() != other.started_at.date()
    if apart and newest.bytes == other.bytes:
        message = told(_SAME, name, newest, facts, other=other.id, count=newest.bytes)
        return info(name, shown, reference, message)
    return ok(name, shown, reference)


def _state(value: int, middle: float, thresholds: SizeThresholds) -> State:
    if value <= middle * (1 - thresholds.critical_drop_percent / 100):
        return State.CRITICAL
    difference = abs(value - middle)
    far = difference >= middle * thresholds.warning_change_percent / 100
    if far and difference > thresholds.warning_change_bytes:
        return State.WARNING
    return State.OK


RULE = Rule(
    code="BAK-002",
    title=Text("备份大小", "Size of the backup"),
    why=Text(
        "备份突然变小，往往是中途失败、漏掉了库表或磁盘写满；突然变大可能是数据异常或被加密。"
        "文件存在并不等于内容完整。",
        "A backup that is suddenly small often broke off, left tables out or met a full disk; one "
        "that is suddenly large may hold runaway or encrypted data. Being there is not being "
        "whole.",
    ),
    remedy=Text(
        "查看该次备份的日志，与前几次比较库表数量和行数；确认异常后立即重做备份，并暂缓清理旧备份。",
        "Read the log of that backup, compare tables and rows with those before; if it is wrong, "
        "make it again at once and keep the old ones.",
    ),
    priority=1,
    thresholds=SizeThresholds,
    evaluate=sizes,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
