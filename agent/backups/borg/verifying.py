"""Prove a repository of borg: `borg check`, as deep as the budget allows.

Corruption ends with exit code 1, which is borg's warning.
"""

import re
import time

import msgspec
from msgspec import Struct

from agent.backups.borg import asking
from agent.backups.borg.asking import Opened, Repository
from agent.backups.borg.listing import locks, segments, stored_bytes
from agent.backups.kind import Budget, Source, unproven
from checks.api import Output
from checks.backup_sets import Level, Proof, RestorePoint, Result
from checks.errors import ProbeError, UnexpectedOutput

_STOPPED = re.compile(r"last segment checked is (\d+)")
_SKIPPED = re.compile(r"skipping to segments >= (\d+)")
_BYTES_PER_SECOND = 200 * 2**20
"""What a check reads at most: turns a budget of bytes into one of seconds, the safe way."""
_LONGEST_SECONDS = 6 * 3600.0
_FOUND = 1


class Verified(Struct, frozen=True, kw_only=True):
    """What came of one repository."""

    result: Result
    method: str
    coverage: float = 1.0
    bytes_read: int = 0
    detail: str = ""
    seconds: float = 0.0
    decrypted: bool = False
    """Every chunk was decrypted and compared with its id."""


def verify(source: Source, _point: RestorePoint | None, budget: Budget) -> tuple[Proof, ...]:
    """Prove the set's repository as a whole."""
    try:
        outcome = examine(asking.own(source), budget)
    except ProbeError as error:
        return (unproven("", Level.STRUCTURE, source.now(), "borg check", error.failure()),)
    proof = Proof(
        point="",
        level=Level.STRUCTURE,
        result=outcome.result,
        at=source.now(),
        method=outcome.method,
        bytes_read=outcome.bytes_read,
        coverage=outcome.coverage,
        seconds=outcome.seconds,
        detail=outcome.detail,
    )
    if outcome.result is Result.PASSED and outcome.decrypted:
        return (proof, msgspec.structs.replace(proof, level=Level.HASHED))
    return (proof,)


def examine(repository: Repository, budget: Budget) -> Verified:
    """Check a repository as deeply as the budget allows. Raise what keeps from looking.

    Damage counts when it is seen twice: a backup that runs now looks like it, too.
    """
    started = time.monotonic()
    outcome = _once(repository, budget)
    if outcome.result is Result.FAILED:
        outcome = _once(repository, budget)
        held = locks(repository)
        if outcome.result is Result.FAILED and held:
            words = f"locked by {held[0].held_by}, so damage can't be told from a running backup"
            raise UnexpectedOutput(repository.name, f"{words}: {outcome.detail}")
    return msgspec.structs.replace(outcome, seconds=time.monotonic() - started)


def _once(repository: Repository, budget: Budget) -> Verified:
    stored = stored_bytes(repository)
    left = budget.left_bytes()
    with asking.opened(repository) as visit:
        if repository.folder is None or stored > left:
            return _partly(visit, budget, stored)
        # The repository's check reads all, and so does the decryption.
        decrypted = 2 * stored <= left
        options = ("--verify-data",) if decrypted else ()
        seconds = max(1.0, min(budget.left_seconds(), _LONGEST_SECONDS))
        output = visit.ask("check", *options, "{}", timeout_seconds=seconds)
        damage = _damage(repository, output)
        read = stored * (2 if decrypted else 1)
        budget.spend(read)
        return Verified(
            result=Result.FAILED if damage else Result.PASSED,
            method=" ".join(("borg check", *options)),
            bytes_read=read,
            detail=damage,
            decrypted=decrypted,
        )


def _partly(visit: Opened, budget: Budget, stored: int) -> Verified:
    """Check segments for some time, from where the last check stopped."""
    repository = visit.repository
    seconds = max(1, int(min(budget.left_seconds() * 0.8, budget.left_bytes() / _BYTES_PER_SECOND)))
    arguments = ("--info", "check", "--repository-only", "--max-duration", str(seconds), "{}")
    limit = max(2.0 * seconds, budget.left_seconds())
    output = visit.ask(*arguments, timeout_seconds=limit)
    damage = _damage(repository, output)
    share = _share(repository, output)
    # After damage the next run starts at the same place: nothing damaged is passed over.
    if repository.folder is not None and not damage:
        asking.keep_position(visit)
    read = int(stored * share)
    budget.spend(read)
    return Verified(
        result=Result.FAILED if damage else Result.SAMPLED,
        method=f"borg check --repository-only --max-duration {seconds}",
        coverage=share,
        bytes_read=read,
        detail=damage,
    )


def _share(repository: Repository, output: Output) -> float:
    """Return which share of the segments was checked; of a remote one it can't be told."""
    if repository.folder is None:
        return 0.0
    numbers = sorted(int(path.name) for path in segments(repository.folder))
    told = "\n".join(entry.message for entry in asking.messages(output))
    skipped, stopped = _SKIPPED.search(told), _STOPPED.search(told)
    first = int(skipped[1]) if skipped else 0
    last = int(stopped[1]) if stopped else numbers[-1] if numbers else 0
    read = sum(first <= number <= last for number in numbers)
    return read / len(numbers) if numbers else 0.0


def _damage(repository: Repository, output: Output) -> str:
    """Return what borg found to be damaged, nothing if all is well. Raise what hindered it."""
    refusal = asking.hindrance(repository, output)
    if refusal is not None:
        raise refusal
    if output.exit_code == 0:
        return ""
    words = asking.said(output)
    if output.exit_code == _FOUND or "integrity" in words.lower():
        return words
    raise UnexpectedOutput("borg check", words)
