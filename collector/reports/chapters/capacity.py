"""Chapter 11: what fills up, how fast, and until when it lasts."""

from dataclasses import dataclass
from statistics import linear_regression

from checks.api import Point
from collector.reports.blocks import Cell, Chapter, Column, Mark, Paragraph, Style, Table
from collector.reports.chapters.hosts import curve_blocks
from collector.reports.figures import Curves, curves
from collector.reports.material import HostMaterial
from collector.reports.source import Source

LEAST_POINTS = 14
"""A straight line through fewer points is a guess (check-catalogue OS-DSK-003)."""
LEAST_DAYS = 14
DAY = 86400.0
FAR_DAYS = 3 * 365
"""Beyond this a number of days is not worth reading."""


@dataclass(frozen=True)
class Forecast:
    """A straight line through a series of percentages, least squares."""

    percent_a_day: float
    days_until_full: float | None
    """None: it does not grow."""
    percent_in_a_year: float


def forecast(points: tuple[Point, ...]) -> Forecast | None:
    """Return where a series leads; None where it is too short to tell."""
    if len(points) < LEAST_POINTS:
        return None
    days = [(point.at - points[0].at).total_seconds() / DAY for point in points]
    if days[-1] < LEAST_DAYS:
        return None
    slope = linear_regression(days, [point.value for point in points]).slope
    now = points[-1].value
    return Forecast(
        percent_a_day=slope,
        days_until_full=(100 - now) / slope if slope > 1e-6 else None,
        percent_in_a_year=min(max(now + 365 * slope, 0.0), 100.0),
    )


def capacity(source: Source) -> Chapter:
    """Return chapter 11."""
    words = source.voice.words
    found: list[tuple[HostMaterial, Curves]] = [
        (host, shown)
        for host in source.material.hosts
        for shown in curves(source, host, fills_up=True)
    ]
    figures = curve_blocks(source, found)
    rows: list[tuple[float, tuple[Cell, ...]]] = []
    for host, shown in found:
        for name, points in shown.lines.items():
            subject = (host.name, source.voice.say(shown.trend.title), name or "—")
            rows.append(_row(source, subject, points))
    if not rows:
        why = words("Not collected: no measure of a capacity is known in the period.")
        return Chapter("11", words("Capacity and trends"), "capacity", (source.empty(why),))
    rows.sort(key=lambda row: (row[0], [cell.text for cell in row[1]]))
    table = Table(
        words("Growth and forecast, the shortest time first"),
        (
            Column(words("Host"), 1.6),
            Column(words("Measure"), 1.9),
            Column(words("Object"), 2.3),
            Column(words("Start of period"), 1.1, numeric=True),
            Column(words("Now"), 1.1, numeric=True),
            Column(words("Growth a month"), 1.3, numeric=True),
            Column(words("In a year"), 1.15, numeric=True),
            Column(words("Days until full"), 1.8),
        ),
        tuple(cells for _, cells in rows),
    )
    note = Paragraph(
        words(
            "Forecast: a straight line (least squares) through all points of the period, from "
            "{points} points over {days} days on; fewer are not enough to tell. Curves with many "
            "points show the farthest value from the mean of each stretch, so no peak is lost.",
            points=LEAST_POINTS,
            days=LEAST_DAYS,
        ),
        Style.NOTE,
    )
    return Chapter("11", words("Capacity and trends"), "capacity", (table, note, *figures))


def _row(
    source: Source, subject: tuple[str, str, str], points: tuple[Point, ...]
) -> tuple[float, tuple[Cell, ...]]:
    words = source.voice.words
    ahead = forecast(points)
    lasts = float("inf")
    if ahead is None:
        until = Cell(words("Too few points"), Mark.NOT_RUN)
    elif ahead.days_until_full is None:
        until = Cell(words("Does not grow"), Mark.OK)
    elif ahead.days_until_full > FAR_DAYS:
        lasts = ahead.days_until_full
        until = Cell(words("> 3 years"), Mark.OK)
    else:
        lasts = max(ahead.days_until_full, 0.0)
        mark = Mark.CRITICAL if lasts < 30 else Mark.WARNING if lasts < 90 else Mark.OK
        until = Cell(words("{days} days", days=f"{lasts:.0f}"), mark)
    return lasts, (
        *(Cell(text) for text in subject),
        Cell(f"{points[0].value:.1f}%"),
        Cell(f"{points[-1].value:.1f}%"),
        Cell(f"{ahead.percent_a_day * 30:+.1f}" if ahead else "—"),
        Cell(f"{ahead.percent_in_a_year:.0f}%" if ahead else "—"),
        until,
    )
