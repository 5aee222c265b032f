"""Hash what a local repository stores: the name of each file is the SHA-256 of its bytes."""

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from agent.backups.kind import Budget, FileRecord, Records

_FOLDERS = ("data", "index", "keys", "snapshots")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CHUNK_BYTES = 2**20


class Hashed(Struct, frozen=True, kw_only=True):
    """What came of hashing a repository."""

    damaged: tuple[str, ...] = ()
    """Files that are not what their names say, each read twice."""
    refused: tuple[str, ...] = ()
    """Files that may not be read."""
    read_bytes: int = 0
    known_bytes: int = 0
    """Of the stored bytes, those whose digest is young enough."""
    stored_bytes: int = 0

    @property
    def coverage(self) -> float:
        """Return the share of the stored bytes that is proven."""
        return self.known_bytes / self.stored_bytes if self.stored_bytes else 0.0


def stored_files(folder: Path) -> list[Path]:
    """Return the files of a repository that are named by their digests. May raise OSError."""
    return [
        path
        for name in _FOLDERS
        for path in sorted((folder / name).rglob("*"))
        if _DIGEST.fullmatch(path.name) and path.is_file()
    ]


def hash_repository(
    folder: Path,
    records: Records,
    budget: Budget,
    *,
    now: Callable[[], datetime],
    within: timedelta,
    prefix: str = "",
) -> Hashed:
    """Hash the new files, then those whose digest is older than `within`, the oldest first.

    `prefix` keeps the records of a second repository apart. May raise OSError.
    """
    first = datetime.min.replace(tzinfo=UTC)
    oldest = first + timedelta(days=1)
    due: list[tuple[datetime, Path, int]] = []
    known = stored = 0
    for path in stored_files(folder):
        status = path.stat()
        stored += status.st_size
        entry = records.recorded(f"{prefix}{path.relative_to(folder)}")
        same = entry is not None and (entry.bytes, entry.modified_ns, entry.inode) == (
            status.st_size,
            status.st_mtime_ns,
            status.st_ino,
        )
        if entry is not None and entry.digest != path.name:
            # Damaged the last time: looked at before all others, so that it is not passed over.
            due.append((first, path, status.st_size))
        elif entry is None or not same:
            due.append((oldest, path, status.st_size))
        elif now() - entry.hashed_at >= within:
            due.append((entry.hashed_at, path, status.st_size))
        else:
            known += status.st_size
    damaged, refused = [], []
    read = 0
    for _, path, size in sorted(due):
        if size > budget.left_bytes() or budget.left_seconds() <= 0:
            continue
        try:
            found = _hash(path, budget)
            if found != path.name:  # Once more: memory and cables fail, too.
                found = _hash(path, budget)
        except PermissionError:
            refused.append(path.name[:12])
            continue
        except FileNotFoundError:  # pruned meanwhile
            stored -= size
            continue
        read += size
        if found == path.name:
            known += size
        else:
            damaged.append(str(path.relative_to(folder)))
        status = path.stat()
        records.record(
            FileRecord(
                f"{prefix}{path.relative_to(folder)}",
                status.st_size,
                status.st_mtime_ns,
                status.st_ino,
                found,
                now(),
            )
        )
    return Hashed(
        damaged=tuple(damaged),
        refused=tuple(refused),
        read_bytes=read,
        known_bytes=known,
        stored_bytes=stored,
    )


def digest(path: Path) -> str:
    """Return the SHA-256 of a file. May raise OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _hash(path: Path, budget: Budget) -> str:
    """Return the digest of a file."""
    summed = hashlib.sha256()
    with path.open("rb") as stream:
        while part := stream.read(_CHUNK_BYTES):
            budget.spend(len(part))
            summed.update(part)
    return summed.hexdigest()
