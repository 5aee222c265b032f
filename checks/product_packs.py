"""What a product pack declares: the parts of a business product (ERP), and where they are.

A pack (docs/product-packs.md) is a file; this is what it holds once its parameters are filled in.
"""

from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct

from checks.api import Text
from checks.databases import Engine
from wire.messages import Label

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Path = Annotated[str, Meta(max_length=1000)]
Query = Annotated[str, Meta(max_length=10_000)]
Expression = Annotated[str, Meta(max_length=500)]
Place = Annotated[
    str, Meta(pattern=r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]{1,253}):\d{1,5}$(?!\n)", max_length=260)
]
Address = Annotated[
    str, Meta(pattern=r"^(https?://[^\s/?#@]+(/[^\s#]*)?(\?[^\s#]*)?)?$(?!\n)", max_length=1000)
]


class Part(Enum):
    """A part of a product that a pack can declare, or say that the product has none."""

    SERVICES = "services"
    ACCESS = "access"
    LICENCE = "licence"
    ACCOUNT_SETS = "account_sets"
    PERIODS = "periods"
    AUTOMATIC_BACKUPS = "automatic_backups"
    LOGS = "logs"
    ATTACHMENTS = "attachments"


class MetricKind(Enum):
    """What a pack's own number is about: it decides which rule judges it."""

    POOL = "pool"
    """Use of data sources and connection pools (APP-010)."""
    INTERFACE = "interface"
    """Integration jobs: queue depth, failures, age of the last success (APP-012)."""
    USERS = "users"
    """Users at work (APP-013)."""


class Process(Struct, frozen=True, forbid_unknown_fields=True):
    """Processes that must run."""

    name: Name
    """Name of the executable, with or without `.exe`."""
    argument: Label = ""
    """Must be contained in the command line; empty: any."""
    least: Annotated[int, Meta(ge=1, le=1000)] = 1


class Page(Struct, frozen=True, forbid_unknown_fields=True):
    """A page that users open first."""

    address: Address
    status: tuple[Annotated[int, Meta(ge=100, le=599)], ...] = (200,)
    marker: Label = ""
    """Must be contained in the first 64 KiB of the page."""
    verify_certificate: bool = True


class Licence(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the expiry of the licence stands: in a query's rows or in a file."""

    query: Query = ""
    """Columns: expires (a date), optional name, seats_used, seats_bought; a row for each module."""
    file: Path = ""
    expression: Expression = r"(\d{4}-\d{2}-\d{2})"
    """Of the file: its first group is the date of expiry, as 2027-03-31 or 20270331."""


class AccountSets(Struct, frozen=True, forbid_unknown_fields=True):
    """How account sets and their databases are found."""

    query: Query
    """Columns: code, name."""
    databases: Query = ""
    """Columns: code, database, optional year: the first that the database holds."""
    pattern: Label = ""
    """Where `databases` is not given or can't be asked: the name of a database, with `<code>` and,
    for each year of the periods, `<year>`."""
    family: Label = ""
    """Pattern of all databases that belong to account sets: those without one are told."""
    demo: tuple[Label, ...] = ()
    """Patterns of codes and names of account sets that are there to try things out."""


class Periods(Struct, frozen=True, forbid_unknown_fields=True):
    """How the years that can be booked in are found."""

    query: Query
    """Columns: code, year."""


class Folders(Struct, frozen=True, forbid_unknown_fields=True):
    """Files of one sort."""

    folders: tuple[Path, ...]
    pattern: Label = "*"
    """Of the file's name; `**/` before it: in folders below, too."""


class Logs(Struct, frozen=True, forbid_unknown_fields=True):
    """Log files of the application."""

    folders: tuple[Path, ...]
    pattern: Label = "**/*.log"
    errors: Expression = r"\b(ERROR|FATAL|SEVERE)\b"
    """What the line of an error contains. Lines are counted, never read further."""


class Metric(Struct, frozen=True, forbid_unknown_fields=True):
    """One number that a pack asks the database for, with its limits."""

    kind: MetricKind
    title: Text
    query: Query
    """Columns: value, optional name: one number, or one for each name."""
    unit: Annotated[str, Meta(max_length=20)] = ""
    warning: float | None = None
    critical: float | None = None
    lower_is_worse: bool = False


class Declaration(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A pack whose parameters are filled in: what one installation consists of."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$(?!\n)")]
    version: Name
    title: Text
    """As its vendor calls it."""
    verified: Text
    """What the pack was tried on. The report shows it."""
    engines: tuple[Engine, ...] = ()
    """What its database may be; empty: it has queries for none."""
    without: tuple[Part, ...] = ()
    """Parts that the product does not have: nothing of them can be wrong."""
    services: tuple[Name, ...] = ()
    """Units of systemd, or services of Windows."""
    processes: tuple[Process, ...] = ()
    ports: tuple[Place, ...] = ()
    """host:port"""
    page: Page | None = None
    licence: Licence | None = None
    account_sets: AccountSets | None = None
    periods: Periods | None = None
    automatic_backups: Folders | None = None
    logs: Logs | None = None
    attachments: tuple[Path, ...] = ()
    metrics: Annotated[tuple[Metric, ...], Meta(max_length=50)] = ()
