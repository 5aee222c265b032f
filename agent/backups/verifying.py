"""Prove a restore point in a folder: one pass over each file, then its format's own test."""

import time
from pathlib import Path

from agent.backups import formats, hashing
from agent.backups.coding import promised_coding
from agent.backups.folders import FolderSize, folder_size
from agent.backups.formats.encrypted import SUFFIXES as ENCRYPTED_SUFFIXES
from agent.backups.formats.format import Format, Structure, failed, unproven
from agent.backups.formats.text import is_text
from agent.backups.kind import Budget, Source
from agent.backups.proofs import CHANGED, neither, of_structure
from agent.backups.refusals import refusals
from agent.backups.sidecars import sidecars
from agent.backups.streaming import BUDGET, Consumer, Seen, pass_over
from agent.backups.verifying_folders import verify_folder
from checks.backup_sets import Proof, RestorePoint
from checks.errors import ProbeError, TimedOut, UnexpectedOutput
from wire.messages import Failure, Reason

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
        return neither(source, point, error.failure())
    except RecursionError:
        return neither(source, point, UnexpectedOutput(point.id, "nested too deep").failure())


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
        return neither(source, point, Failure(Reason.NOT_SELECTED, BUDGET, words))
    if budget.left_seconds() <= 0:
        raise TimedOut(BUDGET, "the time of this run has ended")
    if is_folder:
        return verify_folder(source, full, point, size, budget)
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
        return neither(source, point, CHANGED)
    structure = _structure(source, seen, found[0] if found else formats.ANYTHING, budget)
    at = source.now()
    seconds = round(time.monotonic() - began, 3)
    # Looked at once more: the format's own test has read it a second time.
    with refusals(point.id):
        again = Path(full).lstat()
    if (again.st_mtime_ns, again.st_size) != (seen.stamp.modified_ns, seen.stamp.bytes):
        return neither(source, point, CHANGED)
    digests = hashing.Digests(point.id, seen.stamp, seen.digest, seen.digests)
    hashed = hashing.proof(point.id, source.records, digests, beside, at, seconds)
    if found and found[0] is formats.ANYTHING and declared == "any" and not structure.detail:
        return (hashed,)
    proof = of_structure(source, point, structure, seen.digest, seen.stamp.bytes, seconds)
    return (proof, hashed)


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
