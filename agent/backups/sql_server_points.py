"""Which rows of msdb are restore points of today's databases, and what is odd about the others."""

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from checks.backup_sets import Form, PointState, RestorePoint
from checks.msdb import BackupSetRow, Present, Server

_FORMS = {"D": Form.FULL, "I": Form.DIFFERENTIAL, "L": Form.LOG}
NO_FULL = "no full backup before it"
"""Base of a backup that can't be restored for want of one: no restore point has this id."""

_ELSEWHERE = "made by another server (restored here, or by another replica)"
_FORMER = "of a former database of the same name"
_DROPPED = "of a database that is not here any more"
_SNAPSHOT = "a VSS snapshot of an image tool, without a file of its own"
_PART = "of files or parts of a database only"


class Listing(Struct, frozen=True):
    """What msdb lists, the newest first; sets and points belong together one by one."""

    server: Server
    sets: tuple[BackupSetRow, ...]
    points: tuple[RestorePoint, ...]
    odd: tuple[str, ...]


def listing(
    found: Sequence[BackupSetRow],
    databases: Sequence[Present],
    server: Server,
    wanted: Sequence[str],
) -> Listing:
    """Take from the history what can be restored as the databases of today.

    `wanted`: the declared objects. Where there are any, nothing else is listed, and they are
    listed whatever state they are in.
    """
    left_out: Counter[tuple[str, str]] = Counter()
    mine: list[BackupSetRow] = []
    # Names are compared as most collations do; a declared one is told as it was declared.
    names = {name.casefold(): name for name in (*(one.name for one in databases), *wanted)}
    today = {one.name.casefold(): one for one in databases}
    for one in sorted(found, key=lambda one: (one.started_at, one.uuid), reverse=True):
        name = names.get(one.database.casefold(), one.database)
        if wanted and name.casefold() not in {entry.casefold() for entry in wanted}:
            continue
        why = _why_not(one, today, server, wanted)
        if why:
            left_out[name, why] += 1
        else:
            mine.append(replace(one, database=name))
    points = [_point(one) for one in mine]
    odd = tuple(f"{name}: {count} backups {why}" for (name, why), count in left_out.items())
    return Listing(server, tuple(mine), tuple(_with_base(one, points) for one in points), odd)


def _why_not(
    one: BackupSetRow, today: Mapping[str, Present], server: Server, wanted: Sequence[str]
) -> str:
    if one.server not in server.names:
        return _ELSEWHERE
    database = today.get(one.database.casefold())
    if not wanted and database is None:
        return _DROPPED
    if not wanted and database is not None and database.why_not:
        return database.why_not
    guid = database.guid if database is not None else ""
    if guid and one.database_guid and guid != one.database_guid:
        return _FORMER
    if one.snapshot:
        return _SNAPSHOT
    return "" if one.type in _FORMS else _PART


def _point(one: BackupSetRow) -> RestorePoint:
    state, notes = PointState.COMPLETE, []
    if one.damaged:
        state = PointState.FAILED
        notes.append("SQL Server marked it as damaged")
    if one.nowhere:
        state = PointState.FAILED
        notes.append("written to NUL: thrown away")
    if not one.devices:
        notes.append("no device in the history")
    if not one.checksum:
        notes.append("made without CHECKSUM")
    if not one.zone_known:
        notes.append("time zone not recorded: by today's offset of the server")
    if one.copy_only:
        notes.append("copy-only")
    return RestorePoint(
        id=one.uuid,
        object=one.database,
        started_at=one.started_at,
        ended_at=max(one.finished_at, one.started_at),
        form=_FORMS[one.type],
        state=state,
        bytes=one.bytes,
        files=len(one.devices) or None,
        base=one.base if one.type == "I" else "",
        encrypted=one.encrypted,
        note="; ".join(notes),
    )


def _with_base(point: RestorePoint, points: Sequence[RestorePoint]) -> RestorePoint:
    """Return a log or differential backup with the full backup that it can't do without."""
    if point.form is Form.FULL:
        return point
    ended = point.ended_at or point.started_at
    fulls = [
        other
        for other in points
        if other.object == point.object
        and other.form is Form.FULL
        and (other.ended_at or other.started_at) <= ended
    ]
    if not point.base:
        newest = max(fulls, key=lambda other: other.started_at, default=None)
        return replace(point, base=newest.id if newest is not None else NO_FULL)
    if fulls and all(other.id != point.base for other in fulls):
        # Its full is the last one before it. Older ones are listed, so that one can't be older
        # than the history: it was made by another replica, or taken out of it.
        note = "; ".join(filter(None, (point.note, "its full backup is not in the history")))
        return replace(point, state=PointState.FAILED, note=note)
    return point
