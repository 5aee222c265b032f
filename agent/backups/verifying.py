"""Prove a restore point in a folder: one pass over each file, then its format's own test."""

import hashlib
import os
import time
from pathlib import Path

import msgspec
from msgspec import Struct

from agent.backups import formats, hashing
from agent.backups.coding import promised_coding
from agent.backups.folders import FolderSize, files_in, folder_format, folder_size
from agent.backups.formats.encrypted import SUFFIXES as ENCRYPTED_SUFFIXES
from agent.backups.formats.format import Format, Structure, failed, unproven
from agent.backups.formats.text import is_text
from agent.backups.kind import Budget, FileRecord, Source
from agent.backups.kind import unproven as not_made
from agent.backups.naming import shown
from agent.backups.refusals import refusals
from agent.backups.sidecars import sidecars
from agent.backups.streaming import BUDGET, Consumer, Seen, Stamp, pass_over
from checks.backup_sets import Level, Proof, RestorePoint, Result
from checks.errors import ProbeError, TimedOut, UnexpectedOutput
from wire.messages import Failure, Reason

CHANGED = Failure(Reason.ERROR, "changed", "it changed while it was read: still being written")
_PROMISES = {
    ".zip": ("zip",),
    ".7z": ("7z",),
    ".tar": ("tar", "pg_dump"),
    ".tgz": ("tar", "pg_dump"),
    ".tar.gz": ("tar", "pg_dump"),
    ".bak": ("mssql", "sqlite"),
    ".trn": ("mssql",),
    ".sqlite": ("sqlite",),
    ".sqlite3": ("sqlite",),
    ".xbstream": ("xbstream",),
}
"""What a name promises, as `declared` of the formats. A .bak may be anything where nothing is
declared, but a .zip that does not begin like one has been overwritten."""
_WEAK = (".bak",)
_TEXTS = (".sql", ".sql.gz", ".sql.bz2", ".sql.xz", ".sql.zst", ".sql.lz4")


def verify(
    source: Source, place: str, path: str, point: RestorePoint, budget: Budget
) -> tuple[Proof, ...]:
    """Return the proofs of levels STRUCTURE and HASHED of what lies at `path` below the place.

    What can't be proven is UNPROVEN; the restore point's own bytes raise nothing.
    """
    try:
        return _verify(source, place, path, point, budget)
    except ProbeError as error:
        return _both(source, point, error.failure())
    except RecursionError:
        return _both(source, point, UnexpectedOutput(point.id, "nested too deep").failure())


def _verify(
    source: Source, place: str, path: str, point: RestorePoint, budget: Budget
) -> tuple[Proof, ...]:
    full = str(Path(place, path))
    with refusals(point.id):
        status = Path(full).lstat()
        is_folder = Path(full).is_dir()
        size = folder_size(full) if is_folder else FolderSize(status.st_size, 1, 0)
    if size.bytes > budget.left_bytes():
        words = f"{size.bytes} bytes, but only {budget.left_bytes()} are left for this run"
        return _both(source, point, Failure(Reason.NOT_SELECTED, BUDGET, words))
    if budget.left_seconds() <= 0:
        raise TimedOut(BUDGET, "the time of this run has ended")
    if is_folder:
        return _folder(source, place, path, point, size, budget)
    return _file(source, full, point, budget)


def _file(source: Source, full: str, point: RestorePoint, budget: Budget) -> tuple[Proof, ...]:
    began = time.monotonic()
    beside = sidecars(full)
    declared = source.settings.format
    found: list[Format] = []

    def consumer_for(head: bytes) -> Consumer | None:
        found.append(formats.recognised(head, declared))
        return found[-1].consumer

    seen = pass_over(full, point.id, budget, consumer_for, {each.algorithm for each in beside})
    if seen is None:
        return _both(source, point, CHANGED)
    structure = _structure(source, seen, found[0] if found else formats.ANYTHING, budget)
    at = source.now()
    seconds = round(time.monotonic() - began, 3)
    # Looked at once more: the format's own test has read it a second time.
    with refusals(point.id):
        again = Path(full).lstat()
    if (again.st_mtime_ns, again.st_size) != (seen.stamp.modified_ns, seen.stamp.bytes):
        return _both(source, point, CHANGED)
    digests = hashing.Digests(point.id, seen.stamp, seen.digest, seen.digests)
    hashed = hashing.proof(point.id, source.records, digests, beside, at, seconds)
    if found and found[0] is formats.ANYTHING and declared == "any" and not structure.detail:
        return (hashed,)
    return (_proof(point, structure, seen, source, seconds), hashed)


def _structure(source: Source, seen: Seen, found: Format, budget: Budget) -> Structure:
    name = Path(seen.path).name
    method = ", ".join(filter(None, (seen.coding, found.name)))
    if not seen.stamp.bytes:
        return failed("size", "it is empty")
    if seen.hindrance is not None:
        return unproven(method, seen.hindrance)
    mismatch = _mismatch(name, source.settings.format, seen, found)
    if seen.fault:
        return failed(method, seen.fault + (f"; {mismatch}" if mismatch else ""))
    if mismatch:
        return failed("header", mismatch)
    try:
        judged = found.judge(source, seen, budget)
    except ProbeError as error:
        return unproven(method, error.failure())
    whole = ", ".join(dict.fromkeys(filter(None, (seen.coding, judged.method))))
    return Structure(
        result=judged.result,
        method=whole,
        detail=judged.detail,
        failure=judged.failure,
        coverage=judged.coverage,
    )


def _mismatch(name: str, declared: str, seen: Seen, found: Format) -> str:
    """Return in which way the first bytes are not what name and settings promise."""
    lower = name.lower()
    coding = promised_coding(lower)
    begins = (
        f"it begins like {found.name}"
        if found is not formats.ANYTHING
        else ("its first bytes are of no known format")
    )
    hint = "; encrypting malware leaves files like this"
    promised_secret = lower.endswith(ENCRYPTED_SUFFIXES) or declared == "encrypted"
    if found.encrypted and promised_secret:
        return ""
    if coding is not None and seen.coding != coding.name:
        return f"it is called {coding.suffixes[0]}, but {begins}{hint}"
    if not formats.agrees(found, declared):
        return f"it has to be {declared}, but {begins}{hint}"
    if declared:
        return ""
    for suffix, promised in _PROMISES.items():
        if (
            lower.endswith(suffix)
            and suffix not in _WEAK
            and not set(promised) & set(found.declared)
        ):
            return f"it is called {suffix}, but {begins}{hint}"
    if lower.endswith(_TEXTS) and not found.encrypted and not is_text(seen.head):
        return f"it is called .sql, but {begins}{hint}"
    return ""


class _Hashed(Struct, frozen=True):
    """The files of a folder."""

    digest: str
    """Of their names and digests."""
    changed: tuple[str, ...]
    """Those that changed without a trace since they were hashed."""
    newest_ns: int
    bytes: int


def _folder(
    source: Source, place: str, path: str, point: RestorePoint, size: FolderSize, budget: Budget
) -> tuple[Proof, ...]:
    began = time.monotonic()
    full = str(Path(place, path))
    hashed = _hash_folder(source, place, full, point, budget)
    structure = _folder_structure(source, full, point, budget)
    with refusals(point.id):
        inode = Path(full).stat().st_ino
        after = folder_size(full)
    if hashed is None or after != size:
        return _both(source, point, CHANGED)
    seconds = round(time.monotonic() - began, 3)
    stamp = Stamp(hashed.bytes, hashed.newest_ns, 0, inode)
    at = source.now()
    digests = hashing.Digests(f"{point.id}/", stamp, hashed.digest, {})
    proof = hashing.proof(point.id, source.records, digests, (), at, seconds)
    if hashed.changed:
        words = f"changed without a trace: {', '.join(hashed.changed)}"[:2000]
        proof = msgspec.structs.replace(proof, result=Result.FAILED, detail=words)
    shape = Proof(
        point=point.id,
        level=Level.STRUCTURE,
        result=structure.result,
        at=at,
        method=structure.method,
        digest=hashed.digest if structure.result is not Result.UNPROVEN else "",
        bytes_read=hashed.bytes,
        seconds=seconds,
        coverage=structure.coverage,
        detail=structure.detail,
        failure=structure.failure,
    )
    return (shape, proof)


def _hash_folder(
    source: Source, place: str, full: str, point: RestorePoint, budget: Budget
) -> _Hashed | None:
    lines = []
    changed: list[str] = []
    newest = total = 0
    with refusals(point.id):
        files = sorted(files_in(full))
    for file in files:
        name = shown(os.path.relpath(file, place))
        seen = pass_over(file, name, budget, _look_at_nothing, decode=False)
        if seen is None:
            return None
        record = source.records.recorded(name)
        if (
            record is not None
            and record.digest != seen.digest
            and (record.modified_ns == seen.stamp.modified_ns)
        ):
            changed.append(name)
        else:
            source.records.record(
                FileRecord(
                    name,
                    seen.stamp.bytes,
                    seen.stamp.modified_ns,
                    seen.stamp.inode,
                    seen.digest,
                    source.now(),
                )
            )
        newest = max(newest, seen.stamp.modified_ns)
        total += seen.stamp.bytes
        lines.append(f"{seen.digest}  {shown(os.path.relpath(file, full))}\n")
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    return _Hashed(digest, tuple(changed), newest, total)


def _look_at_nothing(_head: bytes) -> None:
    """Leave the files of a folder to its format, which looks at them together."""


def _folder_structure(source: Source, full: str, point: RestorePoint, budget: Budget) -> Structure:
    declared = source.settings.format
    with refusals(point.id):
        found = folder_format(full)
    if found is None:
        if declared in (formats.FOLDER, "any", ""):
            words = "a folder of no known format: it can be hashed, nothing else"
            return unproven("hash only", Failure(Reason.UNSUPPORTED, "format", words))
        return failed("names", f"it has to be {declared}, but is a folder of no known format")
    names, judge = formats.FOLDERS[found.name]
    if declared not in ("", formats.FOLDER, "any", *names):
        return failed("names", f"it has to be {declared}, but is {found.name}")
    try:
        return judge(source, full, budget)
    except ProbeError as error:
        return unproven(found.name, error.failure())


def _proof(
    point: RestorePoint, structure: Structure, seen: Seen, source: Source, seconds: float
) -> Proof:
    return Proof(
        point=point.id,
        level=Level.STRUCTURE,
        result=structure.result,
        at=source.now(),
        method=structure.method[:255],
        digest=seen.digest if structure.result is not Result.UNPROVEN else "",
        bytes_read=seen.stamp.bytes,
        seconds=seconds,
        coverage=structure.coverage,
        detail=structure.detail[:2000],
        failure=structure.failure,
    )


def _both(source: Source, point: RestorePoint, failure: Failure) -> tuple[Proof, ...]:
    at = source.now()
    return tuple(
        not_made(point.id, level, at, "", failure) for level in (Level.STRUCTURE, Level.HASHED)
    )
