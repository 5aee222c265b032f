"""Which builds of SQL Server there are: the dated table `checks/mssql/builds.toml`.

It is read where verdicts are made, on the collector; an agent never needs it. A build that is
newer than the table is said to be newer, and never held to be the latest.
"""

from collections.abc import Sequence
from datetime import date
from enum import Enum
from functools import cache

from msgspec import Struct

from checks.reference import in_force

Version = tuple[int, ...]


class Train(Enum):
    """The line of updates that a build is on: each gets its own, and one CU ends the other."""

    SECURITY = "GDR"
    CUMULATIVE = "CU"
    AZURE_CONNECT = "Azure Connect"


class Build(Struct, frozen=True, forbid_unknown_fields=True):
    """One published build."""

    build: str
    name: str
    released: date
    level: str = ""
    """Service pack, RTM before the first; empty: the version has none."""
    kb: str = ""
    status: str = ""

    @property
    def version(self) -> Version:
        """Return the build as numbers."""
        return numbers(self.build)

    @property
    def train(self) -> Train:
        """Return the line of updates that it is on."""
        if self.name.startswith("CU"):
            return Train.CUMULATIVE
        if self.name.startswith("Azure"):
            return Train.AZURE_CONNECT
        return Train.SECURITY

    @property
    def title(self) -> str:
        """Return `SP3 CU4 + GDR`."""
        return self.name if self.name == self.level else f"{self.level} {self.name}".strip()


class Product(Struct, frozen=True, forbid_unknown_fields=True):
    """One version of SQL Server."""

    name: str
    version: Version
    mainstream_end: date
    extended_end: date
    builds: tuple[Build, ...]
    """The newest first."""


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    licence: str
    source: str
    retrieved_on: date
    complete_until: date
    """Date of the newest build; what came after is not in it."""
    products: tuple[Product, ...]


@cache
def table() -> Table:
    """Return the table in force. Raise checks.reference.ReferenceDataUnusable."""
    return in_force("checks.mssql", "builds.toml", Table)[0]


def numbers(version: str) -> Version:
    """Return 16.0.4265.3 as numbers; () for what is none."""
    parts = version.split(".")
    return tuple(int(part) for part in parts) if all(map(str.isdecimal, parts)) else ()


def product_of(version: Version) -> Product | None:
    """Return the product that a build belongs to; None where the table has none."""
    found = (product for product in table().products if product.version == version[:2])
    return next(found, None)


def installed(product: Product, version: Version) -> Build | None:
    """Return the newest published build that is in an installed one; None: older than RTM.

    Builds between two published ones are fixes made for one customer.
    """
    return next((build for build in product.builds if build.version <= version), None)


def missing(product: Product, base: Build) -> Sequence[Build]:
    """Return what came out on the same train and service pack since, the oldest first.

    Of security updates of the cumulative train only those that no later CU has in it.
    """
    later = [
        build
        for build in product.builds
        if build.level == base.level
        and build.train is base.train
        and build.version > base.version
        and build.status != "withdrawn"
    ]
    plain = [build for build in later if "+" not in build.name]
    newest = plain[0].version if plain else base.version
    kept = [build for build in later if "+" not in build.name or build.version > newest]
    return kept[::-1] if base.train is Train.CUMULATIVE else later[::-1]


def last_level(product: Product) -> str:
    """Return the last service pack; empty: the version has none."""
    return product.builds[0].level
