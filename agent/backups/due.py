"""What has to be proven now, the most urgent first. Pure.

New restore points come first, the newest of them before all. Then what failed or could not be
proven the last time, then the stock in rotation: each restore point is read again before
`verify_every_days` are over, the one that was proven longest ago first.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from checks.backup_sets import (
    Copy,
    CopyState,
    Level,
    PointState,
    Proof,
    RestorePoint,
    Result,
)

Known = Mapping[tuple[str, Level], Proof]
_ROTATION_HEADROOM = 0.8
"""The stock is read again after this share of the time: a night without a run breaks no promise."""


def newest_of(
    proofs: Iterable[Proof], points: Sequence[RestorePoint]
) -> dict[tuple[str, Level], Proof]:
    """Return the decisive proofs that still hold, by restore point and level.

    A proof of other bytes than those that lie there now holds no more: a file that was replaced,
    or that can't be told to be the one that was read.
    """
    content = {point.id: point.content for point in points}
    known: dict[tuple[str, Level], Proof] = {}
    for proof in proofs:
        if proof.result is Result.UNPROVEN or not holds(proof, content):
            continue
        earlier = known.get((proof.point, proof.level))
        if earlier is None or earlier.at <= proof.at:
            known[proof.point, proof.level] = proof
    return known


def holds(proof: Proof, content: Mapping[str, str]) -> bool:
    """Return whether a proof is of what lies there now.

    That a backup of this set could be restored stays shown, also when that one is long gone.
    """
    if proof.level is Level.RESTORED:
        return True
    if proof.point == "" or not proof.digest or proof.result is Result.FAILED:
        return proof.point == "" or proof.point in content
    return content.get(proof.point) == f"sha256:{proof.digest}"


def verifications(
    points: Sequence[RestorePoint], known: Known, now: datetime, every_days: int, *, full: bool
) -> tuple[RestorePoint, ...]:
    """Return the restore points whose structure and digest are due."""
    due = []
    for point in points:
        if point.state is not PointState.COMPLETE:
            continue
        urgency = _urgency(point.id, (Level.STRUCTURE, Level.HASHED), known, now, every_days, full)
        if urgency is not None:
            due.append((urgency, -point.started_at.timestamp(), point))
    return tuple(point for *_, point in sorted(due, key=lambda entry: entry[:2]))


def is_due_as_a_whole(
    points: Sequence[RestorePoint], known: Known, now: datetime, every_days: int, *, full: bool
) -> bool:
    """Return whether a set that is proven at once has to be proven now."""
    proofs = [proof for (point, _), proof in known.items() if point == ""]
    if full or not proofs or any(proof.result is Result.FAILED for proof in proofs):
        return True
    at = min(proof.at for proof in proofs)
    newest = max((point.ended_at or point.started_at for point in points), default=None)
    return (newest is not None and newest > at) or now - at > _rotation(every_days)


def comparisons(
    points: Sequence[RestorePoint],
    copies: Iterable[Copy] | None,
    known: Known,
    now: datetime,
    every_days: int,
    *,
    full: bool,
) -> tuple[RestorePoint, ...]:
    """Return the restore points whose offsite copies are due; `copies` None: not listed."""
    there = None
    if copies is not None:
        there = {copy.point for copy in copies if copy.state is CopyState.SAME_SIZE}
    due = []
    for point in points:
        if point.state is not PointState.COMPLETE or (there is not None and point.id not in there):
            continue
        urgency = _urgency(point.id, (Level.OFFSITE,), known, now, every_days, full)
        if urgency is not None:
            due.append((urgency, -point.started_at.timestamp(), point))
    return tuple(point for *_, point in sorted(due, key=lambda entry: entry[:2]))


def restore(
    points: Sequence[RestorePoint], known: Known, now: datetime, every_days: int, *, full: bool
) -> RestorePoint | None:
    """Return the restore point to be restored now: the newest proven one, where it is time."""
    if every_days == 0:
        return None
    drills = [proof for (_, level), proof in known.items() if level is Level.RESTORED]
    newest_drill = max(drills, key=lambda proof: proof.at, default=None)
    # Looked at a little before it is due, so that a promise of 180 days is kept.
    if (
        not full
        and newest_drill is not None
        and newest_drill.result is Result.PASSED
        and now - newest_drill.at <= _rotation(every_days)
    ):
        return None
    candidates = [point for point in points if point.state is PointState.COMPLETE]
    candidates.sort(key=lambda point: point.started_at, reverse=True)
    sound = [
        point
        for point in candidates
        if _passed(known.get((point.id, Level.STRUCTURE)))
        or _passed(known.get((point.id, Level.HASHED)))
    ]
    return next(iter(sound or candidates), None)


def _passed(proof: Proof | None) -> bool:
    return proof is not None and proof.result is Result.PASSED


def _urgency(
    point: str,
    levels: tuple[Level, ...],
    known: Known,
    now: datetime,
    every_days: int,
    full: bool,
) -> tuple[int, float] | None:
    """Return how urgent: (0, …) never proven, (1, …) not passed, (2, when) rotation; None: not."""
    proofs = [known[point, level] for level in levels if (point, level) in known]
    if not proofs:
        return (0, 0.0)
    if any(proof.result is not Result.PASSED for proof in proofs):
        return (1, 0.0)
    at = min(proof.at for proof in proofs)
    if full or now - at > _rotation(every_days) or at > now + timedelta(days=1):
        return (2, at.timestamp())
    return None


def _rotation(days: int) -> timedelta:
    return timedelta(days=days * _ROTATION_HEADROOM)
