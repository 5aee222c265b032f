"""A backup set in few words: looks at it, restore points, proofs."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from checks.backup_sets import (
    BackupFacts,
    Copy,
    CopyState,
    Declaration,
    Kind,
    Level,
    Offsite,
    OffsiteBy,
    OffsiteLeg,
    Proof,
    RestorePoint,
    Result,
)
from collector.backups.calendar import calendar
from collector.backups.days import Day
from collector.backups.evidence import Look, evidence_of

ZONE = "Asia/Shanghai"
DAY = date(2026, 11, 20)
"""The backup day that most tests ask for: due on the 21st at 09:00, with its grace."""


def at(day: int, hour: float, *, zone: str = ZONE) -> datetime:
    """Return a moment of November 2026 in local time, in UTC."""
    start = datetime(2026, 11, 1, tzinfo=ZoneInfo(zone)) + timedelta(days=day - 1, hours=hour)
    return start.astimezone(UTC)


def declaration(**changes: Any) -> Declaration:
    """Return a set of files with a backup each night; nothing else is agreed."""
    known: dict[str, Any] = {"name": "erp", "kind": Kind.FILES, "place": "/backup/erp"}
    return Declaration(**(known | changes))


OFFSITE = OffsiteLeg(by=OffsiteBy.SFTP, hours=12, place="backup.example.com:/mirror")


def point(day: int, hour: float = 26, **changes: Any) -> RestorePoint:
    """Return the restore point of a night: it starts `hour` hours after midnight of the day."""
    started = at(day, hour)
    known: dict[str, Any] = {
        "id": f"erp-{day}.dump",
        "started_at": started,
        "ended_at": started + timedelta(minutes=20),
        "bytes": 2**30,
        "content": f"sha256:{day}",
    }
    return RestorePoint(**(known | changes))


def proof(
    name: str, level: Level, when: datetime, result: Result = Result.PASSED, **changes: Any
) -> Proof:
    return Proof(point=name, level=level, result=result, at=when, method="gzip, trailer", **changes)


def proofs(
    day: int, hour: float = 28, *levels: Level, result: Result = Result.PASSED
) -> tuple[Proof, ...]:
    """Return the proofs of a night's restore point."""
    levels = levels or (Level.STRUCTURE, Level.HASHED)
    return tuple(proof(f"erp-{day}.dump", level, at(day, hour), result) for level in levels)


def offsite(
    when: datetime, *days: int, state: CopyState = CopyState.SAME_SIZE, **changes: Any
) -> Offsite:
    copies = tuple(Copy(point=f"erp-{day}.dump", state=state, bytes=2**30) for day in days)
    return Offsite(by=OffsiteBy.SFTP, place="elsewhere", looked_at=when, copies=copies, **changes)


def look(
    when: datetime,
    *points: RestorePoint,
    proved: tuple[Proof, ...] = (),
    off: float | None = None,
    of: Declaration | None = None,
    **changes: Any,
) -> Look:
    facts = BackupFacts(declaration=of or declaration(), points=points, proofs=proved, **changes)
    return Look(when, facts, off)


def days(
    *looks: Look,
    of: Declaration | None = None,
    first: date = DAY,
    last: date | None = None,
    now: datetime | None = None,
    zone: str = ZONE,
    **changes: Any,
) -> tuple[Day, ...]:
    """Return the backup days that looks give, as of the newest look unless told."""
    return calendar(
        of or declaration(),
        evidence_of(looks),
        first=first,
        last=last or first,
        now=now or max(each.at for each in looks),
        zone=zone,
        **changes,
    )


def legs(day: Day) -> tuple[str, str, str, str]:
    """Return the states of local, offsite, verified, restored."""
    four = (day.local, day.offsite, day.verified, day.restored)
    return tuple(leg.state.value for leg in four)  # type: ignore[return-value] # there are four


def local_state(*looks: Look, **changes: Any) -> str:
    """Return the local state of the one day that is asked for."""
    (day,) = days(*looks, **changes)
    return day.local.state.value
