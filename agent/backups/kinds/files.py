"""Dated backups in a folder: a restore point is a file, or a folder that is a backup."""

import os
import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from agent.backups import formats
from agent.backups.chains import linked
from agent.backups.content_dates import ContentDate, of_file, of_folder
from agent.backups.dates import name_date, set_zone
from agent.backups.dating import dated
from agent.backups.destination import destination
from agent.backups.folders import FolderSize, files_in, folder_format, folder_size
from agent.backups.formats.encrypted import FORMAT as ENCRYPTED
from agent.backups.kind import Budget, Catalogue, KindModule, Source
from agent.backups.listing import Entry, Listing, listed, moment
from agent.backups.naming import candidates, escaped, is_utf8, shown
from agent.backups.patterns import compiled
from agent.backups.proofs import CHANGED, neither
from agent.backups.refusals import refusals
from agent.backups.verifying import verify
from checks.backup_sets import Form, PointState, Proof, RestorePoint
from checks.errors import NotConfigured, ProbeError, UnexpectedOutput

_DATING_SECONDS = 20.0
"""For the first and last bytes of all files; what is left is dated by name."""
_SQL_SERVER = (".bak", ".trn", ".dif")
_LOG_NAME = re.compile(r"(?i)[-_.](?:log|tlog|trn)[-_.]|\.trn$")
_DIFFERENTIAL_NAME = re.compile(r"(?i)[-_.]diff?[-_.]|\.dif$")


def catalogue(source: Source) -> Catalogue:
    """List the place. Raise a ProbeError if that can't be done."""
    settings = source.settings
    if settings.format not in formats.DECLARED:
        known = ", ".join(sorted(filter(None, formats.DECLARED)))
        raise NotConfigured("format", f"`{settings.format}` is none of {known}")
    zone = set_zone(settings.schedule.time_zone)
    listing = _listing(source, zone)
    place = os.path.realpath(settings.place)
    odd = list(listing.odd)
    points = linked(list(_points(source, place, listing, zone, odd)), place)
    with refusals(settings.place):
        newest = max(points, key=lambda each: each[0].started_at, default=None)
        sample = (str(Path(place, newest[1].path)),) if newest else ()
        where, unseen = destination(place, settings.protects, sample)
    kept = tuple(point for point, _ in points)
    return Catalogue(
        points=kept,
        unmatched=listing.unmatched,
        odd=(*odd, *unseen),
        listed_since=min((point.started_at for point in kept), default=None)
        if listing.left_out
        else None,
        encrypted=newest[0].encrypted if newest else None,
        destination=where,
        stored_bytes=sum(point.bytes or 0 for point in kept) + listing.left_out_bytes,
    )


def verify_point(source: Source, point: RestorePoint | None, budget: Budget) -> tuple[Proof, ...]:
    """Prove STRUCTURE and HASHED of one restore point."""
    assert point is not None
    if point.state is PointState.GROWING:
        return neither(source, point, CHANGED)
    try:
        path = path_of(source, point.id)
    except ProbeError as error:
        return neither(source, point, error.failure())
    return verify(source, os.path.realpath(source.settings.place), path, point, budget)


def artefacts(source: Source, point: RestorePoint | None) -> tuple[str, ...]:
    """Return the paths below the place, as on disk, that make up a restore point, or the set."""
    place = os.path.realpath(source.settings.place)
    if point is not None:
        paths = [path_of(source, point.id)]
    else:
        zone = set_zone(source.settings.schedule.time_zone)
        paths = [entry.path for entry in _listing(source, zone).entries]
    found: list[str] = []
    for path in paths:
        full = str(Path(place, path))
        with refusals(shown(path)):
            if Path(full).is_dir():
                found += sorted(os.path.relpath(file, place) for file in files_in(full))
            else:
                found.append(path)
    return tuple(found)


def path_of(source: Source, point: str) -> str:
    """Return the path below the place, as on disk, of a restore point's id.

    Raise UnexpectedOutput if it is no longer there.
    """
    place = os.path.realpath(source.settings.place)
    for path in candidates(point):
        if ".." not in path.split("/") and os.path.lexists(Path(place, path)):
            return path
    zone = set_zone(source.settings.schedule.time_zone)
    for entry in _listing(source, zone).entries:
        if point in (shown(entry.path), escaped(entry.path)):
            return entry.path
    raise UnexpectedOutput(point, "it is no longer there")


def _listing(source: Source, zone: tzinfo | None) -> Listing:
    settings = source.settings
    return listed(
        settings.place,
        compiled(settings.pattern, settings.objects),
        zone,
        any_folder=settings.format in (formats.FOLDER, "mariabackup", "xtrabackup", "basebackup"),
    )


def _points(
    source: Source, place: str, listing: Listing, zone: tzinfo | None, odd: list[str]
) -> Iterator[tuple[RestorePoint, Entry]]:
    deadline = time.monotonic() + _DATING_SECONDS
    names = _names(listing)
    undated = 0
    for entry in listing.entries:
        name = names[entry.path]
        content = ContentDate()
        full = str(Path(place, entry.path))
        size = FolderSize(entry.bytes, 1, entry.modified_ns)
        missing = ""
        if time.monotonic() > deadline:
            undated += 1
        try:
            if entry.is_folder:
                size = folder_size(full)
                missing = _missing(source, full)
                content = of_folder(full, zone)
            elif entry.bytes and time.monotonic() <= deadline:
                content = of_file(full, name, zone)
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                continue  # retention has taken it meanwhile
            odd.append(f"{name} can't be looked at: {error.strerror or error}")
        except ProbeError as error:
            odd.append(str(error))
        yield _point(source, entry, name, content, size, missing, zone), entry
    if undated:
        odd.append(f"{undated} older restore points are dated by their names only")


def _names(listing: Listing) -> dict[str, str]:
    """Return the ids: as they are shown, but for a name that looks like one in UTF-8."""
    paths = [entry.path for entry in listing.entries]
    plain = {path for path in paths if is_utf8(path)}
    taken = {shown(path) for path in plain}
    names = {path: shown(path) for path in plain}
    for path in paths:
        if path not in names:
            name = shown(path)
            names[path] = escaped(path) if name in taken else name
            taken.add(names[path])
    return names


def _point(
    source: Source,
    entry: Entry,
    name: str,
    content: ContentDate,
    size: FolderSize,
    missing: str,
    zone: tzinfo | None,
) -> RestorePoint:
    now = source.now()
    modified = moment(size.newest_ns)
    dating = dated(name_date(entry.path, zone), content, modified, now)
    state, remark = _state(source, entry, size, missing, modified, now)
    return RestorePoint(
        id=name,
        object=entry.object[:255],
        started_at=dating.started_at,
        ended_at=dating.ended_at,
        dated_by=dating.by,
        form=_form(name),
        state=state,
        bytes=size.bytes,
        files=size.files,
        content=_content(source, entry, name, size),
        encrypted=ENCRYPTED.recognises(content.head) if content.head else None,
        note="; ".join(filter(None, (remark, dating.note)))[:2000],
    )


def _state(
    source: Source,
    entry: Entry,
    size: FolderSize,
    missing: str,
    modified: datetime,
    now: datetime,
) -> tuple[PointState, str]:
    settle = timedelta(minutes=source.settings.settle_minutes)
    if entry.is_partial:
        return PointState.GROWING, "its name says that it is still being written"
    if now - settle < modified <= now + settle:
        return PointState.GROWING, ""
    if size.bytes == 0:
        return PointState.EMPTY, ""
    if missing:
        return PointState.FAILED, missing
    return PointState.COMPLETE, ""


def _missing(source: Source, folder: str) -> str:
    """Return what a folder has not that a whole backup has."""
    settings = source.settings
    found = folder_format(folder)
    if found is None:
        return "" if settings.format in (formats.FOLDER, "any") else "a folder of no known format"
    if not found.missing or (found.missing == "backup_manifest" and not settings.expect_trailer):
        return ""
    return f"there is no {found.missing}: it was not finished"


def _form(name: str) -> Form:
    if not name.lower().endswith(_SQL_SERVER):
        return Form.FULL
    if _LOG_NAME.search(name):
        return Form.LOG
    return Form.DIFFERENTIAL if _DIFFERENTIAL_NAME.search(name) else Form.FULL


def _content(source: Source, entry: Entry, name: str, size: FolderSize) -> str:
    """Return the digest of what lies there now, if that has been hashed."""
    record = source.records.recorded(f"{name}/" if entry.is_folder else name)
    if record is None:
        return ""
    same = (record.bytes, record.modified_ns, record.inode) == (
        size.bytes,
        size.newest_ns,
        entry.inode,
    )
    return f"sha256:{record.digest}" if same else ""


def restore_point(source: Source, point: RestorePoint, folder: Path, budget: Budget) -> Proof:
    """Restore a restore point into an empty folder. Raise a ProbeError where it can't be tried."""
    from agent.backups.restoring.dumps import restore  # a look without a test restore needs none

    path = Path(os.path.realpath(source.settings.place), path_of(source, point.id))
    return restore(source, path, point, folder, budget)


KIND = KindModule(
    catalogue=catalogue, verify=verify_point, restore=restore_point, artefacts=artefacts
)
