"""Memory: what is available, how much is swapped out, and processes killed for lack of it."""

from collections.abc import Iterator
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
    ok,
)
from checks.errors import UnexpectedOutput, Unsupported, part
from checks.wording import count, duration, percent, size
from wire.messages import Failure

VMSTAT = "/proc/vmstat"


class Facts(Struct, frozen=True):
    """Memory and swap in bytes, and the kernel's count of killed processes since boot."""

    total_bytes: int
    available_bytes: int
    """What new processes can get without swapping."""
    swap_total_bytes: int | Failure
    swap_used_bytes: int | Failure
    oom_kills_since_boot: int | Failure | None
    """None where the system keeps no such counter (Windows)."""

    @property
    def available_percent(self) -> float:
        """Return the available share of all memory."""
        return 100 * self.available_bytes / self.total_bytes if self.total_bytes else 0.0


def probe(host: Host) -> Facts:
    """Read memory and swap through psutil, and the kernel's counter of killed processes."""
    memory = psutil.virtual_memory()
    swap = part(_swap)
    return Facts(
        total_bytes=memory.total,
        available_bytes=memory.available,
        swap_total_bytes=swap if isinstance(swap, Failure) else swap[0],
        swap_used_bytes=swap if isinstance(swap, Failure) else swap[1],
        oom_kills_since_boot=(
            part(lambda: oom_kills(host.read(VMSTAT))) if host.system == "linux" else None
        ),
    )


def _swap() -> tuple[int, int]:
    try:
        swap = psutil.swap_memory()
    except RuntimeError as error:  # a Windows without performance counters
        raise Unsupported("swap_memory", str(error)) from error
    return swap.total, swap.used


def oom_kills(vmstat: str) -> int:
    """Return the kernel's count of processes killed for lack of memory since boot."""
    for line in vmstat.splitlines():
        name, _, value = line.partition(" ")
        if name == "oom_kill":
            if not value.strip().isdecimal():
                raise UnexpectedOutput(VMSTAT, line)
            return int(value)
    raise Unsupported(f"{VMSTAT}: oom_kill", "Linux 4.13 or newer counts it")


class AvailableThresholds(Thresholds, frozen=True):
    """Share of memory that new processes can still get."""

    warning_percent: Annotated[float, limit("%", "ND 15→10; DBC used 75/90; MIX used >90")] = 15
    critical_percent: Annotated[float, limit("%", "OWN; ND used 98; MIX used >90")] = 5


class SwapThresholds(Thresholds, frozen=True):
    """Share of swap in use."""

    warning_percent: Annotated[float, limit("%", "DBC 50")] = 50
    critical_percent: Annotated[float, limit("%", "ND 80–98")] = 80


class KillThresholds(Thresholds, frozen=True):
    """Processes killed since the last inspection."""

    warning_count: Annotated[int, limit("kills", "ND >0")] = 1
    critical_count: Annotated[int, limit("kills", "OWN")] = 3


def available(
    facts: Facts, thresholds: AvailableThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge the share of memory that is still available."""
    value = facts.available_percent
    state = grade(
        value, thresholds.warning_percent, thresholds.critical_percent, lower_is_worse=True
    )
    message = Text(
        "可用内存 {available}，占总内存 {total} 的 {value}。",
        "{available} of {total} memory is available: {value}.",
    ).format(
        available=size(facts.available_bytes), total=size(facts.total_bytes), value=percent(value)
    )
    yield Verdict(
        "",
        state,
        Text(
            f"{value:.1f}%（{size(facts.available_bytes)}）",
            f"{value:.1f}% ({size(facts.available_bytes).en})",
        ),
        Text.same(f">{thresholds.warning_percent:g}%"),
        None if state is State.OK else message,
    )


def swapped(facts: Facts, thresholds: SwapThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the share of swap in use."""
    total, used = facts.swap_total_bytes, facts.swap_used_bytes
    if isinstance(total, Failure) or isinstance(used, Failure):
        failure = total if isinstance(total, Failure) else used
        assert isinstance(failure, Failure)
        yield not_run("", failure)
        return
    if total == 0:
        yield not_applicable("", Text("本机没有交换空间。", "This host has no swap."))
        return
    value = 100 * used / total
    state = grade(value, thresholds.warning_percent, thresholds.critical_percent)
    message = Text(
        "交换空间 {total} 已使用 {used}（{value}），此时可用内存为 {available}。",
        "{used} of {total} swap is in use ({value}) while {available} of memory is available.",
    ).format(
        total=size(total),
        used=size(used),
        value=percent(value),
        available=percent(facts.available_percent),
    )
    yield Verdict(
        "",
        state,
        percent(value),
        Text.same(f"<{thresholds.warning_percent:g}%"),
        None if state is State.OK else message,
    )


def killed(facts: Facts, thresholds: KillThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the processes killed since the last inspection, or since boot where there is none."""
    now = facts.oom_kills_since_boot
    if now is None:
        yield not_applicable("", Text("仅适用于 Linux。", "Linux only."))
        return
    if isinstance(now, Failure):
        yield not_run("", now)
        return
    before = past.previous.oom_kills_since_boot if past.previous and past.same_boot else None
    if isinstance(before, int) and before <= now:
        kills = now - before
        span = Text("自上次巡检（{ago}前）以来", "since the last inspection {ago} ago").format(
            ago=duration(past.elapsed_seconds or 0)
        )
    else:
        kills = now
        span = Text("自本次开机以来", "since this boot")
    reference = Text(f"<{thresholds.warning_count} 次", f"<{thresholds.warning_count}")
    current = Text("{count}（{span}）", "{count} {span}").format(
        count=count(kills, "次", "kills"), span=span
    )
    state = grade(kills, thresholds.warning_count, thresholds.critical_count)
    if state is State.OK:
        yield ok("", current, reference)
        return
    message = Text(
        "{span}，内核因内存不足强制结束进程 {kills} 次（开机以来累计 {now} 次）。",
        "The kernel killed processes for lack of memory {kills} times {span} "
        "({now} times since boot).",
    ).format(span=span, kills=kills, now=now)
    yield Verdict("", state, current, reference, message)


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield the curves of the year: available memory and swap in use."""
    yield Measure("available_percent", "", facts.available_percent)
    total, used = facts.swap_total_bytes, facts.swap_used_bytes
    if isinstance(total, int) and isinstance(used, int) and total:
        yield Measure("swap_used_percent", "", 100 * used / total)


CHECK = Check(
    title=Text("内存", "Memory"),
    chapter=Chapter.HOST,
    facts=Facts,
    probe=probe,
    measures=measures,
    trends=(
        Trend(
            "available_percent",
            Text("可用内存", "Memory available"),
            "%",
            "OS-MEM-001",
            "warning_percent",
            "critical_percent",
        ),
    ),
    systems=("linux", "windows"),
    reads=("/proc/meminfo", VMSTAT, "GlobalMemoryStatusEx (Windows)"),
    rules=(
        Rule(
            code="OS-MEM-001",
            title=Text("可用内存", "Available memory"),
            why=Text(
                "可用内存耗尽后系统开始换页，响应急剧变慢，随后内核会强制结束进程，被结束的往往是数据库。",
                "A host without available memory starts to swap and slows down sharply; then the "
                "kernel kills processes, often the database first.",
            ),
            remedy=Text(
                "执行 ps aux --sort=-rss | head 找出占用内存最多的进程；"
                "为数据库和 Java 设置内存上限（innodb_buffer_pool_size、shared_buffers、-Xmx）；"
                "仍不足则增加内存。",
                "Find the largest processes with ps aux --sort=-rss | head; cap databases and Java "
                "(innodb_buffer_pool_size, shared_buffers, -Xmx); add memory if that is not "
                "enough.",
            ),
            priority=1,
            thresholds=AvailableThresholds,
            evaluate=available,
        ),
        Rule(
            code="OS-MEM-002",
            title=Text("交换空间使用率", "Swap used"),
            why=Text(
                "大量内存被换出到磁盘，说明内存长期不足或存在泄漏；被换出的数据再次使用时会慢上千倍。",
                "Much memory moved out to disk means a lasting shortage or a leak; reading it back "
                "is a thousand times slower than memory.",
            ),
            remedy=Text(
                "执行 vmstat 5 查看 si/so 是否持续换页，用 smem 或 grep VmSwap /proc/[0-9]*/status "
                "找出被换出的进程；修复内存泄漏或增加内存。",
                "See with vmstat 5 whether pages keep moving (si/so), find the swapped processes "
                "with smem or grep VmSwap /proc/[0-9]*/status, then fix the leak or add memory.",
            ),
            priority=1,
            thresholds=SwapThresholds,
            evaluate=swapped,
        ),
        Rule(
            code="OS-MEM-003",
            title=Text("内存不足强制结束进程", "Processes killed for lack of memory"),
            why=Text(
                "内核为保住系统结束了进程，可能就是数据库或应用服务，会造成业务中断和未提交数据丢失。",
                "The kernel sacrificed processes to survive; if it was the database or the "
                "application, users were cut off and uncommitted work was lost.",
            ),
            remedy=Text(
                "执行 journalctl -k | grep -i 'killed process' 查看被结束的进程和时间；"
                "限制其内存上限或增加内存，并确认该服务已恢复运行。",
                "Find the victims and times with journalctl -k | grep -i 'killed process'; limit "
                "their memory or add some, and make sure the service runs again.",
            ),
            priority=1,
            thresholds=KillThresholds,
            evaluate=killed,
        ),
    ),
)
