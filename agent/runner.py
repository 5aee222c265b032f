"""Plan which checks run, and run their probes, a few at once.

Light checks first, the one with the longest deadline foremost (it samples over a window, and the
others run meanwhile); then the heavy ones, one at a time, when no window is open any more.
"""

import time
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from agent import isolation, messages
from agent.errors import PatternUnknown
from agent.settings import CheckSettings
from checks.api import Check, Host
from wire.messages import Failure, Observation, Planned, Reason, Skipped


@dataclass(frozen=True)
class Job:
    """One check that is going to run."""

    check_id: str
    check: Check[Any]
    deadline_seconds: float


@dataclass(frozen=True)
class Plan:
    """What an inspection means to run, in order, and what it knows and leaves out."""

    jobs: tuple[Job, ...]
    skipped: tuple[Skipped, ...]

    @property
    def planned(self) -> tuple[Planned, ...]:
        """Return the jobs as they go over the wire."""
        return tuple(Planned(job.check_id) for job in self.jobs)


@dataclass(frozen=True)
class Started:
    """A probe has been started."""

    check_id: str


Step = Started | Observation


def plan(
    checks: Mapping[str, Check[Any]],
    system: str,
    settings: Mapping[str, CheckSettings],
    patterns: Sequence[str] = (),
) -> Plan:
    """Return which of the checks run on this system.

    Checks without a probe are made on the collector and those for other systems have nothing to
    say here: neither is part of the plan. A pattern is an id, a chapter (`host`) or a glob
    (`host.v*`); raise PatternUnknown for one that fits no check.
    """
    probed = {
        check_id: check
        for check_id, check in checks.items()
        if check.probe is not None and system in check.systems
    }
    for pattern in patterns:
        if not any(fits(check_id, pattern) for check_id in probed):
            names = {*probed, *(check_id.partition(".")[0] for check_id in probed)}
            hint = messages.nearest(pattern, names)
            raise PatternUnknown(messages.PATTERN_UNKNOWN.format(name=pattern, hint=hint))
    jobs: list[Job] = []
    skipped: list[Skipped] = []
    for check_id, check in probed.items():
        chosen = settings.get(check_id, CheckSettings())
        if not chosen.enabled:
            skipped.append(Skipped(check_id, Failure(Reason.NOT_SELECTED, "", "settings")))
        elif patterns and not any(fits(check_id, pattern) for pattern in patterns):
            skipped.append(Skipped(check_id, Failure(Reason.NOT_SELECTED, "", "pattern")))
        elif check.target != "host":
            skipped.append(Skipped(check_id, Failure(Reason.NOT_CONFIGURED, check.target)))
        else:
            jobs.append(Job(check_id, check, chosen.deadline_seconds or check.deadline_seconds))
    jobs.sort(key=lambda job: (job.check.heavy, -job.deadline_seconds, job.check_id))
    return Plan(tuple(jobs), tuple(skipped))


def fits(check_id: str, pattern: str) -> bool:
    """Return whether a pattern means the check."""
    return fnmatchcase(check_id, pattern) or check_id.startswith(f"{pattern}.")


def run(jobs: Sequence[Job], host: Host, *, parallel: int, memory_bytes: int) -> Generator[Step]:
    """Run the jobs and yield each start and each observation as it comes.

    Every job gives one observation. When the iterator is closed or interrupted, the children
    still running are killed.
    """
    light = deque(job for job in jobs if not job.check.heavy)
    heavy = deque(job for job in jobs if job.check.heavy)
    running: dict[int, tuple[Job, isolation.Child]] = {}
    try:
        while light or heavy or running:
            while (light and len(running) < parallel) or (heavy and not running):
                job = light.popleft() if light else heavy.popleft()
                running[id(job)] = job, _start(job, host, memory_bytes)
                yield Started(job.check_id)
            ended = isolation.wait([child for _, child in running.values()])
            for key in [key for key, (_, child) in running.items() if child in ended]:
                job, child = running.pop(key)
                yield _observation(job, child)
    finally:
        for _, child in running.values():
            isolation.kill(child)


def _start(job: Job, host: Host, memory_bytes: int) -> isolation.Child:
    assert job.check.probe is not None
    limits = isolation.Limits(job.deadline_seconds, memory_bytes)
    return isolation.start(job.check.probe, host, limits)


def _observation(job: Job, child: isolation.Child) -> Observation:
    assert child.reading is not None
    return Observation(
        check=job.check_id,
        version=job.check.version,
        observed_at=datetime.now(UTC),
        monotonic_seconds=time.monotonic(),
        cost=child.reading.cost,
        facts=child.reading.facts,
        failure=child.reading.failure,
    )
