"""BAK-003: the copies lie on other volumes and on another host than the data."""

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
    info,
    limit,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.backup._copies import copies_of, newest_due
from checks.backup._standing import good_points, objects
from checks.backup._telling import named
from checks.backup._term import judged_elsewhere, outside_term
from checks.backup_sets import BackupFacts, CopyState, Offsite, OffsiteBy, RestorePoint
from checks.wording import count, duration, listing
from wire.messages import Reason

OFFSITE = "offsite"


class PlaceThresholds(Thresholds, frozen=True):
    """How far the clock of the offsite side may be away."""

    warning_clock_seconds: Annotated[float, limit("s", "OWN: larger ones mislead dates")] = 120


_VOLUME = Text("与数据不在同一卷", "not on a volume of the data")
_SAME_VOLUME = Text(
    "备份位置 {place} 与受保护的数据 {paths} 在同一个卷上：该卷损坏时数据和备份一起丢失。",
    "{place} lies on the same volume as the protected data {paths}: both are lost with it.",
)
_REMOTE = Text(
    "备份位置不是本机文件夹，无法与数据所在卷比较。",
    "The place is no folder of this host, so there is no volume to compare.",
)
_COPY = Text("每个恢复点都有异地副本", "each restore point has a copy offsite")
_NONE_AGREED = Text(
    "没有配置任何异地副本：主机或机房损毁时，{place} 中的备份将与数据一起丢失。",
    "No offsite copy is configured: with the host or its room, the backups in {place} are lost "
    "together with the data.",
)
_BY_AGENT = Text(
    "异地副本由异地主机上的代理报告，在备份日历中判定。",
    "The offsite copies are told by an agent over there and judged in the backup calendar.",
)
_SAME_HOST = Text(
    "{place} 就是本机：这份副本不能算异地副本。",
    "{place} is this very host: that copy is not offsite.",
)
_LACKING = Text(
    "{place} 上没有应当已同步的副本：{points}。", "{place} lacks copies that are due: {points}."
)
_NOT_DUE = Text(
    "{place} 上还没有副本；最新的恢复点尚未到约定的同步时限。",
    "{place} has no copies yet; none of the restore points is due there.",
)
_CLOCK = Text(
    "{place} 的时钟与本机相差 {offset}：副本的日期不可信。",
    "The clock of {place} is {offset} away from this host's: dates of copies mislead.",
)
_STATES = {
    None: Text("缺失", "missing"),
    CopyState.MISSING: Text("缺失", "missing"),
    CopyState.EMPTY: Text("为空", "empty"),
    CopyState.SIZE_DIFFERS: Text("大小不同", "another size"),
    CopyState.PENDING: Text("仍在传输", "still on its way"),
}


def places(
    facts: BackupFacts, thresholds: PlaceThresholds, past: Past[BackupFacts]
) -> Iterator[Verdict]:
    """Judge the volume of the local copies, and whether the offsite copies are there."""
    declaration = facts.declaration
    aside = judged_elsewhere(declaration) or outside_term(declaration, past.observed_at)
    if aside is not None:
        yield aside
        return
    yield _volume(facts)
    yield _offsite(facts, thresholds, past)


def _volume(facts: BackupFacts) -> Verdict:
    destination = facts.destination
    if destination is None:
        return not_applicable("", _REMOTE)
    if destination.with_data:
        paths = listing(list(destination.with_data))
        message = _SAME_VOLUME.format(place=facts.declaration.place, paths=paths)
        return warning("", Text.same(paths), _VOLUME, message)
    if not destination.protects:
        failure = Failure(Reason.NOT_CONFIGURED, "protects", "no path of the data is declared")
        return not_run("", failure)
    return ok("", _VOLUME, _VOLUME)


def _offsite(facts: BackupFacts, thresholds: PlaceThresholds, past: Past[BackupFacts]) -> Verdict:
    leg, offsite = facts.declaration.offsite, facts.offsite
    if leg is None:
        message = _NONE_AGREED.format(place=facts.declaration.place)
        return critical(OFFSITE, Text("无", "none"), _COPY, message)
    if leg.by is OffsiteBy.AGENT:
        return not_applicable(OFFSITE, _BY_AGENT)
    if offsite is None:
        return not_run(OFFSITE, facts.proving or Failure(Reason.INTERRUPTED, leg.place))
    if offsite.failure is not None:
        return not_run(OFFSITE, offsite.failure)
    if offsite.same_host:
        message = _SAME_HOST.format(place=offsite.place)
        return critical(OFFSITE, Text("本机", "this host"), _COPY, message)
    return _synchronised(facts, offsite, thresholds, past)


def _synchronised(
    facts: BackupFacts,
    offsite: Offsite,
    thresholds: PlaceThresholds,
    past: Past[BackupFacts],
) -> Verdict:
    now = past.observed_at
    known = copies_of(facts)
    states = {
        point.id: known[point.id].state if point.id in known else None
        for name in objects(facts)
        for point in good_points(facts, name, now)
    }
    there = sum(state is CopyState.SAME_SIZE for state in states.values())
    current = count(there, "个副本", "copies")
    late = [
        point for point in newest_due(facts, now) if states[point.id] is not CopyState.SAME_SIZE
    ]
    if late:
        told = [_lacking(point, states[point.id]) for point in late]
        message = _LACKING.format(
            place=offsite.place,
            points=Text(listing([text.zh for text in told]), listing([text.en for text in told])),
        )
        pending = all(states[point.id] is CopyState.PENDING for point in late)
        return (warning if pending else critical)(OFFSITE, current, _COPY, message)
    if not there:
        message = _NOT_DUE.format(place=offsite.place)
        return info(OFFSITE, current, _COPY, message)
    offset = offsite.clock_offset_seconds
    if offset is not None and abs(offset) > thresholds.warning_clock_seconds:
        message = _CLOCK.format(place=offsite.place, offset=duration(abs(offset)))
        return warning(OFFSITE, current, _COPY, message)
    return ok(OFFSITE, current, _COPY)


def _lacking(point: RestorePoint, state: CopyState | None) -> Text:
    return Text("{name}{id}（{state}）", "{name}{id} ({state})").format(
        name=named(point.object), id=point.id, state=_STATES[state]
    )


RULE = Rule(
    code="BAK-003",
    title=Text("备份的存放位置与异地副本", "Where the backups lie, and offsite copies"),
    why=Text(
        "备份与数据同卷或同机时，一次磁盘故障、火灾或勒索攻击会同时毁掉两者；"
        "合同要求每日备份同步到异地服务器。",
        "On the volume or the host of the data, one broken disk, fire or ransom attack takes both; "
        "the contract wants each day's backup offsite.",
    ),
    remedy=Text(
        "把备份改存到独立的卷或存储；检查同步任务（rsync、rclone、restic copy 等）的日志和网络，"
        "补传缺失的副本；在代理设置的 protects 中写明受保护的数据目录。",
        "Move the backups to a volume or storage of their own; look at the log and the network of "
        "the synchronisation (rsync, rclone, restic copy …) and send what is missing; declare the "
        "folders of the data as protects in the agent's settings.",
    ),
    priority=1,
    thresholds=PlaceThresholds,
    evaluate=places,
    owner=Owner.SYSTEM_ADMINISTRATOR,
)
