"""A report as one frozen value: a cover and numbered chapters of a few kinds of blocks.

Everything in it is in the language of the report already; both renderers only lay it out. A value
of a customer is always plain text: no renderer may read markup in it.
"""

from datetime import date
from enum import Enum

from msgspec import Struct

from checks.api import Point


class Mark(Enum):
    """What a cell or a card says at a glance. Shown by a shape and a word, colour comes third."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"
    NOT_APPLICABLE = "not_applicable"
    NOT_RUN = "not_run"
    STALE = "stale"
    WAIVED = "waived"
    MISSING = "missing"
    """Looked for, and there is none: not to be mistaken for what could not be looked at."""
    MISMATCH = "mismatch"
    """Two copies that should be the same and are not."""


SHAPES = {
    Mark.OK: "●",
    Mark.INFO: "○",
    Mark.WARNING: "▲",
    Mark.CRITICAL: "◆",
    Mark.NOT_APPLICABLE: "－",
    Mark.NOT_RUN: "□",
    Mark.STALE: "◇",
    Mark.WAIVED: "☆",
    Mark.MISSING: "╳",
    Mark.MISMATCH: "≠",
}
"""One shape each; all of them are in the fonts of the PDF."""


class Style(Enum):
    """How a text stands on the page."""

    PARAGRAPH = "paragraph"
    LEAD = "lead"
    """The sentence that a chapter opens with, or the word above a group."""
    EMPTY = "empty"
    """The one line in place of what is not there: that there is nothing, and why."""
    NOTE = "note"
    """Small print: how a number was made."""


class Paragraph(Struct, frozen=True, tag="paragraph"):
    """A text."""

    text: str
    style: Style = Style.PARAGRAPH


class Cell(Struct, frozen=True):
    """One cell of a table; with a mark, its shape and colour stand before the text."""

    text: str
    mark: Mark | None = None


class Column(Struct, frozen=True):
    """One column of a table."""

    title: str
    width: float = 1
    """Share of the page's width, against the other columns'."""
    numeric: bool = False
    """Numbers stand at the right."""
    code: bool = False
    """Codes and digests: fixed width, never broken."""


class Table(Struct, frozen=True, tag="table"):
    """A table with at least one row; what would be an empty table is an empty Paragraph."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    row_headings: bool = True
    """The first cell of a row names the row."""
    scrolls: bool = False
    """On a phone it scrolls sideways, where others turn each row into a card: a grid of numbers."""


class Line(Struct, frozen=True):
    """One line of a figure."""

    label: str
    points: tuple[Point, ...]
    limit: Mark | None = None
    """Set for a threshold: WARNING or CRITICAL. It is drawn dashed."""


class Figure(Struct, frozen=True, tag="figure"):
    """A chart of lines over time, not drawn yet."""

    caption: str
    alternative: str
    """What the picture shows, in words, for who cannot see it."""
    lines: tuple[Line, ...]
    unit: str
    """Of the values: `%` (the axis runs from 0 to 100), `s`, `bytes`, or empty for a count."""


class Gallery(Struct, frozen=True, tag="gallery"):
    """Figures side by side: two in a row where there is room."""

    figures: tuple[Figure, ...]


class Fact(Struct, frozen=True):
    """A name and its value."""

    name: str
    value: str


class Finding(Struct, frozen=True, tag="finding"):
    """One rule that is not kept, with every place where it is not, why, and what to do."""

    anchor: str
    title: str
    mark: Mark
    badge: str
    """Severity in words."""
    places: Table
    facts: tuple[Fact, ...]


class Calendar(Struct, frozen=True, tag="calendar"):
    """A grid of marks: who down, when across."""

    caption: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


class Sign(Struct, frozen=True):
    """What a mark means where it stands without a word."""

    mark: Mark
    word: str
    count: str
    """How often it is there, with its unit."""


class Month(Struct, frozen=True):
    """One row of a year of days."""

    name: str
    marks: tuple[Mark | None, ...]
    """One for each day that the month has; None: nothing was agreed for it."""


class Days(Struct, frozen=True, tag="days"):
    """A year of days: months down, the days of the month across, a shape in each."""

    caption: str
    corner: str
    months: tuple[Month, ...]
    legend: tuple[Sign, ...]
    """Every mark that is in it."""


class Card(Struct, frozen=True):
    """One large number of the summary."""

    name: str
    value: str
    note: str
    mark: Mark | None = None


class Cards(Struct, frozen=True, tag="cards"):
    """Large numbers side by side."""

    cards: tuple[Card, ...]


class Party(Struct, frozen=True):
    """Who signs, and the lines to fill in by hand."""

    role: str
    lines: tuple[str, ...]


class Signature(Struct, frozen=True, tag="signature"):
    """Places for signatures and seals."""

    parties: tuple[Party, ...]


class Chapter(Struct, frozen=True, tag="chapter"):
    """A numbered part of the report; chapters in chapters are its sections."""

    number: str
    """As printed before the title: 5, 5.1, A; '' for parts without a number."""
    title: str
    anchor: str
    """Names the chapter in links; unique in the report, ASCII letters, digits and hyphens."""
    blocks: tuple[
        "Chapter | Paragraph | Table | Gallery | Finding | Calendar | Days | Cards | Signature", ...
    ]


Block = Chapter | Paragraph | Table | Gallery | Finding | Calendar | Days | Cards | Signature


class Cover(Struct, frozen=True):
    """The first page, and what stands at the head and foot of every other one."""

    heading: str
    """The customer, cut where the name is too long for a heading; the facts have it whole."""
    title: str
    subtitle: str
    facts: tuple[Fact, ...]
    """An empty value is a line to be filled in by hand, as on a paper form."""
    number: str
    provider: str
    confidential: str
    running: str
    """At the head of each page: customer and title, cut to one line."""
    running_number: str


class Labels(Struct, frozen=True):
    """The renderers' own words."""

    contents: str
    page: str
    """With {page} and {total}."""
    skip: str
    picture: str
    by_hand: str
    """What stands for an empty line to those who hear the page."""


class Report(Struct, frozen=True):
    """All of it."""

    language: str
    """BCP 47: zh-CN or en."""
    generated_on: date
    cover: Cover
    labels: Labels
    front: tuple[Chapter, ...]
    """Before the contents: the document control."""
    chapters: tuple[Chapter, ...]
