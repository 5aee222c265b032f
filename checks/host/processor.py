"""Processor: load, waiting and stolen time, sampled over a window of seconds."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

import psutil

from checks.api import (
    Chapter,
    Check,
    Host,
    Measure,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Trend,
    Verdict,
    grade,
    limit,
    not_applicable,
    not_run,
)
from checks.host._processor_times import BUSY_TIMES, Share, processor_times, share
from checks.wording import percent
from wire.messages import Failure, Reason

WINDOW_SECONDS = 8


class Facts(Struct, frozen=True):
    """Processor time over the window, the load averages, the cores."""

    window_seconds: float
    samples: int
    logical_cores: int | None
    physical_cores: int | None
    busy: Share
    iowait: Share | None = None
    """None where the system keeps no such time (Windows)."""
    steal: Share | None = None
    load1: float | None = None
    load5: float | None = None
    load15: float | None = None


def probe(host: Host) -> Facts:
    """Sample the processor times once a second over the window, then read the load averages."""
    readings, window_seconds = processor_times(WINDOW_SECONDS)
    # psutil only imitates the load averages on Windows, from its own first call on.
    loads = psutil.getloadavg() if host.system == "linux" else (None, None, None)
    return Facts(
        window_seconds=window_seconds,
        samples=len(readings) - 1,
        logical_cores=psutil.cpu_count(),
        physical_cores=psutil.cpu_count(logical=False),
        busy=share(readings, BUSY_TIMES),
        iowait=share(readings, ("iowait",)) if hasattr(readings[0], "iowait") else None,
        steal=share(readings, ("steal",)) if hasattr(readings[0], "steal") else None,
        load1=loads[0],
        load5=loads[1],
        load15=loads[2],
    )


class BusyThresholds(Thresholds, frozen=True):
    """Average of the window; the catalogue's row asks for a window, never one instant."""

    warning_percent: Annotated[float, limit("%", "ND 85/95; DBC, N9E 70/90; DI <70")] = 80
    critical_percent: Annotated[float, limit("%", "ND 85/95; DBC, N9E 70/90")] = 90


class LoadThresholds(Thresholds, frozen=True):
    """15-minute load average divided by the logical cores."""

    warning_per_core: Annotated[float, limit("load/core", "MIX 2; ND 1.75–2; N9E 0.7")] = 2
    critical_per_core: Annotated[float, limit("load/core", "OWN; ND 2; N9E 1.0")] = 4


class WaitThresholds(Thresholds, frozen=True):
    """Average share of the window in which idle processors waited for a disk."""

    warning_percent: Annotated[float, limit("%", "ND 20–40; GSC 30")] = 20
    critical_percent: Annotated[float, limit("%", "ND 20–40; GSC 30")] = 40


class StealThresholds(Thresholds, frozen=True):
    """Average share of the window that the hypervisor gave to other guests."""

    warning_percent: Annotated[float, limit("%", "ND")] = 5
    critical_percent: Annotated[float, limit("%", "ND")] = 10


def busy(facts: Facts, thresholds: BusyThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the window's average of busy time."""
    message = Text(
        "在 {seconds:.0f} 秒采样窗口内，CPU 平均使用率为 {average}（P95 {p95}，最高 {max}，"
        "共 {cores} 个逻辑核）。{history}",
        "Over a window of {seconds:.0f} s the processors were busy for {average} on average "
        "(p95 {p95}, highest {max}, {cores} logical cores).{history}",
    )
    yield _judged(facts, facts.busy, thresholds, message, history=_history(past))


def _history(past: Past[Facts]) -> Text:
    """Return what earlier windows say, where there are enough of them to say something."""
    since = past.observed_at - timedelta(days=30)
    values = [point.value for point in past.series("busy_average_percent", "") if point.at >= since]
    if len(values) < 5:
        return Text("", "")
    return Text(
        "近 30 天 {count} 次巡检的平均值为 {mean}，最高 {highest}。",
        " Mean of {count} inspections in 30 days: {mean}, highest {highest}.",
    ).format(
        count=len(values), mean=percent(sum(values) / len(values)), highest=percent(max(values))
    )


def load(facts: Facts, thresholds: LoadThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the 15-minute load per logical core."""
    if facts.load15 is None:
        yield not_applicable("", Text("该系统没有负载平均值。", "This system has no load average."))
        return
    if not facts.logical_cores:
        yield not_run("", Failure(Reason.UNSUPPORTED, "logical_cores"))
        return
    value = facts.load15 / facts.logical_cores
    state = grade(value, thresholds.warning_per_core, thresholds.critical_per_core)
    message = Text(
        "15 分钟平均负载为 {load:.2f}，共 {cores} 个逻辑核，折合每核 {value:.2f}"
        "（1 分钟 {load1:.2f}，5 分钟 {load5:.2f}）。",
        "The 15-minute load is {load:.2f} on {cores} logical cores, {value:.2f} per core "
        "(1 min {load1:.2f}, 5 min {load5:.2f}).",
    ).format(
        load=facts.load15,
        cores=facts.logical_cores,
        value=value,
        load1=facts.load1 or 0.0,
        load5=facts.load5 or 0.0,
    )
    yield Verdict(
        "",
        state,
        Text(f"每核 {value:.2f}", f"{value:.2f} per core"),
        Text("每核 <{most:g}", "<{most:g} per core").format(most=thresholds.warning_per_core),
        None if state is State.OK else message,
    )


def waiting(facts: Facts, thresholds: WaitThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the window's average of time waiting for disks."""
    message = Text(
        "在 {seconds:.0f} 秒采样窗口内，CPU 等待磁盘 I/O 的时间平均占 {average}（最高 {max}）。",
        "Over a window of {seconds:.0f} s the processors waited for disks for {average} of the "
        "time on average (highest {max}).",
    )
    yield _judged(facts, facts.iowait, thresholds, message)


def stolen(facts: Facts, thresholds: StealThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the window's average of time that the hypervisor took."""
    message = Text(
        "在 {seconds:.0f} 秒采样窗口内，被虚拟化平台占用的 CPU 时间平均占 {average}"
        "（最高 {max}）。",
        "Over a window of {seconds:.0f} s the hypervisor took {average} of the processor time on "
        "average (highest {max}).",
    )
    yield _judged(facts, facts.steal, thresholds, message)


def _judged(
    facts: Facts,
    value: Share | None,
    thresholds: BusyThresholds | WaitThresholds | StealThresholds,
    message: Text,
    *,
    history: Text = Text("", ""),  # noqa: B008 - frozen
) -> Verdict:
    if value is None:
        why = Text("该系统不统计此类 CPU 时间。", "This system does not count such processor time.")
        return not_applicable("", why)
    state = grade(value.average_percent, thresholds.warning_percent, thresholds.critical_percent)
    evidence = message.format(
        seconds=facts.window_seconds,
        average=percent(value.average_percent),
        p95=percent(value.p95_percent),
        max=percent(value.max_percent),
        cores=facts.logical_cores or "?",
        history=history,
    )
    window = f"{facts.window_seconds:.0f}"
    return Verdict(
        "",
        state,
        Text(
            f"{value.average_percent:.1f}%（{window} 秒平均）",
            f"{value.average_percent:.1f}% ({window} s average)",
        ),
        Text.same(f"<{thresholds.warning_percent:g}%"),
        None if state is State.OK else evidence,
    )


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield the curves of the year: use, peaks, load, waiting."""
    yield Measure("busy_average_percent", "", facts.busy.average_percent)
    yield Measure("busy_p95_percent", "", facts.busy.p95_percent)
    if facts.load15 is not None and facts.logical_cores:
        yield Measure("load15_per_core", "", facts.load15 / facts.logical_cores)
    if facts.iowait is not None:
        yield Measure("iowait_average_percent", "", facts.iowait.average_percent)
    if facts.steal is not None:
        yield Measure("steal_average_percent", "", facts.steal.average_percent)


CHECK = Check(
    sampling=True,
    title=Text("处理器", "Processor"),
    chapter=Chapter.HOST,
    facts=Facts,
    probe=probe,
    measures=measures,
    trends=(
        Trend(
            "busy_p95_percent",
            Text("CPU 使用率（95 分位）", "CPU use (95th percentile)"),
            "%",
            "OS-CPU-001",
            "warning_percent",
            "critical_percent",
        ),
    ),
    systems=("linux", "windows"),
    reads=("/proc/stat", "/proc/loadavg", "/proc/cpuinfo", "GetSystemTimes (Windows)"),
    rules=(
        Rule(
            code="OS-CPU-001",
            title=Text("CPU 使用率", "Processor use"),
            why=Text(
                "CPU 长时间接近满载时，业务操作变慢、月末结账超时，突发请求没有余量。",
                "Processors near their limit make every user wait, let month-end jobs run into "
                "their time-outs, and leave nothing for a peak.",
            ),
            remedy=Text(
                "执行 top -o %CPU 或 pidstat -u 5 找出高占用进程；若为数据库，"
                "检查最耗时的 SQL 与缺失索引，把批处理移到业务低谷；"
                "确认业务量确实增长后再扩容 CPU。",
                "Find the busiest processes with top -o %CPU or pidstat -u 5; for a database look "
                "at its most expensive SQL and missing indexes, move batch jobs to quiet hours, "
                "and add processors once the demand is real.",
            ),
            priority=1,
            thresholds=BusyThresholds,
            evaluate=busy,
        ),
        Rule(
            code="OS-CPU-002",
            title=Text("每核系统负载", "Load per core"),
            why=Text(
                "排队等待 CPU 或磁盘的任务数超过处理能力，即使 CPU 使用率不高，响应也会变慢。",
                "More tasks queue for processors and disks than the host can serve; answers slow "
                "down even where processor use looks fine.",
            ),
            remedy=Text(
                "执行 vmstat 5 区分等待 CPU（r 列）与等待磁盘（b 列）；"
                "降低并发任务数或错开定时任务，必要时扩容。",
                "Use vmstat 5 to tell tasks waiting for processors (column r) from those waiting "
                "for disks (column b); lower the number of parallel jobs, spread scheduled jobs, "
                "or add capacity.",
            ),
            priority=2,
            thresholds=LoadThresholds,
            evaluate=load,
        ),
        Rule(
            code="OS-CPU-003",
            title=Text("CPU 等待磁盘 I/O 占比", "Time waiting for disks"),
            why=Text(
                "CPU 空闲却在等磁盘，说明存储是瓶颈，数据库读写和备份都会被拖慢。",
                "Idle processors that wait for a disk show that storage is the bottleneck: "
                "database work and backups slow down with it.",
            ),
            remedy=Text(
                "执行 iostat -x 5 和 iotop -o 找出繁忙的磁盘与进程；检查 RAID 重建、备份时段重叠；"
                "将数据、日志、备份分盘或更换为 SSD。",
                "Find the busy disk and process with iostat -x 5 and iotop -o; look for a RAID "
                "rebuild or overlapping backups; put data, logs and backups on separate disks or "
                "on SSDs.",
            ),
            priority=2,
            thresholds=WaitThresholds,
            evaluate=waiting,
        ),
        Rule(
            code="OS-CPU-004",
            title=Text("CPU 被抢占占比", "Stolen processor time"),
            why=Text(
                "虚拟化平台超分时，本机虽分配了 CPU 却得不到时间，"
                "性能忽快忽慢且在系统内部无法解决。",
                "On an over-committed hypervisor the guest does not get the processors it was "
                "given; speed varies, and nothing inside the guest can help.",
            ),
            remedy=Text(
                "将本条证据交给虚拟化或云平台管理员，"
                "要求降低宿主机 CPU 超分比、设置预留，或迁移到空闲宿主机。",
                "Hand this evidence to the team of the virtual platform or cloud: lower the "
                "over-commitment, reserve processors, or move the guest to a quieter machine.",
            ),
            priority=2,
            thresholds=StealThresholds,
            evaluate=stolen,
        ),
    ),
)
