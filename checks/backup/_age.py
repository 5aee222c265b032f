"""BAK-001: how old the newest restore point is that was proven intact."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
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
    limit,
    ok,
    warning,
)
from checks.backup._standing import GOOD, Standing, objects, points_of, standings
from checks.backup._telling import moment, named, told
from checks.backup._term import outside_term
from checks.backup_sets import BackupFacts, Form, Kind, PointState, RestorePoint
from checks.wording import duration


class AgeThresholds(Thresholds, frozen=True):
    """In times of the agreed RPO of the set."""

    warning_times_rpo: Annotated[float, limit("×RPO", "catalogue BAK-001")] = 1
    critical_times_rpo: Annotated[float, limit("×RPO", "catalogue BAK-001")] = 2
    buffer_hours: Annotated[
        float, limit("h", "pgmonitor #222: added where the RPO is whole days")
    ] = 12
    future_minutes: Annotated[float, limit("min", "OWN: clocks that differ")] = 15


_REFERENCE = Text("已校验，≤{limit} 小时", "verified, ≤{limit} h")
_NOTHING = Text("没有恢复点", "no restore point")
_NOTHING_GOOD = Text("没有可用的恢复点", "no restore point that is any good")
_NO_POINT = Text(
    "{name}一次备份都没有找到：{pattern} 在 {place} 下没有匹配到任何恢复点"
    "（另有 {unmatched} 个不匹配的条目）。",
    "{name}No backup was ever found: {pattern} matches no restore point in {place} "
    "({unmatched} entries fit no pattern).",
)
_NO_ENTRY = Text(
    "{name}一次备份都没有找到：{place} 中没有任何恢复点。",
    "{name}No backup was ever found: {place} lists no restore point.",
)
_NONE_GOOD = Text(
    "{name}没有一个可用的恢复点：最新的 {id}（{at}）{what}。",
    "{name}Not one restore point is any good: the newest, {id} ({at}), {what}.",
)
_WHAT = {
    PointState.GROWING: Text("仍在写入", "is still being written"),
    PointState.EMPTY: Text("是空的", "is empty"),
    PointState.FAILED: Text("没有成功完成", "did not complete"),
    PointState.GONE: Text("的文件已不存在", "has lost its file"),
}
_DAMAGED = Text("校验不通过", "failed its proof")
_BROKEN = Text("所依赖的恢复点缺失或不可用", "needs a restore point that is missing or no good")
_OLD = Text(
    "{name}最新的可用恢复点 {id} 开始于 {at}，距今 {age}，约定 RPO 为 {rpo:g} 小时。",
    "{name}The newest good restore point {id} was started at {at}, {age} ago; the agreed RPO is "
    "{rpo:g} h.",
)
_LAST_ATTEMPT = Text(
    "{name}最近一次备份 {id}（{at}）{what}；可用的最新恢复点是 {other}，距今 {age}。",
    "{name}The last backup, {id} ({at}), {what}; the newest good restore point is {other}, {age} "
    "old.",
)
_UNVERIFIED = Text(
    "{name}最新的恢复点 {id}（{at}）存在但尚未通过完整性校验；{verified}。",
    "{name}The newest restore point {id} ({at}) is there, but it was not proven intact; "
    "{verified}.",
)
_VERIFIED_BEFORE = Text(
    "最近一个已校验的是 {id}，距今 {age}", "the newest that was proven is {id}, {age} old"
)
_NEVER_VERIFIED = Text("目前没有已校验的恢复点", "none was proven so far")
_FUTURE = Text(
    "{name}最新的恢复点 {id} 的时间 {at} 晚于当前时间 {ahead}：主机时钟或文件名日期有误，"
    "无法据此判断新旧。",
    "{name}The newest restore point {id} is dated {at}, {ahead} in the future: a clock or the date "
    "in its name is wrong, so its age can't be told.",
)


def age(
    facts: BackupFacts, thresholds: AgeThresholds, past: Past[BackupFacts]
) -> Iterator[Verdict]:
    """Judge the newest restore point of every object against the agreed RPO."""
    outside = outside_term(facts.declaration, past.observed_at)
    if outside is not None:
        yield outside
        return
    known = standings(facts, past.observed_at)
    for name in objects(facts):
        points = points_of(facts, name)
        good = [point for point in points if known[point.id] in GOOD]
        if good:
            verdict = _aged(facts, name, good, known, thresholds, past.observed_at)
            if verdict.state is State.OK:
                hours = 2 * _limit_hours(facts, thresholds)
                since = past.observed_at - timedelta(hours=hours)
                verdict = _after_attempts(facts, name, points, known, verdict, since)
            yield verdict
        else:
            yield _none(facts, name, points, known, _reference(facts, thresholds))


def _aged(
    facts: BackupFacts,
    name: str,
    good: list[RestorePoint],
    known: Mapping[str, Standing],
    thresholds: AgeThresholds,
    now: datetime,
) -> Verdict:
    """Judge an object that has restore points which nothing speaks against."""
    reference = _reference(facts, thresholds)
    newest = good[0]
    verified = next((point for point in good if known[point.id] is Standing.VERIFIED), None)
    if newest.started_at > now + timedelta(minutes=thresholds.future_minutes):
        ahead = duration((newest.started_at - now).total_seconds())
        return warning(
            name,
            Text.same(moment(newest.started_at, facts)),
            reference,
            told(_FUTURE, name, newest, facts, ahead=ahead),
        )
    state = _graded(newest, facts, thresholds, now)
    if verified is not None and _graded(verified, facts, thresholds, now) is State.OK:
        return ok(name, duration(_seconds(verified, now)), reference)
    shown = duration(_seconds(newest, now))
    if state is not State.OK:
        rpo = facts.declaration.rpo_hours
        message = told(_OLD, name, newest, facts, age=shown, rpo=rpo)
        return Verdict(name, state, shown, reference, message)
    before = _NEVER_VERIFIED
    if verified is not None:
        before = _VERIFIED_BEFORE.format(id=verified.id, age=duration(_seconds(verified, now)))
    message = told(_UNVERIFIED, name, newest, facts, verified=before)
    current = Text("{age}，未校验", "{age}, not proven").format(age=shown)
    return warning(name, current, reference, message)


def _after_attempts(
    facts: BackupFacts,
    name: str,
    points: list[RestorePoint],
    known: Mapping[str, Standing],
    verdict: Verdict,
    since: datetime,
) -> Verdict:
    """Return the verdict, or that a recent attempt came to nothing though its time isn't over.

    Looked at is the newest of each form: full backups that fail are not made good by logs.
    """
    good = next(point for point in points if known[point.id] in GOOD)
    newest: dict[Form, RestorePoint] = {}
    for point in points:
        if point.state is not PointState.GROWING and point.started_at >= since:
            newest.setdefault(point.form, point)
    for point in newest.values():
        if known[point.id] not in GOOD:
            what = _what(point, known)
            message = told(
                _LAST_ATTEMPT, name, point, facts, what=what, other=good.id, age=verdict.current
            )
            return warning(name, verdict.current, verdict.reference, message)
    return verdict


def _none(
    facts: BackupFacts,
    name: str,
    points: list[RestorePoint],
    known: Mapping[str, Standing],
    reference: Text,
) -> Verdict:
    """Judge an object without a good restore point: never an age of nought."""
    if not points:
        text = _NO_POINT if facts.declaration.kind is Kind.FILES else _NO_ENTRY
        message = text.format(
            name=named(name),
            pattern=facts.declaration.pattern or "*",
            place=facts.declaration.place,
            unmatched=facts.unmatched,
        )
        return critical(name, _NOTHING, reference, message)
    newest = points[0]
    what = _what(newest, known)
    message = told(_NONE_GOOD, name, newest, facts, what=what)
    return critical(name, _NOTHING_GOOD, reference, message)


def _what(point: RestorePoint, known: Mapping[str, Standing]) -> Text:
    """Return what is wrong with a restore point that is no good."""
    by_standing = {Standing.FAILED: _DAMAGED, Standing.BROKEN: _BROKEN}
    return by_standing.get(known[point.id]) or _WHAT[point.state]


def _graded(
    point: RestorePoint, facts: BackupFacts, thresholds: AgeThresholds, now: datetime
) -> State:
    limit_hours = _limit_hours(facts, thresholds)
    excess = thresholds.critical_times_rpo / thresholds.warning_times_rpo
    return grade(_seconds(point, now) / 3600, limit_hours, limit_hours * excess)


def _limit_hours(facts: BackupFacts, thresholds: AgeThresholds) -> float:
    rpo = facts.declaration.rpo_hours
    # A daily backup is never exactly 24 h old: without room, each longer run would be an alarm.
    buffer = thresholds.buffer_hours if rpo % 24 == 0 else 0
    return rpo * thresholds.warning_times_rpo + buffer


def _reference(facts: BackupFacts, thresholds: AgeThresholds) -> Text:
    return _REFERENCE.format(limit=f"{_limit_hours(facts, thresholds):g}")


def _seconds(point: RestorePoint, now: datetime) -> float:
    return (now - point.started_at).total_seconds()


RULE = Rule(
    code="BAK-001",
    title=Text("最新已校验备份的时间", "Age of the newest proven backup"),
    why=Text(
        "发生故障时只能恢复到最后一个可用的备份：备份越旧，丢失的业务数据越多；"
        "未经校验的备份可能根本无法恢复。",
        "After a failure business goes back to the last good backup: the older it is, the more is "
        "lost; one that was never proven may not be restorable at all.",
    ),
    remedy=Text(
        "检查备份任务的计划、日志和账户权限，立即补做一次备份；在主机上执行 "
        "xunjian-agent backup verify 备份集名称 完成校验；"
        "若模式没有匹配到文件，请核对代理设置中的 place 和 pattern。",
        "Look at the schedule, log and rights of the backup job and make a backup now; prove it "
        "with xunjian-agent backup verify NAME on the host; where the pattern matches nothing, "
        "correct place and pattern in the agent's settings.",
    ),
    priority=1,
    thresholds=AgeThresholds,
    evaluate=age,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
