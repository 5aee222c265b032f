"""Series as figures: the declared trends of a host, a line for each object, the thresholds."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from statistics import fmean

from checks import wording
from checks.api import Chapter, Point
from collector.reports.blocks import Figure, Line, Mark
from collector.reports.material import HostMaterial, TrendRow
from collector.reports.source import Source
from collector.reports.words import to_translate

MOST_LINES = 6
MOST_POINTS = 104
"""In a figure, shared by its lines; more can't be told apart and only cost time."""
LIMITS = {
    Mark.WARNING: to_translate("Warning {value}"),
    Mark.CRITICAL: to_translate("Critical {value}"),
}


@dataclass(frozen=True)
class Curves:
    """One declared trend of one host with a line for each object."""

    trend: TrendRow
    lines: Mapping[str, tuple[Point, ...]]

    @property
    def drawable(self) -> bool:
        """Tell whether any line has the two points that a line needs."""
        return any(len(points) >= 2 for points in self.lines.values())


def curves(
    source: Source, host: HostMaterial, *, fills_up: bool, chapter: Chapter | None = None
) -> Iterator[Curves]:
    """Yield the host's declared trends that have a point: of one chapter, or of all."""
    for trend in source.material.trends:
        if trend.fills_up is not fills_up or (chapter is not None and trend.chapter is not chapter):
            continue
        lines = {
            object_name: points
            for (check, measure, object_name), points in sorted(host.series.items())
            if (check, measure) == (trend.check, trend.measure) and points
        }
        if lines:
            yield Curves(trend, lines)


def figure(source: Source, host: HostMaterial, shown: Curves) -> Figure:
    """Return the figure of a drawable trend: the fullest objects and the thresholds."""
    words, trend = source.voice.words, shown.trend
    drawn = {name: points for name, points in shown.lines.items() if len(points) >= 2}
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
    caption = f"{host.name}: {source.voice.say(trend.title)}"
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
            begin=with_unit(source, values[0], trend.unit),
            end=with_unit(source, values[-1], trend.unit),
            low=with_unit(source, min(values), trend.unit),
            high=with_unit(source, max(values), trend.unit),
        )
    limits = [
        Line(
            words(LIMITS[mark], value=with_unit(source, value, trend.unit)),
            (Point(first, value), Point(last, value)),
            mark,
        )
        for mark, value in ((Mark.WARNING, trend.warning), (Mark.CRITICAL, trend.critical))
        if value is not None
    ]
    return Figure(caption, described, (*lines, *limits), trend.unit)


def with_unit(source: Source, value: float, unit: str) -> str:
    """Return a value of a trend as a person reads it."""
    if unit == "bytes":
        return source.voice.say(wording.size(value))
    if unit == "s":
        return source.voice.say(wording.duration(value))
    return f"{value:,.1f}".removesuffix(".0") + unit


def thinned(points: tuple[Point, ...], most: int) -> tuple[Point, ...]:
    """Return about so many points: of each equal stretch the one farthest from the mean.

    So peaks in both directions stay, and the first and the last point.
    """
    if len(points) <= most:
        return points
    mean = fmean(point.value for point in points)
    start = points[0].at
    stretch = (points[-1].at - start) / most or timedelta(seconds=1)
    kept: dict[int, Point] = {}
    for point in points[1:-1]:
        place = (point.at - start) // stretch
        if place not in kept or abs(point.value - mean) > abs(kept[place].value - mean):
            kept[place] = point
    return (points[0], *kept.values(), points[-1])
