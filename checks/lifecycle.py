"""When the support of a product ends: the shipped, dated table `checks/lifecycle.toml`.

The table is read where verdicts are made, on the collector; an agent never needs it. Where its
dates come from, under which licence and when they were read stands in the file and in each entry.
"""

import re
from datetime import date
from functools import cache

from msgspec import Struct

from checks.reference import in_force


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One release of one product."""

    product: str
    cycle: str
    label: str
    released: date | None = None
    end_of_support: date | None = None
    """Last day of the normal fixes; None where no citable page states one."""
    end_of_extended: date | None = None
    extended_name: str = ""
    extended_free: bool = False
    """True where the extended fixes reach every host without a contract (Debian LTS)."""
    latest: str = ""
    """Newest release of the cycle that the source knew: `10.11.18`; empty where none is listed."""
    latest_released: date | None = None
    source: str
    supplement: bool = False
    """True for our own entry, False for one taken from endoflife.date."""
    unverified: bool = False
    note: str = ""


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    licence: str
    retrieved_on: date
    entries: tuple[Entry, ...]


@cache
def table() -> Table:
    """Return the table in force. Raise checks.reference.ReferenceDataUnusable."""
    return in_force("checks", "lifecycle.toml", Table)[0]


def find(system_id: str, version_id: str, version: str = "", name: str = "") -> Entry | None:
    """Return the entry for what /etc/os-release says; None for a release that is not listed.

    The arguments are ID, VERSION_ID, VERSION and NAME of os-release(5).
    """
    identity = system_id.lower()
    major = version_id.split(".")[0]
    product, cycle = {
        "rhel": ("rhel", major),
        "centos": ("centos-stream" if "stream" in name.lower() else "centos", major),
        "almalinux": ("almalinux", major),
        "rocky": ("rocky-linux", major),
        "ol": ("oracle-linux", major),
        "sles_sap": ("sles", version_id),
        "anolis": ("anolis", major),
        "openeuler": ("openeuler", _openeuler_cycle(version_id, version)),
        "uos": ("uos-server" if "server" in name.lower() else "uos-desktop", major),
    }.get(identity, (identity, version_id))
    for entry in table().entries:
        if (entry.product, entry.cycle.lower()) == (product, cycle.lower()):
            return entry
    return None


def _openeuler_cycle(version_id: str, version: str) -> str:
    """Return `24.03-lts-sp3` for VERSION "24.03 (LTS-SP3)": each service pack ends on its own."""
    suffix = re.search(r"\((LTS(?:-SP\d+)?)\)", version)
    return f"{version_id}-{suffix[1]}".lower() if suffix else version_id
