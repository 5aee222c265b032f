"""Evidence made ready to be asked day by day: versions parted, proofs laid beside their points."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from checks.backup_sets import Form, Level, PointState, Proof, RestorePoint, Result
from collector.backups.evidence import (
    MOST_DAYS,
    Evidence,
    PointKey,
    SeenCopy,
    SeenLook,
    SeenOffsite,
    SeenPoint,
    corrected,
)

FUTURE = timedelta(hours=2)
"""A restore point that is dated later than this after it was first seen has no usable date. More
than an hour's mistake about summer time, less than any backup day; own figure."""
CLOCKS_APART = timedelta(minutes=15)
"""A proof may seem to have been made so long before the end of what it proves: a file's date can
be that of another machine (a share); own figure."""
REDATED = timedelta(hours=12)
"""Two dates of one file, from different sources, are not further apart where nothing else tells
whether it is the same one; own figure."""
_DAY = timedelta(days=1)
_NEVER = datetime.min.replace(tzinfo=UTC)


class Proven(NamedTuple):
    """A proof, and when it was finished by the collector's clock."""

    at: datetime
    proof: Proof


class Standing(NamedTuple):
    """What the proofs of one level say."""

    definite: Proven | None = None
    """The newest that passed in full, or failed."""
    weak: Proven | None = None
    """The newest of those that say less."""


class Candidate(NamedTuple):
    """One version of a restore point. Times are by the collector's clock."""

    point: RestorePoint
    started: datetime
    ended: datetime
    first_seen: datetime
    growing_at: datetime | None
    gone: bool
    """The newest listing reaches back to it and does not show it."""
    odd: bool
    """Its date lies in the future of the look that first saw it."""
    structure: Standing
    hashed: Standing
    offsite: Standing
    restored: Standing
    copy: SeenCopy | None


@dataclass(frozen=True)
class SetProofs:
    """The proofs of a whole set at one level, the newest of each result."""

    passed: Proven | None = None
    failed: Proven | None = None
    partly: Proven | None = None
    """Only a sample was read."""
    unproven: Proven | None = None

    @property
    def is_failed(self) -> bool:
        """Whether the newest that says anything definite says that it is damaged."""
        return self.failed is not None and (self.passed is None or self.passed.at <= self.failed.at)


_NO_SET_PROOFS = SetProofs()


@dataclass(frozen=True)
class Sight:
    """One set's evidence, ready to be asked."""

    candidates: tuple[Candidate, ...]
    """By their start, the oldest first."""
    by_id: Mapping[str, Candidate]
    """The newest version of each."""
    set_proofs: Mapping[Level, SetProofs]
    drills: tuple[Proven, ...]
    """Test restores that passed or failed, the oldest first."""
    drilled_at: tuple[datetime, ...]
    newest_present: Mapping[str, datetime]
    """Start of the newest complete restore point of each object that is still there."""
    kept_since: datetime
    """What is older may have gone by the retention that was agreed."""
    tries: tuple[SeenLook, ...]
    listings: tuple[SeenLook, ...]
    """The tries that gave one."""
    listed_at: tuple[datetime, ...]
    reaches: tuple[datetime, ...]
    """How far back this listing or a later one reaches."""
    offsite_tries: tuple[SeenOffsite, ...]
    offsite_listings: tuple[SeenOffsite, ...]
    """The tries that gave one."""
    offsite_at: tuple[datetime, ...]
    was_same_host: bool
    """Whether one of them found itself on this very host."""

    def is_lost(self, candidate: Candidate) -> bool:
        """Return whether it went away although nothing newer is there, nor its time was over."""
        return (
            candidate.gone
            and candidate.started >= self.kept_since
            and candidate.started > self.newest_present.get(candidate.point.object, _NEVER)
        )

    def listing_without(
        self, begins: datetime, due: datetime, next_begins: datetime
    ) -> SeenLook | None:
        """Return a listing from after `due` that would show a restore point of the backup day
        from `begins` if there was one; None: nobody knows."""
        number = bisect_left(self.listed_at, due)
        if number == len(self.listings):
            return None
        look = self.listings[number]
        # Until there is a newer one, no rotation takes the newest one away.
        is_newest = look.at < next_begins or (
            look.at < due + _DAY and (look.newest_at is None or look.newest_at < next_begins)
        )
        if is_newest and (look.listed_since is None or look.listed_since <= begins):
            return look
        if self.reaches[number] <= begins:
            return next(
                each for each in self.listings[number:] if (each.reaches or _NEVER) <= begins
            )
        return None


def sight(evidence: Evidence) -> Sight:
    """Return evidence ready to be asked."""
    tries = tuple(sorted(evidence.looks.values(), key=lambda each: each.at))
    listings = tuple(each for each in tries if each.failure is None)
    offsite_tries = tuple(sorted(evidence.offsite_looks.values(), key=lambda each: each.at))
    offsite_listings = tuple(each for each in offsite_tries if each.failure is None)
    newest = listings[-1] if listings else None
    candidates = _candidates(evidence, newest)
    present: dict[str, datetime] = {}
    by_id = {}
    for each in candidates:
        by_id[each.point.id] = each
        if not each.gone and each.point.state is PointState.COMPLETE and not each.odd:
            present[each.point.object] = each.started
    drills = _drills(evidence)
    reaches: list[datetime] = []
    for look in reversed(listings):
        reach = look.reaches or _NEVER
        reaches.append(min(reach, reaches[-1]) if reaches else reach)
    return Sight(
        candidates=candidates,
        by_id=by_id,
        set_proofs=_set_proofs(evidence),
        drills=drills,
        drilled_at=tuple(each.at for each in drills),
        newest_present=present,
        kept_since=_kept_since(newest),
        tries=tries,
        listings=listings,
        listed_at=tuple(each.at for each in listings),
        reaches=tuple(reversed(reaches)),
        offsite_tries=offsite_tries,
        offsite_listings=offsite_listings,
        offsite_at=tuple(each.at for each in offsite_listings),
        was_same_host=any(each.same_host for each in offsite_listings),
    )


def _kept_since(newest: SeenLook | None) -> datetime:
    declaration = newest.declaration if newest else None
    if newest is None or declaration is None or declaration.retention_days <= 0:
        return _NEVER
    return newest.at - timedelta(days=min(declaration.retention_days, MOST_DAYS))


def _candidates(evidence: Evidence, newest: SeenLook | None) -> tuple[Candidate, ...]:
    versions: dict[str, list[tuple[PointKey, SeenPoint]]] = defaultdict(list)
    for key, seen in evidence.points.items():
        # What only ever grew is not there any more under this name: it was finished, or given up.
        if seen.last_seen is not None and seen.point.state is PointState.GROWING:
            continue
        versions[key.id].append((key, seen))
    proofs: dict[str, list[Proven]] = defaultdict(list)
    for proof_key, proof in evidence.proofs.items():
        if proof_key.point:
            made_at = proof.at if proof.offset_seconds else proof.proof.at
            proofs[proof_key.point].append(Proven(made_at, proof.proof))
    floor = newest.listed_since if newest else None
    found: list[Candidate] = []
    for id, seen_versions in versions.items():
        present = _told_apart(seen_versions) if len(seen_versions) > 1 else seen_versions
        parted = _parted(present, proofs.get(id, ()))
        copy = evidence.copies.get(id)
        for number, ((_, seen), own) in enumerate(zip(present, parted, strict=True)):
            point = seen.point
            started, ended = point.started_at, point.ended_at or point.started_at
            if seen.offset_seconds:
                started, ended = corrected(seen, started), corrected(seen, ended)
            is_newest = number == len(present) - 1
            found.append(
                Candidate(
                    point,
                    started,
                    ended,
                    seen.first_seen,
                    seen.growing_at,
                    seen.last_seen is not None and (floor is None or started >= floor),
                    max(started, ended) - seen.first_seen > FUTURE,
                    *_standings(own),
                    copy if is_newest else None,
                )
            )
    # By id, too: which of two comes first must not hang on the order in which they came in.
    found.sort(key=lambda each: (each.started, each.point.id))
    return tuple(found)


def _told_apart(
    versions: list[tuple[PointKey, SeenPoint]],
) -> list[tuple[PointKey, SeenPoint]]:
    """Return the versions of one id, the oldest first. Where the same file only got a better date,
    the newest words stand."""
    kept: list[tuple[PointKey, SeenPoint]] = []
    for key, seen in sorted(versions, key=lambda each: _last_seen(each[1])):
        for number, (_, other) in enumerate(kept):
            if _is_redated(other.point, seen.point):
                first = min(other, seen, key=lambda each: each.first_seen)
                kept[number] = (
                    key,
                    SeenPoint(
                        seen.point,
                        first.first_seen,
                        first.offset_seconds,
                        seen.last_seen,
                        seen.growing_at,
                    ),
                )
                break
        else:
            kept.append((key, seen))
    return sorted(kept, key=lambda each: (corrected(each[1], each[0].started_at), each[0]))


def _last_seen(seen: SeenPoint) -> tuple[bool, datetime, datetime]:
    return (seen.last_seen is None, seen.last_seen or seen.first_seen, seen.point.started_at)


def _is_redated(one: RestorePoint, other: RestorePoint) -> bool:
    """Return whether two are the same bytes, dated from different sources. A file that is written
    anew each night under one name, always of one size, is another one each night."""
    if one.dated_by is other.dated_by or (one.bytes or 0) != (other.bytes or 0):
        return False
    if one.content and other.content:
        return one.content == other.content
    if one.ended_at and other.ended_at:
        return one.ended_at == other.ended_at
    return abs(one.started_at - other.started_at) < REDATED


def _parted(
    versions: Sequence[tuple[PointKey, SeenPoint]], proofs: Sequence[Proven]
) -> Sequence[Sequence[Proven]]:
    """Return the proofs of each version: those made while it was the one that is there."""
    if len(versions) == 1:
        seen = versions[0][1]
        ended = seen.point.ended_at or seen.point.started_at
        since = corrected(seen, ended) - CLOCKS_APART
        return ([each for each in proofs if each.at >= since],) if proofs else ((),)
    starts = [corrected(seen, key.started_at) for key, seen in versions]
    parted: list[list[Proven]] = [[] for _ in versions]
    for each in proofs:
        number = max(0, sum(1 for start in starts if start - CLOCKS_APART <= each.at) - 1)
        seen = versions[number][1]
        ended = corrected(seen, seen.point.ended_at or seen.point.started_at)
        if each.at >= ended - CLOCKS_APART:
            parted[number].append(each)
    return parted


_NOTHING = Standing()
_NO_STANDINGS = (_NOTHING, _NOTHING, _NOTHING, _NOTHING)
_LEVELS = (Level.STRUCTURE, Level.HASHED, Level.OFFSITE, Level.RESTORED)


def _standings(
    proofs: Sequence[Proven],
) -> tuple[Standing, Standing, Standing, Standing]:
    """Return what the proofs of a restore point say at each level."""
    if not proofs:
        return _NO_STANDINGS
    found = [_NOTHING, _NOTHING, _NOTHING, _NOTHING]
    for each in proofs:
        at, proof = each
        number = _LEVELS.index(proof.level)
        definite, weak = found[number]
        if proof.result is Result.FAILED:
            # Of two at one moment it is the failed one that counts.
            if definite is None or at >= definite.at:
                found[number] = Standing(each, weak)
        elif proof.result is Result.PASSED and proof.coverage >= 1:
            if definite is None or at > definite.at:
                found[number] = Standing(each, weak)
        elif weak is None or at > weak.at:
            found[number] = Standing(definite, each)
    return (found[0], found[1], found[2], found[3])


def _set_proofs(evidence: Evidence) -> Mapping[Level, SetProofs]:
    found: dict[Level, SetProofs] = {}
    of_set = [Proven(each.at, each.proof) for key, each in evidence.proofs.items() if not key.point]
    for level in {each.proof.level for each in of_set}:
        mine = [each for each in of_set if each.proof.level is level]
        found[level] = SetProofs(
            passed=_newest(
                each
                for each in mine
                if each.proof.result is Result.PASSED and each.proof.coverage >= 1
            ),
            failed=_newest(each for each in mine if each.proof.result is Result.FAILED),
            partly=_newest(
                each
                for each in mine
                if each.proof.result is Result.SAMPLED
                or (each.proof.result is Result.PASSED and each.proof.coverage < 1)
            ),
            unproven=_newest(each for each in mine if each.proof.result is Result.UNPROVEN),
        )
    return found


def _drills(evidence: Evidence) -> tuple[Proven, ...]:
    made = [
        Proven(each.at, each.proof)
        for key, each in evidence.proofs.items()
        if key.level is Level.RESTORED and key.result in (Result.PASSED, Result.FAILED)
    ]
    # Of two at one moment the failed one is the newer: it is never covered up.
    return tuple(sorted(made, key=lambda each: (each.at, each.proof.result is Result.FAILED)))


def _newest(proofs: Iterable[Proven]) -> Proven | None:
    return max(proofs, key=lambda each: each.at, default=None)


def set_proofs(seen: Sight, level: Level) -> SetProofs:
    """Return the proofs of the whole set at one level; none is none of each."""
    return seen.set_proofs.get(level, _NO_SET_PROOFS)


def can_count(candidate: Candidate) -> bool:
    """Return whether it is a backup by itself: a log needs one, and is none."""
    return candidate.point.form is not Form.LOG
