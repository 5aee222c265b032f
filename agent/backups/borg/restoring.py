"""Restore an archive, or a sample of it, into the scratch folder, and look at it there."""

import hashlib
import random
import shutil
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from agent.backups.borg import asking
from agent.backups.borg.asking import Opened
from agent.backups.kind import Budget, Source, unproven
from agent.backups.settings import size_bytes
from checks.backup_sets import Evidence, Level, Proof, RestorePoint, Result
from checks.errors import ProbeError, UnexpectedOutput

_MOST_SAMPLED = 200
_METHOD = "borg export-tar"


class _Entry(Struct, frozen=True):
    path: str
    type: str = ""
    size: int = 0
    sha256: str = ""


def restore(source: Source, point: RestorePoint, scratch: Path, budget: Budget) -> Proof:
    """Restore within scratch_size; compare counts, sizes and a digest with the repository's."""
    started = time.monotonic()
    place = scratch / "borg"
    try:
        place.mkdir()
        with asking.opened(asking.own(source)) as visit:
            stored = _files(visit, "{type}{path}{size}", point)
            # The tar file and what is in it.
            room = min(size_bytes(source.settings.scratch_size) // 2, budget.left_bytes())
            sample = _sample(stored, room, point.id)
            size = sum(entry.size for entry in sample)
            paths = [entry.path for entry in sample] if len(sample) < len(stored) else []
            words = _export(visit, point, place, paths, budget)
            budget.spend(size)
            evidence = tuple(_evidence(visit, point, place, sample))
        equal = all(entry.expected == entry.actual for entry in evidence)
        total = sum(entry.size for entry in stored)
        return Proof(
            point=point.id,
            level=Level.RESTORED,
            result=Result.PASSED if not words and equal else Result.FAILED,
            at=source.now(),
            method=_METHOD,
            bytes_read=size,
            coverage=size / total if total else 1.0,
            seconds=time.monotonic() - started,
            detail=words,
            evidence=evidence,
        )
    except ProbeError as error:
        return unproven(point.id, Level.RESTORED, source.now(), _METHOD, error.failure())
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _export(
    visit: Opened, point: RestorePoint, place: Path, paths: list[str], budget: Budget
) -> str:
    """Unpack the files of an archive; return what was wrong in doing so."""
    packed = place / "archive.tar"
    # pp: a path with all below it, and no sign in it means anything else.
    patterns = [f"pp:{path}" for path in paths]
    seconds = max(1.0, budget.left_seconds())
    arguments = ("export-tar", f"{{}}::{point.id}", str(packed), *patterns)
    output = visit.ask(*arguments, timeout_seconds=seconds)
    refusal = asking.hindrance(visit.repository, output)
    if refusal is not None:
        raise refusal
    words = "" if output.exit_code == 0 else asking.said(output)
    try:
        with tarfile.open(packed) as archive:
            archive.extractall(place / "files", filter="data")
    except (tarfile.TarError, OSError) as error:
        words = words or f"its tar can't be unpacked: {error}"[:500]
    finally:
        packed.unlink(missing_ok=True)
    return words


def _files(visit: Opened, wanted: str, point: RestorePoint, *paths: str) -> list[_Entry]:
    text = visit.demand("list", "--json-lines", "--format", wanted, f"{{}}::{point.id}", *paths)
    try:
        entries = [msgspec.json.decode(line, type=_Entry) for line in text.splitlines()]
    except msgspec.DecodeError as error:
        raise UnexpectedOutput("borg list", str(error)) from error
    return [entry for entry in entries if entry.type == "-"]


def _sample(stored: list[_Entry], room: int, seed: str) -> list[_Entry]:
    """Return all files if there is room for them, else some, others for each archive."""
    if sum(entry.size for entry in stored) <= room:
        return stored
    sample: list[_Entry] = []
    for entry in random.Random(seed).sample(stored, len(stored)):  # noqa: S311 - no secret
        if entry.size <= room and len(sample) < _MOST_SAMPLED:
            sample.append(entry)
            room -= entry.size
    if not sample:
        raise UnexpectedOutput("scratch_size", "no file of the archive fits into it")
    return sample


def _evidence(
    visit: Opened, point: RestorePoint, place: Path, sample: list[_Entry]
) -> Iterator[Evidence]:
    folder = place / "files"
    found = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    yield Evidence("files", str(len(sample)), str(len(found)))
    expected = str(sum(entry.size for entry in sample))
    yield Evidence("bytes", expected, str(sum(path.stat().st_size for path in found)))
    largest = max(sample, key=lambda entry: entry.size, default=None)
    if largest is None:
        return
    restored = folder / largest.path
    told = _files(visit, "{type}{path}{sha256}", point, f"pp:{largest.path}")
    if told and restored.is_file():
        with restored.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        yield Evidence(f"sha256 {largest.path}"[:255], told[0].sha256, digest)
