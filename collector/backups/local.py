"""The local leg: is there a restore point of the day, in time, and could it be one at all?"""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from checks.api import Text
from checks.backup_sets import Declaration, Form, PointState
from collector.backups import sentences
from collector.backups.counterparts import Counterpart
from collector.backups.days import LegState, LegVerdict
from collector.backups.sentences import clock
from collector.backups.sight import Candidate, Sight, can_count

LONGEST_CHAIN = 1000
"""Restore points that one needs, one after the other; a longer chain is a loop. Own figure."""


class Scene(NamedTuple):
    """What is known and expected of one set."""

    declaration: Declaration
    sight: Sight
    zone: ZoneInfo
    now: datetime
    counterparts: Sequence[Counterpart]
    drills: dict[tuple[int, bool], LegVerdict]
    """Verdicts of test restores that have been made: most days have that of the day before."""


class Times(NamedTuple):
    """The times of one backup day."""

    begins: datetime
    ends: datetime
    due: datetime
    offsite_due: datetime
    verify_due: datetime


def flaw(scene: Scene, candidate: Candidate) -> Text | None:
    """Return why a restore point is none that the day may count on; None: it is a good one."""
    point = candidate.point
    if candidate.odd:
        dated = clock(max(candidate.started, candidate.ended), scene.zone)
        return sentences.odd_date(point.id, dated, clock(candidate.first_seen, scene.zone))
    if point.state is not PointState.COMPLETE:
        return sentences.bad_point(point.id, point.state)
    minimum = scene.declaration.minimum_bytes
    if minimum and point.form is Form.FULL and point.bytes is not None and point.bytes < minimum:
        return sentences.too_small(point.id, point.bytes, minimum)
    if candidate.gone and scene.sight.is_lost(candidate):
        seen = clock(candidate.first_seen, scene.zone)
        return sentences.lost(point.id, seen, clock(scene.sight.listed_at[-1], scene.zone))
    if point.base and not candidate.gone and not _has_base(scene.sight, candidate):
        return sentences.no_base(point.id, point.base)
    return None


def _has_base(sight: Sight, candidate: Candidate) -> bool:
    """Return whether all that a restore point needs is there, as far as the listing can tell."""
    for _ in range(LONGEST_CHAIN):
        if not candidate.point.base:
            return True
        base = sight.by_id.get(candidate.point.base)
        if base is None:
            # A listing that does not reach back to it can't say that it is missing.
            return sight.listings[-1].listed_since is not None
        if base.gone or base.odd or base.point.state is not PointState.COMPLETE:
            return False
        candidate = base
    return False


def local(scene: Scene, times: Times, candidate: Candidate) -> LegVerdict:
    """Return the verdict of a day by one of its good restore points."""
    ended = candidate.ended
    if candidate.growing_at is not None and candidate.growing_at > ended:
        ended = candidate.growing_at
    if ended > times.due:
        why = sentences.late(clock(ended, scene.zone), clock(times.due, scene.zone))
        return LegVerdict(LegState.LATE, why, candidate.first_seen)
    if candidate.first_seen > times.due:
        absent = _absent_at(scene.sight, times, candidate)
        if absent is not None:
            seen = clock(candidate.first_seen, scene.zone)
            why = sentences.late_seen(clock(absent, scene.zone), seen)
            return LegVerdict(LegState.LATE, why, candidate.first_seen)
    point = candidate.point
    if point.bytes is None and scene.declaration.minimum_bytes and point.form is Form.FULL:
        return LegVerdict(LegState.UNVERIFIED, sentences.SIZE_UNKNOWN, candidate.first_seen)
    return LegVerdict(LegState.OK, sentences.IN_TIME, candidate.first_seen)


def _absent_at(sight: Sight, times: Times, candidate: Candidate) -> datetime | None:
    """Return a look after the deadline that would have shown it and did not."""
    number = bisect_left(sight.listed_at, times.due)
    look = sight.listings[number]
    if look.at < candidate.first_seen and (
        look.listed_since is None or look.listed_since <= times.begins
    ):
        return look.at
    return None


def without(scene: Scene, times: Times, flawed: Sequence[tuple[Candidate, Text]]) -> LegVerdict:
    """Return the verdict of a day without any good restore point. `flawed` are those of the day
    that are none, the newest first."""
    newest = next((each for each in flawed if can_count(each[0])), None)
    state = newest[0].point.state if newest else None
    open_end = state in (PointState.GROWING, PointState.EMPTY) and not (newest and newest[0].odd)
    if scene.now < times.due:
        if newest is None:
            return LegVerdict(LegState.PENDING, sentences.NOT_YET)
        if state is PointState.GROWING:
            return LegVerdict(LegState.PENDING, sentences.STILL_WRITTEN, newest[0].first_seen)
        if open_end:
            why = sentences.retried(newest[0].point.id, PointState.EMPTY)
            return LegVerdict(LegState.PENDING, why, newest[0].first_seen)
        return LegVerdict(LegState.FAILED, newest[1], newest[0].first_seen)
    look = scene.sight.listing_without(times.begins, times.due, times.ends)
    if newest is not None and state is not PointState.GROWING and (look or not open_end):
        return LegVerdict(LegState.FAILED, newest[1], newest[0].first_seen)
    if look is None:
        return unknown(scene, times)
    seen = clock(look.at, scene.zone)
    if newest is not None:
        why = sentences.only_growing(newest[0].point.id, seen)
        return LegVerdict(LegState.MISSING, why, look.at)
    return LegVerdict(LegState.MISSING, sentences.missing(seen), look.at)


def unknown(scene: Scene, times: Times) -> LegVerdict:
    """Return that nobody can tell, and why."""
    tries = scene.sight.tries
    if not tries:
        return LegVerdict(LegState.UNKNOWN, sentences.silent(None))
    last = tries[-1]
    after = bisect_left(tries, times.due, key=lambda each: each.at)
    if after == len(tries):
        since = clock(last.at, scene.zone)
        if last.failure is not None:
            return LegVerdict(LegState.UNKNOWN, sentences.could_not_look(since, last.failure))
        return LegVerdict(LegState.UNKNOWN, sentences.silent(since), last.at)
    first = tries[after]
    seen = clock(first.at, scene.zone)
    if first.failure is not None:
        return LegVerdict(LegState.UNKNOWN, sentences.could_not_look(seen, first.failure), first.at)
    return LegVerdict(LegState.UNKNOWN, sentences.not_covered(seen), first.at)
