"""What is known of the integrity of an instance's databases. Pure."""

from checks.api import Failure, Struct
from wire.messages import Count, Label


class CheckRow(Struct, frozen=True, kw_only=True):
    """One database, and when DBCC CHECKDB last found it whole: the answer to LAST_GOOD."""

    name: Label
    state: Label
    is_read_only: bool | None = None
    is_in_standby: bool | None = None
    age_seconds: int
    """Since it was made here."""
    is_known: bool
    """False: the server does not tell (not open, or not for this login)."""
    checked_seconds: int | None = None
    """How long ago; None: never."""


class PageRow(Struct, frozen=True, kw_only=True):
    """The pages of one database in msdb.dbo.suspect_pages."""

    name: Label
    """`database_id 7` where there is none of that number today."""
    bad: Count
    """Of event type 1 to 3; the others were restored, repaired or freed."""
    pages: Count
    newest_seconds: int


class RepairRow(Struct, frozen=True, kw_only=True):
    """The pages of one database that a partner mended in thirty days."""

    name: Label
    pages: Count
    newest_seconds: int


class DumpRow(Struct, frozen=True, kw_only=True):
    """Memory dumps of a year."""

    dumps: Count
    newest_seconds: int | None = None


class Facts(Struct, frozen=True, kw_only=True):
    """Signs of corruption, each from a source of its own."""

    version: Label
    checked: tuple[CheckRow, ...] | Failure
    databases_left_out: Count = 0
    suspect: tuple[PageRow, ...] | Failure
    repairs: tuple[RepairRow, ...] | Failure
    dumps: tuple[DumpRow, ...] | Failure
    """One row."""
