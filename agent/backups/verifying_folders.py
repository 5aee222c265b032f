"""Prove a restore point that is a folder: every file hashed, then its format's own test.

Its digest is of the names and digests of its files: equal for copies with equal content.
"""

import hashlib
import os
import time
from pathlib import Path

from msgspec import Struct

from agent.backups import formats, hashing
from agent.backups.folders import FolderSize, files_in, folder_format, folder_size
from agent.backups.formats.format import Structure, failed, unproven
from agent.backups.kind import Budget, Source
from agent.backups.naming import shown
from agent.backups.proofs import CHANGED, neither, of_structure
from agent.backups.refusals import refusals
from agent.backups.streaming import Stamp, pass_over
from checks.backup_sets import Proof, RestorePoint
from checks.errors import ProbeError, Unsupported


class _Hashed(Struct, frozen=True):
    """The files of a folder."""

    digest: str
    newest_ns: int
    bytes: int


def verify_folder(
    source: Source, full: str, point: RestorePoint, size: FolderSize, budget: Budget
) -> tuple[Proof, ...]:
    """Return both proofs of a folder that amounts to `size`. Raise a ProbeError."""
    began = time.monotonic()
    hashed = _hashed(full, point, budget)
    structure = _structure(source, full, point, budget)
    with refusals(point.id):
        inode = Path(full).stat().st_ino
        after = folder_size(full)
    if hashed is None or after != size:
        return neither(source, point, CHANGED)
    seconds = round(time.monotonic() - began, 3)
    stamp = Stamp(hashed.bytes, hashed.newest_ns, 0, inode)
    digests = hashing.Digests(f"{point.id}/", stamp, hashed.digest, {})
    return (
        of_structure(source, point, structure, hashed.digest, hashed.bytes, seconds),
        hashing.proof(point.id, source.records, digests, (), source.now(), seconds),
    )


def _hashed(full: str, point: RestorePoint, budget: Budget) -> _Hashed | None:
    """Return the digest of all files; None: one of them changed while it was read."""
    lines = []
    newest = total = 0
    with refusals(point.id):
        files = sorted(files_in(full))
    for file in files:
        name = shown(os.path.relpath(file, full))
        seen = pass_over(file, name, budget, _look_at_nothing, decode=False)
        if seen is None:
            return None
        newest = max(newest, seen.stamp.modified_ns)
        total += seen.stamp.bytes
        lines.append(f"{seen.digest}  {name}\n")
    return _Hashed(hashlib.sha256("".join(lines).encode()).hexdigest(), newest, total)


def _look_at_nothing(_head: bytes) -> None:
    """Leave the files of a folder to its format, which looks at them together."""


def _structure(source: Source, full: str, point: RestorePoint, budget: Budget) -> Structure:
    declared = source.settings.format
    with refusals(point.id):
        found = folder_format(full)
    if found is None:
        if declared in (formats.FOLDER, "any", ""):
            words = "a folder of no known format: it can be hashed, nothing else"
            return unproven("hash only", Unsupported("format", words).failure())
        return failed("names", f"it has to be {declared}, but is a folder of no known format")
    names, judge = formats.FOLDERS[found.name]
    if declared not in ("", formats.FOLDER, "any", *names):
        return failed("names", f"it has to be {declared}, but is {found.name}")
    try:
        return judge(source, full, budget)
    except ProbeError as error:
        return unproven(found.name, error.failure())
