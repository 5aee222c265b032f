"""Prove that copies have the same bytes: by digests made there, else by reading them here.

What can't be compared whole, because it would be more than `offsite.budget` lets over the line, is
sampled, and is called so. A copy that is not there, or has another size, is no matter of proofs:
the listing says it.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from hmac import compare_digest

from msgspec import Struct

from agent.backups.kind import Budget, Catalogue, KindModule, Source, unproven
from agent.backups.offsite.comparing import Joined, Wanted, file_state, manifest_digest
from agent.backups.offsite.here import digest_here, files_of, read_here
from agent.backups.offsite.looking import clock_there, offsite_settings
from agent.backups.offsite.sampling import cost, sample
from agent.backups.offsite.side import Entry, Hashing, Side
from agent.backups.settings import size_bytes
from checks.backup_sets import CopyState, Level, Proof, RestorePoint, Result
from checks.errors import ProbeError, UnexpectedOutput, Unsupported
from wire.messages import Failure, Reason

_TOGETHER_FILES = 200
_TOGETHER_BYTES = 4 * 2**30
_SLOWEST_BYTES_PER_SECOND = 20 * 2**20
"""A disk that hashes slower than this is not waited for."""
_LEAST_SECONDS = 60.0
_NAMES_TOLD = 5


class Pair(Struct, frozen=True):
    """A file here and its copy there."""

    wanted: Wanted
    entry: Entry


class Task(Struct, frozen=True):
    """A restore point whose copy is to be proven."""

    point: RestorePoint
    pairs: tuple[Pair, ...]

    @property
    def bytes(self) -> int:
        """Return the size of its files."""
        return sum(pair.wanted.bytes for pair in self.pairs)


class Line:
    """What may still come over the line in this run."""

    def __init__(self, source: Source) -> None:
        self.limit_bytes = size_bytes(offsite_settings(source).budget)
        self.left_bytes = self.limit_bytes

    def take(self, count: int) -> None:
        """Tell that so many bytes came."""
        self.left_bytes -= count


class Proving(Struct, frozen=True):
    """One run."""

    source: Source
    side: Side
    budget: Budget
    line: Line

    def proof(self, task: Task, result: Result, method: str, began: float, **more: object) -> Proof:
        """Return a proof of a task that began at a time of the monotonic clock."""
        return Proof(
            point=task.point.id,
            level=Level.OFFSITE,
            result=result,
            at=self.source.now(),
            method=method[:255],
            seconds=time.monotonic() - began,
            **more,  # type: ignore[arg-type] # the fields of Proof
        )

    def unproven(self, task: Task, method: str, failure: Failure) -> Proof:
        """Return the proof that could not be made."""
        return unproven(task.point.id, Level.OFFSITE, self.source.now(), method[:255], failure)


def prove(
    source: Source,
    kind: KindModule,
    catalogue: Catalogue,
    points: Sequence[RestorePoint],
    budget: Budget,
    side: Side,
) -> tuple[Proof, ...]:
    """Prove the copies of these restore points, the first ones first, as far as budgets go.

    Raise a ProbeError where the other side can't be listed.
    """
    proving = Proving(source, side, budget, Line(source))
    if side.same_host():
        failure = Failure(Reason.UNSUPPORTED, "offsite", "it is this very host: nothing is offsite")
        return tuple(proving.unproven(Task(point, ()), "", failure) for point in points)
    tasks = _tasks(proving, kind, catalogue, points)
    hashing = side.hashing()
    batches = _batches(tasks) if hashing is not None else ((task,) for task in tasks)
    made: list[Proof] = []
    for batch in batches:
        if budget.left_seconds() <= 0:
            break
        try:
            if hashing is not None:
                made += _hashed_there(proving, hashing, batch)
            else:
                made += _read_here(proving, batch[0])
        except ProbeError as error:
            # The connection, most likely: what was proven stands, the rest waits for the next run.
            method = hashing.method if hashing is not None else side.method
            made += [proving.unproven(task, method, error.failure()) for task in batch]
            break
    return tuple(made)


def _tasks(
    proving: Proving, kind: KindModule, catalogue: Catalogue, points: Sequence[RestorePoint]
) -> tuple[Task, ...]:
    """Return what can be compared: restore points of which each file has its size there."""
    if kind.artefacts is None:
        raise Unsupported(proving.source.settings.kind.value, "keeps no files in a folder")
    joined = Joined(proving.side.walk().entries)
    clock = clock_there(proving.source, proving.side.clock_offset())
    tasks = []
    present = {point.id for point in catalogue.points}
    whole = files_of(proving.source, kind, points[0]) if kind.whole_set and points else ()
    for point in points:
        files = whole or files_of(proving.source, kind, point)
        states = {file_state(wanted, joined, clock, frozenset()) for wanted in files}
        if states != {CopyState.SAME_SIZE} or point.id not in present:
            continue
        pairs = [Pair(wanted, joined.of(wanted.path)) for wanted in files]  # type: ignore[arg-type] # its state says that it is there
        if any(wanted.bytes for wanted in files):
            tasks.append(Task(point, tuple(pairs)))
    return tuple(tasks)


def _batches(tasks: Sequence[Task]) -> Iterator[tuple[Task, ...]]:
    """Yield tasks to be hashed by one command each."""
    batch: list[Task] = []
    files = size = 0
    for task in tasks:
        if batch and (files + len(task.pairs) > _TOGETHER_FILES or size > _TOGETHER_BYTES):
            yield tuple(batch)
            batch, files, size = [], 0, 0
        batch.append(task)
        files += len(task.pairs)
        size += task.bytes
    if batch:
        yield tuple(batch)


def _hashed_there(proving: Proving, hashing: Hashing, batch: Sequence[Task]) -> list[Proof]:
    made: list[Proof] = []
    known: list[tuple[Task, dict[str, str]]] = []
    began = time.monotonic()
    for task in batch:
        digests = _digests_here(proving, task)
        if isinstance(digests, Failure):
            made.append(proving.unproven(task, hashing.method, digests))
        else:
            known.append((task, digests))
    entries = {pair.entry.path: pair.entry for task, _ in known for pair in task.pairs}
    size = sum(entry.bytes for entry in entries.values())
    seconds = _LEAST_SECONDS + size / _SLOWEST_BYTES_PER_SECOND
    answers = hashing.digests(tuple(entries.values()), seconds) if entries else {}
    for task, digests in known:
        there = {pair.wanted.path: answers[pair.entry.path] for pair in task.pairs}
        made.append(_judged(proving, task, hashing.method, digests, there, began))
    return made


def _digests_here(proving: Proving, task: Task) -> dict[str, str] | Failure:
    try:
        return {
            pair.wanted.path: digest_here(proving.source, pair.wanted, proving.budget)
            for pair in task.pairs
        }
    except ProbeError as error:
        return error.failure()


def _judged(
    proving: Proving,
    task: Task,
    method: str,
    here: Mapping[str, str],
    there: Mapping[str, str | Failure],
    began: float,
) -> Proof:
    """Return what two sets of digests say, each by the path here."""
    refused = [answer for answer in there.values() if isinstance(answer, Failure)]
    digests = {path: answer for path, answer in there.items() if isinstance(answer, str)}
    different = [path for path, digest in digests.items() if not compare_digest(digest, here[path])]
    moved = _moved(proving, task)
    if moved is not None:
        return proving.unproven(task, method, moved)
    if refused and not different:
        return proving.unproven(task, method, refused[0])
    named = ", ".join(different[:_NAMES_TOLD])
    return proving.proof(
        task,
        Result.FAILED if different else Result.PASSED,
        method,
        began,
        digest=manifest_digest(here),
        other_digest="" if refused else manifest_digest({path: digests[path] for path in here}),
        bytes_read=task.bytes,
        detail=_words(f"{len(different)} of {len(here)} files differ: {named}")
        if different
        else "",
    )


def _moved(proving: Proving, task: Task) -> Failure | None:
    """Return what has changed there while it was read: nothing can be said of that."""
    for pair in task.pairs:
        if proving.side.again(pair.entry.path) != pair.entry:
            words = _words(f"{pair.entry.path}: changed there while it was compared")
            return UnexpectedOutput("offsite copy", words).failure()
    return None


def _read_here(proving: Proving, task: Task) -> list[Proof]:
    if task.bytes <= proving.line.left_bytes:
        return [_read_whole(proving, task)]
    before = proving.source.records.proven(task.point.id, Level.OFFSITE)
    if (
        before is not None
        and before.result is Result.PASSED
        and task.bytes <= proving.line.limit_bytes
    ):
        return []  # proven before, and can be again in another run: a sample would be less
    ranges = sample([pair.wanted for pair in task.pairs], _seed(proving, task))
    if cost(ranges) > proving.line.left_bytes:
        words = "offsite.budget of this run is used up"
        failure = Failure(Reason.INTERRUPTED, "offsite copy", words)
        return [proving.unproven(task, proving.side.method, failure)]
    return [_sampled(proving, task, ranges)]


def _seed(proving: Proving, task: Task) -> str:
    """Another sample on each day, and the same one on that day whoever asks."""
    return f"{proving.source.now():%Y-%m-%d} {task.point.id}"


def _read_whole(proving: Proving, task: Task) -> Proof:
    began = time.monotonic()
    method = f"sha256, {proving.side.method}"
    here = _digests_here(proving, task)
    if isinstance(here, Failure):
        return proving.unproven(task, method, here)
    there: dict[str, str | Failure] = {}
    for pair in task.pairs:
        digest = hashlib.sha256()
        # One byte more than is listed: it may have grown.
        for piece in proving.side.read(pair.entry.path, (0, pair.entry.bytes + 1)):
            digest.update(piece)
            proving.line.take(len(piece))
        there[pair.wanted.path] = digest.hexdigest()
    return _judged(proving, task, method, here, there, began)


def _sampled(
    proving: Proving, task: Task, ranges: Mapping[str, tuple[tuple[int, int], ...]]
) -> Proof:
    began = time.monotonic()
    method = f"sampled blocks, {proving.side.method}"
    read = 0
    wrong = ""
    for pair in task.pairs:
        parts = ranges.get(pair.wanted.path, ())
        if not parts:
            continue
        there = b"".join(proving.side.read(pair.entry.path, *parts))
        here = b"".join(read_here(proving.source, pair.wanted.path, *parts))
        read += len(there)
        proving.line.take(len(there))
        proving.budget.spend(len(here))
        if there != here and not wrong:
            wrong = f"{pair.wanted.path}: {_first_difference(parts, here, there)}"
    moved = _moved(proving, task)
    if moved is not None:
        return proving.unproven(task, method, moved)
    return proving.proof(
        task,
        Result.FAILED if wrong else Result.SAMPLED,
        method,
        began,
        bytes_read=read,
        coverage=min(1.0, read / task.bytes),
        detail=_words(wrong),
    )


def _first_difference(parts: Sequence[tuple[int, int]], here: bytes, there: bytes) -> str:
    place = 0
    for offset, length in parts:
        one, other = here[place : place + length], there[place : place + length]
        if one != other:
            digests = (hashlib.sha256(block).hexdigest() for block in (one, other))
            return (
                f"{length} bytes at {offset} differ: sha256 {next(digests)} here, {next(digests)}"
                " there"
            )
        place += length
    return "the copy ended early"


def _words(text: str) -> str:
    """Return a text that the wire can carry: names on disk may be no UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")[:2000]
