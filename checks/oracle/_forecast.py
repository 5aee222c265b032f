"""When something will be full: a straight line through one point a day, as for volumes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated

from checks.api import Point, State, Text, Thresholds, Verdict, grade, limit, not_run
from checks.wording import days, size
from wire.messages import Failure, Reason

_DAY = timedelta(days=1)
_FAR_DAYS = 3650


class ForecastThresholds(Thresholds, frozen=True):
    """Days until full."""

    warning_days: Annotated[float, limit("days", "COH tablespace-remaining-time 90")] = 90
    critical_days: Annotated[float, limit("days", "COH tablespace-remaining-time 30")] = 30
    least_points: Annotated[int, limit("days", "catalogue: at least 14 daily points")] = 14
    window_days: Annotated[int, limit("days", "OWN: older growth says little")] = 180
    least_fit: Annotated[float, limit("r²", "OWN: below it the use only goes up and down")] = 0.5


def until_full(
    object: str,
    free_bytes: float,
    series: Sequence[Point],
    thresholds: ForecastThresholds,
    now: datetime,
) -> Verdict:
    """Return the verdict on the days until `free_bytes` are used up by the growth of a series."""
    since = now - timedelta(days=thresholds.window_days)
    points = list({point.at.date(): point for point in series if point.at >= since}.values())
    reference = Text(f">{thresholds.warning_days:g} 天", f">{thresholds.warning_days:g} days")
    if len(points) < max(2, thresholds.least_points):
        needed = f"{len(points)}/{thresholds.least_points} d"
        message = Text(
            f"历史数据不足：已有 {len(points)} 天，预测至少需要 {thresholds.least_points} 天。",
            f"Too little history: {len(points)} days of at least {thresholds.least_points}.",
        )
        return not_run(object, Failure(Reason.NO_HISTORY, needed), message)
    growth = _growth_per_day(points, thresholds.least_fit)
    if growth <= 0:
        return Verdict(object, State.OK, Text("近期没有持续增长", "no steady growth"), reference)
    left = free_bytes / growth
    state = grade(left, thresholds.warning_days, thresholds.critical_days, lower_is_worse=True)
    current = Text("10 年以上", "more than 10 years") if left > _FAR_DAYS else days(left)
    message = Text(
        "{name} 平均每天增长 {growth}，剩余 {free}，预计约 {left}后写满。",
        "{name} grows by {growth} a day; the {free} left will be used up in about {left}.",
    ).format(name=object, growth=size(growth), free=size(free_bytes), left=days(left))
    return Verdict(object, state, current, reference, None if state is State.OK else message)


def _growth_per_day(points: Sequence[Point], least_fit: float) -> float:
    """Return the growth by a straight line; 0 where the line explains less than least_fit (r²)."""
    # Here, because an agent imports this module and never judges.
    from statistics import correlation, linear_regression

    across = [(point.at - points[0].at) / _DAY for point in points]
    upwards = [point.value for point in points]
    if min(upwards) == max(upwards) or min(across) == max(across):
        return 0.0
    fits = correlation(across, upwards) ** 2 >= least_fit
    return linear_regression(across, upwards).slope if fits else 0.0
