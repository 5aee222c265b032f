"""How sentences about a backup set name what they are about."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from checks.api import Text
from checks.backup_sets import BackupFacts, Declaration, RestorePoint


def zone_of(declaration: Declaration) -> ZoneInfo:
    """Return the time zone that a set is read in; UTC where none is told or it isn't known."""
    try:
        return ZoneInfo(declaration.schedule.time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def moment(at: datetime, facts: BackupFacts) -> str:
    """Return a date as the set's people read it."""
    zone = zone_of(facts.declaration)
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"


def named(name: str) -> Text:
    """Return what stands before a sentence about an object; nothing for the whole set."""
    return Text(f"{name}：", f"{name}: ") if name else Text("", "")


def told(
    text: Text, name: str, point: RestorePoint, facts: BackupFacts, **more: Text | str | float
) -> Text:
    """Fill `{name}{id}{at}` of a sentence about a restore point of an object."""
    at = moment(point.started_at, facts)
    return text.format(name=named(name), id=point.id, at=at, **more)
