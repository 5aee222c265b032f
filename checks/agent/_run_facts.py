"""What an inspection tells of itself: planned, read, skipped and why, and what it cost."""

from datetime import datetime

from checks.api import Arrival, Struct
from wire.messages import WIRE_VERSION, Cost, Reason
from wire.sessions import Mode

# Nothing was wrong where the host just does not have what a check reads, or nobody asked for it.
NOT_COUNTED = (
    Reason.NOT_APPLICABLE,
    Reason.NOT_CONFIGURED,
    Reason.NOT_SELECTED,
    # What the customer's grant leaves out, or what takes an agent where none may be brought, is no
    # fault of the inspection; the coverage of the host counts it as not covered all the same.
    Reason.NOT_GRANTED,
    Reason.NEEDS_AGENT,
)


class Absent(Struct, frozen=True):
    """The checks that have no facts for one reason."""

    reason: Reason
    checks: tuple[str, ...]


class Spent(Struct, frozen=True):
    """What one check took, its children included."""

    check: str
    cpu_seconds: float
    wall_seconds: float


class Facts(Struct, frozen=True, kw_only=True):
    """One inspection, as its agent and its batches tell it."""

    started_at: datetime
    finished_at: datetime | None = None
    """None: the run was interrupted."""
    planned: int
    """Checks, each on each of its targets, that the agent meant to run."""
    with_facts: int
    absent: tuple[Absent, ...]
    """Planned and without facts, by reason; those that never came count as interrupted."""
    not_planned: tuple[Absent, ...]
    broken: tuple[str, ...]
    agent_version: str
    checks_digest: str
    wire_version: str
    """The version under which this collector read the batch."""
    cost: Cost
    dearest: tuple[Spent, ...]
    interval_seconds: float | None = None
    """Of the host's timer; 0: a person starts inspections; None: the agent does not tell."""
    key_id: str = ""
    """The key that signed the batch; empty for what came before batches were signed."""
    cost_known: bool = True
    """False where it was read over a channel: nobody measured what it took of the host."""


def derive(arrival: Arrival) -> Facts:
    """Make the facts from an inspection and those of its observations that have come."""
    inspection, observations = arrival.inspection, arrival.observations
    came = {
        (one.check, one.target): one.failure.reason if one.failure else None for one in observations
    }
    absent: dict[Reason, list[str]] = {}
    for plan in inspection.planned:
        outcome = came.get((plan.check, plan.target), Reason.INTERRUPTED)
        if outcome is not None:
            name = f"{plan.check} ({plan.target.name})" if plan.target.name else plan.check
            absent.setdefault(outcome, []).append(name)
    not_planned: dict[Reason, list[str]] = {}
    for skip in inspection.skipped:
        not_planned.setdefault(skip.failure.reason, []).append(skip.check)
    # A reading from before was used again (heavy checks): it cost this inspection nothing.
    read_now = [one for one in observations if one.observed_at >= inspection.started_at]
    by_cost = sorted(read_now, key=lambda one: one.cost.cpu_seconds, reverse=True)
    return Facts(
        started_at=inspection.started_at,
        finished_at=inspection.finished_at,
        planned=len(inspection.planned),
        with_facts=len(inspection.planned) - sum(map(len, absent.values())),
        absent=_sorted(absent),
        not_planned=_sorted(not_planned),
        broken=inspection.broken,
        agent_version=inspection.agent_version,
        checks_digest=inspection.checks_digest,
        wire_version=WIRE_VERSION,
        cost=inspection.cost,
        dearest=tuple(
            Spent(one.check, one.cost.cpu_seconds, one.cost.wall_seconds) for one in by_cost[:5]
        ),
        interval_seconds=inspection.interval_seconds,
        key_id=arrival.key_id,
        cost_known=inspection.remote is None or inspection.remote.mode != Mode.AGENTLESS.value,
    )


def _sorted(by_reason: dict[Reason, list[str]]) -> tuple[Absent, ...]:
    ordered = sorted(by_reason.items(), key=lambda item: item[0].value)
    return tuple(Absent(why, tuple(sorted(names))) for why, names in ordered)


def coverage_percent(facts: Facts) -> float | None:
    """Return the share of what could be read that was read; None where nothing could be."""
    outside = sum(len(one.checks) for one in facts.absent if one.reason in NOT_COUNTED)
    possible = facts.planned - outside
    return 100 * facts.with_facts / possible if possible > 0 else None
