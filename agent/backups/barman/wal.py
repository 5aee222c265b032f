"""The WAL that a backup of barman needs: is it there, of its size, and whole?

barman has nothing that looks: `verify-backup` passes with all of it deleted.
"""

import hashlib
from pathlib import Path

from msgspec import Struct

from agent.backups import segments
from agent.backups.barman.listing import Base, Details
from agent.backups.kind import FileRecord, Source
from checks.errors import NotPermitted, UnexpectedOutput

_DUMPERS = ("/usr/lib/postgresql/{}/bin/pg_waldump", "/usr/pgsql-{}/bin/pg_waldump")
_REGISTER = "xlog.db"
_HISTORY = ".backup"


class _Entry(Struct, frozen=True):
    bytes: int
    compressed: bool


def damage_of_wal(source: Source, known: Details, folder: Path) -> str:
    """Return what is wrong with the WAL from the start of a backup to the next one.

    Raise a ProbeError where it can't be looked at.
    """
    base = known.base_backup_information
    if base.begin_wal is None or base.end_wal is None:
        return ""
    try:
        found = {path.name: path for path in folder.glob("*/*") if path.is_file()}
        register = _register(folder)
        gone = segments.missing(found, base.begin_wal, base.end_wal)
        if gone:
            return f"WAL that it needs is not there: {', '.join(gone[:5])}"
        last = _last(found, base.end_wal)
        gone = segments.missing(found, base.end_wal, last)
        if gone:
            return f"WAL after it is not there: {', '.join(gone[:5])}"
        for name, path in sorted(found.items()):
            told = register.get(name)
            is_due = segments.NAME.fullmatch(name) and segments.is_within(
                name, base.begin_wal, last
            )
            # More than that is a segment that barman registered while it was still being copied.
            if is_due and told is not None and path.stat().st_size < told.bytes:
                return f"{name} has {path.stat().st_size} bytes, barman received {told.bytes}"
        needed = [
            found[name]
            for name in found
            if segments.NAME.fullmatch(name)
            and segments.is_within(name, base.begin_wal, base.end_wal)
        ]
        changed = [path.name for path in needed if _has_changed(source, path)]
    except PermissionError as error:
        raise NotPermitted(str(error.filename)[:255]) from error
    except OSError as error:
        raise UnexpectedOutput(str(folder)[:255], str(error)) from error
    if changed:
        return f"changed since they were hashed first: {', '.join(changed[:5])}"
    if any(entry.compressed for name, entry in register.items() if name in found):
        return ""
    return _unreadable(source, known, base, {path.parent for path in needed})


def _register(folder: Path) -> dict[str, _Entry]:
    """Return barman's own list of what it received: name, size, time, compression."""
    entries = {}
    place = folder / _REGISTER
    if not place.exists():
        return {}
    for line in place.read_text("utf-8", "replace").splitlines():
        fields = line.split("\t")
        if len(fields) >= 4 and fields[1].isdecimal():
            entries[fields[0]] = _Entry(int(fields[1]), fields[3] != "None")
    return entries


def _last(found: dict[str, Path], end: str) -> str:
    """Return the first segment of the next backup, or the newest one there is."""
    starts = [name[:24] for name in found if name.endswith(_HISTORY)]
    later = [name for name in starts if segments.is_before(end, name)]
    if later:
        return min(later, key=lambda name: name[8:])
    names = [name for name in found if segments.NAME.fullmatch(name)]
    newest = max(names, key=lambda name: name[8:], default=end)
    return end if segments.is_before(newest, end) else newest


def _has_changed(source: Source, path: Path) -> bool:
    """Hash a segment; what is received once is never written again."""
    key = f"wals/{path.name}"
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    earlier = source.records.recorded(key)
    if earlier is not None:
        return earlier.digest != digest
    status = path.stat()
    source.records.record(
        FileRecord(key, status.st_size, status.st_mtime_ns, status.st_ino, digest, source.now())
    )
    return False


def _unreadable(source: Source, known: Details, base: Base, folders: set[Path]) -> str:
    """Return where the records of the WAL that a backup needs can't be read."""
    version = known.postgresql_version // 10_000
    tools = [Path(pattern.format(version)) for pattern in _DUMPERS]
    tool = next((path for path in tools if path.exists()), None)
    if tool is None or len(folders) != 1 or not base.begin_lsn or not base.end_lsn:
        return ""
    output = source.run(
        str(tool),
        "--stats",
        f"--path={folders.pop()}",
        f"--timeline={base.timeline or 1}",
        f"--start={base.begin_lsn}",
        f"--end={base.end_lsn}",
    )
    return "" if output.exit_code == 0 else " ".join(output.error_text.split())[:500]
