"""Turn one opened batch into conclusions: verdicts, measures, and what could not be read. Pure
but for the history it asks; nothing is written here."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from checks.api import Arrival, Check, Failure, Measure
from checks.backup_sets import BackupFacts
from collector.assessment.judging import (
    MOST_MEASURES,
    Judged,
    at_most,
    attempt,
    judge,
    judge_failure,
)
from collector.assessment.naming import bounded, bounded_measure
from collector.assessment.past import History
from collector.backups.evidence import Look
from collector.backups.recording import CHECK, look_of
from collector.policy.layers import DEFAULT, Policy
from wire.batch import Opened
from wire.messages import Cost, Observation, Reason, Target

# Facts of derived checks are made when the whole inspection is there, not read on the host.
_NO_COST = Cost(0, 0, 0)
REMOTE = "remote"
"""Target of what is derived from a remote inspection: the agent that is installed on the same host
is judged for itself, and nobody's missed schedule is made up for."""


@dataclass(frozen=True)
class Conclusion:
    """Everything one observation leads to."""

    check: str
    target: str
    observed_at: datetime
    monotonic_seconds: float
    """The host's clock of the boot at the reading; 0 for what was derived here."""
    has_facts: bool
    verdicts: tuple[Judged, ...]
    measures: tuple[Measure, ...]
    look: Look | None = None
    """What a look at a backup set found, for the backup calendar."""


@dataclass(frozen=True)
class Unread:
    """One line of a batch, or a whole one (line None), that could not be understood."""

    line: int | None
    reason: str


def conclude(
    opened: Opened,
    arrival: Arrival,
    catalogue: Mapping[str, Check[Any]],
    history: History,
    policy: Policy = DEFAULT,
) -> tuple[list[Conclusion], list[Unread]]:
    """Judge every observation of a batch by the policy of its host.

    `arrival` has every observation of the inspection, over all its batches, for derived checks;
    they are judged with the batch that says it is the last one.
    """
    unread = [Unread(rejected.line, rejected.reason) for rejected in opened.rejected]
    conclusions = []
    boot_id = opened.header.inspection.boot_id
    for observation in opened.observations:
        check = catalogue.get(observation.check)
        if check is None:
            unread.append(Unread(None, f"check {observation.check} is not known to this collector"))
            continue
        facts, problem = _facts(check, observation)
        concluded = _judged(observation.check, check, observation, facts, boot_id, history, policy)
        if observation.check == CHECK and isinstance(facts, (BackupFacts, Failure)):
            look = look_of(observation, facts, arrival.offset_seconds)
            concluded = replace(concluded, look=look)
        conclusions.append(concluded)
        if problem:
            unread.append(Unread(None, problem))
    if opened.header.last:
        for check_id, check in catalogue.items():
            if check.derive is not None:
                conclusions.append(_derive(check_id, check, arrival, history, policy))
    return conclusions, unread


def _derive(
    check_id: str,
    check: Check[Any],
    arrival: Arrival,
    history: History,
    policy: Policy,
) -> Conclusion:
    inspection = arrival.inspection
    derive = check.derive
    assert derive is not None
    observed_at = inspection.finished_at or max(
        (each.observed_at for each in arrival.observations), default=inspection.started_at
    )
    facts = attempt(check_id, lambda: derive(arrival))
    observation = Observation(
        check=check_id,
        target=Target() if inspection.remote is None else Target(name=REMOTE),
        observed_at=observed_at,
        monotonic_seconds=0,
        cost=_NO_COST,
    )
    return _judged(check_id, check, observation, facts, inspection.boot_id, history, policy)


def _facts(
    check: Check[Any], observation: Observation
) -> tuple[Any, str | None]:  # the check's own Facts, or the Failure in their place
    """Return the facts of an observation, and what is wrong with them."""
    if observation.failure is not None:
        return observation.failure, None
    if observation.version > check.version:
        newer = f"facts version {observation.version}"
        detail = f"this collector reads version {check.version}"
        return Failure(Reason.UNSUPPORTED, newer, detail), None
    assert isinstance(observation.facts, msgspec.Raw)
    try:
        return check.decoder.decode(observation.facts), None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        problem = f"the facts of {observation.check} don't fit: {str(error)[:300]}"
        return Failure(Reason.ERROR, observation.check, problem), problem


def _storable(measures: Iterable[Measure]) -> tuple[Measure, ...]:
    return tuple(
        Measure(bounded_measure(each.name), bounded(each.object), float(each.value))
        for each in at_most(MOST_MEASURES, measures)
    )


def _judged(
    check_id: str,
    check: Check[Any],
    observation: Observation,
    facts: Any,  # noqa: ANN401 - the check's own Facts, or the Failure in their place
    boot_id: str,
    history: History,
    policy: Policy,
) -> Conclusion:
    target = observation.target.name
    when = (observation.observed_at, observation.monotonic_seconds)
    if isinstance(facts, Failure):
        verdicts = judge_failure(check, facts, policy, target)
        return Conclusion(check_id, target, *when, False, verdicts, ())
    measured = attempt(f"measures of {check_id}", lambda: _storable(check.measures(facts)))
    measures = () if isinstance(measured, Failure) else measured
    measures = tuple(measure for measure in measures if math.isfinite(measure.value))
    past = history.past(check_id, check, observation, boot_id, measures)
    verdicts = judge(check, facts, past, policy, target)
    return Conclusion(check_id, target, *when, True, verdicts, measures)
