"""Prove a repository of restic: its files by their names, its structure by `restic check`.

Neither alone is enough: a missing pack has no digest, and `check` reads no data. So what passes
says how much of the bytes has been read.
"""

import math
import time
from datetime import timedelta

import msgspec
from msgspec import Struct

from agent.backups.kind import Budget, Source, unproven
from agent.backups.restic import asking
from agent.backups.restic.asking import Repository
from agent.backups.restic.hashing import Hashed, hash_repository
from agent.backups.restic.indexing import missing_packs
from checks.api import Output
from checks.backup_sets import Level, Proof, RestorePoint, Result
from checks.errors import NotPermitted, ProbeError, UnexpectedOutput

_SOUND = "no errors were found"
_DAMAGE = (
    "repository contains errors",
    "loadindex returned errors",
    "pack id does not match",
    "unexpected file size",
    "does not exist",
    "ciphertext verification failed",
    "is damaged",
    "invalid data returned",
    "error loading",
)
_MOST_GROUPS = 256  # of restic itself: the first byte of a pack's id
_LONGEST_SECONDS = 6 * 3600.0


class _RawData(Struct, frozen=True):
    total_size: int


class Verified(Struct, frozen=True, kw_only=True):
    """What came of one repository."""

    result: Result
    level: Level
    method: str
    coverage: float = 1.0
    bytes_read: int = 0
    detail: str = ""
    seconds: float = 0.0


def verify(source: Source, _point: RestorePoint | None, budget: Budget) -> tuple[Proof, ...]:
    """Prove the set's repository as a whole."""
    try:
        outcome = examine(asking.own(source), budget, prefix="")
    except ProbeError as error:
        return (unproven("", Level.STRUCTURE, source.now(), "restic check", error.failure()),)
    proof = Proof(
        point="",
        level=outcome.level,
        result=outcome.result,
        at=source.now(),
        method=outcome.method,
        bytes_read=outcome.bytes_read,
        coverage=outcome.coverage,
        seconds=outcome.seconds,
        detail=outcome.detail,
    )
    if outcome.result is Result.FAILED or asking.own(source).folder is None:
        return (proof,)
    return (proof, msgspec.structs.replace(proof, level=Level.HASHED))


def examine(repository: Repository, budget: Budget, *, prefix: str) -> Verified:
    """Look at all of a repository that the budget allows. Raise what keeps from looking."""
    started = time.monotonic()
    if repository.folder is None:
        outcome = _remote(repository, budget)
    else:
        outcome = _local(repository, budget, prefix)
    return msgspec.structs.replace(outcome, seconds=time.monotonic() - started)


def _local(repository: Repository, budget: Budget, prefix: str) -> Verified:
    hashed = _hash(repository, budget, prefix)
    if hashed.damaged:
        return Verified(
            result=Result.FAILED,
            level=Level.HASHED,
            method="sha256 of the stored files",
            coverage=hashed.coverage,
            bytes_read=hashed.read_bytes,
            detail=_listed(hashed.damaged, "not what the name says"),
        )
    if hashed.refused:
        raise NotPermitted(repository.name[:255], _listed(hashed.refused, "unreadable"))
    words = _missing(repository, budget) or _check(repository, budget)
    whole = hashed.coverage == 1
    return Verified(
        result=Result.FAILED if words else Result.PASSED if whole else Result.SAMPLED,
        level=Level.STRUCTURE,
        method="sha256 of the stored files, restic check",
        coverage=hashed.coverage,
        bytes_read=hashed.read_bytes,
        detail=words,
    )


def _missing(repository: Repository, budget: Budget) -> str:
    assert repository.folder is not None
    try:
        gone = missing_packs(repository, repository.folder, budget)
    except PermissionError as error:
        raise NotPermitted(str(error.filename)[:255]) from error
    except OSError as error:
        raise UnexpectedOutput(repository.name[:255], str(error)) from error
    return _listed(gone, "packs that the index names are not there") if gone else ""


def _hash(repository: Repository, budget: Budget, prefix: str) -> Hashed:
    source = repository.source
    assert repository.folder is not None
    try:
        return hash_repository(
            repository.folder,
            source.records,
            budget,
            now=source.now,
            within=timedelta(days=source.settings.verify_every_days),
            prefix=prefix,
        )
    except PermissionError as error:
        raise NotPermitted(str(error.filename)[:255]) from error
    except OSError as error:
        raise UnexpectedOutput(repository.name[:255], str(error)) from error


def _remote(repository: Repository, budget: Budget) -> Verified:
    """Read as many of the packs as the budget allows, another part of them each day."""
    text = asking.demand(repository, "--json", "stats", "--mode", "raw-data")
    try:
        total = msgspec.json.decode(text, type=_RawData).total_size
    except msgspec.DecodeError as error:
        raise UnexpectedOutput("restic stats", str(error)) from error
    groups = math.ceil(total / max(1, budget.left_bytes())) or 1
    if groups > _MOST_GROUPS:
        words = _check(repository, budget)
        share, option = 0.0, "no data: the budget is too small"
    else:
        part = repository.source.now().toordinal() % groups + 1
        option = "--read-data" if groups == 1 else f"--read-data-subset={part}/{groups}"
        words = _check(repository, budget, option)
        share = 1 / groups
        budget.spend(math.ceil(total * share))
    passed = Result.PASSED if share == 1 else Result.SAMPLED
    return Verified(
        result=Result.FAILED if words else passed,
        level=Level.STRUCTURE,
        method=f"restic check {option}"[:255],
        coverage=share,
        bytes_read=math.ceil(total * share),
        detail=words,
    )


def _check(repository: Repository, budget: Budget, *options: str) -> str:
    """Return what `restic check` finds, nothing if it finds nothing. Raise what hinders it.

    Asked again before it counts: a backup or prune that runs now looks like damage, too.
    """
    words = ""
    for _ in range(2):
        output = asking.ask(
            repository,
            "check",
            *options,
            timeout_seconds=max(1.0, min(budget.left_seconds(), _LONGEST_SECONDS)),
        )
        refusal = asking.hindrance(repository, output)
        if refusal is not None:
            raise refusal
        if output.exit_code == 0 and _SOUND in output.text:
            return ""
        if not _tells_damage(output):
            raise UnexpectedOutput("restic check", asking.said(output))
        words = asking.said(output)
    return words


def _tells_damage(output: Output) -> bool:
    words = f"{output.text} {output.error_text}".lower()
    return output.exit_code != 0 and any(word in words for word in _DAMAGE)


def _listed(names: tuple[str, ...], what: str) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{what}: {', '.join(names[:5])}{more}"
