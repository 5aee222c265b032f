"""BAK-004: room for the next backups, here and offsite."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Failure,
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
)
from checks.backup._places import OFFSITE
from checks.backup._size import compared
from checks.backup._standing import objects
from checks.backup._term import outside_term
from checks.backup_sets import BackupFacts, Kind, OffsiteBy
from checks.wording import percent, size
from wire.messages import Reason

_DEDUPLICATING = (Kind.RESTIC, Kind.BORG)
"""The next backup takes what has changed, not another full one: its size says nothing here."""


class RoomThresholds(Thresholds, frozen=True):
    """In sizes of a full backup; in shares of the volume for repositories that deduplicate."""

    warning_fulls: Annotated[float, limit("×full", "catalogue BAK-004, OWN")] = 2
    critical_fulls: Annotated[float, limit("×full", "catalogue BAK-004, OWN")] = 1
    warning_free_percent: Annotated[float, limit("%", "OWN, deduplicating kinds")] = 10
    critical_free_percent: Annotated[float, limit("%", "OWN, deduplicating kinds")] = 5


_FULLS = Text("可再存 ≥{fulls:g} 次全备（每次 {full}）", "room for {fulls:g} fulls of {full}")
_SHARE = Text("剩余 ≥{share:g}%", "{share:g}% free")
_REMOTE = Text("备份位置不是本机文件夹。", "The place is no folder of this host.")
_BY_AGENT = Text(
    "由异地主机上的代理报告其磁盘空间。", "The agent over there tells the room of its volumes."
)
_NO_COPY = Text("没有配置异地副本。", "No offsite copy is configured.")
_SHORT = Text(
    "{place} 剩余 {free}，一次全备需要 {full}：只够再存 {fulls:.1f} 次。",
    "{place} has {free} left and a full backup takes {full}: room for {fulls:.1f} more.",
)
_FULL = Text(
    "{place} 共 {total}，剩余 {free}（{share}）。", "{place}: {free} of {total} left ({share})."
)


def room(
    facts: BackupFacts, thresholds: RoomThresholds, past: Past[BackupFacts]
) -> Iterator[Verdict]:
    """Judge the free room of the destination and of the offsite side."""
    outside = outside_term(facts.declaration, past.observed_at)
    if outside is not None:
        yield outside
        return
    destination, offsite, leg = facts.destination, facts.offsite, facts.declaration.offsite
    if destination is None:
        yield not_applicable("", _REMOTE)
    else:
        place = facts.declaration.place
        sizes = destination.free_bytes, destination.total_bytes
        yield _judged(facts, "", place, *sizes, thresholds, past)
    if leg is None or leg.by is OffsiteBy.AGENT:
        yield not_applicable(OFFSITE, _NO_COPY if leg is None else _BY_AGENT)
    elif offsite is None or offsite.failure is not None:
        known = offsite.failure if offsite is not None else facts.proving
        yield not_run(OFFSITE, known or Failure(Reason.INTERRUPTED, leg.place))
    else:
        sizes = offsite.free_bytes, offsite.total_bytes
        yield _judged(facts, OFFSITE, offsite.place, *sizes, thresholds, past)


def _judged(
    facts: BackupFacts,
    name: str,
    place: str,
    free: int | None,
    total: int | None,
    thresholds: RoomThresholds,
    past: Past[BackupFacts],
) -> Verdict:
    if free is None:
        return not_run(name, Failure(Reason.UNSUPPORTED, "free space", place))
    if facts.declaration.kind in _DEDUPLICATING:
        return _by_share(name, place, free, total, thresholds)
    full = _full_bytes(facts, past)
    if not full:
        return not_run(name, Failure(Reason.NO_HISTORY, "size of a full backup", place))
    fulls = free / full
    state = grade(fulls, thresholds.warning_fulls, thresholds.critical_fulls, lower_is_worse=True)
    message = _SHORT.format(place=place, free=size(free), full=size(full), fulls=fulls)
    reference = _FULLS.format(fulls=thresholds.warning_fulls, full=size(full))
    return Verdict(name, state, size(free), reference, None if state is State.OK else message)


def _by_share(
    name: str, place: str, free: int, total: int | None, thresholds: RoomThresholds
) -> Verdict:
    if not total:
        return not_run(name, Failure(Reason.UNSUPPORTED, "size of the volume", place))
    share = free / total * 100
    state = grade(
        share,
        thresholds.warning_free_percent,
        thresholds.critical_free_percent,
        lower_is_worse=True,
    )
    message = _FULL.format(place=place, total=size(total), free=size(free), share=percent(share))
    reference = _SHARE.format(share=thresholds.warning_free_percent)
    return Verdict(name, state, size(free), reference, None if state is State.OK else message)


def _full_bytes(facts: BackupFacts, past: Past[BackupFacts]) -> int:
    """Return what a backup of all objects takes: the largest recent one of each."""
    total = 0
    for name in objects(facts):
        recent = compared(facts, name, past.observed_at)[:5]
        total += max((point.bytes or 0 for point in recent), default=0)
    return total


RULE = Rule(
    code="BAK-004",
    title=Text("备份空间", "Room for backups"),
    why=Text(
        "备份位置写满后，下一次备份会失败或被截断，而且往往没有人察觉。",
        "Once the destination is full the next backup fails or is cut off, often unnoticed.",
    ),
    remedy=Text(
        "按保留策略清理过期备份，或扩容备份卷、启用压缩；异地空间不足时同样处理。",
        "Remove backups beyond the agreed retention, extend the volume or compress; the same "
        "offsite.",
    ),
    priority=1,
    thresholds=RoomThresholds,
    evaluate=room,
)
