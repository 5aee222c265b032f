"""Figures drawn as SVG by pygal (docs/decisions/0001-charts.md), one picture for HTML and PDF.

pygal stamps its pictures with a random id, the day and a script; all three are taken out, so that
the same figure is the same bytes and nothing in it can run. Its style sheet is replaced by a
small one whose selectors the PDF's SVG reader knows.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, lru_cache
from math import ceil, floor, log10
from typing import Any
from unicodedata import east_asian_width
from xml.etree import ElementTree

import pygal
from pygal.config import SerieConfig
from pygal.etree import etree
from pygal.serie import Serie
from pygal.style import Style
from pygal.util import ident

from collector.reports.blocks import Figure, Line, Mark

WIDTH, HEIGHT = 372, 196
"""Two stand side by side on a page, and one on a phone, at about the size of its text."""
PLOT_WIDTH = 322
"""What the labels of the axis leave of the width."""
MOST_LEGEND_COLUMNS, LEGEND_ROW, LEGEND_BOX = 3, 16.5, 20
CHARACTER = 6.2
"""Width of a Latin character of the labels; a Chinese one is twice as wide, nearly."""
MOST_TICKS = 6
FAMILY = "'Noto Sans SC', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif"
COLOURS = ("#1f5a94", "#8a4b08", "#2c6e49", "#6b3fa0", "#a1245b", "#3d4f5c")
DASHES = ("", "9 3", "2 2.5", "12 3 2 3", "6 2", "1 3")
"""Lines differ in their dashes as well as in their colours."""
LIMIT_COLOURS = {Mark.WARNING: "#b7791f", Mark.CRITICAL: "#c0392b"}
BYTES = (2**40, 2**30, 2**20, 2**10, 1)
BYTE_UNITS = ("TiB", "GiB", "MiB", "KiB", "B")

# pygal hooks a finder for its maps into every import of the process, by a protocol that Python has
# deprecated (and 3.12 removed). There are no maps here.
sys.meta_path[:] = [
    finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)
]
# pygal takes lxml where it happens to be installed; the picture must not depend on that.
etree.to_etree()


class _Lines(pygal.DateTimeLine):  # type: ignore[misc] # pygal publishes no types
    """pygal's own look-up of attributes, the state of the drawing first, at half the cost.

    A chart looks one up 8,000 times; this takes a third off the time of a picture.
    """

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401 - as pygal's own
        state = object.__getattribute__(self, "__dict__").get("state")
        if state is not None and name != "state" and name in state.__dict__:
            return state.__dict__[name]
        return object.__getattribute__(self, name)

    def prepare_values(
        self, raw: list[tuple[list[tuple[float, float]], dict[str, Any]]], offset: int = 0
    ) -> list[Serie]:
        """Take the points as they are: pairs of numbers. pygal's own adapts and fills each one."""
        self._adapt = self._x_adapt = ident
        options = {
            name: self.state.__dict__[name] for name in _options() & set(self.state.__dict__)
        }
        return [
            Serie(offset + place, points, SerieConfig(**{**options, **own}))
            for place, (points, own) in enumerate(raw)
        ]


@cache
def _options() -> frozenset[str]:
    """Return the names of the options of one line; pygal asks for them 90 times a line."""
    return frozenset(dir(SerieConfig()))


@lru_cache(maxsize=256)
def draw(figure: Figure) -> str:
    """Return the picture as an SVG document without scripts, ids or links."""
    # Seconds as if the wall clock were UTC: pygal prints them back as the report's own times.
    lines = [[(_seconds(point.at), point.value) for point in line.points] for line in figure.lines]
    first = min(line.points[0].at for line in figure.lines).replace(tzinfo=None)
    last = max(line.points[-1].at for line in figure.lines).replace(tzinfo=None)
    values = [value for points in lines for _, value in points]
    axis = _axis(figure.unit, min(values), max(values))
    columns = _legend_columns(figure.lines)
    rows = -(-len(figure.lines) // columns)
    # pygal makes room for the full rows of the legend only.
    forgotten = rows - len(figure.lines) // columns
    chart = _Lines(
        # Numbers are numbers already: nothing to adapt.
        strict=True,
        js=(),
        css=(),
        no_prefix=True,
        style=Style(
            background="transparent",
            plot_background="transparent",
            font_family=FAMILY,
            label_font_size=11,
            major_label_font_size=11,
            legend_font_size=11,
        ),
        width=WIDTH,
        height=HEIGHT + LEGEND_ROW * (rows - 1),
        margin=4,
        margin_right=14,
        margin_bottom=4 + LEGEND_ROW * forgotten,
        spacing=5,
        show_dots=False,
        range=(axis[0], axis[-1]),
        xrange=(_seconds(first), _seconds(last)),
        x_labels=[_seconds(tick) for tick in _ticks(first, last)],
        x_value_formatter=_tick_format(first, last),
        y_labels=axis,
        value_formatter=_number_format(figure.unit, axis[-1]),
        legend_at_bottom=True,
        legend_at_bottom_columns=columns,
        legend_box_size=11,
        truncate_label=-1,
        truncate_legend=-1,
    )
    room = int((PLOT_WIDTH / columns - LEGEND_BOX) / CHARACTER)
    for line, points in zip(figure.lines, lines, strict=True):
        chart.add(fitted(line.label, room), points)
    root = chart.render_tree()
    _clean(root)
    # pygal writes the name space as a plain attribute: names have no prefix here either.
    sheet = ElementTree.Element("style")
    sheet.text = _sheet(figure.lines)
    root.insert(0, sheet)
    return ElementTree.tostring(root, encoding="unicode")


def _cells(text: str) -> float:
    """Return how wide a text is, in Latin characters."""
    return sum(1.8 if east_asian_width(character) in "WF" else 1 for character in text)


def _legend_columns(lines: tuple[Line, ...]) -> int:
    """Return in how many columns every label can be whole; one where none has room for them."""
    widest = max(_cells(line.label) for line in lines) * CHARACTER + LEGEND_BOX
    return max(1, min(len(lines), MOST_LEGEND_COLUMNS, int(PLOT_WIDTH / widest)))


def fitted(text: str, room: int) -> str:
    """Return a label, its middle left out where it is too wide: both ends of a path tell more."""
    if _cells(text) <= room:
        return text
    head, tail = "", ""
    for before, after in zip(text, reversed(text), strict=True):
        if _cells(head + before + after + tail) > room - 1:
            break
        head, tail = head + before, after + tail
    return f"{head}…{tail}"


def _axis(unit: str, low: float, high: float) -> list[float]:
    """Return round values for the axis, from below the lowest value to above the highest."""
    if unit == "%":
        return [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    scale = next((size for size in BYTES if high >= size), 1) if unit == "bytes" else 1
    least, most = min(low, 0.0) / scale, max(high, 0.0) / scale
    rough = (most - least) / 4 or 1.0
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    if unit == "" and step < 1:
        step = 1.0  # a count has no halves
    first, last = floor(least / step), max(ceil(most / step), 1)
    return [place * step * scale for place in range(first, last + 1)]


def _number_format(unit: str, high: float) -> Callable[[float], str]:
    """Return how values of an axis are written: short, with the unit, never as 9e+10."""
    if unit != "bytes":
        return lambda value: f"{value:,.6f}".rstrip("0").rstrip(".") + unit
    size, name = next(pair for pair in zip(BYTES, BYTE_UNITS, strict=True) if high >= pair[0])
    return lambda value: f"{value / size:g} {name}"


def _seconds(at: datetime) -> float:
    return at.replace(tzinfo=UTC).timestamp()


def _ticks(first: datetime, last: datetime) -> list[datetime]:
    """Return a few places for labels: first days of months, or equal parts of a short time."""
    if (last - first).days < 80:
        steps = 3 if (last - first).days < 2 else 5
        return [first + (last - first) * step / steps for step in range(steps + 1)]
    months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    found = [first.replace(year=m // 12, month=m % 12 + 1, day=1, hour=0, minute=0) for m in months]
    inside = [moment for moment in found if first <= moment <= last]
    return inside[:: -(-len(inside) // MOST_TICKS)]


def _tick_format(first: datetime, last: datetime) -> Callable[[datetime], str]:
    pattern = "%m-%d" if (last - first).days < 80 else "%Y-%m"
    if (last - first).days < 2:
        pattern = "%H:%M" if first.date() == last.date() else "%m-%d %H:%M"
    return lambda moment: moment.strftime(pattern)


def _clean(root: ElementTree.Element) -> None:
    """Take out comments, scripts, styles, descriptions, tooltips and ids."""
    unwanted = ("defs", "script", "desc", "title")
    for parent in list(root.iter()):
        parent.attrib.pop("id", None)
        for child in list(parent):
            name = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else "comment"
            kind = child.attrib.get("class", "")
            if name in unwanted or name == "comment" or "overlay" in kind:
                parent.remove(child)


def _sheet(lines: tuple[Line, ...]) -> str:
    rules = [
        f"text {{ font-family: {FAMILY}; font-size: 11px; fill: #333d47; stroke: none; }}",
        "rect.background { fill: none; stroke: none; }",
        ".line { fill: none; }",
        ".axis .line { stroke: #8a949e; stroke-width: 1; }",
        ".axis .guide { stroke: #dfe4e8; stroke-width: 0.7; }",
        ".axis.x text { text-anchor: middle; }",
        ".axis.y text { text-anchor: end; }",
    ]
    for place, line in enumerate(lines):
        colour = LIMIT_COLOURS[line.limit] if line.limit else COLOURS[place % len(COLOURS)]
        dash = "5 4" if line.limit else DASHES[place % len(DASHES)]
        width = 1.1 if line.limit else 1.7
        rules.append(
            f".color-{place} .line {{ stroke: {colour}; stroke-width: {width}; "
            f"stroke-dasharray: {dash or 'none'}; stroke-linejoin: round; }}"
        )
        rules.append(f"rect.color-{place} {{ fill: {colour}; }}")
    return " ".join(rules)
