"""Uptime: how long the host has run since its last start."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import psutil

from checks.api import (
    Chapter,
    Check,
    Host,
    Measure,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    limit,
    ok,
    warning,
)
from checks.wording import duration

DAY_SECONDS = 86400


class Facts(Struct, frozen=True):
    """When the host started and how long ago that was, by its own clock."""

    booted_at: datetime
    uptime_seconds: float


def probe(_host: Host) -> Facts:
    """Read the time of the last start."""
    booted = psutil.boot_time()
    # A clock that was set back may lie before the start.
    return Facts(datetime.fromtimestamp(booted, UTC), max(0.0, round(time.time() - booted, 1)))


class UptimeThresholds(Thresholds, frozen=True):
    """Both ends are worth a look: never restarted, or restarted just now."""

    longest_days: Annotated[float, limit("days", "LYN BOOT-5202; OWN 365")] = 365
    shortest_hours: Annotated[float, limit("hours", "FRK#221; MT <24 h; DASH <48/12 h")] = 24


def uptime(facts: Facts, thresholds: UptimeThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether the host runs too long without a restart, or restarted just now."""
    current = duration(facts.uptime_seconds)
    reference = Text(
        f"{thresholds.shortest_hours:g} 小时 – {thresholds.longest_days:g} 天",
        f"{thresholds.shortest_hours:g} h – {thresholds.longest_days:g} d",
    )
    since = f"{facts.booted_at:%Y-%m-%d %H:%M} UTC"
    if facts.uptime_seconds > thresholds.longest_days * DAY_SECONDS:
        message = Text(
            "自 {since} 起已连续运行 {current}，期间安装的内核补丁尚未生效。",
            "Running since {since} ({current}) without a restart: kernel patches installed "
            "meanwhile are not in force.",
        )
    elif facts.uptime_seconds < thresholds.shortest_hours * 3600:
        message = Text(
            "系统于 {since} 启动，仅运行 {current}；如非计划内重启，须查明原因。",
            "The host started at {since}, {current} ago; unless that was planned, find out why.",
        )
    else:
        yield ok("", current, reference)
        return
    yield warning("", current, reference, message.format(since=since, current=current))


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield the uptime: the saw-tooth of the year's restarts."""
    yield Measure("uptime_seconds", "", facts.uptime_seconds)


CHECK = Check(
    title=Text("运行时间", "Uptime"),
    chapter=Chapter.HOST,
    facts=Facts,
    probe=probe,
    measures=measures,
    systems=("linux", "windows"),
    reads=("/proc/stat (btime)", "GetTickCount64 (Windows)"),
    rules=(
        Rule(
            code="OS-UPT-001",
            title=Text("连续运行时间", "Time since the last start"),
            why=Text(
                "长期不重启的主机仍在运行未打补丁的内核，且谁也不知道它还能否正常启动；"
                "刚刚重启过的主机则可能发生过断电或崩溃。",
                "A host that is never restarted runs an unpatched kernel, and nobody knows whether "
                "it would start again; one that restarted just now may have crashed or lost power.",
            ),
            remedy=Text(
                "运行过久：安排停机窗口，备份后重启并验证业务。刚重启：执行 last -x | head 和 "
                "journalctl -b -1 -e 查明是否为计划内重启。",
                "Too long: plan a window, back up, restart, and verify the applications. Just "
                "restarted: find out with last -x | head and journalctl -b -1 -e whether it was "
                "planned.",
            ),
            priority=2,
            thresholds=UptimeThresholds,
            evaluate=uptime,
        ),
    ),
)
