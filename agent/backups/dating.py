"""When a restore point in a folder was begun: by its content, its name, or its file's date."""

from datetime import datetime, timedelta

from msgspec import Struct

from agent.backups.content_dates import ContentDate
from agent.backups.dates import NameDate
from checks.backup_sets import DatedBy

_LONGEST_DUMP = timedelta(days=1)
_AHEAD = timedelta(minutes=10)
"""What clocks may differ by: as settle_minutes."""


class Dating(Struct, frozen=True):
    """When it was made, and what is odd about that."""

    started_at: datetime
    ended_at: datetime | None
    by: DatedBy
    note: str


def dated(
    named: NameDate | None, content: ContentDate, modified: datetime, now: datetime
) -> Dating:
    """Return when a restore point was made. All times are UTC."""
    note = "; ".join(_oddities(named, content, modified, now))
    ended = content.ended_at or modified
    if content.started_at is not None:
        known_end = ended if ended >= content.started_at else None
        return Dating(content.started_at, known_end, DatedBy.CONTENT, note)
    if content.ended_at is not None:
        began = content.ended_at
        if named and named.has_time and _follows(named.at, began):
            began = named.at
        return Dating(began, content.ended_at, DatedBy.CONTENT, note)
    if named is not None:
        return _by_name(named, modified, note)
    return Dating(modified, modified, DatedBy.MODIFIED, note)


def _by_name(named: NameDate, modified: datetime, note: str) -> Dating:
    if named.has_time:
        known_end = modified if _follows(named.at, modified) else None
        return Dating(named.at, known_end, DatedBy.NAME, note)
    next_day = named.at + timedelta(days=1)
    if named.at <= modified < next_day:
        return Dating(modified, modified, DatedBy.NAME, note)
    if next_day <= modified <= next_day + _LONGEST_DUMP:
        # Begun on the day that it is called by, ended on the next.
        return Dating(next_day - timedelta(seconds=1), modified, DatedBy.NAME, note)
    # Nothing tells the time of day: the earliest makes nothing look fresher than it is.
    return Dating(named.at, None, DatedBy.NAME, note)


def _follows(began: datetime, ended: datetime) -> bool:
    return began <= ended <= began + _LONGEST_DUMP


def _oddities(
    named: NameDate | None, content: ContentDate, modified: datetime, now: datetime
) -> list[str]:
    found = []
    if named is not None and named.disagrees(modified):
        found.append(f"name says {_day(named)}, written {modified:%Y-%m-%d %H:%M}Z")
    said = content.started_at or content.ended_at
    if named is not None and said is not None and named.disagrees(said):
        found.append(f"name says {_day(named)}, content says {said:%Y-%m-%d %H:%M}Z")
    if said is not None and abs(said - modified) > timedelta(days=1):
        found.append(f"content says {said:%Y-%m-%d %H:%M}Z, written {modified:%Y-%m-%d %H:%M}Z")
    for what, at in (
        ("name", named.at if named else None),
        ("content", said),
        ("date of the file", modified),
    ):
        if at is not None and at > now + _AHEAD:
            found.append(f"{what} is in the future: {at:%Y-%m-%d %H:%M}Z")
    return found


def _day(named: NameDate) -> str:
    return f"{named.at:%Y-%m-%d %H:%M}Z"
