"""What pgBackRest lists of a stanza, and the WAL that lies in a repository."""

import re
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from agent.backups.kind import Catalogue, Source
from agent.backups.pgbackrest import asking
from agent.backups.pgbackrest.asking import Backup, Stanza
from checks.backup_sets import Form, Lock, PointState, RestorePoint
from checks.errors import UnexpectedOutput

_FORMS = {"full": Form.FULL, "diff": Form.DIFFERENTIAL, "incr": Form.INCREMENTAL}
_SEGMENT = re.compile(r"(?:.*/)?([0-9A-F]{24})-[0-9a-f]{40}(?:\.\w+)?\Z")
_AHEAD = timedelta(minutes=10)


class _Entry(Struct, frozen=True):
    type: str
    size: int = 0


def catalogue(source: Source) -> Catalogue:
    """List the first repository of the set's stanza. Raise a ProbeError if that can't be done."""
    found = asking.stanza(source)
    key = asking.own_key(found)
    asking.demand_sound(found, key)
    repository = next(entry for entry in found.repo if entry.key == key)
    encrypted = repository.cipher != "none"
    backups = found.backups_of(key)
    held = (Lock(held_by="pgbackrest backup or expire", exclusive=True),)
    return Catalogue(
        points=tuple(point(entry, encrypted, source.now()) for entry in backups),
        unmatched=len(found.backup) - len(backups),
        odd=_odd(found, key),
        locks=held if found.status.lock.backup.held else (),
        tool=asking.version(source),
        encrypted=encrypted,
        stored_bytes=sum(entry.info.repository.delta for entry in backups),
    )


def point(backup: Backup, encrypted: bool, now: datetime) -> RestorePoint:
    """Return a backup of pgBackRest as a restore point."""
    started = datetime.fromtimestamp(backup.timestamp.start, UTC)
    ahead = started - now
    notes = []
    if backup.error:
        notes.append("pages with wrong checksums were found when it was made")
    if ahead > _AHEAD:
        notes.append(f"dated {ahead.total_seconds():.0f} s in the future")
    return RestorePoint(
        id=backup.label,
        started_at=started,
        ended_at=datetime.fromtimestamp(backup.timestamp.stop, UTC),
        form=_FORMS.get(backup.type, Form.FULL),
        state=PointState.FAILED if backup.error else PointState.COMPLETE,
        bytes=backup.info.repository.size,
        base=backup.prior or "",
        encrypted=encrypted,
        note="; ".join(notes),
    )


def stored_segments(source: Source, key: int) -> dict[str, int]:
    """Return the WAL segments of a repository with their sizes. Raise a ProbeError."""
    place = f"archive/{source.settings.place}"
    output = asking.ask(source, f"--repo={key}", "--output=json", "--recurse", "repo-ls", place)
    if output.exit_code != 0:
        raise asking.refusal(source, output)
    try:
        listed = msgspec.json.decode(output.text, type=dict[str, _Entry])
    except msgspec.DecodeError as error:
        raise UnexpectedOutput("pgbackrest repo-ls", str(error)) from error
    return {
        match[1]: entry.size
        for name, entry in listed.items()
        if entry.type == "file" and (match := _SEGMENT.fullmatch(name))
    }


def _odd(found: Stanza, key: int) -> tuple[str, ...]:
    """Return what the state of the repositories says beside the listing."""
    return tuple(
        f"repo{entry.key}: {' '.join(entry.status.message.split())}"[:500]
        for entry in found.repo
        if entry.status.code != 0 and (entry.key == key or found.status.code != 0)
    )
