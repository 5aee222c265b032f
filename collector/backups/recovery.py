"""How much would have been lost and how long it would have taken: RPO reached, RTO measured. Pure.

RPO is the longest time between two consecutive good restore points, each counted by its start:
what was entered after it is not in it (backup-verification §1.2). The beginning and the open end of
the period count, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from checks.backup_sets import Result
from collector.backups.days import BAD, Day, LegState
from collector.backups.local import Scene, flaw
from collector.backups.material import MonthCount, OpenInterval, Recovery
from collector.backups.sight import Candidate, can_count


def recovery(scene: Scene, since: datetime, until: datetime) -> Recovery:
    """Return RPO and RTO of a set between two moments."""
    promised = scene.declaration.rpo_hours
    good = good_points(scene)
    objects: Mapping[str, Sequence[Candidate]] = {"": good}
    if scene.declaration.objects:
        objects = {
            name: [each for each in good if each.point.object == name]
            for name in scene.declaration.objects
        }
    intervals = [
        interval
        for each in objects.values()
        for interval in between([one.started for one in each], since, until)
    ]
    too_long = [each for each in intervals if each.length > timedelta(hours=promised)]
    has_any = all(any(one.started <= until for one in each) for each in objects.values())
    seconds, scaled_from, measured_at = _restore_time(scene, good, until)
    return Recovery(
        promised_hours=promised,
        longest=max(intervals, key=lambda each: each.length, default=None) if has_any else None,
        gaps=tuple(sorted(too_long, key=lambda each: each.length, reverse=True)),
        restore_seconds=seconds,
        restore_scaled_from_bytes=scaled_from,
        restore_measured_at=measured_at,
    )


def good_points(scene: Scene) -> list[Candidate]:
    """Return the restore points that nothing speaks against, the oldest first."""
    return [
        each
        for each in scene.sight.candidates
        if can_count(each) and flaw(scene, each) is None and not _is_damaged(each)
    ]


def between(starts: Sequence[datetime], since: datetime, until: datetime) -> Iterable[OpenInterval]:
    """Return the times between restore points (the oldest first) that reach into a period."""
    if until <= since:
        return []
    before = [each for each in starts if each <= since]
    inside = [each for each in starts if since < each < until]
    begin = before[-1] if before else since
    closed = [OpenInterval(one, other) for one, other in pairwise((begin, *inside))]
    return [*closed, OpenInterval(inside[-1] if inside else begin, until, is_open=True)]


def _is_damaged(candidate: Candidate) -> bool:
    return any(
        each.definite is not None and each.definite.proof.result is Result.FAILED
        for each in (candidate.structure, candidate.hashed, candidate.restored)
    )


def _restore_time(
    scene: Scene, good: Sequence[Candidate], until: datetime
) -> tuple[float | None, int | None, datetime | None]:
    drills = [
        each
        for each in scene.sight.drills
        if each.at <= until and each.proof.result is Result.PASSED and each.proof.seconds > 0
    ]
    if not drills:
        return None, None, None
    newest = drills[-1]
    seconds, read = newest.proof.seconds, newest.proof.bytes_read
    size = next((each.point.bytes for each in reversed(good) if each.point.bytes), None)
    if not read or size is None:
        return seconds, None, newest.at
    return seconds * size / read, read, newest.at


@dataclass
class _Count:
    due: int = 0
    ok: int = 0
    late: int = 0
    bad: int = 0
    unverified: int = 0
    unknown: int = 0
    excused: int = 0
    pending: int = 0


def months(days: Iterable[Day]) -> tuple[MonthCount, ...]:
    """Return how many of the backup days were kept, month by month, in order."""
    found: dict[tuple[int, int], _Count] = {}
    for day in days:
        if day.due_at is None:
            continue
        count = found.setdefault((day.day.year, day.day.month), _Count())
        count.due += 1
        worst = day.worst
        if worst in BAD:
            count.bad += 1
        elif worst is LegState.UNKNOWN:
            count.unknown += 1
        elif worst is LegState.UNVERIFIED:
            count.unverified += 1
        elif worst is LegState.LATE:
            count.late += 1
        elif worst is LegState.PENDING:
            count.pending += 1
        elif worst is LegState.EXCUSED:
            count.excused += 1
        else:
            count.ok += 1
    return tuple(
        MonthCount(year=year, month=month, **vars(count))
        for (year, month), count in sorted(found.items())
    )
