"""What borg lists: archives; and the locks that lie in a repository."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from agent.backups.borg import asking
from agent.backups.borg.asking import Opened, Repository
from agent.backups.kind import Catalogue, Source
from checks.backup_sets import Lock, RestorePoint
from checks.errors import NotPermitted, ProbeError, UnexpectedOutput

_CHECKPOINT = re.compile(r"\.checkpoint(\.\d+)?\Z")
_FORMAT = "{archive}{time}{end}{hostname}{id}"
_ID = "borg-id"
_MOST_NEW_SIZES = 5
_AHEAD = timedelta(minutes=10)


class Archive(Struct, frozen=True):
    """An entry of `borg list --json`; times are naive, and UTC because borg runs so."""

    name: str
    id: str
    start: datetime
    end: datetime | None = None
    hostname: str = ""


class _Encryption(Struct, frozen=True):
    mode: str = "none"


class _Self(Struct, frozen=True):
    id: str = ""


class Listing(Struct, frozen=True):
    """The answer of `borg list --json`."""

    archives: tuple[Archive, ...]
    repository: _Self = _Self()
    encryption: _Encryption = _Encryption()


class _Size(Struct, frozen=True):
    bytes: int
    files: int


def catalogue(source: Source) -> Catalogue:
    """List the set's repository. Raise a ProbeError where that can't be done."""
    repository = asking.own(source)
    with asking.opened(repository) as visit:
        listing = archives(visit)
        (source.cache / _ID).write_text(listing.repository.id, encoding="utf-8")
        wanted = [entry for entry in listing.archives if _is_wanted(source, entry)]
        sizes, odd = _sizes(visit, wanted)
    encrypted = listing.encryption.mode not in ("none", "authenticated", "authenticated-blake2")
    broken_off = tuple(
        f"{entry.name} is what an interrupted backup left"[:500]
        for entry in listing.archives
        if _CHECKPOINT.search(entry.name)
    )
    return Catalogue(
        points=tuple(_point(source, entry, sizes.get(entry.id), encrypted) for entry in wanted),
        unmatched=len(listing.archives) - len(wanted),
        odd=(*broken_off, *odd),
        locks=locks(repository),
        tool=asking.version(source),
        encrypted=encrypted,
        stored_bytes=stored_bytes(repository),
    )


def known_id(source: Source) -> str:
    """Return the id that the set's repository had when it was listed; empty if it never was."""
    place = source.cache / _ID
    return place.read_text("utf-8") if place.exists() else ""


def archives(visit: Opened) -> Listing:
    """Return all archives of a repository, those of interrupted backups included."""
    bypass = () if visit.repository.folder is not None else ("--bypass-lock",)
    text = visit.demand(
        *bypass, "list", "--consider-checkpoints", "--json", "--format", _FORMAT, "{}"
    )
    try:
        return msgspec.json.decode(text, type=Listing)
    except msgspec.DecodeError as error:
        raise UnexpectedOutput("borg list", str(error)) from error


def locks(repository: Repository) -> tuple[Lock, ...]:
    """Return the locks that lie in a local repository; they are never touched."""
    folder = repository.folder
    if folder is None:
        return ()
    found = []
    try:
        exclusive = folder / "lock.exclusive"
        if exclusive.exists():
            since = datetime.fromtimestamp(exclusive.stat().st_mtime, UTC)
            names = [path.name for path in exclusive.iterdir()] or ["unknown"]
            found += [Lock(held_by=name[:255], since=since, exclusive=True) for name in names]
        roster = folder / "lock.roster"
        if roster.exists() and roster.stat().st_size:
            holders = msgspec.json.decode(
                roster.read_bytes(), type=dict[str, list[tuple[object, ...]]]
            )
            for kind, entries in holders.items():
                found += [
                    Lock(held_by=" ".join(map(str, entry))[:255], exclusive=kind == "exclusive")
                    for entry in entries
                ]
    except PermissionError as error:
        raise NotPermitted(str(error.filename)[:255]) from error
    except FileNotFoundError:  # it has just been released
        pass
    except msgspec.DecodeError:
        found.append(Lock(held_by="unreadable lock.roster"))
    return tuple(found)


def segments(folder: Path) -> list[Path]:
    """Return the files that hold the data. May raise OSError."""
    return [path for path in (folder / "data").glob("*/*") if path.name.isdecimal()]


def stored_bytes(repository: Repository) -> int:
    """Return how much a local repository stores."""
    if repository.folder is None:
        return 0
    total = 0
    for path in segments(repository.folder):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # compacted meanwhile
            continue
    return total


def _is_wanted(source: Source, archive: Archive) -> bool:
    if _CHECKPOINT.search(archive.name):
        return False
    hosts = source.settings.hosts
    return not hosts or archive.hostname in hosts


def _point(source: Source, archive: Archive, size: _Size | None, encrypted: bool) -> RestorePoint:
    started = archive.start.replace(tzinfo=UTC)
    ahead = started - source.now()
    return RestorePoint(
        id=archive.name[:255],
        object=_object(source, archive),
        started_at=started,
        ended_at=archive.end.replace(tzinfo=UTC) if archive.end else None,
        bytes=size.bytes if size else None,
        files=size.files if size else None,
        content=f"archive:{archive.id}",
        encrypted=encrypted,
        note=f"dated {ahead.total_seconds():.0f} s in the future" if ahead > _AHEAD else "",
    )


def _object(source: Source, archive: Archive) -> str:
    """Return which of the set's objects it is of: by the start of its name, or its host."""
    names = sorted(source.settings.objects, key=len, reverse=True)
    starting = (name for name in names if archive.name.startswith(name))
    return next(starting, archive.hostname if archive.hostname in names else "")


def _sizes(visit: Opened, wanted: list[Archive]) -> tuple[dict[str, _Size], tuple[str, ...]]:
    """Return what restoring takes, of the archives asked so far: the newest, once.

    `borg info` tells it, too, but builds a cache of all archives first.
    """
    kept = visit.repository.source.cache / "borg-sizes.json"
    try:
        known = msgspec.json.decode(kept.read_bytes(), type=dict[str, _Size])
    except (OSError, msgspec.DecodeError):
        known = {}
    odd: tuple[str, ...] = ()
    newest = sorted(wanted, key=lambda entry: entry.start, reverse=True)
    for entry in [entry for entry in newest if entry.id not in known][:_MOST_NEW_SIZES]:
        if visit.repository.folder is None:
            break
        try:
            text = visit.demand("list", "--format", "{type}{size}{NL}", f"{{}}::{entry.name}")
            sizes = [int(line[1:]) for line in text.splitlines() if line.startswith("-")]
            known[entry.id] = _Size(sum(sizes), len(sizes))
        except (ProbeError, ValueError) as error:
            odd = (f"{entry.name}: its size can't be told: {error}"[:500],)
            break
    ids = {entry.id for entry in wanted}
    known = {name: size for name, size in known.items() if name in ids}
    kept.write_bytes(msgspec.json.encode(known))
    return known, odd
