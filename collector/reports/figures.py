"""Series as figures: which measures are drawn, in which figure, with which thresholds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from statistics import fmean

from checks.api import Chapter, Point
from collector.reports.blocks import Figure, Line, Mark
from collector.reports.material import HostMaterial
from collector.reports.source import Source
from collector.reports.terms import MEASURES

MOST_LINES = 6
MOST_POINTS = 104
"""In a figure, shared by its lines; more can't be told apart and only cost time."""


@dataclass(frozen=True)
class Trend:
    """One measure of one host with a line for each object."""

    check: str
    measure: str
    lines: Mapping[str, tuple[Point, ...]]

    @property
    def fills_up(self) -> bool:
        """Tell whether it is a capacity: something with a name that can run full."""
        return self.measure.endswith("used_percent") and any(self.lines)

    @property
    def drawable(self) -> bool:
        """Tell whether any line has the two points that a line needs."""
        return any(len(points) >= 2 for points in self.lines.values())


def trends(source: Source, host: HostMaterial, chapter: Chapter | None = None) -> Iterator[Trend]:
    """Yield the host's trends worth a figure: percentages, and measures with a threshold."""
    groups: dict[tuple[str, str], dict[str, tuple[Point, ...]]] = {}
    for (check, measure, object_name), points in sorted(host.series.items()):
        groups.setdefault((check, measure), {})[object_name] = points
    for (check, measure), lines in groups.items():
        if chapter is not None and source.chapter_of("", check) is not chapter:
            continue
        if measure.endswith("percent") or any(_limits(source, check, measure)):
            yield Trend(check, measure, lines)


def measure_title(source: Source, measure: str) -> str:
    """Return a measure's name for people."""
    return source.voice.words(MEASURES[measure]) if measure in MEASURES else measure


def trend_title(source: Source, trend: Trend) -> str:
    """Return what a figure of the trend is about, without the host."""
    return f"{source.check_title(trend.check)} · {measure_title(source, trend.measure)}"


def figure(source: Source, host: HostMaterial, trend: Trend) -> Figure:
    """Return the figure of a drawable trend: the fullest objects and the thresholds."""
    words = source.voice.words
    drawn = {name: points for name, points in trend.lines.items() if len(points) >= 2}
    ranked = sorted(drawn, key=lambda name: (-drawn[name][-1].value, name))
    share = min(MOST_POINTS // min(len(ranked), MOST_LINES), 52)
    lines = [
        Line(
            name or host.name,
            tuple(
                Point(point.at.astimezone(source.voice.zone), point.value)
                for point in thinned(drawn[name], share)
            ),
        )
        for name in ranked[:MOST_LINES]
    ]
    first = min(line.points[0].at for line in lines)
    last = max(line.points[-1].at for line in lines)
    caption = f"{host.name}: {trend_title(source, trend)}"
    if len(ranked) > MOST_LINES:
        caption = words(
            "{caption} (the {most} highest of {all})",
            caption=caption,
            most=MOST_LINES,
            all=len(ranked),
        )
    described = words(
        "Line chart from {first} to {last}.",
        first=source.voice.day(first),
        last=source.voice.day(last),
    )
    for line in lines:
        values = [point.value for point in line.points]
        described += words(
            " {name}: first {begin}, last {end}, lowest {low}, highest {high}.",
            name=line.label,
            begin=f"{values[0]:.1f}",
            end=f"{values[-1]:.1f}",
            low=f"{min(values):.1f}",
            high=f"{max(values):.1f}",
        )
    limits = [
        Line(
            words("Warning {value}", value=f"{value:g}")
            if mark is Mark.WARNING
            else words("Critical {value}", value=f"{value:g}"),
            (Point(first, value), Point(last, value)),
            mark,
        )
        for mark, value in _limits(source, trend.check, trend.measure)
    ]
    return Figure(caption, described, (*lines, *limits), percent=trend.measure.endswith("percent"))


def thinned(points: tuple[Point, ...], most: int) -> tuple[Point, ...]:
    """Return about so many points: of each equal stretch the one farthest from the mean.

    So peaks in both directions stay, and the first and the last point.
    """
    if len(points) <= most:
        return points
    mean = fmean(point.value for point in points)
    stretch = (points[-1].at - points[0].at) / most or timedelta(seconds=1)
    kept: dict[int, Point] = {}
    for point in points[1:-1]:
        place = int((point.at - points[0].at) / stretch)
        if place not in kept or abs(point.value - mean) > abs(kept[place].value - mean):
            kept[place] = point
    return (points[0], *kept.values(), points[-1])


def _limits(source: Source, check: str, measure: str) -> Iterator[tuple[Mark, float]]:
    """Yield the thresholds of a measure: `warning_<measure>` and `critical_<measure>`."""
    for rule in source.material.rules:
        if rule.check != check:
            continue
        for threshold in rule.thresholds:
            for mark in (Mark.WARNING, Mark.CRITICAL):
                if threshold.name == f"{mark.value}_{measure}":
                    try:
                        yield mark, float(threshold.value)
                    except ValueError:
                        continue
