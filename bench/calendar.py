"""365 days × 1,000 backup sets of calendar, computed anew from the evidence, on one core.

Each set has a restore point a night, three proofs and an offsite copy of each, a look a day with a
rolling listing of 30 nights, and now and then a night that is late, missing, damaged or not seen.
The peer is what one writes first: each day goes through all restore points for those of its
window, by local wall clock, and says of the local leg alone whether there is one.
"""

import gc
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bench.figures import Figure, Peer
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
from collector.backups.evidence import Evidence, Look, evidence_of

BUDGET_SECONDS = 5.0
SETS, DAYS = 1000, 365
ZONE = "Asia/Shanghai"
_START = datetime(2026, 1, 1, 18, tzinfo=UTC)
_LISTED = 30


def measure(*, tiny: bool = False) -> list[Figure]:
    """Return CPU seconds for all sets, and for the peer."""
    days = 40 if tiny else DAYS
    sets = [_evidence(seed, days) for seed in range(2 if tiny else 20)]
    rounds = 1 if tiny else SETS // len(sets)
    declared = _declaration()
    runs = tuple(_seconds(declared, sets, days, rounds) for _ in range(1 if tiny else 3))
    # Fewer of them, scaled: it would take minutes.
    naive = tuple(_naive_seconds(sets[:2], days) * SETS / 2 for _ in range(1 if tiny else 3))
    return [
        Figure(
            "backup calendar, 1,000 sets × 365 days",
            runs,
            "s",
            BUDGET_SECONDS,
            note=f"{len(sets)} different years of a set, {rounds} times each; four legs with their "
            "sentences; one process, CPU time.",
            peers=(Peer("a loop over days × restore points, local leg only", naive),),
        )
    ]


def _seconds(declared: Declaration, sets: Sequence[Evidence], days: int, rounds: int) -> float:
    gc.collect()
    last = date(2026, 1, 1) + timedelta(days=days - 1)
    begin = time.process_time()
    for _ in range(rounds):
        for evidence in sets:
            calendar(
                declared,
                evidence,
                first=date(2026, 1, 1),
                last=last,
                now=_START + timedelta(days=days),
                zone=ZONE,
            )
    return time.process_time() - begin


def _naive_seconds(sets: Sequence[Evidence], days: int) -> float:
    zone = ZoneInfo(ZONE)
    begin = time.process_time()
    for evidence in sets:
        for number in range(days):
            day = date(2026, 1, 1) + timedelta(days=number)
            opens = datetime.combine(day, datetime.min.time(), zone) + timedelta(hours=18)
            closes = opens + timedelta(days=1)
            any(opens <= seen.point.started_at < closes for seen in evidence.points.values())
    return time.process_time() - begin


def _declaration() -> Declaration:
    return Declaration(
        name="erp",
        kind=Kind.FILES,
        place="/backup/erp",
        retention_days=_LISTED,
        restore_every_days=180,
        offsite=OffsiteLeg(by=OffsiteBy.SFTP),
    )


def _evidence(seed: int, days: int) -> Evidence:
    return evidence_of([_look(seed, day, days) for day in range(days) if (day + seed) % 41])


def _look(seed: int, day: int, days: int) -> Look:
    at = _START + timedelta(days=day, hours=7)
    listed = [one for one in range(max(0, day - _LISTED + 1), day + 1) if (one + seed) % 37]
    offsite = Offsite(
        by=OffsiteBy.SFTP,
        place="elsewhere",
        looked_at=at,
        copies=tuple(
            Copy(point=f"erp-{one}.dump", state=CopyState.SAME_SIZE, bytes=2**30) for one in listed
        ),
    )
    made = [proof for one in listed for proof in _proofs(seed, one)]
    if day > days // 3:
        drilled = _START + timedelta(days=days // 3)
        made.append(_proof("erp-drill.dump", Level.RESTORED, drilled))
    facts = BackupFacts(
        declaration=_declaration(),
        points=tuple(_point(seed, one) for one in reversed(listed)),
        proofs=tuple(made),
        offsite=offsite,
    )
    return Look(at, facts)


def _point(seed: int, day: int) -> RestorePoint:
    started = _START + timedelta(days=day)
    took = timedelta(hours=9 if (day + seed) % 53 == 0 else 1)
    return RestorePoint(
        id=f"erp-{day}.dump", started_at=started, ended_at=started + took, bytes=2**30 + day
    )


def _proofs(seed: int, day: int) -> list[Proof]:
    at = _START + timedelta(days=day, hours=10)
    result = Result.FAILED if (day + seed) % 97 == 0 else Result.PASSED
    name = f"erp-{day}.dump"
    return [
        _proof(name, Level.STRUCTURE, at, result),
        _proof(name, Level.HASHED, at),
        _proof(name, Level.OFFSITE, at),
    ]


def _proof(name: str, level: Level, at: datetime, result: Result = Result.PASSED) -> Proof:
    return Proof(point=name, level=level, result=result, at=at, method="gzip, trailer")
