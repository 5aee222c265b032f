"""The calendar: for each backup day of a set the verdict of each leg. Pure.

    evidence = evidence_of([Look(observed_at, facts, offset_seconds), …])
    days = calendar(declaration, evidence, first=…, last=…, now=…, zone="Asia/Shanghai")

A restore point belongs to the backup day in whose window it started (collector/backups/windows.py).
The verdicts are levels, not edges: computed again from the same evidence they are the same, in
whatever order the evidence came.

- local: a restore point of the day that is whole, at least as large as agreed, with a date that can
  be, of each object that was declared. Without one: pending until the deadline and its grace,
  then missing if a look after it would have shown one, else unknown: nobody looked.
- offsite: a copy whose bytes were compared. What can't be reached is unknown, what only has the
  same size is unverified once its hours are over.
- verified: read to its end and found intact; a damaged one is never covered by another proof.
- restored: the newest test restore as of the end of the day.

A day with several restore points is judged by the best of them, all legs together: one with a
good offsite copy and another that is intact make no good day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from checks.api import Text
from checks.backup_sets import Declaration, Role
from collector.backups import sentences
from collector.backups.counterparts import Counterpart
from collector.backups.days import WORST_FIRST, Day, LegState, LegVerdict
from collector.backups.evidence import Evidence
from collector.backups.local import Scene, Times, flaw, local, without
from collector.backups.offsite import NOT_AGREED, offsite
from collector.backups.proven import restored, verified
from collector.backups.sight import Candidate, Sight, can_count, sight
from collector.backups.windows import Windows, windows, zone_of

VERIFY_TIME = timedelta(hours=24)
"""After the local deadline by which a restore point has to be read; own figure: a night."""
_BADNESS = {state: number for number, state in enumerate(reversed(WORST_FIRST))}
_NOT_DUE = LegVerdict(LegState.NOT_DUE, sentences.NOTHING_DUE)
_NO_DAYS: Mapping[date, str] = {}


@dataclass(frozen=True)
class Declared:
    """A declaration, and the first backup day that it counts for."""

    since: date
    declaration: Declaration


class _Legs(NamedTuple):
    local: LegVerdict
    offsite: LegVerdict
    verified: LegVerdict


def calendar(
    declarations: Sequence[Declared] | Declaration,
    evidence: Evidence,
    *,
    first: date,
    last: date,
    now: datetime,
    zone: str,
    contract: tuple[date | None, date | None] = (None, None),
    excused: Mapping[date, str] = _NO_DAYS,
    counterparts: Sequence[Counterpart] = (),
) -> tuple[Day, ...]:
    """Return the backup days from `first` to `last`, both included, the oldest first.

    `declarations`: what was expected since when, the oldest first; the first one counts for all
    days before, too. `zone`: the site's, where the schedule names none. `contract`: its first and
    last day. `excused`: days for which a person said why none is needed, with the note.
    `counterparts`: what agents on other hosts hold, for offsite by agent.
    """
    seen = sight(evidence)
    if isinstance(declarations, Declaration):
        declarations = (Declared(first, declarations),)
    days: list[Day] = []
    for number, each in enumerate(declarations):
        begins = first if number == 0 else max(first, each.since)
        ends = last
        if number + 1 < len(declarations):
            ends = min(last, declarations[number + 1].since - timedelta(days=1))
        if begins <= ends:
            place = windows(each.declaration.schedule, zone, begins, ends)
            own_zone = zone_of(each.declaration.schedule, zone)
            scene = Scene(each.declaration, seen, own_zone, now, counterparts, {})
            days += _days(scene, place, contract, excused)
    return tuple(days)


def declared(evidence: Evidence, zone: str) -> tuple[Declared, ...]:
    """Return what the looks declared, from the day of the first look that said so."""
    found: list[Declared] = []
    for look in sorted(evidence.looks.values(), key=lambda each: each.at):
        if look.declaration is None or (found and found[-1].declaration == look.declaration):
            continue
        since = look.at.astimezone(zone_of(look.declaration.schedule, zone)).date()
        if found and found[-1].since >= since:
            found.pop()
        found.append(Declared(since, look.declaration))
    return tuple(found)


def _days(
    scene: Scene,
    place: Windows,
    contract: tuple[date | None, date | None],
    excused: Mapping[date, str],
) -> list[Day]:
    declaration = scene.declaration
    schedule = declaration.schedule
    inside = _laid_out(scene.sight, place)
    begins = max(filter(None, (declaration.valid_from, contract[0])), default=date.min)
    ends = min(filter(None, (declaration.valid_to, contract[1])), default=date.max)
    hours = timedelta(hours=declaration.offsite.hours if declaration.offsite else 0)
    over_before = scene.now - max(hours, VERIFY_TIME)
    weekdays = frozenset(schedule.weekdays)
    is_drilled = declaration.restore_every_days > 0
    found = []
    day = place.first
    one_day = timedelta(days=1)
    weekday = day.weekday()
    for number, due in enumerate(place.deadlines):
        opens, closes = place.starts[number], place.starts[number + 1]
        candidates = inside.get(number, ())
        ids = tuple([each.point.id for each in candidates])
        # A zone that skipped a whole day has a window without any time in it.
        if weekday not in weekdays or not begins <= day <= ends or opens >= closes:
            found.append(Day(day, _NOT_DUE, _NOT_DUE, _NOT_DUE, _NOT_DUE, ids, None))
        else:
            times = Times(opens, closes, due, due + hours, due + VERIFY_TIME)
            legs = _legs(scene, times, candidates)
            drill = restored(scene, closes)
            note = excused.get(day) if excused else None
            if note is not None:
                legs = _Legs(*(_excused(each, note) for each in legs))
                drill = _excused(drill, note)
            is_over = due <= over_before and (not is_drilled or scene.now >= closes)
            found.append(Day(day, legs[0], legs[1], legs[2], drill, ids, due, is_over, note or ""))
        day += one_day
        weekday = (weekday + 1) % 7
    return found


def _laid_out(seen: Sight, place: Windows) -> Mapping[int, Sequence[Candidate]]:
    """Return the candidates of each day by its number, the newest first."""
    inside: dict[int, list[Candidate]] = {}
    last = len(place)
    for each in reversed(seen.candidates):
        # One that is dated into the future is a bad one of the day on which it was seen.
        number = place.place(each.first_seen if each.odd else each.started)
        if 0 <= number < last:
            inside.setdefault(number, []).append(each)
    return inside


def _legs(scene: Scene, times: Times, candidates: Sequence[Candidate]) -> _Legs:
    objects = scene.declaration.objects
    if not objects:
        return _legs_of_one(scene, times, candidates)
    each_legs = [
        (
            name,
            _legs_of_one(scene, times, [each for each in candidates if each.point.object == name]),
        )
        for name in objects
    ]
    return _Legs(
        *(_worst([(name, legs[number]) for name, legs in each_legs]) for number in range(3))
    )


def _legs_of_one(scene: Scene, times: Times, candidates: Sequence[Candidate]) -> _Legs:
    """Return the legs of the best restore point; the newest of those that are as good."""
    best: _Legs | None = None
    badness: list[int] = []
    flawed: list[tuple[Candidate, Text]] = []
    for each in candidates:
        if not can_count(each):
            continue
        why = flaw(scene, each)
        if why is not None:
            flawed.append((each, why))
            continue
        legs = _Legs(
            local(scene, times, each), offsite(scene, times, each), verified(scene, times, each)
        )
        if _is_well(legs[0]) and _is_well(legs[1]) and _is_well(legs[2]):
            return legs
        how_bad = sorted((_BADNESS[leg.state] for leg in legs), reverse=True)
        if best is None or how_bad < badness:
            best, badness = legs, how_bad
    if best is not None:
        return best
    verdict = without(scene, times, flawed)
    if scene.declaration.role is Role.OFFSITE and verdict.state in (
        LegState.MISSING,
        LegState.PENDING,
    ):
        # Whether a copy is missing is judged with the set that it is a copy of.
        return _Legs(_NOT_DUE, _NOT_DUE, _NOT_DUE)
    following = _following(verdict, scene.now < times.due)
    is_copied = scene.declaration.offsite is not None
    return _Legs(verdict, following if is_copied else NOT_AGREED, following)


def _following(verdict: LegVerdict, is_pending: bool) -> LegVerdict:
    """Return what the other legs of a day are that has no restore point."""
    if is_pending:
        return LegVerdict(LegState.PENDING, sentences.NO_BACKUP_YET)
    if verdict.state is LegState.UNKNOWN:
        return LegVerdict(LegState.UNKNOWN, sentences.NOT_KNOWN_BACKUP, verdict.seen_at)
    return LegVerdict(LegState.MISSING, sentences.NO_BACKUP, verdict.seen_at)


def _is_well(verdict: LegVerdict) -> bool:
    # Not by a set: the hash of an Enum's member costs more than both comparisons.
    return verdict.state is LegState.OK or verdict.state is LegState.NOT_DUE


def _worst(verdicts: Sequence[tuple[str, LegVerdict]]) -> LegVerdict:
    name, verdict = max(verdicts, key=lambda each: _BADNESS[each[1].state])
    if _is_well(verdict):
        return verdict
    return LegVerdict(verdict.state, sentences.of_object(name, verdict.why), verdict.seen_at)


def _excused(verdict: LegVerdict, note: str) -> LegVerdict:
    if _is_well(verdict):
        return verdict
    return LegVerdict(LegState.EXCUSED, Text.same(note), verdict.seen_at)
