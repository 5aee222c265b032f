"""Folders that are one backup: what marks them, and what a whole one has."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

_MOST_NAMES = 10_000
"""Names of a folder that are looked at to recognise it; the marks of a backup are few."""
MOST_FILES = 1_000_000
"""Files of one backup that are looked at."""
_MARIABACKUP_MARKS = frozenset(
    {
        "xtrabackup_checkpoints",
        "mariadb_backup_checkpoints",
        "xtrabackup_info",
        "mariadb_backup_info",
        "backup-my.cnf",
    }
)
CHECKPOINTS = ("xtrabackup_checkpoints", "mariadb_backup_checkpoints")
INFO = ("xtrabackup_info", "mariadb_backup_info")
_TAR_BASES = ("base.tar", "base.tar.gz", "base.tar.lz4", "base.tar.zst")


class FolderFormat(Struct, frozen=True):
    """What a folder is."""

    name: str
    missing: str = ""
    """What a whole one has and this one has not."""


def names_in(path: str) -> frozenset[str]:
    """Return the names in a folder, the first _MOST_NAMES of them. Raise OSError."""
    found: set[str] = set()
    with os.scandir(path) as entries:
        for entry in entries:
            found.add(entry.name)
            if len(found) >= _MOST_NAMES:
                break
    return frozenset(found)


def is_backup(path: str) -> bool:
    """Return whether a folder is a backup of a known format, or was to become one."""
    with suppress(OSError):
        return folder_format(path) is not None
    return False


def folder_format(path: str) -> FolderFormat | None:
    """Return what a folder is; None: no backup that is known. Raise OSError."""
    names = names_in(path)
    if "toc.dat" in names:
        return FolderFormat("pg_dump -Fd")
    if any(name.endswith((".dat.gz", ".dat")) for name in names) and all(
        name.split(".")[0].isdecimal() or name.startswith("blob") for name in names
    ):
        # The table of contents is written last.
        return FolderFormat("pg_dump -Fd", "toc.dat")
    if names & _MARIABACKUP_MARKS or _looks_copied(names):
        missing = "" if names & set(CHECKPOINTS) else CHECKPOINTS[0]
        return FolderFormat("mariabackup", missing)
    if names & {"backup_label", "backup_manifest"} or ({"PG_VERSION", "global"} <= names):
        missing = "" if "backup_manifest" in names else "backup_manifest"
        tar = not names.isdisjoint(_TAR_BASES)
        if not tar and "PG_VERSION" not in names:
            missing = missing or "PG_VERSION"
        return FolderFormat("base backup (tar)" if tar else "base backup", missing)
    if not names.isdisjoint(_TAR_BASES):
        return FolderFormat("base backup (tar)", "backup_manifest")
    return None


def _looks_copied(names: frozenset[str]) -> bool:
    """Return whether a run of mariabackup was here: it writes what it knows of itself last."""
    return "ibdata1" in names and bool(
        names & {"ib_logfile0", "aria_log_control", "xtrabackup_logfile", "undo001"}
    )


class FolderSize(Struct, frozen=True):
    """What the files of a folder amount to."""

    bytes: int
    files: int
    newest_ns: int


def folder_size(path: str) -> FolderSize:
    """Return what the files of a folder amount to. Raise OSError."""
    total = files = newest = 0
    for file in files_in(path):
        status = Path(file).lstat()
        total += status.st_size
        files += 1
        newest = max(newest, status.st_mtime_ns)
    return FolderSize(total, files, newest or Path(path).lstat().st_mtime_ns)


def files_in(path: str) -> Iterator[str]:
    """Yield the regular files below a folder; links are not followed. Raise OSError."""
    folders = [path]
    count = 0
    while folders:
        folder = folders.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink():
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    count += 1
                    if count > MOST_FILES:
                        raise OSError(f"more than {MOST_FILES} files")
                    yield entry.path


def fields(path: Path) -> dict[str, str]:
    """Return the `name = value` lines of a file of mariabackup. Raise OSError."""
    with path.open("rb") as file:
        text = file.read(2**16).decode("utf-8", "replace")
    pairs = (line.partition("=") for line in text.splitlines())
    return {name.strip(): value.strip() for name, separator, value in pairs if separator}


def first_of(path: str, names: tuple[str, ...]) -> Path | None:
    """Return the first of these files that is in a folder."""
    return next((Path(path, name) for name in names if Path(path, name).is_file()), None)
