"""Run the probes of a plan (agent/planning.py), a few at once.

Light checks first, several at once; then those that sample the host over a window, with nothing
beside them; then the heavy ones, one at a time.

Sampling waits because the agent would measure itself: among the light probes the processor check
found its busiest second at 11 % on two idle cores, alone at 1.5 % (average 2.1 % and 0.6 %). The
wait costs the run half a second.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from msgspec import UNSET, Struct

from agent import isolation
from agent.planning import Job, Phase, phase
from agent.probing import Limits, Task
from agent.processes import identity, is_alive
from checks.api import Host
from wire.messages import Cost, Failure, Observation, Reason, Target

_MOST_SILENCES = 2
"""Checks of one target, or of targets that share, in a row that had to be killed; the others are
not started then."""
_GIVEN_UP = isolation.Reading(
    UNSET,
    Failure(
        Reason.UNREACHABLE, "", f"not started: {_MOST_SILENCES} checks before it had no answer"
    ),
    Cost(0, 0, 0),
)


class Started(Struct, frozen=True):
    """A probe has been started; `name` is that of its job."""

    name: str


class LeftBehind(Struct, frozen=True):
    """The probe of a job could not be killed; `process` is its processes.identity."""

    name: str
    process: str


Step = Started | LeftBehind | Observation


def run(
    jobs: Sequence[Job],
    host: Host,
    *,
    parallel: int,
    memory_bytes: int,
    left_behind: Mapping[str, str] = MappingProxyType({}),
) -> Generator[Step]:
    """Run the jobs and yield each start and each observation as it comes.

    Every job gives one observation. `left_behind` has the processes of earlier runs that could not
    be killed, by job: while such a one is there, its job is not started again. When the
    iterator is closed or interrupted, the children still running are killed.
    """
    free = []
    for job in jobs:
        process = left_behind.get(job.name, "")
        if is_alive(process):
            yield _still_hanging(job, process)
        else:
            free.append(job)
    for each in Phase:
        waiting = [job for job in free if phase(job) == each]
        yield from _run_phase(waiting, host, 1 if each == Phase.HEAVY else parallel, memory_bytes)


def _run_phase(
    jobs: Sequence[Job], host: Host, parallel: int, memory_bytes: int
) -> Generator[Step]:
    waiting = deque(_shares(jobs, parallel))
    running: list[tuple[deque[Job], isolation.Child]] = []
    silent: Counter[Target | str] = Counter()
    try:
        while waiting or running:
            while waiting and len(running) < parallel:
                share = waiting.popleft()
                running.append((deque(share), _start(share, host, memory_bytes)))
                yield Started(share[0].name)
            news = isolation.wait([child for _, child in running])
            for left, child in [entry for entry in running if entry[1] in news]:
                readings = child.taken()
                for number, reading in enumerate(readings, start=1):
                    job = left.popleft()
                    if child.left_behind:
                        yield LeftBehind(job.name, identity(child.pid))
                    yield _observation(job, reading)
                    killed = reading.failure is not None and child.killed is not None
                    silent[job.share] = silent[job.share] + 1 if killed else 0
                    if left and (number < len(readings) or not child.ended):
                        yield Started(left[0].name)
                if child.ended:
                    running = [entry for entry in running if entry[1] is not child]
                    if left and left[0].entry and silent[left[0].share] >= _MOST_SILENCES:
                        for job in left:
                            yield _observation(job, _GIVEN_UP)
                    elif left:
                        waiting.appendleft(tuple(left))
    finally:
        for _, child in running:
            isolation.kill(child)


def _shares(jobs: Sequence[Job], parallel: int) -> list[tuple[Job, ...]]:
    """Divide jobs among children: our own light ones share them, each other has its own.

    A plug-in may leave its process in any state; a heavy or sampling check is to be alone. Those of
    one database share a child, for its one connection.
    """
    sharing = [job for job in jobs if _may_share(job)]
    shares = [tuple(sharing[first::parallel]) for first in range(parallel)]
    of_entries: dict[Target | str, list[Job]] = {}
    alone = []
    for job in jobs:
        if job.entry is not None and job.entry.close is not None:
            of_entries.setdefault(job.share, []).append(job)
        elif not _may_share(job):
            alone.append(job)
    return [
        *(share for share in shares if share),
        *(tuple(share) for share in of_entries.values()),
        *((job,) for job in alone),
    ]


def _may_share(job: Job) -> bool:
    return (
        job.entry is None
        and phase(job) == Phase.LIGHT
        and job.check.facts.__module__.startswith("checks.")
    )


def _start(jobs: Sequence[Job], host: Host, memory_bytes: int) -> isolation.Child:
    tasks = []
    for job in jobs:
        most = max(memory_bytes, job.check.memory_mebibytes * 2**20)
        probe = _probe(job, last=job is jobs[-1])
        tasks.append(Task(probe, Limits(job.deadline_seconds, most)))
    return isolation.start(tasks, host)


def _probe(job: Job, *, last: bool) -> Callable[[Host], Any]:
    probe, entry = job.check.probe, job.entry
    assert probe is not None
    if entry is None:
        return probe

    def read(host: Host) -> object:
        try:
            return probe(entry.port(host, job.deadline_seconds))
        finally:
            if last and entry.close is not None:
                entry.close()

    return read


def _still_hanging(job: Job, process: str) -> Observation:
    detail = f"process {process.partition(' ')[0]} of an earlier inspection can't be killed"
    failure = Failure(Reason.TIMEOUT, f"{job.deadline_seconds:g} s", f"not started: {detail}")
    return _observation(job, isolation.Reading(UNSET, failure, Cost(0, 0, 0)))


def _observation(job: Job, reading: isolation.Reading) -> Observation:
    return Observation(
        check=job.check_id,
        target=job.target,
        version=job.check.version,
        observed_at=datetime.now(UTC),
        monotonic_seconds=time.monotonic(),
        cost=reading.cost,
        facts=reading.facts,
        failure=reading.failure,
    )
