"""One inspection from beginning to end: plan, run, store, seal, hand over."""

import time
import uuid
from collections.abc import Callable, Generator
from datetime import UTC, datetime

from msgspec.structs import replace

from agent import VERSION, delivery, redaction, surroundings
from agent.delivery import Situation
from agent.events import (
    CheckObserved,
    CheckStarted,
    Event,
    PlanMade,
    RunFinished,
)
from agent.identity import Identity
from agent.memory import Memory
from agent.planning import Plan
from agent.runner import LeftBehind, Started, Step, run
from agent.secret import foresee
from agent.settings import Settings
from agent.spool import Spool
from agent.surroundings import Place
from checks.api import Host
from checks.discovery import Catalogue
from wire.messages import Cost, Inspection, Remote

Report = Callable[[Event], None]
Probed = Callable[..., Generator[Step]]
"""As agent.runner.run."""
Surveyed = Callable[[Host], Place]


def inspect(
    settings: Settings,
    identity: Identity,
    catalogue: Catalogue,
    plan: Plan,
    spool: Spool,
    host: Host,
    report: Report,
    language: str,
) -> bool:
    """Make one inspection and hand over all that waits; return whether nothing new had to stay.

    Interrupted inspections of earlier runs are finished first. Raise SpoolError when an observation
    can't be kept, KeyboardInterrupt when interrupted: what was done by then is in the spool and
    finished as interrupted.
    """
    inspection, collected = take(settings, catalogue, plan, spool, host, report)
    complete = delivery.inspected(Situation(settings, identity, spool, host, report, language))
    total = len(plan.jobs)
    # What is not sealed yet will be a batch at least.
    pending = len(spool.pending()) + spool.counts().inspections
    report(RunFinished(inspection.id, collected, total, pending))
    return complete


def take(
    settings: Settings,
    catalogue: Catalogue,
    plan: Plan,
    spool: Spool,
    host: Host,
    report: Report,
    *,
    remote: Remote | None = None,
    probed: Probed = run,
    surveyed: Surveyed = surroundings.here,
    cost: Callable[[float], Cost] = surroundings.cost_until_now,
) -> tuple[Inspection, int]:
    """Make one inspection; return it, and how many checks gave facts. It waits to be sealed.

    `probed` runs the jobs (agentless, over a channel, it is another one than the runner's), and
    `surveyed` tells of the host what the inspection says, `cost` what the host gave for so many
    seconds. Raise as `inspect` does.
    """
    began = time.monotonic()
    foresee(settings)
    spool.finish_interrupted()
    inspection = _opening(settings, catalogue, plan, surveyed(host), remote)
    spool.open_inspection(inspection)
    try:
        collected = _collect(settings, plan, inspection, spool, host, report, probed)
    except KeyboardInterrupt:
        spool.finish_interrupted()
        raise
    ended = replace(
        inspection,
        finished_at=datetime.now(UTC),
        cost=cost(time.monotonic() - began),
    )
    spool.finish(ended)
    return ended, collected


def _opening(
    settings: Settings, catalogue: Catalogue, plan: Plan, place: Place, remote: Remote | None
) -> Inspection:
    """Return the inspection as it stands before the first probe runs."""
    return Inspection(
        id=str(uuid.uuid4()),
        started_at=datetime.now(UTC),
        boot_id=place.boot_id,
        time_zone=place.time_zone,
        host=place.identity,
        agent_version=VERSION,
        checks_digest=surroundings.checks_digest(catalogue.checks.values()),
        planned=plan.planned,
        skipped=plan.skipped,
        broken=tuple(redaction.clean(error)[:2000] for error in catalogue.errors[:200]),
        cost=Cost(0, 0, 0),
        interval_seconds=0 if remote else settings.run.interval_hours * 3600,
        remote=remote,
    )


def _collect(
    settings: Settings,
    plan: Plan,
    inspection: Inspection,
    spool: Spool,
    host: Host,
    report: Report,
    probed: Probed,
) -> int:
    """Run the plan and keep each observation; return how many have facts."""
    total = len(plan.jobs)
    report(PlanMade(total))
    done = collected = 0
    memory = Memory(spool, host, inspection, settings.run.heavy_interval_hours)
    to_run = []
    for job in plan.jobs:
        # What the settings name is looked at anew in every run: a backup of last night is news.
        earlier = memory.recall(job.check_id, job.check) if job.entry is None else None
        if earlier is None:
            to_run.append(job)
            continue
        spool.add(inspection.id, earlier)
        done += 1
        collected += 1
        report(CheckObserved(earlier.check, None, done, total, earlier.observed_at))
    steps = probed(
        to_run,
        host,
        parallel=settings.run.parallel,
        memory_bytes=settings.run.memory_mebibytes * 2**20,
        left_behind=spool.left_behind(),
    )
    try:
        for step in steps:
            if isinstance(step, Started):
                report(CheckStarted(step.name))
                continue
            if isinstance(step, LeftBehind):
                spool.leave_behind(step.name, step.process)
                continue
            spool.add(inspection.id, step)
            memory.keep(step)
            done += 1
            collected += step.failure is None
            reason = None if step.failure is None else step.failure.reason.value
            name = (
                step.check if step.target.kind == "host" else f"{step.check} [{step.target.name}]"
            )
            report(CheckObserved(name, reason, done, total))
    finally:
        steps.close()
    return collected
