"""When a backup was made, as its own content says: the header of an archive, the trailer of a dump.

All of these are local times without a zone. Only the first and the last bytes are read.
"""

import os
import re
import zlib
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from msgspec import Struct

from agent.backups.dates import in_zone
from agent.backups.folders import CHECKPOINTS, INFO, fields, first_of
from agent.backups.streaming import open_regular

_HEAD_BYTES = 4096
_TAIL_BYTES = 1024
_ARCHIVE = b"PGDMP"
_TAR_HEADER_BYTES = 512
_WITH_ALGORITHM = (1, 15)
_ENDED = re.compile(
    rb"^-- (?:Dump completed on|Completed on) (\d{4}-\d\d-\d\d) +(\d\d?:\d\d:\d\d)", re.MULTILINE
)
_STARTED = re.compile(rb"^-- Started on (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)", re.MULTILINE)
_LABEL = re.compile(r"^START TIME: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) ?(\w*)", re.MULTILINE)


class ContentDate(Struct, frozen=True):
    """What the content says of the time (UTC)."""

    started_at: datetime | None = None
    ended_at: datetime | None = None
    head: bytes = b""
    """The first bytes, for who wants to know more."""


class Chain(Struct, frozen=True):
    """What an incremental folder of mariabackup needs, and what it leads to."""

    from_lsn: int
    to_lsn: int


def of_file(path: str, shown: str, zone: tzinfo | None) -> ContentDate:
    """Return what a file says. Raise OSError."""
    descriptor = open_regular(path, shown)
    try:
        head = os.pread(descriptor, _HEAD_BYTES, 0)
        size = os.fstat(descriptor).st_size
        tail = os.pread(descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
    finally:
        os.close(descriptor)
    content = _begin_of_gzip(head) if head.startswith(b"\x1f\x8b") else head
    archive = content
    if content[_TAR_HEADER_BYTES:].startswith(_ARCHIVE):
        archive = content[_TAR_HEADER_BYTES:]
    if archive.startswith(_ARCHIVE):
        return ContentDate(_archive_date(archive, zone), None, head)
    if not content.lstrip().startswith((b"--", b"/*")):
        return ContentDate(head=head)
    return ContentDate(
        _match(_STARTED, content, zone),
        _match(_ENDED, tail, zone) if content is head else None,
        head,
    )


def of_folder(path: str, zone: tzinfo | None) -> ContentDate:
    """Return what a folder says. Raise OSError."""
    table = Path(path, "toc.dat")
    if table.is_file():
        with table.open("rb") as file:
            return ContentDate(_archive_date(file.read(64), zone))
    info = first_of(path, INFO)
    if info is not None:
        said = fields(info)
        return ContentDate(
            _parsed(said.get("start_time", ""), zone), _parsed(said.get("end_time", ""), zone)
        )
    label = Path(path, "backup_label")
    if label.is_file():
        with label.open("rb") as file:
            match = _LABEL.search(file.read(4096).decode("utf-8", "replace"))
        if match:
            named = UTC if match[2] in ("UTC", "GMT") else zone
            return ContentDate(_parsed(match[1], named))
    return ContentDate()


def chain_of(path: str) -> Chain | None:
    """Return where a folder of mariabackup stands in its chain. Raise OSError."""
    checkpoints = first_of(path, CHECKPOINTS)
    if checkpoints is None:
        return None
    said = fields(checkpoints)
    numbers = [said.get(name, "") for name in ("from_lsn", "to_lsn")]
    if not all(number.isdecimal() for number in numbers):
        return None
    return Chain(*(int(number) for number in numbers))


def _begin_of_gzip(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(31).decompress(head, _HEAD_BYTES)
    except zlib.error:
        return b""


def _archive_date(header: bytes, zone: tzinfo | None) -> datetime | None:
    """Return the creation date in the header of pg_dump's archives (pg_backup_archiver.c)."""
    if len(header) < 64:
        return None
    version = (header[5], header[6])
    integer = header[8]
    place = 11 + (1 if version >= _WITH_ALGORITHM else 1 + integer)
    if not 1 <= integer <= 8 or version < (1, 12):
        return None
    values = []
    for _ in range(6):
        number = int.from_bytes(header[place + 1 : place + 1 + integer], "little")
        values.append(-number if header[place] else number)
        place += 1 + integer
    second, minute, hour, day, month, year = values
    try:
        return in_zone(
            datetime(1900 + year, month + 1, day, hour, minute, min(second, 59)),  # noqa: DTZ001 - the zone follows
            zone,
        )
    except (ValueError, OverflowError):
        return None


def _match(expression: "re.Pattern[bytes]", text: bytes, zone: tzinfo | None) -> datetime | None:
    found = expression.findall(text)
    if not found:
        return None
    date, clock = found[-1]
    return _parsed(f"{date.decode()} {clock.decode().rjust(8, '0')}", zone)


def _parsed(text: str, zone: tzinfo | None) -> datetime | None:
    try:
        naive = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - the zone follows
        return in_zone(naive, zone)
    except (ValueError, OverflowError):
        return None
