"""The second repository of a restic set: `restic copy` keeps time and tree, never the id."""

import os
from datetime import datetime

from agent.backups.kind import Budget, Catalogue, Source, unproven
from agent.backups.restic import asking
from agent.backups.restic.listing import Snapshot, snapshots
from agent.backups.restic.verifying import Verified, examine
from checks.backup_sets import (
    Copy,
    CopyState,
    Level,
    Offsite,
    OffsiteBy,
    Proof,
    RestorePoint,
    Result,
)
from checks.errors import ProbeError

_METHOD = "tree ids of both repositories"


def copies(source: Source, catalogue: Catalogue) -> Offsite:
    """Look at the second repository; what keeps from it is the failure of the answer."""
    place = source.settings.offsite.place if source.settings.offsite else ""
    now = source.now()
    try:
        repository = asking.other(source)
        there = snapshots(repository)
    except ProbeError as error:
        return Offsite(
            by=OffsiteBy.REPOSITORY, place=place[:255], looked_at=now, failure=error.failure()
        )
    folder = repository.folder
    room = os.statvfs(folder) if folder else None
    matched = {id(found) for point in catalogue.points if (found := _copy_of(point, there))}
    return Offsite(
        by=OffsiteBy.REPOSITORY,
        place=repository.name[:255],
        looked_at=now,
        copies=tuple(_copy(point, there) for point in catalogue.points),
        extra=len(there) - len(matched),
        same_host=_same_volume(source) or None,
        total_bytes=room.f_blocks * room.f_frsize if room else None,
        free_bytes=room.f_bavail * room.f_frsize if room else None,
    )


def prove_copies(source: Source, catalogue: Catalogue, budget: Budget) -> tuple[Proof, ...]:
    """Compare the trees of all snapshots, after the second repository itself has been proven."""
    now = source.now()
    try:
        repository = asking.other(source)
        there = snapshots(repository)
        outcome = examine(repository, budget, prefix="offsite:")
    except ProbeError as error:
        return tuple(
            unproven(point.id, Level.OFFSITE, now, _METHOD, error.failure())
            for point in catalogue.points
        )
    return tuple(
        _proof(point, found, outcome, now)
        for point in catalogue.points
        if (found := _copy_of(point, there)) is not None
    )


def _proof(point: RestorePoint, found: Snapshot, outcome: Verified, now: datetime) -> Proof:
    equal = f"tree:{found.tree}" == point.content
    return Proof(
        point=point.id,
        level=Level.OFFSITE,
        result=outcome.result if equal else Result.FAILED,
        at=now,
        method=f"{_METHOD}, {outcome.method}"[:255],
        coverage=outcome.coverage,
        bytes_read=0,
        detail=outcome.detail if equal else f"{point.content} here, tree:{found.tree} there",
    )


def _copy(point: RestorePoint, there: list[Snapshot]) -> Copy:
    found = _copy_of(point, there)
    if found is None:
        return Copy(point=point.id, state=CopyState.MISSING)
    content = f"tree:{found.tree}"
    state = CopyState.SAME_SIZE if content == point.content else CopyState.SIZE_DIFFERS
    return Copy(point=point.id, state=state, modified_at=found.time, content=content)


def _copy_of(point: RestorePoint, there: list[Snapshot]) -> Snapshot | None:
    """Return the copy of a snapshot: of the same moment, and of the same tree if there is one."""
    same = [entry for entry in there if entry.time == point.started_at]
    same += [entry for entry in there if point.id in (entry.id, entry.original)]
    equal = [entry for entry in same if f"tree:{entry.tree}" == point.content]
    return next(iter(equal or same), None)


def _same_volume(source: Source) -> bool:
    """Tell whether both repositories lie on one volume: then nothing is offsite."""
    here, there = asking.own(source).folder, asking.other(source).folder
    if here is None or there is None:
        return False
    return here.stat().st_dev == there.stat().st_dev
