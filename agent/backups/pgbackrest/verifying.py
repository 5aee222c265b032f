"""Prove a repository of pgBackRest by `verify`, whose words alone count, and by its WAL.

`verify` (2.45) ends with 0 on damage, leaves a deleted backup out, calls a missing manifest ok,
and does not miss a deleted WAL segment: all that is compared with `info` here.
"""

import re
import time
from collections.abc import Iterator

from msgspec import Struct

from agent.backups import segments
from agent.backups.kind import Budget, Source, unproven
from agent.backups.pgbackrest import asking
from agent.backups.pgbackrest.asking import Backup
from agent.backups.pgbackrest.listing import stored_segments
from checks.backup_sets import Level, Proof, RestorePoint, Result
from checks.errors import NotConfigured, NotPermitted, ProbeError, UnexpectedOutput

METHOD = "pgbackrest verify, WAL segments by name"
_STATUS = re.compile(r"^status: (\w+)", re.MULTILINE)
_BACKUP = re.compile(
    r"backup: (\S+), status: ([^,\n]+), total files checked: \d+.*\n?(\s*missing:.*)?"
)
_ARCHIVE = re.compile(r"archiveId: \S+, total WAL checked: (\d+), total valid WAL: (\d+)")
_INVALID = re.compile(
    r"invalid result (\S+): (.*)|(invalid checksum|invalid size|file missing|invalid \w+) '([^']+)'"
)
_INVALID_SEGMENT = re.compile(r"([0-9A-F]{24})-[0-9a-f]{40}")
_REFUSED = "permission denied"
_LONGEST_SECONDS = 6 * 3600.0


class Verified(Struct, frozen=True, kw_only=True):
    """What came of one repository: damage by label, and of the whole."""

    labels: dict[str, str]
    """Each backup of `info`, with what is wrong with it; empty: nothing."""
    whole: str = ""
    bytes_read: int = 0
    seconds: float = 0.0
    segments: tuple[str, ...] = ()
    """The WAL segments that are there and valid."""

    @property
    def damage(self) -> str:
        """Return all that is wrong, in one sentence."""
        found = [self.whole, *(f"{name}: {words}" for name, words in self.labels.items() if words)]
        return "; ".join(words for words in found if words)[:1500]


def verify(source: Source, _point: RestorePoint | None, budget: Budget) -> tuple[Proof, ...]:
    """Prove the stanza's first repository, and each backup of it."""
    try:
        key = asking.own_key(asking.stanza(source))
        outcome = examine(source, key, budget)
    except ProbeError as error:
        return (unproven("", Level.STRUCTURE, source.now(), METHOD, error.failure()),)
    now = source.now()

    def proof(point: str, words: str, level: Level) -> Proof:
        return Proof(
            point=point,
            level=level,
            result=Result.FAILED if words else Result.PASSED,
            at=now,
            method=METHOD,
            bytes_read=outcome.bytes_read if not point else 0,
            seconds=outcome.seconds if not point else 0,
            detail=words,
        )

    proofs = [proof("", outcome.damage, Level.STRUCTURE)]
    if not outcome.damage:
        proofs.append(proof("", "", Level.HASHED))
    proofs += [proof(label, words, Level.STRUCTURE) for label, words in outcome.labels.items()]
    return tuple(proofs)


def examine(source: Source, key: int, budget: Budget) -> Verified:
    """Verify one repository. Raise what keeps from looking, and a budget that is too small."""
    started = time.monotonic()
    found = asking.stanza(source)
    asking.demand_sound(found, key)
    backups = found.backups_of(key)
    wal = stored_segments(source, key)
    stored = sum(entry.info.repository.delta for entry in backups) + sum(wal.values())
    if stored > budget.left_bytes():
        # It can't be told to read a part.
        raise NotConfigured("budget", f"pgbackrest verify reads {stored} bytes at once")
    text, complaints = _verify(source, key, budget)
    budget.spend(stored)
    _demand_readable(source, complaints)
    invalid = {
        match[1] for name, _ in complaints if (match := _INVALID_SEGMENT.search(name)) is not None
    }
    valid = tuple(sorted(set(wal) - invalid))
    told = {match[1]: match[2].strip() for match in _BACKUP.finditer(text)}
    labels = {entry.label: _wrong(entry.label, told, complaints) for entry in backups}
    gaps = dict(_gaps(source, key, backups, valid))
    for label, gone in gaps.items():
        labels[label] = "; ".join(part for part in (labels[label], gone) if part)
    whole = _whole(text, complaints) if not any(labels.values()) else ""
    return Verified(
        labels=labels,
        whole=whole,
        bytes_read=stored,
        seconds=time.monotonic() - started,
        segments=valid,
    )


def _verify(source: Source, key: int, budget: Budget) -> tuple[str, list[tuple[str, str]]]:
    """Return what `verify` prints, and each file that it complains of with the reason."""
    output = asking.ask(
        source,
        f"--repo={key}",
        "--output=text",
        "--verbose",
        # Once more before it counts, and at once: its own second try waits 15 s for each file.
        "--job-retry=1",
        "--log-level-stderr=info",
        "verify",
        timeout_seconds=max(1.0, min(budget.left_seconds(), _LONGEST_SECONDS)),
    )
    if output.exit_code != 0:
        raise asking.refusal(source, output)
    if _STATUS.search(output.text) is None:
        raise UnexpectedOutput("pgbackrest verify", "it printed no status")
    complaints = [
        (match[1] or match[4], match[2] or match[3])
        for match in _INVALID.finditer(output.error_text)
    ]
    return output.text, complaints


def _demand_readable(source: Source, complaints: list[tuple[str, str]]) -> None:
    """Raise NotPermitted where files could not be read and nothing else is wrong."""
    refused = [name for name, words in complaints if _REFUSED in words.lower()]
    if refused and len(refused) == len(complaints):
        raise NotPermitted(source.settings.place[:255], f"unreadable: {', '.join(refused[:5])}")


def _wrong(label: str, told: dict[str, str], complaints: list[tuple[str, str]]) -> str:
    """Return what is wrong with a backup; empty: nothing."""
    if label not in told:
        return "info lists it, but verify does not find it"
    if told[label] == "valid":
        return ""
    # A file that it shares with the backup it builds on is complained of under that one's label.
    own = [entry for entry in complaints if entry[0].startswith(label)] or complaints
    named = [f"{name}: {words}" for name, words in own]
    return "; ".join([told[label], *named[:3]])[:700]


def _whole(text: str, complaints: list[tuple[str, str]]) -> str:
    """Return what is wrong with the repository beside its backups."""
    status = _STATUS.search(text)
    words = [f"{name}: {reason}" for name, reason in complaints[:3]]
    for match in _ARCHIVE.finditer(text):
        if match[1] != match[2]:
            words.insert(0, f"{int(match[1]) - int(match[2])} WAL segments are invalid")
    if status is not None and status[1] != "ok" and not words:
        words = [" ".join(text.split())[:500]]
    return "; ".join(words)[:1000]


def _gaps(
    source: Source, key: int, backups: list[Backup], valid: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """Yield the backups whose WAL is not there: up to the next backup, or to the newest segment.

    Without the segments up to its own stop it can't be restored, without the later ones not to any
    later moment.
    """
    newest = max(valid, key=lambda name: name[8:], default="")
    shortened = asking.keeps_less_archive(source, key)
    for number, backup in enumerate(backups):
        first, last = backup.archive.start, backup.archive.stop
        if first is None or last is None:
            continue
        gone = segments.missing(valid, first, last)
        if gone:
            yield backup.label, f"WAL that it needs is not there or invalid: {_listed(gone)}"
            continue
        following = backups[number + 1].archive.start if number + 1 < len(backups) else newest
        if not following or (shortened and number + 1 < len(backups)):
            continue
        gone = segments.missing(valid, last, following)
        if gone:
            yield backup.label, f"WAL after it is not there or invalid: {_listed(gone)}"


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
