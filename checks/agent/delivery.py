"""How the inspection came: with a right clock, whole, and from one host only.

The facts are made on the collector, from the signed clocks of the delivery, from what the agent
says it had to let go, and from forks in its chain.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

from checks.api import (
    Arrival,
    Chapter,
    Check,
    Failure,
    Gap,
    Measure,
    Owner,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    grade,
    info,
    limit,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.wording import duration
from wire.messages import Loss, Reason

_LOSSES = {
    Loss.THINNED: Text("30 天前的读数每天只留一次", "thinned to one a day after 30 days"),
    Loss.UNCHANGED: Text("与前次相同的大块数据", "large readings that had not changed"),
    Loss.OLDEST: Text("最旧的成功读数", "the oldest readings that had succeeded"),
    Loss.EXPIRED: Text("超过保留期的读数", "readings beyond the time they are kept"),
    Loss.LAST_RESORT: Text(
        "空间耗尽而放弃的读数", "readings given up because nothing else was left"
    ),
    Loss.DAMAGED: Text("本机缓存损坏", "the agent's spool was damaged"),
}
_HARMLESS = (Loss.THINNED, Loss.UNCHANGED)
_NOT_LOST = (Loss.SPLIT,)


class Facts(Struct, frozen=True, kw_only=True):
    """The way of one inspection from the host to the collector."""

    offset_seconds: float | None = None
    """How far the host's clock was ahead (negative: behind); None: not told."""
    by_bundle: bool
    gaps: tuple[Gap, ...] = ()
    forked_at: datetime | None = None


def derive(arrival: Arrival) -> Facts:
    """Take from the arrival what is judged here."""
    return Facts(
        offset_seconds=arrival.offset_seconds,
        by_bundle=arrival.by_bundle,
        gaps=_merged(arrival.gaps),
        forked_at=arrival.forked_at,
    )


def _merged(gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    """Return one gap for each reason: several batches of an inspection may each tell some."""
    merged: dict[Loss, Gap] = {}
    for gap in gaps:
        known = merged.get(gap.loss)
        if known is None:
            merged[gap.loss] = gap
            continue
        counted = None
        if known.observations is not None and gap.observations is not None:
            counted = known.observations + gap.observations
        merged[gap.loss] = Gap(
            loss=gap.loss,
            observations=counted,
            batches=known.batches + gap.batches,
            first_at=min(known.first_at, gap.first_at),
            last_at=max(known.last_at, gap.last_at),
        )
    return tuple(merged.values())


def measures(facts: Facts) -> Iterator[Measure]:
    """Keep the offset."""
    if facts.offset_seconds is not None:
        yield Measure("offset_seconds", "", facts.offset_seconds)


class ClockThresholds(Thresholds, frozen=True):
    """How wrong the host's clock may be against the collector's."""

    warning_seconds: Annotated[float, limit("s", "MP; catalogue AGT-005")] = 60
    critical_seconds: Annotated[float, limit("s", "catalogue AGT-005")] = 300


def clock(facts: Facts, thresholds: ClockThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the offset of the host's clock. Times in the report are corrected by it already."""
    reference = Text("偏差小于 {most}", "less than {most} off").format(
        most=duration(thresholds.warning_seconds)
    )
    if facts.offset_seconds is None:
        if facts.by_bundle:
            by_file = Text(
                "数据以文件送达，没有可比较的时刻。",
                "The data came in a file: there is no moment to compare clocks at.",
            )
            yield not_applicable("", by_file)
        else:
            detail = "the batch came without a signed note of the host's clocks"
            yield not_run("", Failure(Reason.UNSUPPORTED, "clock", detail))
        return
    off = abs(facts.offset_seconds)
    direction = ("快", "ahead") if facts.offset_seconds > 0 else ("慢", "behind")
    current = Text("{direction} {off}", "{off} {direction_en}").format(
        direction=direction[0], direction_en=direction[1], off=duration(off)
    )
    state = grade(off, thresholds.warning_seconds, thresholds.critical_seconds)
    message = Text(
        "主机时钟比采集端{direction} {off}；报告中的时间已按采集端时钟校正。",
        "The host's clock is {off} {direction_en} of the collector's; times in this report are"
        " corrected by that.",
    ).format(direction=direction[0], direction_en=direction[1], off=duration(off))
    yield Verdict("", state, current, reference, None if state is State.OK else message)


class WholeThresholds(Thresholds, frozen=True):
    """How long a fork is shown."""

    fork_shown_days: Annotated[
        float, limit("d", "OWN: long enough that the monthly look at the customer meets it")
    ] = 35


def whole(facts: Facts, thresholds: WholeThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Say what the agent had to let go, and whether two hosts speak with one key."""
    kept = Text("全部送达", "all handed over")
    gaps = [gap for gap in facts.gaps if gap.loss not in _NOT_LOST]
    if not gaps:
        yield ok("gaps", kept, kept)
    for gap in gaps:
        yield _gap(gap, kept)
    one = Text("一条数据链", "one chain")
    days = None
    if facts.forked_at is not None:
        days = (past.observed_at - facts.forked_at).total_seconds() / 86400
    if days is None or days > thresholds.fork_shown_days:
        yield ok("chain", one, one)
        return
    yield warning(
        "chain",
        Text("已分叉", "forked"),
        one,
        Text(
            f"{facts.forked_at:%Y-%m-%d %H:%M}（UTC）数据链出现分叉：该主机可能被克隆，"
            "或还原过快照；两个分支的数据均已保留。",
            f"The chain of data forked at {facts.forked_at:%Y-%m-%d %H:%M} UTC: the host may have"
            " been cloned or set back to a snapshot; the data of both branches are kept.",
        ),
    )


def _gap(gap: Gap, kept: Text) -> Verdict:
    why = _LOSSES[gap.loss]
    count = Text("数量不详", "an unknown number")
    if gap.observations is not None:
        count = Text(f"{gap.observations} 项读数", f"{gap.observations} readings")
    span = f"{gap.first_at:%Y-%m-%d} – {gap.last_at:%Y-%m-%d}"
    message = Text(
        "{span} 期间有 {count} 未能送达：{why}。", "{count} of {span} were let go: {why}."
    ).format(span=span, count=count, why=why)
    name = f"gaps:{gap.loss.value}"
    if gap.loss in _HARMLESS:
        return info(name, count, kept, message)
    return warning(name, count, kept, message)


CHECK = Check(
    title=Text("数据送达", "How the data came"),
    chapter=Chapter.AGENT,
    facts=Facts,
    derive=derive,
    measures=measures,
    reads=(),
    systems=("linux", "windows"),
    rules=(
        Rule(
            "AGT-005",
            Text("主机与采集端的时钟偏差", "Clock of host and collector"),
            why=Text(
                "时钟错误的主机，其日志、备份和业务单据的时间都不可信。",
                "Where the clock is wrong, the times of logs, backups and documents can't be"
                " believed.",
            ),
            remedy=Text(
                "为该主机配置 NTP 对时（chrony 或 systemd-timesyncd），确认已同步。",
                "Set up NTP on the host (chrony or systemd-timesyncd) and see that it has"
                " synchronised.",
            ),
            priority=2,
            thresholds=ClockThresholds,
            evaluate=clock,
        ),
        Rule(
            "AGT-007",
            Text("数据完整与唯一", "Whole, and from one host"),
            why=Text(
                "缺失的数据不能当作正常；两台主机共用一个身份时，数据会混在一起。",
                "What is missing is not well; where two hosts share one identity, their data mix.",
            ),
            remedy=Text(
                "恢复网络或以文件导出送达数据，腾出磁盘空间；主机若被克隆，请移开克隆机的 identity "
                "目录，并用新的登记码重新登记。",
                "Restore the network or hand the data over by file, free disk space; where a host"
                " was cloned, move the clone's folder identity away and enrol it with a new code.",
            ),
            priority=1,
            thresholds=WholeThresholds,
            evaluate=whole,
            owner=Owner.SERVICE_ENGINEER,
        ),
    ),
)
