"""Offsite by a second agent: what it holds, joined with this host's backups by their digests.

The two observations are independent: each agent has hashed what lies with it. The join is by
`content`, between hosts of one customer, and never a host with itself.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from checks.backup_sets import PointState, Result
from collector.backups.evidence import Evidence
from collector.backups.sight import Candidate, sight


@dataclass(frozen=True)
class Held:
    """Something with a digest that lies on the other host."""

    host: str
    first_seen: datetime
    until: datetime | None
    """When it was last seen there; None: it still is."""
    proven_at: datetime | None
    """When its bytes were read there; None: not yet."""
    is_failed: bool
    """Its bytes are not those any more."""


@dataclass(frozen=True)
class Counterpart:
    """A set with role offsite on another host of the same customer."""

    host: str
    listed_at: tuple[datetime, ...]
    """When its agent could list it, the oldest first."""
    held: Mapping[str, Held]
    """By content."""
    named: Mapping[str, frozenset[str]]
    """Contents that there are under a file name."""


def counterpart(host: str, evidence: Evidence) -> Counterpart:
    """Return what a set with role offsite holds."""
    seen = sight(evidence)
    last_seen = {
        (key.id, each.point.started_at): each.last_seen for key, each in evidence.points.items()
    }
    held: dict[str, Held] = {}
    named: dict[str, set[str]] = defaultdict(set)
    for each in seen.candidates:
        point = each.point
        if not point.content or point.state is not PointState.COMPLETE:
            continue
        if not each.gone:
            named[file_name(point.id)].add(point.content)
        entry = _held(host, each, last_seen.get((point.id, point.started_at)))
        known = held.get(point.content)
        # A damaged one is no copy; but where a good one lies beside it, that one is.
        if known is None or _worth(entry) >= _worth(known):
            held[point.content] = entry
    contents = {name: frozenset(each) for name, each in named.items()}
    return Counterpart(host, seen.listed_at, held, contents)


def file_name(id: str) -> str:
    """Return the last part of a restore point's id."""
    return PurePosixPath(id).name


def _held(host: str, candidate: Candidate, last_seen: datetime | None) -> Held:
    newest = [each.definite for each in (candidate.structure, candidate.hashed) if each.definite]
    is_failed = any(each.proof.result is Result.FAILED for each in newest)
    read = candidate.hashed.definite
    passed = read.at if read and read.proof.result is Result.PASSED else None
    return Held(
        host,
        candidate.first_seen,
        last_seen if candidate.gone else None,
        None if is_failed else passed,
        is_failed,
    )


def _worth(held: Held) -> tuple[bool, bool]:
    return (held.until is None, held.proven_at is not None)
