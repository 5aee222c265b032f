"""Test restore of a dated backup: chosen by its bytes, restored where there is a safe way to."""

import os
from collections.abc import Iterator
from pathlib import Path

from agent.backups import formats
from agent.backups.coding import coding_of
from agent.backups.damage import Damaged
from agent.backups.formats import pg_archive, pg_plain
from agent.backups.kind import Budget, Source, unproven
from agent.backups.refusals import refusals
from agent.backups.restoring.postgresql import restore_archive, restore_plain
from agent.backups.settings import size_bytes
from agent.backups.streaming import CHUNK_BYTES, HEAD_BYTES, open_regular
from checks.backup_sets import Level, Proof, RestorePoint, Result
from checks.errors import UnexpectedOutput
from wire.messages import Failure, Reason


def restore(source: Source, path: Path, point: RestorePoint, folder: Path, budget: Budget) -> Proof:
    """Restore what lies at `path`. Raise a ProbeError where it can't be tried.

    Only PostgreSQL's dumps of one database have an automatic restore: for the others a person makes
    one and records it (`xunjian-agent backup record`).
    """
    if path.is_dir():
        if (path / "toc.dat").exists():
            return restore_archive(source, point, path, folder, budget)
        return _by_hand(source, point, "a folder of another kind")
    try:
        head = next(_content(path, point, budget), b"")
    except Damaged as error:
        return _damaged(source, point, error)
    found = formats.recognised(head[:HEAD_BYTES], source.settings.format)
    if found is pg_plain.DUMP:
        return restore_plain(source, point, lambda: _content(path, point, budget), folder, budget)
    if found not in (pg_archive.ARCHIVE, pg_archive.TAR):
        return _by_hand(source, point, found.name)
    if coding_of(_first(path, point)) is None:
        return restore_archive(source, point, path, folder, budget)
    unpacked = folder / "unpacked"
    try:
        _unpack(source, path, point, unpacked, budget)
    except Damaged as error:
        return _damaged(source, point, error)
    return restore_archive(source, point, unpacked, folder, budget)


def _content(path: Path, point: RestorePoint, budget: Budget) -> Iterator[bytes]:
    coding = coding_of(_first(path, point))
    raw = _raw(path, point, budget)
    return raw if coding is None else coding.decode(raw, budget.left_seconds)


def _raw(path: Path, point: RestorePoint, budget: Budget) -> Iterator[bytes]:
    with refusals(point.id):
        descriptor = open_regular(str(path), point.id)
        try:
            while chunk := os.read(descriptor, CHUNK_BYTES):
                budget.spend(len(chunk))
                yield chunk
        finally:
            os.close(descriptor)


def _first(path: Path, point: RestorePoint) -> bytes:
    with refusals(point.id):
        descriptor = open_regular(str(path), point.id)
        try:
            return os.read(descriptor, HEAD_BYTES)
        finally:
            os.close(descriptor)


def _unpack(source: Source, path: Path, point: RestorePoint, target: Path, budget: Budget) -> None:
    allowed = size_bytes(source.settings.scratch_size)
    written = 0
    with target.open("wb") as file:
        for chunk in _content(path, point, budget):
            written += len(chunk)
            if written > allowed:
                raise UnexpectedOutput("scratch_size", f"more than {allowed} bytes are needed")
            file.write(chunk)


def _by_hand(source: Source, point: RestorePoint, what: str) -> Proof:
    words = f"no automatic test restore of {what}: make one and record it (backup record)"
    failure = Failure(Reason.UNSUPPORTED, what, words)
    return unproven(point.id, Level.RESTORED, source.now(), "", failure)


def _damaged(source: Source, point: RestorePoint, error: Damaged) -> Proof:
    return Proof(
        point=point.id,
        level=Level.RESTORED,
        result=Result.FAILED,
        at=source.now(),
        method="unpack",
        digest=point.content.removeprefix("sha256:"),
        detail=str(error)[:2000],
    )
