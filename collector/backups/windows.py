"""Backup days as instants: where each begins and ends, and when its backup has to be there.

Backup day D runs from `window_start` on D to `window_start` on D+1 in the set's time zone. The ends
are compared as instants, so a day of 23 or 25 hours has one window, and every instant lies in
exactly one (backup-verification §2.3).
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from checks.backup_sets import Schedule

_DAY = timedelta(days=1)


VERIFY_TIME = timedelta(hours=24)
"""After the local deadline by which a restore point has to be read; own figure: a night."""


class Times(NamedTuple):
    """The times of one backup day, in UTC."""

    day: date
    begins: datetime
    ends: datetime
    due: datetime
    """The local deadline with the grace."""
    offsite_due: datetime
    verify_due: datetime


@dataclass(frozen=True)
class Windows:
    """The backup days from `first` on, one after the other."""

    first: date
    starts: tuple[datetime, ...]
    """Start of each day (UTC), and the end of the last one behind it."""
    deadlines: tuple[datetime, ...]
    """Of each day (UTC), with the grace."""

    def place(self, moment: datetime) -> int:
        """Return the number of the day that a moment lies in: -1 before the first, and the number
        of days behind the last."""
        return bisect_right(self.starts, moment) - 1

    def day(self, number: int) -> date:
        """Return the date of a day by its number."""
        return self.first + timedelta(days=number)

    def __len__(self) -> int:
        return len(self.deadlines)


@lru_cache(maxsize=256)
def windows(schedule: Schedule, zone: str, first: date, last: date) -> Windows:
    """Return the backup days from first to last, both included. `zone` is the site's; the
    schedule's own goes before it. Sets with one schedule share one answer."""
    place = zone_of(schedule, zone)
    opens, closes = _clock(schedule.window_start), _clock(schedule.deadline)
    overnight = closes <= opens
    grace = timedelta(minutes=schedule.grace_minutes)
    days = [first + _DAY * number for number in range((last - first).days + 1)]
    starts = [_instant(day, opens, place) for day in (*days, last + _DAY)]
    deadlines = [_instant(day + _DAY if overnight else day, closes, place) + grace for day in days]
    return Windows(first, tuple(starts), tuple(deadlines))


@lru_cache(maxsize=256)
def times(
    schedule: Schedule, zone: str, first: date, last: date, offsite_hours: float
) -> tuple[Times, ...]:
    """Return the times of the backup days from first to last, as `windows` does."""
    place = windows(schedule, zone, first, last)
    hours = timedelta(hours=offsite_hours)
    return tuple(
        Times(place.day(number), begins, ends, due, due + hours, due + VERIFY_TIME)
        for number, (begins, ends, due) in enumerate(
            zip(place.starts, place.starts[1:], place.deadlines, strict=False)
        )
    )


def zone_of(schedule: Schedule, site_zone: str) -> ZoneInfo:
    """Return the time zone that a schedule is meant in: its own, else the site's. One that this
    computer does not know is none."""
    try:
        return ZoneInfo(schedule.time_zone or site_zone)
    except (LookupError, ValueError, OSError):  # unknown; no name at all; a folder of names
        return ZoneInfo(site_zone)


def backup_day(moment: datetime, schedule: Schedule, zone: str) -> date:
    """Return the backup day that a moment belongs to."""
    near = moment.astimezone(zone_of(schedule, zone)).date()
    found = windows(schedule, zone, near - 2 * _DAY, near + 2 * _DAY)
    return found.day(found.place(moment))


def _clock(text: str) -> time:
    return time(int(text[:2]), int(text[3:]))


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return an instant of local time: of two the first; in a gap what follows it."""
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
