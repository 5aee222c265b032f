"""Replication: does every standby follow, and how far behind is it?"""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Measure,
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
    not_run,
    ok,
)
from checks.postgresql._replication_facts import Facts, Replay, Standby, probe
from checks.wording import duration, size
from wire.messages import Reason

_ORDER = (State.OK, State.WARNING, State.CRITICAL)
_STREAMS = ("streaming", "catchup")
_PASSING = ("pg_basebackup", "_sync_")
"""In names of those that come and go: base backups, first copies of subscriptions."""


class LagThresholds(Thresholds, frozen=True):
    """How far a standby may be behind; a standby meant to be late has a policy of its own."""

    warning_minutes: Annotated[float, limit("min", "catalogue PG-008, MT/ND style")] = 5
    critical_minutes: Annotated[float, limit("min", "catalogue PG-008, MT/ND style")] = 30
    warning_gibibytes: Annotated[float, limit("GiB", "OWN: where no time is known")] = 1
    critical_gibibytes: Annotated[float, limit("GiB", "OWN: where no time is known")] = 16
    least_standbys: Annotated[int, limit("standbys", "OWN: how many the customer has")] = 0


_NONE = Text("没有备库连接到本实例。", "No standby is connected to this server.")
_BEHIND = Text("落后 {behind}", "{behind} behind")
_BOTH = Text("{time}（{bytes}）", "{time} ({bytes})")
_LIMIT = Text("< {time}", "< {time}")
_LATE = Text(
    "备库 {name}（{state}）落后 {behind}：此时切换会丢失这部分数据，或要等它重放完。",
    "The standby {name} ({state}) is {behind} behind: a switch now loses that much or waits for "
    "it.",
)
_STOPPED = Text(
    "备库 {name} 已连接但没有在复制，状态为 {state}。",
    "The standby {name} is connected but does not replicate: its state is {state}.",
)
_VANISHED = Text(
    "上次巡检时连接的备库 {name} 现在没有连接。",
    "The standby {name} was connected at the inspection before and is not now.",
)
_FEW = Text(
    "连接的备库有 {found} 个，应有 {wanted} 个。",
    "{found} standbys are connected; there should be {wanted}.",
)
_HANGING = Text(
    "synchronous_standby_names 已设置，但没有同步备库连接：所有提交都会一直等待。",
    "synchronous_standby_names is set, but no synchronous standby is connected: commits hang.",
)
_NOT_RECEIVING = Text(
    "本备库没有接收主库的 WAL（{state}），最后重放的事务在 {ago}前。",
    "This standby receives no WAL from its primary ({state}); the last transaction it replayed is "
    "{ago} old.",
)
_OWN_LATE = Text(
    "本备库落后 {behind}{paused}。",
    "This standby is {behind} behind{paused}.",
)
_PAUSED = Text("，WAL 重放已被暂停（pg_wal_replay_pause）", ": replay is paused")
_UNKNOWN = Text("未知时间", "an unknown time")
_NO_RECEIVER = Text("接收进程未运行", "the receiver does not run")
_CONNECTED = Text("已连接 {found} 个", "{found} connected")
_AT_LEAST = Text("≥ {wanted} 个", "at least {wanted}")


def lag(facts: Facts, thresholds: LagThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge this server where it is a standby, and each of those that follow it."""
    if facts.standby:
        yield _own(facts, thresholds)
    if isinstance(facts.standbys, Failure):
        yield not_run("" if not facts.standby else "pg_stat_replication", facts.standbys)
        return
    following = _following(facts)
    for name, standby in following.items():
        yield _standby(name, standby, thresholds)
    gone: list[str] = []
    if past.previous is not None:
        gone = [name for name in _following(past.previous) if name not in following]
    for name in gone:
        reference = Text("已连接", "connected")
        yield critical(
            name, Text("未连接", "not connected"), reference, _VANISHED.format(name=name)
        )
    if facts.synchronous and not any(
        each.sync_state in ("sync", "quorum") for each in facts.standbys
    ):
        none, wanted = _CONNECTED.format(found=0), _AT_LEAST.format(wanted=1)
        yield critical("synchronous_standby_names", none, wanted, _HANGING)
    if len(following) < thresholds.least_standbys:
        found, least = len(following), thresholds.least_standbys
        current, reference = _CONNECTED.format(found=found), _AT_LEAST.format(wanted=least)
        message = _FEW.format(found=found, wanted=least)
        yield critical("standbys", current, reference, message)
    elif not (facts.standby or following or gone or facts.synchronous):
        yield not_applicable("", _NONE)


def _following(facts: Facts) -> dict[str, Standby]:
    """Return who follows by a name that stays: of several alike the one that is most behind."""
    if isinstance(facts.standbys, Failure):
        return {}
    found: dict[str, Standby] = {}
    for each in sorted(facts.standbys, key=lambda each: each.lag_bytes or 0):
        if each.state == "backup" or any(word in each.application for word in _PASSING):
            continue
        name = f"{each.application or 'walreceiver'}@{each.address or 'local'}"
        found[name[:255]] = each
    return found


def _standby(name: str, standby: Standby, thresholds: LagThresholds) -> Verdict:
    if standby.state not in _STREAMS:
        message = _STOPPED.format(name=name, state=standby.state or "-")
        return critical(name, Text.same(standby.state), Text.same("streaming"), message)
    behind = _behind(standby.lag_seconds, standby.lag_bytes)
    message = _LATE.format(name=name, state=standby.state, behind=behind)
    return _graded(name, standby.lag_seconds, standby.lag_bytes, thresholds, message)


def _own(facts: Facts, thresholds: LagThresholds) -> Verdict:
    if isinstance(facts.replay, Failure):
        return not_run("", facts.replay)
    if isinstance(facts.receiver, Failure):
        return not_run("", facts.receiver)
    replay = facts.replay[0]
    received = [state for state in facts.receiver if state == "streaming"]
    if not received and replay.streams is not False:
        state = facts.receiver[0] if facts.receiver else _NO_RECEIVER
        ago = _UNKNOWN if replay.replayed_seconds is None else duration(replay.replayed_seconds)
        message = _NOT_RECEIVING.format(state=state, ago=ago)
        current = Text.same(state) if isinstance(state, str) else state
        return critical("", current, Text.same("streaming"), message)
    seconds = _own_seconds(replay, bool(received))
    if seconds is None and replay.lag_bytes is None:
        return not_run("", Failure(Reason.UNSUPPORTED, "pg_last_xact_replay_timestamp()"))
    paused: Text | str = _PAUSED if replay.paused else ""
    message = _OWN_LATE.format(behind=_behind(seconds, replay.lag_bytes), paused=paused)
    return _graded("", seconds, replay.lag_bytes, thresholds, message)


def _own_seconds(replay: Replay, streaming: bool) -> float | None:
    """Return how late this standby is beyond what it is meant to be.

    None where it has replayed no transaction since it was started: only bytes tell then.
    """
    if streaming and replay.caught_up:
        return 0
    if replay.replayed_seconds is None:
        return None
    return max(0, replay.replayed_seconds - replay.delay_milliseconds / 1000)


def _graded(
    name: str,
    seconds: float | None,
    held: float | None,
    thresholds: LagThresholds,
    message: Text,
) -> Verdict:
    minutes, gibibytes = (seconds or 0) / 60, (held or 0) / 2**30
    by_time = grade(minutes, thresholds.warning_minutes, thresholds.critical_minutes)
    by_size = grade(gibibytes, thresholds.warning_gibibytes, thresholds.critical_gibibytes)
    state = max(by_time, by_size, key=_ORDER.index)
    current = _BEHIND.format(behind=_behind(seconds, held))
    reference = _LIMIT.format(time=duration(thresholds.warning_minutes * 60))
    if state is State.OK:
        return ok(name, current, reference)
    return Verdict(name, state, current, reference, message)


def _behind(seconds: float | None, held: float | None) -> Text:
    """Return how far behind, in what is known: a standby that has nothing to do tells no time."""
    if seconds is None:
        return size(held or 0)
    return _BOTH.format(time=duration(seconds), bytes=size(held)) if held else duration(seconds)


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield how many bytes each standby is behind."""
    for name, standby in _following(facts).items():
        if standby.lag_bytes is not None:
            yield Measure("lag_bytes", name, standby.lag_bytes)


CHECK = Check(
    title=Text("PostgreSQL 流复制", "PostgreSQL replication"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    measures=measures,
    reads=(
        "pg_stat_replication",
        "pg_stat_wal_receiver",
        "pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn(), pg_last_xact_replay_timestamp()",
        "pg_is_wal_replay_paused()",
        "pg_settings",
    ),
    privilege=Text("pg_read_all_stats（或 pg_monitor）", "pg_read_all_stats (or pg_monitor)"),
    systems=("linux", "windows"),
    target="postgresql",
    rules=(
        Rule(
            code="PG-008",
            title=Text("主备复制延迟", "Replication lag"),
            why=Text(
                "备库中断或落后时，主库一旦故障，切换就会丢失数据；同步复制的备库断开还会让主库提交挂起。",
                "A standby that stopped or is behind loses data when the primary fails; where "
                "replication is synchronous, the primary's commits hang.",
            ),
            remedy=Text(
                "查看备库日志和网络；备库需要的 WAL 已被清理时要重建备库（pg_basebackup）；"
                "重放慢则检查备库磁盘和长查询冲突（max_standby_streaming_delay）；"
                "被暂停时执行 SELECT pg_wal_replay_resume()。",
                "Read the standby's log and check the network; where WAL that it needs is gone it "
                "must be built anew (pg_basebackup). Where replay is slow look at its disk and at "
                "long queries there; where it is paused SELECT pg_wal_replay_resume().",
            ),
            priority=1,
            thresholds=LagThresholds,
            evaluate=lag,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
