"""Prove what is due of a backup set, within the budget; each proof is kept once it is made."""

from collections.abc import Callable
from datetime import timedelta

from msgspec import Struct

from agent.backups import due
from agent.backups.budget import RunBudget
from agent.backups.kind import Catalogue, KindModule, OffsiteWay, unproven
from agent.backups.ledger import SetLedger
from agent.backups.scratch import scratch
from agent.backups.source import LocalSource
from checks.backup_sets import (
    Level,
    Offsite,
    OffsiteBy,
    Proof,
    RestorePoint,
    Work,
)
from checks.errors import ProbeError

Tell = Callable[[str, Level], None]
"""Hears of each step before it is taken: restore point (empty: the set) and level."""


class Proving(Struct, frozen=True):
    """One set, and what may be done with it now."""

    source: LocalSource
    ledger: SetLedger
    kind: KindModule
    way: OffsiteWay | None
    budget: RunBudget
    full: bool
    tell: Tell


def prove(proving: Proving, catalogue: Catalogue, offsite: Offsite | None) -> int:
    """Make the proofs that are due, and return how many were made.

    What keeps one from being made is told in it.
    """
    made = _verify(proving, catalogue)
    made += _compare(proving, catalogue, offsite)
    return made + _restore(proving, catalogue)


def work(proving: Proving, catalogue: Catalogue, made: int) -> Work:
    """Return what was proven; `catalogue` is as of after the proving."""
    known = due.newest_of(proving.ledger.proofs(), catalogue.points)
    every = proving.source.settings.verify_every_days
    stored = {point.id: point.bytes or 0 for point in catalogue.points}
    total = catalogue.stored_bytes or sum(stored.values())
    if proving.kind.whole_set:
        shares = [
            proof.coverage for (point, _), proof in known.items() if point == "" and proof.coverage
        ]
        left = 0
        proven = int(total * min(shares, default=0.0))
    else:
        now = proving.source.now()
        left = len(due.verifications(catalogue.points, known, now, every, full=False))
        oldest = now - timedelta(days=every)
        proven = sum(
            size
            for name, size in stored.items()
            if (name, Level.HASHED) in known and known[name, Level.HASHED].at >= oldest
        )
    return Work(
        budget_bytes=proving.budget.limit_bytes,
        read_bytes=proving.budget.read_bytes,
        seconds=proving.budget.spent_seconds(),
        made=made,
        left=0 if proving.kind.verify is None else left,
        stored_bytes=total,
        proven_bytes=min(proven, total),
    )


def _verify(proving: Proving, catalogue: Catalogue) -> int:
    verify = proving.kind.verify
    if verify is None:
        return 0
    every = proving.source.settings.verify_every_days
    known = due.newest_of(proving.ledger.proofs(), catalogue.points)
    now = proving.source.now()
    if proving.kind.whole_set:
        if not catalogue.points or not due.is_due_as_a_whole(
            catalogue.points, known, now, every, full=proving.full
        ):
            return 0
        targets: tuple[RestorePoint | None, ...] = (None,)
    else:
        targets = due.verifications(catalogue.points, known, now, every, full=proving.full)
    made = 0
    for target in targets:
        if proving.budget.left_seconds() <= 0:
            break
        name = "" if target is None else target.id
        proving.tell(name, Level.STRUCTURE)
        try:
            proofs = verify(proving.source, target, proving.budget)
        except ProbeError as error:
            at = proving.source.now()
            proofs = (unproven(name, Level.STRUCTURE, at, "", error.failure()),)
        made += _keep(proving, proofs)
    return made


def _compare(proving: Proving, catalogue: Catalogue, offsite: Offsite | None) -> int:
    if proving.way is None or offsite is None or offsite.failure is not None:
        return 0
    if offsite.same_host or offsite.by is OffsiteBy.AGENT:
        return 0
    known = due.newest_of(proving.ledger.proofs(), catalogue.points)
    targets = due.comparisons(
        catalogue.points,
        None if offsite.by is OffsiteBy.REPOSITORY else offsite.copies,
        known,
        proving.source.now(),
        proving.source.settings.verify_every_days,
        full=proving.full,
    )
    if not targets or proving.budget.left_seconds() <= 0:
        return 0
    proving.tell(targets[0].id, Level.OFFSITE)
    try:
        proofs = proving.way.prove(proving.source, proving.kind, catalogue, targets, proving.budget)
    except ProbeError as error:
        at = proving.source.now()
        proofs = (unproven(targets[0].id, Level.OFFSITE, at, "", error.failure()),)
    return _keep(proving, proofs)


def _restore(proving: Proving, catalogue: Catalogue) -> int:
    settings = proving.source.settings
    if proving.kind.restore is None or settings.scratch is None:
        return 0
    known = due.newest_of(proving.ledger.proofs(), catalogue.points)
    point = due.restore(
        catalogue.points,
        known,
        proving.source.now(),
        settings.restore_every_days,
        full=proving.full,
    )
    if point is None or proving.budget.left_seconds() <= 0:
        return 0
    proving.tell(point.id, Level.RESTORED)
    try:
        with scratch(settings, point, proving.kind.restore_factor) as folder:
            proof = proving.kind.restore(proving.source, point, folder, proving.budget)
    except ProbeError as error:
        at = proving.source.now()
        proof = unproven(point.id, Level.RESTORED, at, "", error.failure())
    return _keep(proving, (proof,))


def _keep(proving: Proving, proofs: tuple[Proof, ...]) -> int:
    for proof in proofs:
        proving.ledger.prove(proof)
    return len(proofs)
