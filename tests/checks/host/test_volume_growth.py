"""The forecast takes one point a day and does not take noise for growth."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from checks.api import Past, Point, State
from checks.host._volume_growth import ForecastThresholds, daily, forecast, growth_per_day
from checks.host._volume_usage import Facts, Usage, Volume

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
GIB = 2**30


def series(values: list[float], every: timedelta = timedelta(days=1)) -> list[Point]:
    return [
        Point(NOW - every * (len(values) - 1 - index), value) for index, value in enumerate(values)
    ]


@given(st.floats(0, 1e15), st.floats(1, 1e12), st.integers(14, 180))
def test_a_straight_line_gives_its_slope(start: float, slope: float, points: int) -> None:
    assume(slope > start * 1e-9)
    values = [start + slope * day for day in range(points)]
    assert growth_per_day(series(values), 0.5) == pytest.approx(slope, rel=1e-3)


@given(st.lists(st.floats(0, 1e15), min_size=2, max_size=60))
def test_any_history_gives_a_finite_growth(values: list[float]) -> None:
    growth = growth_per_day(series(values), 0.5)
    assert abs(growth) <= 1e15


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=200, unique=True))
def test_a_day_keeps_its_last_point_only(minutes: list[int]) -> None:
    points = [Point(NOW + timedelta(minutes=minute), minute) for minute in sorted(minutes)]
    kept = daily(points)
    days = [point.at.date() for point in kept]
    assert days == sorted(set(days))
    assert kept[-1] == points[-1]


def verdict_for(points: list[Point], **usage: int) -> State:
    room = {"total_bytes": 100 * GIB, "used_bytes": 50 * GIB, "free_bytes": 50 * GIB} | usage
    volume = Volume(
        mount_point="/u01",
        device="/dev/sdb",
        file_system="xfs",
        kind="local",
        read_only=False,
        usage=Usage(**room),
    )
    past = Past(NOW, series=lambda measure, name: points if measure == "used_bytes" else ())
    [verdict] = forecast(Facts((volume,)), ForecastThresholds(), past)
    return verdict.state


def test_many_inspections_of_one_day_are_no_history() -> None:
    hourly = series([index * GIB for index in range(48)], timedelta(hours=1))
    assert verdict_for(hourly) is State.NOT_RUN


def test_old_growth_is_forgotten() -> None:
    old = [Point(NOW - timedelta(days=400 - day), day * GIB) for day in range(100)]
    assert verdict_for(old) is State.NOT_RUN


def test_a_volume_that_shrinks_will_not_be_full() -> None:
    assert verdict_for(series([(100 - day) * GIB for day in range(20)])) is State.OK


def test_days_left_are_those_of_the_room_that_is_left() -> None:
    steady = series([(30 + day) * GIB for day in range(20)])
    assert verdict_for(steady) is State.WARNING
    assert verdict_for(steady, free_bytes=29 * GIB) is State.CRITICAL
    assert verdict_for(steady, free_bytes=91 * GIB) is State.OK
