"""Prove a backup of barman: its files by pg_verifybackup, its WAL by names, sizes and records.

`verify-backup` looks at the base backup alone: without the WAL that it needs it is worth nothing.
"""

import re
import time

from agent.backups.barman import asking
from agent.backups.barman.listing import known_details
from agent.backups.barman.wal import damage_of_wal
from agent.backups.kind import Budget, Source, unproven
from checks.backup_sets import Level, Proof, RestorePoint, Result
from checks.errors import (
    NotConfigured,
    ProbeError,
    UnexpectedOutput,
    Unsupported,
)

_METHOD = "barman verify-backup (pg_verifybackup), WAL segments"
_SOUND = "backup successfully verified"
_NO_MANIFEST = re.compile(r"could not open file \"[^\"]*backup_manifest\"")
_STREAMED = re.compile(r"(?m)^mode=postgres")
_LONGEST_SECONDS = 6 * 3600.0


def verify(source: Source, point: RestorePoint | None, budget: Budget) -> tuple[Proof, ...]:
    """Prove one backup."""
    if point is None:
        return ()
    started = time.monotonic()
    try:
        if (point.bytes or 0) > budget.left_bytes():
            # It can't be told to read a part.
            raise NotConfigured("budget", f"pg_verifybackup reads {point.bytes} bytes at once")
        known = known_details(source, point.id)
        places = asking.folders(source)
        damage = _damage_of_base(source, point, budget, places)
        if not damage and places is not None:
            damage = damage_of_wal(source, known, places.wals)
    except ProbeError as error:
        failure = error.failure()
        return (unproven(point.id, Level.STRUCTURE, source.now(), _METHOD, failure),)
    budget.spend(point.bytes or 0)
    return (
        Proof(
            point=point.id,
            level=Level.STRUCTURE,
            result=Result.FAILED if damage else Result.PASSED,
            at=source.now(),
            method=_METHOD,
            bytes_read=point.bytes or 0,
            seconds=time.monotonic() - started,
            detail=damage[:1500],
        ),
    )


def _damage_of_base(
    source: Source, point: RestorePoint, budget: Budget, places: asking.Folders | None
) -> str:
    """Return what pg_verifybackup finds; asked again before it counts."""
    words = ""
    for _ in range(2):
        answer = asking.ask(
            source,
            "verify-backup",
            source.settings.place,
            point.id,
            timeout_seconds=max(1.0, min(budget.left_seconds(), _LONGEST_SECONDS)),
        )
        told = " ".join(answer.told.get("_INFO", ()))
        if answer.exit_code == 0 and not answer.errors and _SOUND in told:
            return ""
        words = answer.words
        if "verify backup failure" not in words and "pg_verifybackup" not in words:
            raise UnexpectedOutput("barman verify-backup", words or "it says nothing")
        if _NO_MANIFEST.search(words):
            _demand_manifest(source, point, places)
    return words


def _demand_manifest(source: Source, point: RestorePoint, places: asking.Folders | None) -> None:
    """Raise Unsupported where a backup never had a manifest: then its absence is no damage."""
    if places is None or not (places.base / point.id / "data").is_dir():
        return
    if not _STREAMED.search(source.host.read(str(places.base / point.id / "backup.info"))):
        raise Unsupported(point.id, "it has no manifest: `barman generate-manifest` makes one")
