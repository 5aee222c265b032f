"""A query that the settings declare, as its check sees it, and what of it travels with its facts.

The collector has no settings of the agent: title, thresholds and texts go with every observation.
The query's text stays on the host.
"""

from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct

from checks.api import Text
from checks.databases import Database

MOST_ROWS = 1000
"""As many objects as the collector judges of one observation."""


class ColumnKind(Enum):
    """What a column holds."""

    INTEGER = "integer"
    NUMBER = "number"
    PERCENT = "percent"
    DAYS = "days"
    SECONDS = "seconds"
    BYTES = "bytes"
    TEXT = "text"
    MOMENT = "moment"
    """A date, with or without a time. It is shown, not judged: the server's own clock counts."""


QUANTITIES = frozenset(ColumnKind) - {ColumnKind.TEXT, ColumnKind.MOMENT}
"""Kinds that thresholds can be held against."""


class NoRows(Enum):
    """What it means that a query gives no row at all."""

    OK = "ok"
    NOT_APPLICABLE = "not_applicable"
    WARNING = "warning"
    CRITICAL = "critical"


class Declaration(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a declared query means."""

    title: Text
    database: str
    """Name of its entry in [databases]."""
    kind: ColumnKind
    """Of the value that is judged: one of QUANTITIES."""
    unit: Text = Text("", "")
    """Behind an integer or a number; the other kinds have their own."""
    warning: float | None = None
    critical: float | None = None
    lower_is_worse: bool = False
    message: Text
    """With {object}, {value} and the names of columns that are shown."""
    remedy: Text = Text("", "")
    no_rows: NoRows = NoRows.OK
    priority: Annotated[int, Meta(ge=1, le=3)] = 2


class DeclaredQuery(Struct, frozen=True, kw_only=True):
    """The port of the check: what to ask, whom, and what must come back."""

    declaration: Declaration
    text: str
    """One SELECT, examined when the settings were loaded."""
    columns: dict[str, ColumnKind]
    """By name, in lower case: all that the query must give."""
    value: str
    """The column that is judged."""
    object: str = ""
    """The column that names what is judged; empty: the query gives one row."""
    shown: tuple[str, ...] = ()
    """Columns whose values go into the facts besides these two."""
    most_rows: int
    database: Database
    """The instance, or one database within it."""
