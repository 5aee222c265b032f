"""When a volume will be full: a straight line through one point a day."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import fsum
from operator import mul
from typing import Annotated

from checks.api import (
    Past,
    Point,
    State,
    Text,
    Thresholds,
    Verdict,
    grade,
    limit,
    not_applicable,
    not_run,
)
from checks.host._volume_usage import Facts, unjudged
from checks.wording import days, size
from wire.messages import Failure, Reason

_DAY = timedelta(days=1)


class ForecastThresholds(Thresholds, frozen=True):
    """Days until full by a straight line through one point a day."""

    warning_days: Annotated[float, limit("days", "COH remaining time 90; INS 56")] = 90
    critical_days: Annotated[float, limit("days", "COH remaining time 30")] = 30
    least_points: Annotated[int, limit("days", "catalogue: at least 14 daily points")] = 14
    window_days: Annotated[int, limit("days", "OWN: older growth says little")] = 180
    least_fit: Annotated[float, limit("r²", "OWN: below it the use only goes up and down")] = 0.5


def forecast(facts: Facts, thresholds: ForecastThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge when each volume will be full at the growth of the last months."""
    reference = Text(f">{thresholds.warning_days:g} 天", f">{thresholds.warning_days:g} days")
    for volume in facts.volumes:
        if volume.usage is None or volume.read_only:
            yield unjudged(volume)
            continue
        if volume.kind == "memory":
            why = Text("内存文件系统，重启即清空。", "Held in memory: empty after every restart.")
            yield not_applicable(volume.mount_point, why)
            continue
        since = past.observed_at - timedelta(days=thresholds.window_days)
        series = past.series("used_bytes", volume.mount_point)
        points = daily(series[bisect_left(series, since, key=lambda point: point.at) :])
        if len(points) < thresholds.least_points:
            yield _history_too_short(volume.mount_point, len(points), thresholds.least_points)
            continue
        growth = growth_per_day(points, thresholds.least_fit)
        if growth <= 0:
            current = Text("近期没有持续增长", "no steady growth")
            yield Verdict(volume.mount_point, State.OK, current, reference)
            continue
        left = volume.usage.free_bytes / growth
        state = grade(left, thresholds.warning_days, thresholds.critical_days, lower_is_worse=True)
        current = Text("10 年以上", "more than 10 years") if left > 3650 else days(left)
        evidence = Text(
            "{place} 近 {span:.0f} 天平均每天增长 {growth}，剩余 {free}，"
            "预计约 {left}后（{full}）写满。",
            "{place} grew by {growth} a day over {span:.0f} days; the {free} left will be full in "
            "about {left} ({full}).",
        ).format(
            place=volume.mount_point,
            span=(points[-1].at - points[0].at).total_seconds() / 86400,
            growth=size(growth),
            free=size(volume.usage.free_bytes),
            left=days(left),
            full=_date(past.observed_at, left),
        )
        yield Verdict(
            volume.mount_point, state, current, reference, None if state is State.OK else evidence
        )


def daily(points: Sequence[Point]) -> list[Point]:
    """Return the last point of each day (UTC): many inspections of one day say no more than one."""
    return list({point.at.date(): point for point in points}.values())


def growth_per_day(points: Sequence[Point], least_fit: float) -> float:
    """Return the growth by a straight line; 0 where the line explains less than least_fit (r²)."""
    # One pass for both numbers: with the library's two functions this took half of all judging.
    start = points[0].at
    at_days = [(point.at - start) / _DAY for point in points]
    middle, mean = fsum(at_days) / len(points), fsum(point.value for point in points) / len(points)
    across = [at_day - middle for at_day in at_days]
    upwards = [point.value - mean for point in points]
    width, height = fsum(map(mul, across, across)), fsum(map(mul, upwards, upwards))
    if not width or not height:  # all points at one moment, or all values alike
        return 0.0
    slope = fsum(map(mul, across, upwards)) / width
    return slope if slope * slope * width / height >= least_fit else 0.0


def _date(observed_at: datetime, days_left: float) -> str:
    return f"{observed_at + timedelta(days=min(days_left, 3650)):%Y-%m-%d}"


def _history_too_short(place: str, points: int, least: int) -> Verdict:
    message = Text(
        f"历史数据不足：已有 {points} 天，预测至少需要 {least} 天；继续定期巡检后自动给出。",
        f"Too little history: {points} days of at least {least}; regular inspections fill it.",
    )
    failure = Failure(Reason.NO_HISTORY, f"{points}/{least} d")
    return not_run(place, failure, message)
