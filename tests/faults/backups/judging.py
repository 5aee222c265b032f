"""Judge a look at a backup set as the collector does, and count what came of it.

A case is well if the rules about the bytes are, and every leg of the backup day of its newest
restore point, seen three days later, when nothing can be pending any more.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from checks.api import Past, State
from checks.backup.restore_points import CHECK
from checks.backup_sets import BackupFacts, PointState
from checks.errors import ProbeError
from collector.backups.calendar import calendar
from collector.backups.days import Leg, LegState
from collector.backups.evidence import Look, evidence_of
from wire.messages import Failure

JUDGED = ("BAK-001", "BAK-002", "BAK-009", "BAK-010")
"""The others are about settings and places, which a case may leave as they are."""
ZONE = "Asia/Shanghai"
LATER = timedelta(days=3)
_WELL = frozenset({State.OK, State.INFO, State.NOT_APPLICABLE})
_LEGS_WELL = frozenset({LegState.OK, LegState.NOT_DUE})
FAULT, HEALTHY = "backup fault", "backup healthy"


class Outcome(NamedTuple):
    """What is concluded from a look."""

    is_ok: bool
    why: str
    """Every verdict that is not well, and every leg, in short: for the message of a test."""
    facts: BackupFacts | None
    failure: Failure | None


def judge(look: Callable[[], BackupFacts], *, now: datetime | None = None) -> Outcome:
    """Look and judge; a look that could not be made is a failure, and never ok."""
    at = now or datetime.now(UTC)
    try:
        facts = look()
    except ProbeError as error:
        failure = error.failure()
        return Outcome(False, f"not run: {failure}", None, failure)
    verdicts = [
        (rule.code, verdict)
        for rule in CHECK.rules
        if rule.code in JUDGED
        for verdict in rule.evaluate(facts, rule.thresholds(), Past(at))
    ]
    bad = [
        f"{code} {verdict.object} {verdict.state.value}: {verdict.message or verdict.failure}"
        for code, verdict in verdicts
        if verdict.state not in _WELL
    ]
    legs = _legs(facts, at)
    bad += [f"{leg.value} {state.value}" for leg, state in legs.items() if state not in _LEGS_WELL]
    judged_codes = {code for code, _ in verdicts}
    assert judged_codes == set(JUDGED), "every rule says something"
    return Outcome(not bad, "; ".join(bad) or str(legs), facts, None)


def _legs(facts: BackupFacts, at: datetime) -> dict[Leg, LegState]:
    whole = [point for point in facts.points if point.state is PointState.COMPLETE]
    newest = max((point.started_at for point in whole), default=at)
    evidence = evidence_of([Look(at, facts)])
    first = (newest - timedelta(days=3)).date()
    days = calendar(
        facts.declaration,
        evidence,
        first=first,
        last=(newest + timedelta(days=3)).date(),
        now=at + LATER,
        zone=ZONE,
    )
    ids = {point.id for point in whole if point.started_at == newest}
    day = next((day for day in days if ids & set(day.points)), None)
    if day is None:
        return {Leg.LOCAL: LegState.MISSING}
    return {
        Leg.LOCAL: day.local.state,
        Leg.OFFSITE: day.offsite.state,
        Leg.VERIFIED: day.verified.state,
        Leg.RESTORED: day.restored.state,
    }


class Cases:
    """Counts the cases of a test; the sum over all tests is printed at their end."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._properties = request.node.user_properties

    def fault(self, name: str, outcome: Outcome) -> None:
        """Demand that a fault is not ok."""
        self._properties.append((FAULT, not outcome.is_ok))
        assert not outcome.is_ok, f"{name} passes for a good backup: {outcome.why}"

    def healthy(self, name: str, outcome: Outcome) -> None:
        """Demand that a healthy backup is ok."""
        self._properties.append((HEALTHY, outcome.is_ok))
        assert outcome.is_ok, f"{name} is called bad: {outcome.why}"
