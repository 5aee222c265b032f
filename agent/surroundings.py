"""What an inspection says about where it ran: the boot, the time zone, the host, the checks."""

import hashlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec import Struct

import checks
from checks.api import Check, Host
from checks.errors import ProbeError
from wire.messages import Cost, HostIdentity

if sys.platform != "win32":
    import resource

_TIME_ERROR = 5
"""adjtimex(2): the clock is not synchronised."""
_SOURCES = {".py", ".toml"}  # data that checks are shipped with are part of what they say
PACKED_DIGEST = "sources.sha256"
"""Where the agent's own package keeps the digest of the checks: it has no source files."""


class Place(Struct, frozen=True):
    """What an inspection tells of its host."""

    boot_id: str
    time_zone: str
    identity: HostIdentity


def here(host: Host) -> Place:
    """Return what this machine tells of itself."""
    return Place(boot_id(host), time_zone(host), host_identity(host))


def boot_id(host: Host) -> str:
    """Return an id that changes with every boot; empty where the system has none."""
    return _line(host, "/proc/sys/kernel/random/boot_id")


def host_identity(host: Host) -> HostIdentity:
    """Return the hints to recognise this host by."""
    return HostIdentity(os.uname().nodename[:255], host.system, _line(host, "/etc/machine-id"))


def time_zone(host: Host) -> str:
    """Return the IANA name of the host's time zone; UTC where it can't be told."""
    linked = os.path.realpath("/etc/localtime").partition("zoneinfo/")[2]
    name = linked.removeprefix("posix/").removeprefix("right/") or _line(host, "/etc/timezone")
    return name[:255] or "UTC"


def clock_kept() -> bool | None:
    """Return whether the kernel says that its clock is kept right; None where it does not tell."""
    if not sys.platform.startswith("linux"):
        return None
    import ctypes

    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return None
    # struct timex with all modes 0: it asks and sets nothing. It has 208 bytes (adjtimex(2)).
    state = adjtimex(ctypes.create_string_buffer(512))
    return None if state < 0 else state != _TIME_ERROR


def checks_digest(loaded: Iterable[Check[Any]]) -> str:
    """Return the SHA-256 over the source files of all checks, plug-ins included, by name.

    In the agent's own package it is the one of the source files that the package was made of.
    """
    root = Path(checks.__file__).parent
    if not root.is_dir():
        import pkgutil

        recorded = pkgutil.get_data("checks", PACKED_DIGEST)
        assert recorded is not None, "the package is built with it, and has no plug-ins"
        return recorded.decode("ascii")
    files = {
        f"checks/{path.relative_to(root)}": path
        for path in root.rglob("*")
        if path.suffix in _SOURCES
    }
    for check in loaded:
        module = sys.modules.get(check.facts.__module__)
        if module is not None and module.__file__ and not module.__name__.startswith("checks."):
            files[module.__name__] = Path(module.__file__)
    digest = hashlib.sha256()
    for name in sorted(files):
        content = files[name].read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def cost_until_now(wall_seconds: float) -> Cost:
    """Return what this process and all its ended children took."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(
        own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
        wall_seconds,
        max(own.ru_maxrss, children.ru_maxrss) * unit,
    )


def _line(host: Host, path: str) -> str:
    try:
        return host.read(path, limit_bytes=4096).strip()[:255]
    except ProbeError:
        return ""
