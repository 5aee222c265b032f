"""What all looks at a backup set together say, in whatever order they came.

Nothing is judged here. Points, copies and proofs are kept once, however many looks show them: of
one that the newest look shows, too, nothing changes, so that nothing has to be written. The same
looks give the same evidence in any order; a look that comes late fills in and undoes nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from checks.backup_sets import (
    BackupFacts,
    Copy,
    CopyState,
    Declaration,
    Level,
    Offsite,
    PointState,
    Proof,
    RestorePoint,
    Result,
)
from wire.messages import Failure

CLOCK_OFF_SECONDS = 60.0
"""A host's clock that is off by less is not corrected: an upload takes time, too. Own figure."""
MOST_DAYS = 36_600
"""A number of days in a declaration counts as no more: a hundred years."""
_LONGEST_LOOK = timedelta(days=1)
_DEFINITE = (Result.PASSED, Result.FAILED)


class Look(NamedTuple):
    """One try to look at a set, as it arrived."""

    at: datetime
    """By the collector's clock."""
    found: BackupFacts | Failure
    offset_seconds: float | None = None
    """How far the host's clock was ahead; None where nothing tells. Dates of restore points and
    proofs are the host's."""


class PointKey(NamedTuple):
    """What a restore point is known by: a file that is overwritten each night is many."""

    id: str
    started_at: datetime
    """As told, by the host's clock."""


class ProofKey(NamedTuple):
    """What a proof is known by."""

    point: str
    level: Level
    at: datetime
    """As told, by the host's clock."""
    result: Result


@dataclass(frozen=True, slots=True)
class SeenPoint:
    """A restore point in the words of the newest look that lists it."""

    point: RestorePoint
    first_seen: datetime
    offset_seconds: float
    """Of the look that first saw it."""
    last_seen: datetime | None = None
    """The newest look that lists it; None: the newest listing that there is."""
    growing_at: datetime | None = None
    """The newest look that saw it growing."""


@dataclass(frozen=True, slots=True)
class SeenCopy:
    """The offsite copy of a restore point in the words of the newest look that tells of it."""

    copy: Copy
    last_seen: datetime | None = None
    """As for SeenPoint, of listings of the offsite side."""
    same_since: datetime | None = None
    """The first look that saw it complete there."""
    same_until: datetime | None = None
    """The newest look that did, where the newest words are others; None: they are these."""


@dataclass(frozen=True, slots=True)
class SeenProof:
    """A proof, and the look that first told of it."""

    proof: Proof
    first_seen: datetime
    offset_seconds: float

    @property
    def at(self) -> datetime:
        """When it was finished, by the collector's clock."""
        return _corrected(self.proof.at, self.offset_seconds)


@dataclass(frozen=True, slots=True)
class SeenLook:
    """One try to look, without what it listed."""

    at: datetime
    failure: Failure | None
    declaration: Declaration | None = None
    listed_since: datetime | None = None
    """The listing has every restore point from here on; None: from ever."""
    reaches: datetime | None = None
    """From here on a restore point that is not listed was not made: what is older may have gone
    by retention. None: from ever."""
    newest_at: datetime | None = None
    """Start of the newest restore point that it lists."""


@dataclass(frozen=True, slots=True)
class SeenOffsite:
    """One look at the offsite side, without what it listed."""

    at: datetime
    failure: Failure | None
    same_host: bool | None


@dataclass(frozen=True)
class Evidence:
    """Everything known of one set."""

    points: Mapping[PointKey, SeenPoint] = field(default_factory=dict)
    copies: Mapping[str, SeenCopy] = field(default_factory=dict)
    """By id of the restore point."""
    proofs: Mapping[ProofKey, SeenProof] = field(default_factory=dict)
    """Every one that passed or failed; of those that say less only the newest of its level."""
    looks: Mapping[datetime, SeenLook] = field(default_factory=dict)
    offsite_looks: Mapping[datetime, SeenOffsite] = field(default_factory=dict)


def evidence_of(
    looks: Iterable[Look | tuple[datetime, BackupFacts | Failure]],
    known: Evidence | None = None,
) -> Evidence:
    """Return what looks say, in any order, added to what is known."""
    work = _Work(known or Evidence())
    for look in sorted((Look(*each) for each in looks), key=lambda each: each.at):
        work.take(look)
    return Evidence(work.points, work.copies, work.proofs, work.looks, work.offsite_looks)


def corrected(seen: SeenPoint, moment: datetime) -> datetime:
    """Return a moment of a restore point by the collector's clock."""
    return _corrected(moment, seen.offset_seconds)


class _Work:
    """Evidence that is being added to."""

    def __init__(self, known: Evidence) -> None:
        self.points = dict(known.points)
        self.copies = dict(known.copies)
        self.proofs = dict(known.proofs)
        self.looks = dict(known.looks)
        self.offsite_looks = dict(known.offsite_looks)
        self._listed_at = _newest(known.looks.values())
        self._listed_offsite_at = _newest(known.offsite_looks.values())
        self._indefinite = {
            (key.point, key.level, key.result): key
            for key in self.proofs
            if key.result not in _DEFINITE
        }

    def take(self, look: Look) -> None:
        """Add one look; the same one again changes nothing."""
        at, facts = look.at, look.found
        if at in self.looks:
            return
        if isinstance(facts, Failure):
            self.looks[at] = SeenLook(at, facts)
            return
        offset = _usable(look.offset_seconds)
        self.looks[at] = _seen_look(at, facts, offset)
        self._list(at, facts.points, offset)
        for proof in facts.proofs:
            self._prove(at, proof, offset)
        if facts.offsite is not None:
            told_at = _corrected(facts.offsite.looked_at, offset)
            # It was made before or while proofs were; a date that is far off says nothing.
            self._list_offsite(min(at, max(at - _LONGEST_LOOK, told_at)), facts.offsite)

    def _list(self, at: datetime, points: Iterable[RestorePoint], offset: float) -> None:
        before = self._listed_at
        is_newest = before is None or before < at
        last = None if is_newest else at
        listed = set()
        for point in points:
            key = PointKey(point.id, point.started_at)
            if key in listed:
                continue
            listed.add(key)
            growing = at if point.state is PointState.GROWING else None
            known = self.points.get(key)
            if known is None:
                self.points[key] = SeenPoint(point, at, offset, last, growing)
                continue
            if _is_newer(at, known.last_seen, is_newest) and (point, last) != (
                known.point,
                known.last_seen,
            ):
                known = replace(known, point=point, last_seen=last)
            if at < known.first_seen:
                known = replace(known, first_seen=at, offset_seconds=offset)
            if growing and (known.growing_at is None or growing > known.growing_at):
                known = replace(known, growing_at=growing)
            self.points[key] = known
        if is_newest:
            self._listed_at = at
            for key, known in self.points.items():
                if known.last_seen is None and key not in listed:
                    self.points[key] = replace(known, last_seen=before)

    def _list_offsite(self, at: datetime, offsite: Offsite) -> None:
        if at in self.offsite_looks:
            return
        self.offsite_looks[at] = SeenOffsite(at, offsite.failure, offsite.same_host)
        if offsite.failure is not None:
            return
        before = self._listed_offsite_at
        is_newest = before is None or before < at
        last = None if is_newest else at
        listed = set()
        for copy in offsite.copies:
            if copy.point in listed:
                continue
            listed.add(copy.point)
            same = at if copy.state is CopyState.SAME_SIZE else None
            known = self.copies.get(copy.point)
            if known is None:
                self.copies[copy.point] = SeenCopy(copy, last, same, same if last else None)
                continue
            until = max(filter(None, (_same_until(known, before), same)), default=None)
            if _is_newer(at, known.last_seen, is_newest) and (copy, last) != (
                known.copy,
                known.last_seen,
            ):
                known = replace(known, copy=copy, last_seen=last)
            if same and (known.same_since is None or same < known.same_since):
                known = replace(known, same_since=same)
            is_same = known.last_seen is None and known.copy.state is CopyState.SAME_SIZE
            if known.same_until != (None if is_same else until):
                known = replace(known, same_until=None if is_same else until)
            self.copies[copy.point] = known
        if is_newest:
            self._listed_offsite_at = at
            for point, known in self.copies.items():
                if known.last_seen is None and point not in listed:
                    until = _same_until(known, before)
                    self.copies[point] = replace(known, last_seen=before, same_until=until)

    def _prove(self, at: datetime, proof: Proof, offset: float) -> None:
        key = ProofKey(proof.point, proof.level, proof.at, proof.result)
        known = self.proofs.get(key)
        if known is not None and known.first_seen <= at:
            return
        if known is None and proof.result not in _DEFINITE:
            # One that says nothing definite is made anew at each look: only the newest is kept.
            same = (proof.point, proof.level, proof.result)
            other = self._indefinite.get(same)
            if other is not None and other.at > proof.at:
                return
            if other is not None:
                del self.proofs[other]
            self._indefinite[same] = key
        self.proofs[key] = SeenProof(proof, at, offset)


def _newest(looks: Iterable[SeenLook | SeenOffsite]) -> datetime | None:
    return max((each.at for each in looks if each.failure is None), default=None)


def _is_newer(at: datetime, last_seen: datetime | None, is_newest: bool) -> bool:
    """Return whether a look is the newest one that shows something."""
    return is_newest or (last_seen is not None and at > last_seen)


def _same_until(known: SeenCopy, listed_at: datetime | None) -> datetime | None:
    """Return the newest look that saw a copy complete, the newest listing being at listed_at."""
    if known.last_seen is None and known.copy.state is CopyState.SAME_SIZE:
        return listed_at
    return known.same_until


def _seen_look(at: datetime, facts: BackupFacts, offset: float) -> SeenLook:
    """Return what a look says besides what it lists."""
    declaration = facts.declaration
    oldest = min((point.started_at for point in facts.points), default=None)
    oldest = oldest and _corrected(oldest, offset)
    since = facts.listed_since and _corrected(facts.listed_since, offset)
    if facts.points_left_out and oldest is not None:
        since = oldest if since is None else max(since, oldest)
    if declaration.retention_days > 0:
        kept_since = at - timedelta(days=min(declaration.retention_days, MOST_DAYS))
    else:
        # Nothing is agreed: what is older than all that is left may have gone by rotation.
        kept_since = at if oldest is None else min(oldest, at)
    reaches = kept_since if since is None else max(since, kept_since)
    newest = max((point.started_at for point in facts.points), default=None)
    newest = newest and _corrected(newest, offset)
    return SeenLook(at, None, declaration, since, reaches, newest)


def _usable(offset_seconds: float | None) -> float:
    if offset_seconds is None or abs(offset_seconds) < CLOCK_OFF_SECONDS:
        return 0.0
    return offset_seconds


def _corrected(moment: datetime, offset_seconds: float) -> datetime:
    if not offset_seconds:
        return moment
    try:
        return moment - timedelta(seconds=offset_seconds)
    except OverflowError:  # a date that no calendar has
        return moment
