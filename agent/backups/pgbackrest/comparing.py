"""The next repository of a stanza: WAL goes to all of them, each backup to one.

So a backup has no copy by its label. It is there on the other side where that side can restore to
the moment at which it ended, or to a later one.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

from agent.backups import segments
from agent.backups.kind import Budget, Catalogue, Source, unproven
from agent.backups.pgbackrest import asking
from agent.backups.pgbackrest.asking import Backup, Stanza
from agent.backups.pgbackrest.verifying import METHOD, examine
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
from checks.errors import NotConfigured, ProbeError, UnexpectedOutput


def copies(source: Source, catalogue: Catalogue) -> Offsite:
    """Look at the next repository; what keeps from it is the failure of the answer."""
    now = source.now()
    place = source.settings.offsite.place if source.settings.offsite else ""
    try:
        found = asking.stanza(source)
        key = other_key(source, found)
        asking.demand_sound(found, key)
    except ProbeError as error:
        return Offsite(
            by=OffsiteBy.REPOSITORY, place=place[:255], looked_at=now, failure=error.failure()
        )
    folder = asking.places(source).get(key)
    room = os.statvfs(folder) if folder and folder.exists() else None
    there = found.backups_of(key)
    return Offsite(
        by=OffsiteBy.REPOSITORY,
        place=f"repo{key}",
        looked_at=now,
        copies=tuple(_copy(point, found, key) for point in catalogue.points),
        extra=len(there),
        same_host=_same_volume(source, asking.own_key(found), key) or None,
        total_bytes=room.f_blocks * room.f_frsize if room else None,
        free_bytes=room.f_bavail * room.f_frsize if room else None,
    )


def prove_copies(source: Source, catalogue: Catalogue, budget: Budget) -> tuple[Proof, ...]:
    """Verify the next repository, and look whether its WAL reaches each restore point."""
    now = source.now()
    try:
        found = asking.stanza(source)
        key = other_key(source, found)
        outcome = examine(source, key, budget)
    except ProbeError as error:
        return tuple(
            unproven(point.id, Level.OFFSITE, now, METHOD, error.failure())
            for point in catalogue.points
        )
    proofs = []
    for point in catalogue.points:
        here = _backup(point, found)
        if here is None or _copy(point, found, key).state is not CopyState.SAME_SIZE:
            continue
        base = _base(here, found, key, outcome.labels)
        words = outcome.damage if base is None else _unreachable(here, base, outcome.segments)
        proofs.append(
            Proof(
                point=point.id,
                level=Level.OFFSITE,
                result=Result.FAILED if words else Result.PASSED,
                at=now,
                method=f"repo{key}: {METHOD}"[:255],
                detail=words or f"restorable from {base.label if base else ''}",
            )
        )
    return tuple(proofs)


def other_key(source: Source, found: Stanza) -> int:
    """Return the number of the second repository: the one of the settings, or the next."""
    offsite = source.settings.offsite
    keys = sorted(entry.key for entry in found.repo)
    if offsite is not None and offsite.place:
        named = offsite.place.removeprefix("repo")
        if not named.isdecimal() or int(named) not in keys:
            raise UnexpectedOutput("backups.offsite.place", f"{offsite.place}: no such repository")
        return int(named)
    if len(keys) < 2:
        raise NotConfigured("repo2-path", "the stanza has one repository only")
    return keys[1]


def _copy(point: RestorePoint, found: Stanza, key: int) -> Copy:
    here = _backup(point, found)
    there = found.backups_of(key)
    newest = max(_newest(found, key), default="")
    if here is None or not there:
        return Copy(point=point.id, state=CopyState.MISSING)
    base = _base(here, found, key, {})
    reached = here.archive.stop or ""
    later = [entry for entry in there if entry.timestamp.stop >= here.timestamp.stop]
    reaches = bool(newest) and not segments.is_before(newest, reached)
    if base is None or not (reaches or later):
        return Copy(point=point.id, state=CopyState.MISSING)
    modified_at = datetime.fromtimestamp(base.timestamp.stop, UTC)
    return Copy(
        point=point.id, state=CopyState.SAME_SIZE, modified_at=modified_at, content=base.label
    )


def _newest(found: Stanza, key: int) -> list[str]:
    """Return the newest WAL segments of a repository, one for each version of the cluster."""
    return [entry.max for entry in found.archive if entry.database.repo_key == key and entry.max]


def _backup(point: RestorePoint, found: Stanza) -> Backup | None:
    return next((entry for entry in found.backup if entry.label == point.id), None)


def _base(here: Backup, found: Stanza, key: int, damaged: dict[str, str]) -> Backup | None:
    """Return the other side's sound backup to start from: the newest before, else the next."""
    there = [entry for entry in found.backups_of(key) if not damaged.get(entry.label)]
    before = [entry for entry in there if entry.timestamp.stop <= here.timestamp.stop]
    return next(iter([*reversed(before), *there]), None)


def _unreachable(here: Backup, base: Backup, valid: tuple[str, ...]) -> str:
    """Return what is missing to get from the other side's backup to where this one ended."""
    start, stop = base.archive.start, here.archive.stop
    if not start or not stop or segments.is_before(stop, start):
        return ""
    gone = segments.missing(valid, start, stop)
    return f"WAL is not there or invalid: {', '.join(gone[:5])}" if gone else ""


def _same_volume(source: Source, here: int, there: int) -> bool:
    """Tell whether both repositories lie on one volume: then nothing is offsite."""
    known = asking.places(source)
    own: Path | None = known.get(here)
    other: Path | None = known.get(there)
    if own is None or other is None or not own.exists() or not other.exists():
        return False
    return own.stat().st_dev == other.stat().st_dev
