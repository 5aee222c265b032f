"""The second repository of a borg set: a mirror has the same id, and archives of the same ids."""

import os
from datetime import UTC, datetime

from agent.backups.borg import asking
from agent.backups.borg.listing import Archive, Listing, archives, known_id
from agent.backups.borg.verifying import Verified, examine
from agent.backups.kind import Budget, Catalogue, Source, unproven
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
from checks.errors import ProbeError, Unsupported

_METHOD = "archive ids of both repositories"


def copies(source: Source, catalogue: Catalogue) -> Offsite:
    """Look at the second repository; what keeps from it is the failure of the answer."""
    place = source.settings.offsite.place if source.settings.offsite else ""
    now = source.now()
    try:
        repository = asking.other(source)
        with asking.opened(repository) as visit:
            there = archives(visit)
    except ProbeError as error:
        return Offsite(
            by=OffsiteBy.REPOSITORY, place=place[:255], looked_at=now, failure=error.failure()
        )
    folder = repository.folder
    room = os.statvfs(folder) if folder else None
    matched = {found.id for point in catalogue.points if (found := _copy_of(point, there))}
    return Offsite(
        by=OffsiteBy.REPOSITORY,
        place=repository.name,
        looked_at=now,
        copies=tuple(_copy(point, there) for point in catalogue.points),
        extra=len(there.archives) - len(matched),
        same_host=_same_volume(source) or None,
        total_bytes=room.f_blocks * room.f_frsize if room else None,
        free_bytes=room.f_bavail * room.f_frsize if room else None,
    )


def prove_copies(source: Source, catalogue: Catalogue, budget: Budget) -> tuple[Proof, ...]:
    """Compare the ids of all archives, after the second repository itself has been proven."""
    now = source.now()
    try:
        repository = asking.other(source)
        with asking.opened(repository) as visit:
            there = archives(visit)
        if known_id(source) != there.repository.id:
            raise Unsupported(repository.name, "no mirror: it has another id, so nothing is equal")
        outcome = examine(repository, budget)
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


def _proof(point: RestorePoint, found: Archive, outcome: Verified, now: datetime) -> Proof:
    equal = f"archive:{found.id}" == point.content
    return Proof(
        point=point.id,
        level=Level.OFFSITE,
        result=outcome.result if equal else Result.FAILED,
        at=now,
        method=f"{_METHOD}, {outcome.method}"[:255],
        coverage=outcome.coverage,
        detail=outcome.detail if equal else f"{point.content} here, archive:{found.id} there",
    )


def _copy(point: RestorePoint, there: Listing) -> Copy:
    found = _copy_of(point, there)
    if found is None:
        return Copy(point=point.id, state=CopyState.MISSING)
    content = f"archive:{found.id}"
    state = CopyState.SAME_SIZE if content == point.content else CopyState.SIZE_DIFFERS
    modified_at = (found.end or found.start).replace(tzinfo=UTC)
    return Copy(point=point.id, state=state, modified_at=modified_at, content=content)


def _copy_of(point: RestorePoint, there: Listing) -> Archive | None:
    return next((entry for entry in there.archives if entry.name == point.id), None)


def _same_volume(source: Source) -> bool:
    """Tell whether both repositories lie on one volume: then nothing is offsite."""
    here, there = asking.own(source).folder, asking.other(source).folder
    if here is None or there is None:
        return False
    return here.stat().st_dev == there.stat().st_dev
