"""What barman lists of a server, compared with what lies in its folder."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from agent.backups.barman import asking
from agent.backups.kind import Catalogue, Source
from checks.backup_sets import DatedBy, PointState, RestorePoint
from checks.errors import NotPermitted, ProbeError, UnexpectedOutput

_ID = re.compile(r"\d{8}T\d{6}")
_STATES = {
    "DONE": PointState.COMPLETE,
    "FAILED": PointState.FAILED,
    "STARTED": PointState.GROWING,
    "EMPTY": PointState.GROWING,
    "SYNCING": PointState.GROWING,
    # Not restorable before its last segment has come.
    "WAITING_FOR_WALS": PointState.GROWING,
}
_KEPT = "barman-backups.json"
_AHEAD = timedelta(minutes=10)


class _Entry(Struct, frozen=True):
    backup_id: str
    status: str
    end_time_timestamp: str | None = None
    size_bytes: int | None = None


class Base(Struct, frozen=True):
    """What `show-backup` tells of a base backup."""

    begin_time_timestamp: str | None = None
    end_time_timestamp: str | None = None
    begin_wal: str | None = None
    end_wal: str | None = None
    begin_lsn: str | None = None
    end_lsn: str | None = None
    timeline: int | None = None


class Details(Struct, frozen=True):
    """The answer of `show-backup`."""

    status: str = ""
    postgresql_version: int = 0
    """As the server tells it: 150018."""
    base_backup_information: Base = Base()


def catalogue(source: Source) -> Catalogue:
    """List the backups of the set's server. Raise a ProbeError where that can't be done."""
    entries, odd = _entries(source)
    known = _known(source, entries)
    places = asking.folders(source)
    unlisted = _unlisted(places.base if places else None, entries)
    if unlisted and not entries:
        raise UnexpectedOutput(
            source.settings.place[:255],
            f"barman lists nothing, but {len(unlisted)} backups lie in its folder",
        )
    points = tuple(
        _point(source, entry, known.get(entry.backup_id), places.base if places else None)
        for entry in entries
    )
    return Catalogue(
        points=points,
        unmatched=len(unlisted),
        odd=(*odd, *(f"folder {name} is there, but barman does not list it" for name in unlisted)),
        tool=asking.version(source),
        stored_bytes=sum(entry.size_bytes or 0 for entry in entries),
    )


def known_details(source: Source, backup: str) -> Details:
    """Return what the listing has learnt of a finished backup, or ask. Raise a ProbeError."""
    try:
        kept = (source.cache / _KEPT).read_bytes()
        found = msgspec.json.decode(kept, type=dict[str, Details]).get(backup)
    except (OSError, msgspec.DecodeError):
        found = None
    return found or details(source, backup)


def details(source: Source, backup: str) -> Details:
    """Return what barman knows of one backup. Raise a ProbeError."""
    server = source.settings.place
    answer = asking.ask(source, "show-backup", server, backup)
    asking.demand(answer, backup)
    if server not in answer.content:
        raise UnexpectedOutput(backup[:255], "barman shows nothing of it")
    try:
        return msgspec.json.decode(answer.content[server], type=Details)
    except msgspec.DecodeError as error:
        raise UnexpectedOutput("barman show-backup", str(error)) from error


def _entries(source: Source) -> tuple[list[_Entry], tuple[str, ...]]:
    server = source.settings.place
    answer = asking.ask(source, "list-backups", server)
    asking.demand(answer, server)
    if server not in answer.content:
        raise UnexpectedOutput(server[:255], "barman lists no such server")
    try:
        entries = msgspec.json.decode(answer.content[server], type=list[_Entry])
    except msgspec.DecodeError as error:
        raise UnexpectedOutput("barman list-backups", str(error)) from error
    return entries, tuple(words[:500] for words in answer.warnings)


def _known(source: Source, entries: list[_Entry]) -> dict[str, Details]:
    """Return what is known of finished backups; it changes no more, so it is asked once."""
    kept = source.cache / _KEPT
    try:
        known = msgspec.json.decode(kept.read_bytes(), type=dict[str, Details])
    except (OSError, msgspec.DecodeError):
        known = {}
    ids = {entry.backup_id for entry in entries if entry.status == "DONE"}
    known = {name: found for name, found in known.items() if name in ids}
    for name in ids - set(known):
        try:
            known[name] = details(source, name)
        except ProbeError:  # it is listed all the same, by its id
            continue
    kept.write_bytes(msgspec.json.encode(known))
    return known


def _unlisted(base: Path | None, entries: list[_Entry]) -> list[str]:
    """Return the folders of backups that barman does not list. Raise NotPermitted."""
    if base is None:
        return []
    if not os.access(base, os.R_OK | os.X_OK):
        if base.parent.is_dir() and not base.exists():
            return []
        raise NotPermitted(str(base)[:255])
    listed = {entry.backup_id for entry in entries}
    names = [path.name for path in base.iterdir() if _ID.fullmatch(path.name)]
    return sorted(set(names) - listed)


def _point(source: Source, entry: _Entry, known: Details | None, base: Path | None) -> RestorePoint:
    ended = _moment(entry.end_time_timestamp)
    begun = _moment(known.base_backup_information.begin_time_timestamp) if known else None
    # The id is the local time of barman's host, which is this one.
    by_name = datetime.strptime(entry.backup_id, "%Y%m%dT%H%M%S").astimezone(UTC)
    started = begun or by_name
    state = _STATES.get(entry.status, PointState.FAILED)
    notes = list(_notes(entry, started - source.now()))
    if state is PointState.COMPLETE and base is not None:
        place = base / entry.backup_id / "data"
        if not place.is_dir() or not any(place.iterdir()):
            state = PointState.GONE
            notes.append("its data folder is not there")
    return RestorePoint(
        id=entry.backup_id,
        started_at=started,
        ended_at=ended,
        dated_by=DatedBy.TOOL if begun else DatedBy.NAME,
        state=state,
        bytes=entry.size_bytes,
        note="; ".join(notes),
    )


def _notes(entry: _Entry, ahead: timedelta) -> Iterator[str]:
    if entry.status not in ("DONE", "FAILED"):
        yield f"barman calls it {entry.status}"
    if ahead > _AHEAD:
        yield f"dated {ahead.total_seconds():.0f} s in the future"


def _moment(timestamp: str | None) -> datetime | None:
    if timestamp is None or not timestamp.isdecimal():
        return None
    return datetime.fromtimestamp(int(timestamp), UTC)
