"""The port that a check sees a business product (ERP) through, and what is seen of it.

Its pack (checks/product_packs.py) says what a product consists of and how its account sets (账套)
are found. Of the product's data only what the report needs is read: codes, names and years of
account sets, names of databases, dates of licences, and the numbers that a pack asks for.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from msgspec import Struct

from checks.api import Host
from checks.databases import Database
from checks.errors import NotApplicable, NotConfigured, UnexpectedOutput, Unsupported
from checks.product_packs import Declaration, Page, Part, Process
from wire.messages import Count, Label, Seconds


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
