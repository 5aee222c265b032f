"""The error log: which lines count, and where the newest part of it is read."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import PurePosixPath, PureWindowsPath

from checks.api import Host, Struct
from checks.databases import Database
from checks.errors import NotConfigured, Unsupported

WINDOW_DAYS = 7
TAIL_BYTES = 4 * 2**20
MOST_BYTES = 33 * 2**20

# Substrings in lower case, the gravest class first: a line counts once.
SIGNS: Mapping[str, tuple[str, ...]] = {
    "corruption": (
        "corrupt",
        "is marked as crashed",
        "checksum mismatch",
        "page checksum",
        "incorrect key file",
        "index for table",
    ),
    "crash": (
        "got signal",
        "assertion failure",
        "got exception 0x",
        "intentionally generate a memory trap",
    ),
    "recovery": (
        "starting crash recovery",
        "recovering after a crash",
        "not shut down normally",
        "not shutdown normally",
    ),
    "disk_full": ("no space left", "errno: 28", "disk full", "disk is full", "is full"),
}

_MODERN = re.compile(r"(\d{4}-\d\d-\d\d)[T ] *(\d{1,2}:\d\d:\d\d)(?:\.\d+)?(Z)?")
_OLD = re.compile(r"(\d{6}) +(\d{1,2}:\d\d:\d\d)")


class Counts(Struct, frozen=True):
    """Lines of the last days by class; a line of two classes counts in the graver one."""

    source: str
    """Its path, or performance_schema.error_log."""
    days: int
    errors: int
    corruption: int
    crash: int
    recovery: int
    disk_full: int
    bytes: int | None
    """Size of the file; None: it is not known."""
    complete: bool
    """False where it was too long to be read back over all days."""


class Place(Struct, frozen=True):
    """A row of PLACE."""

    log_error: str | None
    datadir: str
    local_now: datetime
    utc_now: datetime


PLACE = (
    "SELECT @@log_error AS log_error, @@datadir AS datadir, "
    "CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM') AS local_now, "
    "UTC_TIMESTAMP() AS utc_now"
)


def read_log(database: Database) -> Counts:
    """Read the newest part of the file. Raise a ProbeError."""
    place = database.rows(PLACE, Place)[0]
    path = _path(place)
    host = database.here
    if host is None:
        raise Unsupported("error log", f"{path} lies on the server's own host")
    text, size = _tail(host, path)
    now, offset = place.local_now.replace(tzinfo=None), place.local_now - place.utc_now
    return count(text.splitlines(), path, size, now, offset)


def _path(place: Place) -> str:
    name = place.log_error or ""
    if name in ("", "stderr"):
        raise NotConfigured("log_error", "the server writes to its console or to the journal")
    if PurePosixPath(name).is_absolute() or PureWindowsPath(name).is_absolute():
        return name
    windows = "\\" in place.datadir
    folder = PureWindowsPath(place.datadir) if windows else PurePosixPath(place.datadir)
    return str(folder / name)


def _tail(host: Host, path: str) -> tuple[str, int]:
    if host.system == "windows":
        content = host.read_bytes(path, limit_bytes=MOST_BYTES)
        return content[-TAIL_BYTES:].decode(errors="replace"), len(content)
    # tail would only say that it failed, not why.
    host.read_bytes(path, limit_bytes=1)
    size = int(host.run("stat", "--dereference", "--format=%s", path).text.strip() or 0)
    text = host.run("tail", f"--bytes={TAIL_BYTES}", path, limit_bytes=TAIL_BYTES + 2**16).text
    return text, size


def count(lines: Iterable[str], source: str, size: int, now: datetime, offset: timedelta) -> Counts:
    """Count the lines of the last days; `now` and `offset` (from UTC) are the server's."""
    since = now - timedelta(days=WINDOW_DAYS)
    counted = dict.fromkeys(("errors", *SIGNS), 0)
    within, first = False, None
    for line in lines:
        at = _moment(line, offset)
        if at is not None:
            first = first or at
            within = at >= since
        if within:
            kind = class_of(line)
            if kind is not None:
                counted[kind] += 1
    return Counts(
        source=source,
        days=WINDOW_DAYS,
        bytes=size,
        complete=size <= TAIL_BYTES or (first is not None and first <= since),
        **counted,
    )


def class_of(line: str) -> str | None:
    """Return the class that a line counts in."""
    words = line.lower()
    for kind, signs in SIGNS.items():
        if any(sign in words for sign in signs):
            return kind
    return "errors" if "[error]" in words else None


def _moment(line: str, offset: timedelta) -> datetime | None:
    """Return the server's local time that a line begins with; None: it goes on from before."""
    try:
        if found := _MODERN.match(line):
            at = datetime.strptime(f"{found[1]} {found[2]}", "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - the server's own clock
            return at + offset if found[3] else at
        if found := _OLD.match(line):
            return datetime.strptime(f"{found[1]} {found[2]}", "%y%m%d %H:%M:%S")  # noqa: DTZ007 - the same
    except ValueError:
        return None
    return None
