"""The port that a check sees a business product (ERP) through, and what a product pack declares.

A pack (docs/product-packs.md) says what a product consists of and how its account sets (账套) are
found. Of the product's data only what the report needs is read: codes, names and years of account
sets, names of databases, dates of licences, and the numbers that a pack asks for.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import Enum
from typing import Annotated, Protocol

from msgspec import Meta, Struct

from checks.api import Host, Text
from checks.databases import Database, Engine
from checks.errors import NotApplicable, NotConfigured, UnexpectedOutput, Unsupported
from wire.messages import Count, Label, Seconds

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


class Reached(Struct, frozen=True, omit_defaults=True):
    """What came of connecting to a port."""

    place: Label
    seconds: Seconds | None = None
    refusal: Label = ""
    """The system's words where nothing answered."""


class Fetched(Struct, frozen=True, omit_defaults=True):
    """What came of asking for a page."""

    address: Label
    """Without what stands behind `?`."""
    seconds: Seconds | None = None
    status: int | None = None
    marked: bool | None = None
    """Whether the marker was there; None: the pack names none, or there was no page."""
    refusal: Label = ""
    """Why there is no page: not reachable, a certificate that is not valid, a redirection away."""


class FileSeen(Struct, frozen=True):
    """One file, without its content."""

    path: Label
    size_bytes: Count
    age_seconds: float
    """Since it was last changed, by the clock of the host; negative: it is dated in the future."""


class FolderSeen(Struct, frozen=True, omit_defaults=True):
    """The files of a folder that fit a pattern."""

    folder: Label
    files: Count
    size_bytes: Count
    newest: tuple[FileSeen, ...] = ()
    """The newest first, at most ten."""
    whole: bool = True
    """False: there is more than was looked at."""
    volume_bytes: Count | None = None
    volume_free_bytes: Count | None = None
    """For this user, as df counts it."""


class Lines(Struct, frozen=True):
    """Lines of errors at the ends of log files that were written to in the last 24 hours."""

    errors: Count
    read_bytes: Count
    whole: bool
    """False: the files of that day are larger than what is read of them."""


class Expiry(Struct, frozen=True, omit_defaults=True):
    """One licence, or the licence of one module."""

    name: Label = ""
    expires: date | None = None
    """None: without an end."""
    seats_used: Count | None = None
    seats_bought: Count | None = None


class Product(Protocol):
    """An installation of a product as a probe may see it: reading, bounded, with deadlines.

    Every method raises a ProbeError and nothing else when it is refused.
    """

    @property
    def title(self) -> str:
        """Title of the entry in the settings; its name where there is none."""
        ...

    @property
    def declaration(self) -> Declaration:
        """The pack with the parameters of the settings."""
        ...

    @property
    def host(self) -> Host:
        """The host that the agent runs on."""
        ...

    @property
    def database_name(self) -> str:
        """Name of the database's entry in the settings; empty where they name none."""
        ...

    @property
    def database(self) -> Database:
        """The product's database. Raise NotConfigured where the settings name none."""
        ...

    def running(self, process: Process) -> int:
        """Return how many processes fit."""
        ...

    def reach(self, place: str) -> Reached:
        """Connect to host:port and hang up; at most 5 s."""
        ...

    def fetch(self, page: Page) -> Fetched:
        """Get a page: at most 5 s and 64 KiB, no redirection to another host, no cookies."""
        ...

    def look(self, folder: str, pattern: str) -> FolderSeen:
        """Look through a folder; no file is opened. At most 200,000 entries and 15 s."""
        ...

    def count_errors(self, folder: str, pattern: str, expression: str) -> Lines:
        """Count lines at the ends of the files of the last 24 hours: at most 16 MiB in all."""
        ...


def answers(product: Product, query: str, where: str) -> Sequence[Mapping[str, object]]:
    """Return the rows of a pack's query; `where` is its place in the pack.

    Raise a ProbeError; for what the database does not know by this name, it names the query.
    """
    try:
        return product.database.rows(query)
    except Unsupported as error:
        raise UnexpectedOutput(where, error.detail) from error


def require(product: Product, part: Part, declared: object) -> None:
    """Raise NotApplicable or NotConfigured for a part that the pack does not declare.

    A pack that says that its product has no such part makes it not applicable, which costs no
    coverage; one that only does not know it leaves it not configured.
    """
    if declared:
        return
    pack = product.declaration
    subject = f"{pack.name}: {part.value}"
    if part in pack.without:
        raise NotApplicable(subject, "the pack says that the product has none")
    raise NotConfigured(subject, f"pack {pack.name} {pack.version} does not say where it is")
