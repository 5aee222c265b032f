"""Network adapters: errors and drops of the cards that a cable or a hypervisor is behind."""

from collections.abc import Iterator
from typing import Annotated

import psutil

from checks.api import (
    Chapter,
    Check,
    Host,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    limit,
    not_applicable,
)
from checks.wording import duration

TEN_MINUTES_SECONDS = 600


class Counters(Struct, frozen=True):
    """What an adapter has counted since it was set up, both directions together."""

    packets: int
    errors: int
    drops: int


class Interface(Struct, frozen=True):
    """One network adapter."""

    name: str
    up: bool
    speed_mbit: int | None
    """None where the adapter does not say."""
    mtu_bytes: int
    counters: Counters


class Facts(Struct, frozen=True):
    """Every adapter; loopback, bridges, tunnels and containers' ends are left out."""

    interfaces: tuple[Interface, ...]


def probe(host: Host) -> Facts:
    """Read the state and the counters of every adapter."""
    counted = psutil.net_io_counters(pernic=True)
    states = psutil.net_if_stats()
    return Facts(
        tuple(
            Interface(
                name=name,
                up=states[name].isup,
                speed_mbit=states[name].speed or None,
                mtu_bytes=states[name].mtu,
                counters=Counters(
                    packets=numbers.packets_recv + numbers.packets_sent,
                    errors=numbers.errin + numbers.errout,
                    drops=numbers.dropin + numbers.dropout,
                ),
            )
            for name, numbers in sorted(counted.items())
            if name in states and is_adapter(host, name)
        )
    )


def is_adapter(host: Host, name: str) -> bool:
    """Return whether a device stands behind the interface, physical or the hypervisor's."""
    if host.system == "linux":
        return host.exists(f"/sys/class/net/{name}/device")
    return not name.startswith("Loopback")


class ErrorThresholds(Thresholds, frozen=True):
    """Errors and drops between two inspections; since boot at the first one."""

    warning_errors_per_10_minutes: Annotated[float, limit("errors/10 min", "ND ≥5")] = 5
    critical_error_percent: Annotated[float, limit("%", "MIX >1 % of packets")] = 1
    warning_drop_percent: Annotated[float, limit("%", "ND ≥2 % of packets")] = 2
    least_packets: Annotated[int, limit("packets", "OWN: a share of fewer means nothing")] = 1000


def errors(facts: Facts, thresholds: ErrorThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the errors and drops of every adapter that is up."""
    if not facts.interfaces:
        why = Text("没有物理或虚拟网卡。", "There is no network adapter.")
        yield not_applicable("", why)
    before = {}
    if past.previous is not None and past.same_boot:
        before = {interface.name: interface.counters for interface in past.previous.interfaces}
    for interface in facts.interfaces:
        if not interface.up:
            why = Text("网卡未启用或未接线。", "The adapter is down or has no link.")
            yield not_applicable(interface.name, why)
            continue
        yield _judged(interface, before.get(interface.name), thresholds, past.elapsed_seconds)


def _judged(
    interface: Interface,
    before: Counters | None,
    thresholds: ErrorThresholds,
    elapsed_seconds: float | None,
) -> Verdict:
    counted = since(interface.counters, before)
    per_10_minutes = None
    span = Text("自本次开机以来", "since this boot")
    if counted is None:
        # Without a time span there is a share of packets, but no rate.
        counted = interface.counters
    elif elapsed_seconds:
        per_10_minutes = counted.errors * TEN_MINUTES_SECONDS / elapsed_seconds
        span = Text("自上次巡检（{ago}前）以来", "since the last inspection {ago} ago").format(
            ago=duration(elapsed_seconds)
        )
    shares = counted.packets >= thresholds.least_packets
    error_percent = 100 * counted.errors / counted.packets if shares else 0.0
    drop_percent = 100 * counted.drops / counted.packets if shares else 0.0
    state = State.OK
    if error_percent > thresholds.critical_error_percent:
        state = State.CRITICAL
    elif drop_percent >= thresholds.warning_drop_percent or (
        per_10_minutes is not None and per_10_minutes >= thresholds.warning_errors_per_10_minutes
    ):
        state = State.WARNING
    message = Text(
        "网卡 {name} {span}收发 {packets} 个包，错误 {errors} 个（{error_percent:.3f}%），"
        "丢弃 {drops} 个（{drop_percent:.3f}%）{rate}。",
        "Adapter {name}, {span}: {packets} packets, {errors} errors ({error_percent:.3f}%), "
        "{drops} drops ({drop_percent:.3f}%){rate}.",
    ).format(
        name=interface.name,
        span=span,
        packets=counted.packets,
        errors=counted.errors,
        error_percent=error_percent,
        drops=counted.drops,
        drop_percent=drop_percent,
        rate=_rate(per_10_minutes),
    )
    current = Text("错误 {errors}，丢包 {drops}（{span}）", "{errors} errors, {drops} drops {span}")
    reference = Text(
        "错误 ≤{most:g}% 且 <{rate:g} 次/10 分钟，丢包 <{drops:g}%",
        "errors ≤{most:g}% and <{rate:g} in 10 min, drops <{drops:g}%",
    )
    return Verdict(
        interface.name,
        state,
        current.format(errors=counted.errors, drops=counted.drops, span=span),
        reference.format(
            most=thresholds.critical_error_percent,
            rate=thresholds.warning_errors_per_10_minutes,
            drops=thresholds.warning_drop_percent,
        ),
        None if state is State.OK else message,
    )


def _rate(per_10_minutes: float | None) -> Text:
    if per_10_minutes is None:
        return Text("", "")
    return Text(
        f"，平均每 10 分钟出错 {per_10_minutes:.1f} 次",
        f", {per_10_minutes:.1f} errors in 10 minutes on average",
    )


def since(now: Counters, before: Counters | None) -> Counters | None:
    """Return what was counted since `before`; None where the counters started anew meanwhile."""
    if before is None:
        return None
    passed = Counters(
        now.packets - before.packets, now.errors - before.errors, now.drops - before.drops
    )
    return passed if min(passed.packets, passed.errors, passed.drops) >= 0 else None


CHECK = Check(
    title=Text("网卡", "Network adapters"),
    chapter=Chapter.HOST,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    reads=("/proc/net/dev", "/sys/class/net/*", "GetIfEntry2 (Windows)"),
    rules=(
        Rule(
            code="OS-NET-001",
            title=Text("网卡错误与丢包", "Errors and drops of network adapters"),
            why=Text(
                "网卡出错或丢包会使客户端时快时慢、数据库连接中断、备份传输变慢，常见原因是网线、光模块或驱动故障。",
                "Errors and drops make clients slow now and then, break database connections and "
                "slow down backups; the usual causes are a cable, a transceiver or a driver.",
            ),
            remedy=Text(
                "执行 ip -s link show 网卡 和 ethtool -S 网卡 查看错误类型；更换网线或光模块，"
                "核对交换机端口的速率与双工；仍有错误时升级网卡驱动。",
                "See the kind of errors with ip -s link show ADAPTER and ethtool -S ADAPTER; "
                "replace the cable or transceiver, compare speed and duplex with the switch port, "
                "then update the driver.",
            ),
            priority=2,
            thresholds=ErrorThresholds,
            evaluate=errors,
        ),
    ),
)
