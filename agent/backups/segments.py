"""Names of PostgreSQL's WAL segments: which there have to be, and which there are. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable

NAME = re.compile(r"[0-9A-F]{24}")
_PER_LOG = 256
"""Segments of 16 MiB in a log of 4 GiB; there are fewer where segments are larger."""


def numbers(names: Iterable[str]) -> set[tuple[int, int]]:
    """Return log and segment of names that are segments, whatever their timeline.

    A segment in which the timeline changed is there for both: one is enough.
    """
    return {_number(name) for name in names if NAME.fullmatch(name)}


def missing(there: Iterable[str], first: str, last: str) -> tuple[str, ...]:
    """Return the segments between two, both included, that are not there."""
    present = numbers(there)
    per_log = _segments_per_log(present)
    log, segment = _number(first)
    gone = []
    while (log, segment) <= _number(last):
        if (log, segment) not in present:
            gone.append(f"{first[:8]}{log:08X}{segment:08X}")
        log, segment = (log, segment + 1) if segment + 1 < per_log else (log + 1, 0)
    return tuple(gone)


def is_within(name: str, first: str, last: str) -> bool:
    """Return whether a segment lies between two, both included."""
    return _number(first) <= _number(name) <= _number(last)


def is_before(name: str, other: str) -> bool:
    """Return whether a segment comes before another one."""
    return _number(name) < _number(other)


def _number(name: str) -> tuple[int, int]:
    return int(name[8:16], 16), int(name[16:24], 16)


def _segments_per_log(present: set[tuple[int, int]]) -> int:
    """Return how many segments a log has: told by the logs that are followed by another one.

    Taken for fewer than 256 only where no log has more, and some are full by that measure.
    """
    logs: dict[int, set[int]] = defaultdict(set)
    for log, segment in present:
        logs[log].add(segment)
    full = [max(found) for log, found in logs.items() if log + 1 in logs]
    highest = max((segment for _, segment in present), default=0)
    counted = max(full, default=_PER_LOG - 1) + 1
    is_power = counted & (counted - 1) == 0
    return counted if is_power and counted <= _PER_LOG and highest < counted else _PER_LOG
