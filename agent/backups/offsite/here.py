"""The files of a backup set on this side: their sizes, digests and bytes."""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from agent.backups.kind import Budget, Catalogue, FileRecord, KindModule, Source
from agent.backups.offsite.comparing import Wanted
from checks.backup_sets import RestorePoint
from checks.errors import NotPermitted, ProbeError, UnexpectedOutput, Unreachable, Unsupported

_PIECE_BYTES = 2**20
_ASK_BUDGET_EVERY = 64
_LEFT_UNREAD = "not hashed yet: the budget of this run is used up"


class Unhashed(ProbeError):
    """The digest of a file here is not known yet, and there is no budget to read it."""


def wanted_files(
    source: Source, kind: KindModule, catalogue: Catalogue
) -> Mapping[str, tuple[Wanted, ...]]:
    """Return the files of each restore point by its id; those whose files are gone have none.

    Raise Unsupported for a kind whose place is no folder.
    """
    if kind.artefacts is None:
        raise Unsupported(
            source.settings.kind.value,
            "this kind keeps no files in a folder: compare it by `repository` or `agent`",
        )
    if kind.whole_set:
        whole = _sizes(source, kind.artefacts(source, None))
        return {point.id: whole for point in catalogue.points}
    return {point.id: _sizes(source, kind.artefacts(source, point)) for point in catalogue.points}


def files_of(source: Source, kind: KindModule, point: RestorePoint) -> tuple[Wanted, ...]:
    """Return the files of one restore point, or of the whole set where it is proven at once."""
    assert kind.artefacts is not None  # the callers ask before
    try:
        paths = kind.artefacts(source, None if kind.whole_set else point)
        return _sizes(source, paths)
    except ProbeError:  # gone since it was listed, or unreadable here: the kind says which
        return ()


def digest_here(source: Source, wanted: Wanted, budget: Budget) -> str:
    """Return the SHA-256 of a file here: of the ledger if it is unchanged, else by reading it.

    Raise Unhashed, or another ProbeError where it can't be read or changes meanwhile.
    """
    record = source.records.recorded(wanted.path)
    path = _full(source, wanted.path)
    with _refusals(path):
        status = path.stat()
        if record is not None and _stamp(status) == (
            record.bytes,
            record.modified_ns,
            record.inode,
        ):
            return record.digest
        if budget.left_bytes() < status.st_size:
            raise Unhashed(wanted.path, _LEFT_UNREAD)
        digest = hashlib.sha256()
        with path.open("rb", buffering=0) as file:
            for number, piece in enumerate(iter(lambda: file.read(_PIECE_BYTES), b"")):
                digest.update(piece)
                budget.spend(len(piece))
                if number % _ASK_BUDGET_EVERY == 0 and budget.left_seconds() <= 0:
                    raise Unhashed(wanted.path, _LEFT_UNREAD)
            if _stamp(os.fstat(file.fileno())) != _stamp(status) or status.st_size != wanted.bytes:
                raise UnexpectedOutput(wanted.path, "changed while it was read here")
    if record is None:  # what is known of an earlier file is for the kind to compare with
        size, modified_ns, inode = _stamp(status)
        entry = FileRecord(wanted.path, size, modified_ns, inode, digest.hexdigest(), source.now())
        source.records.record(entry)
    return digest.hexdigest()


def read_here(source: Source, path: str, *ranges: tuple[int, int]) -> Iterator[bytes]:
    """Yield each range (offset, length) of a file here, as one piece. Raise a ProbeError."""
    full = _full(source, path)
    with _refusals(full), full.open("rb", buffering=0) as file:
        for offset, length in ranges:
            yield os.pread(file.fileno(), length, offset)


def _sizes(source: Source, paths: tuple[str, ...]) -> tuple[Wanted, ...]:
    """Return the files with their sizes; none where one of them is not there any more."""
    found = []
    for path in paths:
        try:
            status = _full(source, path).stat()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _refusal(_full(source, path), error) from error
        if stat.S_ISREG(status.st_mode):
            found.append(Wanted(path, status.st_size))
    return tuple(found)


def _full(source: Source, path: str) -> Path:
    return Path(source.settings.place, path)


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    # An inode has 64 bits, a number of SQLite 63: the ledger keeps it as it can.
    return status.st_size, status.st_mtime_ns, status.st_ino


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _refusal(path, error) from error


def _refusal(path: Path, error: OSError) -> ProbeError:
    words = error.strerror or str(error)
    if isinstance(error, PermissionError):
        return NotPermitted(str(path), words)
    if isinstance(error, FileNotFoundError):
        return UnexpectedOutput(str(path), "it is gone")
    return Unreachable(str(path), words)
