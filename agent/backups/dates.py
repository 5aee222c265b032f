"""Dates in the names of backups: `erp_20261121_230005.dump`, `2026-11-21/erp.sql.gz`."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from msgspec import Struct

_NAME = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<gap>[-_.年/]?)(?P<month>\d\d)(?:(?P=gap)|月)(?P<day>\d\d)日?"
    r"(?:(?:[-_.T ]|at)?(?P<hour>\d\d)(?P<colon>[-_.:时]?)(?P<minute>\d\d)"
    r"(?:[-_.:分]?(?P<second>\d\d))?秒?(?P<zone>Z|\+\d\d:?\d\d)?)?(?!\d)"
)


class NameDate(Struct, frozen=True):
    """What a name says of the time."""

    at: datetime
    """Aware; midnight of the set's zone where the name has no time of day."""
    has_time: bool

    def disagrees(self, modified: datetime) -> bool:
        """Return whether a file was written more than a day away from what its name says."""
        latest = self.at if self.has_time else self.at + timedelta(days=1)
        return not self.at - timedelta(days=1) <= modified <= latest + timedelta(days=1)


def set_zone(name: str) -> tzinfo | None:
    """Return the zone that times without one are in; None: this host's."""
    return ZoneInfo(name) if name else None


def in_zone(naive: datetime, zone: tzinfo | None) -> datetime:
    """Return the moment (UTC) of a time without a zone."""
    aware = naive.replace(tzinfo=zone) if zone is not None else naive.astimezone()
    return aware.astimezone(UTC)


def name_date(path: str, zone: tzinfo | None) -> NameDate | None:
    """Return the date in a path below the place: the last one in the name, else in its folders."""
    folders, _, name = path.rpartition("/")
    found = list(_dates(name, zone)) or list(_dates(folders, zone)) or list(_dates(path, zone))
    return found[-1] if found else None


def _dates(text: str, zone: tzinfo | None) -> Iterator[NameDate]:
    place = 0
    while match := _NAME.search(text, place):
        date = _meaning(match, zone)
        if date is None:
            place = match.start() + 1
            continue
        place = match.end()
        yield date


def _meaning(match: "re.Match[str]", zone: tzinfo | None) -> NameDate | None:
    day = [int(match[part]) for part in ("year", "month", "day")]
    clock = [int(match[part] or 0) for part in ("hour", "minute", "second")]
    try:
        midnight = datetime(*day)  # type: ignore[arg-type] # noqa: DTZ001 - the zone follows
    except ValueError:
        return None
    try:
        if match["hour"] is None:
            return NameDate(in_zone(midnight, zone), False)
        naive = midnight.replace(hour=clock[0], minute=clock[1], second=clock[2])
        return NameDate(in_zone(naive, _named_zone(match["zone"]) or zone), True)
    except ValueError:  # 99 is no hour: it is a number of something else
        return NameDate(in_zone(midnight, zone), False)


def _named_zone(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text == "Z":
        return UTC
    digits = text[1:].replace(":", "")
    return timezone(timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))
