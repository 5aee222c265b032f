"""One look at the other side: what it lists, joined with what is here."""

import os
import time
from collections.abc import Mapping
from datetime import datetime

from agent.backups.kind import Catalogue, KindModule, Source
from agent.backups.offsite.comparing import Clock, Joined, Wanted, copy_of
from agent.backups.offsite.here import wanted_files
from agent.backups.offsite.side import Entry, Found, Side
from agent.backups.settings import OffsiteSettings, shown_offsite
from checks.backup_sets import MOST_POINTS, Copy, Offsite
from checks.errors import ProbeError, part
from wire.messages import Failure

WATCH_SECONDS = 2.0
"""Between the two looks that show whether a file grows."""
_WATCHED_AT_MOST = 200


def offsite_settings(source: Source) -> OffsiteSettings:
    """Return the settings of the offsite leg: a way is only asked where there is one."""
    assert source.settings.offsite is not None
    return source.settings.offsite


def failed_look(source: Source, failure: Failure) -> Offsite:
    """Return the look that could not be made."""
    settings = offsite_settings(source)
    return Offsite(
        by=settings.by, place=shown_offsite(settings), looked_at=source.now(), failure=failure
    )


def look(
    source: Source,
    kind: KindModule,
    catalogue: Catalogue,
    side: Side,
    *,
    watch_seconds: float = WATCH_SECONDS,
) -> Offsite:
    """Look at the other side. Raise a ProbeError where it can't be listed."""
    settings = offsite_settings(source)
    offset = side.clock_offset()
    clock = clock_there(source, offset)
    wanted = wanted_files(source, kind, catalogue)
    found = side.walk()
    joined = Joined(found.entries)
    grown = _grown(side, wanted, joined, clock, watch_seconds)
    newest = sorted(catalogue.points, key=lambda point: point.started_at, reverse=True)
    copies: list[Copy] = []
    hidden: ProbeError | None = None
    for point in newest:
        files = wanted[point.id]
        if not files:
            continue
        behind = _refused(found, files)
        if behind is not None:
            hidden = behind
        elif len(copies) < MOST_POINTS:
            copies.append(copy_of(point, files, joined, clock, grown))
    room = part(side.room)
    return Offsite(
        by=settings.by,
        place=shown_offsite(settings),
        looked_at=source.now(),
        copies=tuple(copies),
        extra=_extra(source, joined, wanted),
        same_host=side.same_host(),
        total_bytes=None if isinstance(room, Failure) else room.total_bytes,
        free_bytes=None if isinstance(room, Failure) else room.free_bytes,
        clock_offset_seconds=offset,
        failure=hidden.failure() if hidden is not None else None,
    )


def clock_there(source: Source, offset: float | None) -> Clock:
    """Return the other side's clock: this host's, moved by what is known of it."""
    now: datetime = source.now()
    return Clock(now.timestamp() + (offset or 0.0), source.settings.settle_minutes * 60)


def _extra(source: Source, joined: Joined, wanted: Mapping[str, tuple[Wanted, ...]]) -> int:
    """Count what is there and not here, be it a restore point or what lies beside one."""
    others = joined.others(file.path for files in wanted.values() for file in files)
    place = source.settings.place
    return sum(not os.path.lexists(f"{place}/{path}") for path in others)


def _refused(found: Found, files: tuple[Wanted, ...]) -> ProbeError | None:
    """Return why files can't be told: they lie in a folder that could not be listed."""
    for folder, error in found.refused.items():
        if any(file.path.startswith(f"{folder}/") for file in files):
            return error
    return None


def _grown(
    side: Side,
    wanted: Mapping[str, tuple[Wanted, ...]],
    joined: Joined,
    clock: Clock,
    watch_seconds: float,
) -> frozenset[str]:
    """Look twice at what is not whole there and may be on its way; return what has changed."""
    doubtful: dict[str, Entry] = {}
    for files in wanted.values():
        for file in files:
            entry = joined.of(file.path)
            doubts = joined.partials_of(file.path) if entry is None else (entry,)
            for each in doubts:
                if each.bytes != file.bytes and not clock.is_abandoned(each):
                    doubtful[each.path] = each
    if not doubtful:
        return frozenset()
    time.sleep(watch_seconds)
    watched = list(doubtful.values())[:_WATCHED_AT_MOST]
    return frozenset(entry.path for entry in watched if side.again(entry.path) != entry)
