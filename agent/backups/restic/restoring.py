"""Restore a snapshot, or a sample of it, into the scratch folder, and look at it there."""

import os
import random
import shutil
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from agent.backups.kind import Budget, Source, unproven
from agent.backups.restic import asking
from agent.backups.restic.hashing import digest
from agent.backups.settings import size_bytes
from checks.backup_sets import Evidence, Level, Proof, RestorePoint, Result
from checks.errors import ProbeError, UnexpectedOutput

_MOST_SAMPLED = 200
_METHOD = "restic restore --verify"


class _Node(Struct, frozen=True):
    struct_type: str = ""
    type: str = ""
    path: str = ""
    size: int = 0
    mtime: datetime | None = None


def restore(source: Source, point: RestorePoint, scratch: Path, budget: Budget) -> Proof:
    """Restore within scratch_size and compare counts, sizes and a file with its origin."""
    started = time.monotonic()
    place = scratch / "restic"
    try:
        repository = asking.own(source)
        stored = _files(asking.demand(repository, "--json", "ls", point.id, timeout_seconds=600))
        room = min(size_bytes(source.settings.scratch_size), budget.left_bytes())
        sample = _sample(stored, room, point.id)
        output = asking.ask(
            repository,
            "restore",
            point.id,
            "--target",
            str(place),
            "--verify",
            *(_options(sample) if len(sample) < len(stored) else ()),
            timeout_seconds=max(1.0, budget.left_seconds()),
        )
        refusal = asking.hindrance(repository, output)
        if refusal is not None:
            raise refusal
        size = sum(node.size for node in sample)
        budget.spend(size)
        evidence = tuple(_evidence(place, sample))
        equal = all(entry.expected == entry.actual for entry in evidence)
        return Proof(
            point=point.id,
            level=Level.RESTORED,
            result=Result.PASSED if output.exit_code == 0 and equal else Result.FAILED,
            at=source.now(),
            method=_METHOD,
            bytes_read=size,
            coverage=size / total if (total := sum(node.size for node in stored)) else 1.0,
            seconds=time.monotonic() - started,
            detail="" if output.exit_code == 0 else asking.said(output),
            evidence=evidence,
        )
    except ProbeError as error:
        return unproven(point.id, Level.RESTORED, source.now(), _METHOD, error.failure())
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _files(text: str) -> list[_Node]:
    try:
        nodes = [msgspec.json.decode(line, type=_Node) for line in text.splitlines()]
    except msgspec.DecodeError as error:
        raise UnexpectedOutput("restic ls", str(error)) from error
    return [node for node in nodes if node.struct_type == "node" and node.type == "file"]


def _sample(stored: list[_Node], room: int, seed: str) -> list[_Node]:
    """Return all files if there is room for them, else some, others for each snapshot."""
    if sum(node.size for node in stored) <= room:
        return stored
    sample: list[_Node] = []
    for node in random.Random(seed).sample(stored, len(stored)):  # noqa: S311 - no secret
        if node.size <= room and len(sample) < _MOST_SAMPLED:
            sample.append(node)
            room -= node.size
    if not sample:
        raise UnexpectedOutput("scratch_size", "no file of the snapshot fits into it")
    return sample


def _options(sample: list[_Node]) -> Iterator[str]:
    for node in sample:
        yield "--include"
        yield "".join(f"\\{sign}" if sign in "*?[]\\" else sign for sign in node.path)


def _evidence(place: Path, sample: list[_Node]) -> Iterator[Evidence]:
    found = [path for path in place.rglob("*") if path.is_file() and not path.is_symlink()]
    yield Evidence("files", str(len(sample)), str(len(found)))
    expected = str(sum(node.size for node in sample))
    yield Evidence("bytes", expected, str(sum(path.stat().st_size for path in found)))
    for node in sample:
        origin, restored = Path(node.path), place / node.path.lstrip("/")
        if restored.is_file() and _is_unchanged(origin, node):
            yield Evidence(f"sha256 {node.path}"[:255], digest(origin), digest(restored))
            return


def _is_unchanged(origin: Path, node: _Node) -> bool:
    """Tell whether the file that was backed up is still there as it was."""
    if node.mtime is None or not os.access(origin, os.R_OK) or not origin.is_file():
        return False
    status = origin.stat()
    same_time = abs(status.st_mtime - node.mtime.timestamp()) < 0.001
    return status.st_size == node.size and same_time
