"""What restic lists: snapshots and locks."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from agent.backups.kind import Catalogue, Source
from agent.backups.restic import asking
from agent.backups.restic.asking import Repository
from checks.backup_sets import Lock, RestorePoint
from checks.errors import NotPermitted, ProbeError, UnexpectedOutput

_FOLDERS = ("data", "index", "keys", "snapshots")
_MOST_LOCKS = 20
_MOST_NEW_SIZES = 5
_AHEAD = timedelta(minutes=10)


class Summary(Struct, frozen=True):
    """What restic 0.17 and later keep of a run."""

    backup_end: datetime | None = None
    total_bytes_processed: int | None = None
    total_files_processed: int | None = None


class Snapshot(Struct, frozen=True):
    """An entry of `restic snapshots --json`."""

    id: str
    time: datetime
    tree: str
    paths: tuple[str, ...] = ()
    hostname: str = ""
    tags: tuple[str, ...] = ()
    original: str = ""
    summary: Summary | None = None


class _Size(Struct, frozen=True):
    total_size: int
    total_file_count: int = 0


class _Lock(Struct, frozen=True):
    time: datetime
    exclusive: bool = False
    hostname: str = ""
    username: str = ""
    pid: int = 0


def catalogue(source: Source) -> Catalogue:
    """List the set's repository. Raise a ProbeError where that can't be done."""
    repository = asking.own(source)
    found = snapshots(repository)
    wanted = [entry for entry in found if _is_wanted(source, entry)]
    sizes, odd = _sizes(repository, wanted)
    return Catalogue(
        points=tuple(_point(source, entry, sizes.get(entry.id)) for entry in wanted),
        unmatched=len(found) - len(wanted),
        odd=(*_unreadable(repository, found), *odd),
        locks=_locks(repository),
        tool=asking.version(source),
        encrypted=True,
        stored_bytes=sum(path.stat().st_size for path in _packs(repository)),
    )


def snapshots(repository: Repository) -> list[Snapshot]:
    """Return all snapshots of a repository, of whatever host and tag."""
    folder = repository.folder
    if folder is not None:
        _demand_readable(folder)
    text = asking.demand(repository, "--json", "snapshots")
    try:
        return msgspec.json.decode(text, type=list[Snapshot] | None) or []
    except msgspec.DecodeError as error:
        raise UnexpectedOutput("restic snapshots", str(error)) from error


def _demand_readable(folder: Path) -> None:
    """Raise what is wrong with a local repository before restic does.

    An unreadable folder makes it try again for 45 s, and then list nothing with exit code 0.
    """
    if not os.access(folder, os.R_OK | os.X_OK):
        if not folder.exists() and os.access(folder.parent, os.X_OK):
            raise UnexpectedOutput(str(folder)[:255], "no repository: no such folder")
        raise NotPermitted(str(folder)[:255])
    for place in (*(folder / name for name in _FOLDERS), folder / "config"):
        if not place.exists():
            raise UnexpectedOutput(str(folder)[:255], f"no repository: it has no {place.name}")
        if not os.access(place, os.R_OK | (os.X_OK if place.is_dir() else 0)):
            raise NotPermitted(str(place)[:255])


def _is_wanted(source: Source, snapshot: Snapshot) -> bool:
    hosts, tags = source.settings.hosts, source.settings.tags
    return (not hosts or snapshot.hostname in hosts) and (
        not tags or not set(tags).isdisjoint(snapshot.tags)
    )


def _point(source: Source, snapshot: Snapshot, size: _Size | None) -> RestorePoint:
    ahead = snapshot.time - source.now()
    summary = snapshot.summary
    return RestorePoint(
        id=snapshot.id,
        object=_object(source, snapshot),
        started_at=snapshot.time.astimezone(UTC),
        ended_at=summary.backup_end if summary else None,
        bytes=size.total_size if size else None,
        files=size.total_file_count if size else None,
        content=f"tree:{snapshot.tree}",
        encrypted=True,
        note=f"dated {ahead.total_seconds():.0f} s in the future" if ahead > _AHEAD else "",
    )


def _object(source: Source, snapshot: Snapshot) -> str:
    """Return which of the set's objects it is of: by tag, host or path."""
    marks = {*snapshot.tags, snapshot.hostname, *snapshot.paths}
    return next((name for name in source.settings.objects if name in marks), "")


def _sizes(
    repository: Repository, wanted: list[Snapshot]
) -> tuple[dict[str, _Size], tuple[str, ...]]:
    """Return what restoring takes, of the newest; it never changes, so it is asked once."""
    kept = repository.source.cache / "restic-sizes.json"
    try:
        known = msgspec.json.decode(kept.read_bytes(), type=dict[str, _Size])
    except (OSError, msgspec.DecodeError):
        known = {}
    odd = []
    asked = 0
    for entry in sorted(wanted, key=lambda entry: entry.time, reverse=True):
        told = entry.summary
        if told and told.total_bytes_processed is not None:
            known[entry.id] = _Size(told.total_bytes_processed, told.total_files_processed or 0)
        elif entry.id not in known and asked < _MOST_NEW_SIZES:
            asked += 1
            try:
                text = asking.demand(
                    repository, "--json", "stats", "--mode", "restore-size", entry.id
                )
                known[entry.id] = msgspec.json.decode(text, type=_Size)
            except (ProbeError, msgspec.DecodeError) as error:
                odd.append(f"{entry.id[:8]}: its size can't be told: {error}"[:500])
                break
    ids = {entry.id for entry in wanted}
    known = {name: size for name, size in known.items() if name in ids}
    kept.write_bytes(msgspec.json.encode(known))
    return known, tuple(odd)


def _unreadable(repository: Repository, found: list[Snapshot]) -> Iterator[str]:
    """Yield the snapshots that are stored and not listed: damaged ones are left out silently."""
    ids = {entry.id for entry in found}
    for name in _names(repository, "snapshots"):
        if name not in ids:
            yield f"snapshot {name[:8]} is stored but can't be read"


def _names(repository: Repository, kind: str) -> list[str]:
    folder = repository.folder
    if folder is None:
        return asking.demand(repository, "list", kind).split()
    try:
        return sorted(entry.name for entry in (folder / kind).iterdir())
    except FileNotFoundError:
        return []
    except PermissionError as error:
        raise NotPermitted(str(folder / kind)[:255]) from error


def _locks(repository: Repository) -> tuple[Lock, ...]:
    return tuple(_lock(repository, name) for name in _names(repository, "locks")[:_MOST_LOCKS])


def _lock(repository: Repository, name: str) -> Lock:
    try:
        text = asking.demand(repository, "cat", "lock", name)
        entry = msgspec.json.decode(text, type=_Lock)
    except (ProbeError, msgspec.DecodeError):
        # It may have ended meanwhile, or be damaged: then it is a lock all the same.
        return Lock(held_by=name[:8])
    held_by = f"{entry.username}@{entry.hostname} pid {entry.pid}"
    return Lock(held_by=held_by[:255], since=entry.time, exclusive=entry.exclusive)


def _packs(repository: Repository) -> Iterator[Path]:
    folder = repository.folder
    if folder is not None:
        yield from (path for path in (folder / "data").glob("*/*") if path.is_file())
