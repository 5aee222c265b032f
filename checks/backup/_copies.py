"""Which restore points must have their offsite copy by now, and what is known of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from checks.backup._standing import good_points, objects
from checks.backup_sets import BackupFacts, Copy, RestorePoint


def copies_of(facts: BackupFacts) -> Mapping[str, Copy]:
    """Return what the offsite side lists, by the id of the restore point."""
    if facts.offsite is None:
        return {}
    return {copy.point: copy for copy in facts.offsite.copies}


def newest_due(facts: BackupFacts, now: datetime) -> list[RestorePoint]:
    """Return for every object the newest restore point whose copy should be there by now."""
    hours = facts.declaration.offsite.hours if facts.declaration.offsite is not None else 0
    latest = now - timedelta(hours=hours)
    due = []
    for name in objects(facts):
        settled = [
            point
            for point in good_points(facts, name, now)
            if (point.ended_at or point.started_at) <= latest
        ]
        due += settled[:1]
    return due
