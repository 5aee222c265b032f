"""What each restore point is worth: only what was proven counts as a backup that can be trusted."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum

from checks.backup_sets import (
    BackupFacts,
    Level,
    PointState,
    Proof,
    RestorePoint,
    Result,
)

VERIFY_GRACE = 1.25
"""Proofs are made in rotation: one may be this much older than verify_every_days says."""
_READ = (Level.STRUCTURE, Level.HASHED)
_SOUND = (Level.STRUCTURE, Level.HASHED, Level.RESTORED)


class Standing(Enum):
    """What a restore point is worth, the worst first."""

    UNFINISHED = "unfinished"
    """Growing, empty, failed or gone: no backup."""
    FAILED = "failed"
    """A proof says that it is damaged."""
    BROKEN = "broken"
    """What it needs to be restored is missing or no good."""
    UNVERIFIED = "unverified"
    VERIFIED = "verified"


_WORST_FIRST = tuple(Standing)
GOOD = (Standing.UNVERIFIED, Standing.VERIFIED)


def objects(facts: BackupFacts) -> tuple[str, ...]:
    """Return what is judged: the declared objects and those found; one without a name if none."""
    found = sorted({point.object for point in facts.points} - set(facts.declaration.objects))
    if facts.declaration.objects:
        found = [name for name in found if name]
    return (*facts.declaration.objects, *found) or ("",)


def points_of(facts: BackupFacts, name: str) -> list[RestorePoint]:
    """Return the restore points of an object, the newest first."""
    mine = (point for point in facts.points if point.object == name)
    return sorted(mine, key=lambda point: point.started_at, reverse=True)


def standings(facts: BackupFacts, now: datetime) -> Mapping[str, Standing]:
    """Return the standing of every restore point by its id."""
    by_id = {point.id: point for point in facts.points}
    proofs = _proofs_by_point(facts)
    oldest_valid = now - timedelta(days=facts.declaration.verify_every_days * VERIFY_GRACE)
    alone = {
        point.id: _alone(point, proofs.get(point.id, []), proofs.get("", []), oldest_valid)
        for point in facts.points
    }
    cut_off = facts.points_left_out > 0 or facts.listed_since is not None
    return {name: _with_base(name, by_id, alone, cut_off) for name in alone}


def good_points(facts: BackupFacts, name: str, now: datetime) -> list[RestorePoint]:
    """Return the restore points of an object that no look speaks against, the newest first."""
    known = standings(facts, now)
    return [point for point in points_of(facts, name) if known[point.id] in GOOD]


def read_proofs(facts: BackupFacts) -> Iterator[Proof]:
    """Yield the proofs that the stored bytes are intact."""
    return (proof for proof in facts.proofs if proof.level in _READ)


def covers(proof: Proof, point: RestorePoint) -> bool:
    """Return whether a proof speaks of a restore point: by name, or of the set after its end."""
    if proof.point:
        return proof.point == point.id
    return proof.at >= (point.ended_at or point.started_at)


def hours_since(at: datetime, now: datetime) -> float:
    """Return the age of something."""
    return (now - at.astimezone(UTC)).total_seconds() / 3600


def _proofs_by_point(facts: BackupFacts) -> dict[str, list[Proof]]:
    found: dict[str, list[Proof]] = {}
    for proof in facts.proofs:
        if proof.level in _SOUND:
            found.setdefault(proof.point, []).append(proof)
    return found


def _alone(
    point: RestorePoint, own: list[Proof], whole: list[Proof], oldest_valid: datetime
) -> Standing:
    if point.state is not PointState.COMPLETE:
        return Standing.UNFINISHED
    # A digest that is still the same does not outweigh a structure that was broken when hashed.
    if any(proof.result is Result.FAILED for proof in own):
        return Standing.FAILED
    if any(proof.result is Result.FAILED and proof.level in _READ for proof in whole):
        return Standing.UNVERIFIED
    restored = any(proof.level is Level.RESTORED and _passed(proof, oldest_valid) for proof in own)
    structure = [proof for proof in own if proof.level is Level.STRUCTURE]
    if structure and not restored and not any(_passed(proof, oldest_valid) for proof in structure):
        # That it could be hashed does not show that it can be read as what it says it is.
        return Standing.UNVERIFIED
    of_it = [*own, *(proof for proof in whole if proof.level in _READ and covers(proof, point))]
    if any(_passed(proof, oldest_valid) for proof in of_it):
        return Standing.VERIFIED
    return Standing.UNVERIFIED


def _passed(proof: Proof, oldest_valid: datetime) -> bool:
    return proof.result is Result.PASSED and proof.coverage >= 1 and proof.at >= oldest_valid


def _with_base(
    name: str, by_id: Mapping[str, RestorePoint], alone: Mapping[str, Standing], cut_off: bool
) -> Standing:
    """Return the standing of a restore point with all that it needs."""
    worst = alone[name]
    seen = {name}
    base = by_id[name].base
    while base:
        if base in seen:
            return _worse(worst, Standing.BROKEN)
        if base not in by_id:
            # Where the listing is cut off, the base may be there: unknown is not verified.
            return _worse(worst, Standing.UNVERIFIED if cut_off else Standing.BROKEN)
        standing = alone[base]
        worst = _worse(worst, standing if standing in GOOD else Standing.BROKEN)
        seen.add(base)
        base = by_id[base].base
    return worst


def _worse(one: Standing, other: Standing) -> Standing:
    return min(one, other, key=_WORST_FIRST.index)
