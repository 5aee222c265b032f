"""How the backup sets stand: what the chapter, its cards and the conclusion all count from."""

from collections.abc import Iterable

from checks.backup_sets import Level, Result
from collector.backups.days import WORST_FIRST, Day, Leg, LegState, LegVerdict
from collector.backups.material import MonthCount, SetMaterial

_OPEN = frozenset({LegState.PENDING, LegState.NOT_DUE})
UNTRUSTED = frozenset(
    {
        LegState.FAILED,
        LegState.MISMATCH,
        LegState.MISSING,
        LegState.UNKNOWN,
        LegState.UNVERIFIED,
    }
)
"""What a restore on that day could not have relied on: what is unknown is among it."""

_RANK = {state: place for place, state in enumerate(WORST_FIRST)}


def counted(sets: Iterable[SetMaterial]) -> MonthCount:
    """Return the sums over all months of the sets; year and month are 0."""
    months = [month for each in sets for month in each.months]
    return MonthCount(
        year=0,
        month=0,
        due=sum(month.due for month in months),
        ok=sum(month.ok for month in months),
        late=sum(month.late for month in months),
        bad=sum(month.bad for month in months),
        unverified=sum(month.unverified for month in months),
        unknown=sum(month.unknown for month in months),
        excused=sum(month.excused for month in months),
        pending=sum(month.pending for month in months),
    )


def untrusted(counts: MonthCount) -> int:
    """Return how many days had no backup that can be trusted; what is unknown is among them."""
    return counts.bad + counts.unverified + counts.unknown


def newest_day(shown: SetMaterial) -> Day | None:
    """Return the newest day whose local time is over or that is bad already; None: none yet.

    The copy or the proof of it may have time left: then the day is pending, not trusted.
    """
    days = reversed(shown.days)
    return next(
        (day for day in days if day.local.state not in _OPEN or day.worst in UNTRUSTED), None
    )


def newest_state(shown: SetMaterial) -> LegState:
    """Return the state of the newest day; a set that is not judged yet is unknown."""
    newest = newest_day(shown)
    return day_state(newest) if newest else LegState.UNKNOWN


def own_leg(day: Day) -> tuple[Leg, LegVerdict]:
    """Return the worst leg of the day's own backup, the first of equals."""
    legs = ((Leg.LOCAL, day.local), (Leg.OFFSITE, day.offsite), (Leg.VERIFIED, day.verified))
    return min(legs, key=lambda leg: _RANK[leg[1].state])


def worst_leg(day: Day) -> tuple[Leg, LegVerdict]:
    """Return the leg that gives the day its mark.

    The test restore speaks only where the day's own legs can be trusted: one that is overdue for
    months must not hide a missing backup among its days.
    """
    leg, verdict = own_leg(day)
    if verdict.state not in UNTRUSTED and _RANK[day.restored.state] < _RANK[verdict.state]:
        return Leg.RESTORED, day.restored
    return leg, verdict


def day_state(day: Day) -> LegState:
    """Return the state that the day is shown with."""
    return worst_leg(day)[1].state


def by_risk(sets: Iterable[SetMaterial]) -> list[SetMaterial]:
    """Return the sets, those at most risk first."""

    def risk(shown: SetMaterial) -> tuple[int, float, str, str]:
        share = counted([shown]).compliance
        rank = _RANK[newest_state(shown)]
        return rank, 0.0 if share is None else share, shown.host, shown.name

    return sorted(sets, key=risk)


def over_rpo(shown: SetMaterial) -> bool:
    """Tell whether a gap was longer than agreed; a set without a good restore point is over."""
    return shown.recovery.longest is None or bool(shown.recovery.gaps)


def never_restored(shown: SetMaterial) -> bool:
    """Tell whether no test restore of the set is known to have passed."""
    known = [*shown.drills, *(proof for level, proof in shown.proofs if level is Level.RESTORED)]
    return not any(drill.result is Result.PASSED for drill in known)
