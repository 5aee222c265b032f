"""Days whose time is over: kept as they were concluded, changed only by what can change them.

A frozen day is not judged anew when a declaration changes or a restore point goes by retention.
Evidence that comes later counts where it says more of the day itself: what nobody had looked at is
seen, what was not proven is proven, what had been proven turns out to be damaged. Each such change
leaves a note. All else is for a person.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from checks.api import Text
from collector.backups.days import Day, Leg, LegState, LegVerdict
from collector.backups.models import BackupDay

LEG_NAMES = {
    Leg.LOCAL: Text("本地", "local"),
    Leg.OFFSITE: Text("异地", "offsite"),
    Leg.VERIFIED: Text("校验", "verified"),
    Leg.RESTORED: Text("恢复", "restored"),
}
STATE_NAMES = {
    LegState.OK: Text("正常", "ok"),
    LegState.LATE: Text("迟到", "late"),
    LegState.PENDING: Text("未到时限", "pending"),
    LegState.MISSING: Text("缺失", "missing"),
    LegState.FAILED: Text("失败", "failed"),
    LegState.MISMATCH: Text("不一致", "mismatch"),
    LegState.UNVERIFIED: Text("未校验", "unverified"),
    LegState.UNKNOWN: Text("未知", "unknown"),
    LegState.EXCUSED: Text("已批准", "excused"),
    LegState.NOT_DUE: Text("不要求", "not due"),
}

_SEEN = (LegState.OK, LegState.LATE, LegState.FAILED, LegState.MISMATCH)
_DAMAGED = (LegState.FAILED, LegState.MISMATCH)
_CHANGES = {
    LegState.UNKNOWN: (*_SEEN, LegState.MISSING, LegState.UNVERIFIED),
    LegState.MISSING: (LegState.OK, LegState.LATE, LegState.UNVERIFIED),
    LegState.UNVERIFIED: _SEEN,
    LegState.PENDING: (*_SEEN, LegState.MISSING, LegState.UNVERIFIED, LegState.UNKNOWN),
}
_OF_PROOFS = (Leg.OFFSITE, Leg.VERIFIED)
"""Of these an ok can turn out to be wrong; the local one was there in time, whatever came later."""


def legs_of(day: Day) -> dict[Leg, LegVerdict]:
    """Return the four verdicts of a day."""
    return {
        Leg.LOCAL: day.local,
        Leg.OFFSITE: day.offsite,
        Leg.VERIFIED: day.verified,
        Leg.RESTORED: day.restored,
    }


def states_of(day: Day) -> dict[str, str]:
    """Return the states of a day as they stand in notes and in the audit."""
    return {leg.value: verdict.state.value for leg, verdict in legs_of(day).items()}


def settle(frozen: Day, computed: Day) -> Day | None:
    """Return a frozen day as evidence that came later has it; None: it stays."""
    before, after = legs_of(frozen), legs_of(computed)
    # A day without a local backup has no more than that to say of its other legs.
    legs = {
        leg: after[leg] if _may_become(leg, before[leg].state, after[leg].state) else before[leg]
        for leg in Leg
    }
    if all(legs[leg] is before[leg] for leg in Leg):
        return None
    return replace(
        frozen,
        local=legs[Leg.LOCAL],
        offsite=legs[Leg.OFFSITE],
        verified=legs[Leg.VERIFIED],
        restored=legs[Leg.RESTORED],
        points=computed.points or frozen.points,
    )


def _may_become(leg: Leg, before: LegState, after: LegState) -> bool:
    if before in (LegState.OK, LegState.LATE):
        return leg in _OF_PROOFS and after in _DAMAGED
    return after in _CHANGES.get(before, ())


def what_changed(before: Day, after: Day, at: datetime) -> str:
    """Return the automatic note of a change, naming the evidence."""
    old, new = legs_of(before), legs_of(after)
    parts = [
        f"{LEG_NAMES[leg].zh} {STATE_NAMES[old[leg].state].zh}→{STATE_NAMES[new[leg].state].zh}："
        f"{new[leg].why.zh}"
        for leg in Leg
        if old[leg].state is not new[leg].state
    ]
    return f"{at:%Y-%m-%d %H:%MZ} {'；'.join(parts)}"


def to_row(day: Day) -> dict[str, Any]:
    """Return a day as a row of BackupDay, without its key."""
    return {
        "day": day.day,
        "due_at": day.due_at,
        **states_of(day),
        "told": {
            "points": list(day.points),
            **{
                leg.value: {
                    "why": [verdict.why.zh, verdict.why.en],
                    "seen_at": verdict.seen_at.isoformat() if verdict.seen_at else None,
                }
                for leg, verdict in legs_of(day).items()
            },
        },
        "note": day.note,
    }


def from_row(row: BackupDay) -> Day:
    """Return the day of a row."""

    def leg(of: Leg, state: str) -> LegVerdict:
        told = row.told[of.value]
        seen_at = told["seen_at"]
        return LegVerdict(
            LegState(state),
            Text(*told["why"]),
            msgspec.convert(seen_at, datetime) if seen_at else None,
        )

    return Day(
        row.day,
        leg(Leg.LOCAL, row.local),
        leg(Leg.OFFSITE, row.offsite),
        leg(Leg.VERIFIED, row.verified),
        leg(Leg.RESTORED, row.restored),
        tuple(row.told["points"]),
        row.due_at,
        frozen=True,
        note=row.note,
    )
