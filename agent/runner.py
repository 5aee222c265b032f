"""Plan which checks run, and run their probes, a few at once.

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
from enum import IntEnum
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from msgspec import UNSET, Struct

from agent import isolation, messages
from agent.errors import PatternUnknown
from agent.probing import Limits, Task
from agent.processes import identity, is_alive
from agent.settings import CheckSettings
from agent.veto import PATH
from checks.api import Check, Host, Scope
from checks.wording import VETO
from wire.grants import Coverage
from wire.messages import Cost, Failure, Observation, Planned, Reason, Skipped, Target

_HOST = Target()
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


class Entry(Struct, frozen=True):
    """One entry of the settings that target checks run on: a backup set, a database."""

    target: Target
    kind: str
    """For Check.target_kinds."""
    port: Callable[[Host, float], object]
    """Makes what the probe sees it through, with the seconds that it has; in the child."""
    close: Callable[[], None] | None = None
    """Its checks share one child, and what `port` opened there is closed by this when they are
    done. None: each check has a child of its own."""
    share: str = ""
    """Entries with the same one share that child, and whatever `close` closes."""
    signs_in: bool = False
    """Its port signs in with a secret of the customer's systems."""


class Job(Struct, frozen=True):
    """One check that is going to run, on the host itself or on an entry of the settings."""

    check_id: str
    check: Check[Any]
    deadline_seconds: float
    entry: Entry | None = None

    @property
    def target(self) -> Target:
        """Return what it runs on, as it goes over the wire."""
        return _HOST if self.entry is None else self.entry.target

    @property
    def share(self) -> Target | str:
        """Return what those jobs have in common that ask the same server."""
        return self.target if self.entry is None or not self.entry.share else self.entry.share

    @property
    def name(self) -> str:
        """Return the check and what it runs on, as a person reads it."""
        return f"{self.check_id} [{self.target.name}]" if self.entry else self.check_id


class Plan(Struct, frozen=True):
    """What an inspection means to run, in order, and what it knows and leaves out."""

    jobs: tuple[Job, ...]
    skipped: tuple[Skipped, ...]

    @property
    def planned(self) -> tuple[Planned, ...]:
        """Return the jobs as they go over the wire."""
        return tuple(Planned(job.check_id, job.target) for job in self.jobs)


class Started(Struct, frozen=True):
    """A probe has been started; `name` is that of its job."""

    name: str


class LeftBehind(Struct, frozen=True):
    """The probe of a job could not be killed; `process` is its processes.identity."""

    name: str
    process: str


Step = Started | LeftBehind | Observation


class _Phase(IntEnum):
    LIGHT = 0
    SAMPLING = 1
    HEAVY = 2


def _phase(job: Job) -> _Phase:
    if job.check.heavy:
        return _Phase.HEAVY
    return _Phase.SAMPLING if job.check.sampling else _Phase.LIGHT


def plan(
    checks: Mapping[str, Check[Any]],
    system: str,
    settings: Mapping[str, CheckSettings],
    patterns: Sequence[str] = (),
    vetoed: Sequence[str] = (),
    entries: Sequence[Entry] = (),
    unloaded: Mapping[str, str] = MappingProxyType({}),
    coverage: Coverage | None = None,
) -> Plan:
    """Return which of the checks run on this system, and on which entries of the settings.

    Checks without a probe are made on the collector and those for other systems have nothing to
    say here: neither is part of the plan. A pattern is an id, a chapter (`host`) or a glob
    (`host.v*`); raise PatternUnknown for one that fits no check. What the patterns of `vetoed` fit
    never runs, whatever the settings and the other patterns say. `unloaded` has the checks that
    were not loaded because the settings have no entry of their target. What a `coverage` lacks for
    a check or an entry is skipped, and told: without one (an agent that is installed) the
    customer's own settings and veto decide.
    """
    probed = {
        check_id: check
        for check_id, check in checks.items()
        if check.probe is not None and system in check.systems
    }
    for pattern in patterns:
        if not any(fits(check_id, pattern) for check_id in (*probed, *unloaded)):
            known = {*probed, *unloaded}
            names = {*known, *(check_id.partition(".")[0] for check_id in known)}
            hint = messages.nearest(pattern, names)
            raise PatternUnknown(messages.PATTERN_UNKNOWN.format(name=pattern, hint=hint))
    jobs: list[Job] = []
    skipped = [
        Skipped(check_id, Failure(Reason.NOT_CONFIGURED, target))
        for check_id, target in unloaded.items()
    ]
    for check_id, check in probed.items():
        chosen = settings.get(check_id, CheckSettings())
        if any(fits(check_id, pattern) for pattern in vetoed):
            skipped.append(Skipped(check_id, Failure(Reason.NOT_SELECTED, VETO, PATH)))
        elif not chosen.enabled:
            skipped.append(Skipped(check_id, Failure(Reason.NOT_SELECTED, "", "settings")))
        elif patterns and not any(fits(check_id, pattern) for pattern in patterns):
            skipped.append(Skipped(check_id, Failure(Reason.NOT_SELECTED, "", "pattern")))
        else:
            deadline = chosen.deadline_seconds or check.deadline_seconds
            found = [Job(check_id, check, deadline, each) for each in _targets(check, entries)]
            lacking = {_missing(job, coverage) for job in found} - {""}
            jobs += [job for job in found if not _missing(job, coverage)]
            skipped += [
                Skipped(check_id, Failure(Reason.NOT_GRANTED, lack)) for lack in sorted(lacking)
            ]
            if not found:
                skipped.append(Skipped(check_id, Failure(Reason.NOT_CONFIGURED, check.target)))
    jobs.sort(key=lambda job: (_phase(job), job.check_id, job.target.name))
    return Plan(tuple(jobs), tuple(skipped))


def _missing(job: Job, coverage: Coverage | None) -> str:
    if coverage is None:
        return ""
    more = (Scope.SYSTEM_PASSWORD,) if job.entry is not None and job.entry.signs_in else ()
    return coverage.missing(job.check_id, (*job.check.scopes, *more))


def _targets(check: Check[Any], entries: Sequence[Entry]) -> Sequence[Entry | None]:
    if check.target == "host":
        return (None,)
    return tuple(
        entry
        for entry in entries
        if entry.target.kind in check.other_targets
        or (
            entry.target.kind == check.target
            and (not check.target_kinds or entry.kind in check.target_kinds)
        )
    )


def fits(check_id: str, pattern: str) -> bool:
    """Return whether a pattern means the check."""
    return fnmatchcase(check_id, pattern) or check_id.startswith(f"{pattern}.")


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
    for phase in _Phase:
        waiting = [job for job in free if _phase(job) == phase]
        yield from _run_phase(waiting, host, 1 if phase == _Phase.HEAVY else parallel, memory_bytes)


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
        and _phase(job) == _Phase.LIGHT
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
