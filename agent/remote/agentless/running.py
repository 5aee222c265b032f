"""Run probes in this process, one after the other, each under its deadline. Nothing forks.

A probe sees a host that refuses everything once its time is over, or once somebody has said stop.
What it made of such a refusal does not count: a probe that ran out of its time, or out of its line,
has failed, as one that is killed on an installed agent has.
"""

import queue
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import UNSET

from agent import redaction
from agent.errors import AgentError
from agent.planning import Job
from agent.probing import Answer, reading
from agent.remote.agentless.remote_host import RemoteHost
from agent.runner import Started, Step
from checks.api import Host
from wire.messages import Cost, Failure, Observation, Reason

_BEAT_SECONDS = 0.05
_GRACE_SECONDS = 2.0
"""A probe that does not come back from its refusals is left behind; it can't ask any more."""


def run_over_channel(
    jobs: Sequence[Job],
    host: RemoteHost,
    *,
    stop: threading.Event,
    parallel: int = 1,  # noqa: ARG001 - one at a time, whatever the settings say
    memory_bytes: int = 0,  # noqa: ARG001 - it is the workstation's
    left_behind: Mapping[str, str] = MappingProxyType({}),  # noqa: ARG001 - as above
) -> Generator[Step]:
    """Run the jobs as agent.runner.run does, over a channel; every job gives one observation.

    Times are those of this computer, which also seals the batches: a host is not asked for its
    clocks. Raise KeyboardInterrupt when `stop` is set, and RecordLost.
    """
    for job in jobs:
        if stop.is_set():
            raise KeyboardInterrupt
        yield Started(job.name)
        yield _observed(job, host, stop)


def _observed(job: Job, host: RemoteHost, stop: threading.Event) -> Observation:
    began = time.monotonic()
    ends = began + job.deadline_seconds
    lost = host.lost()
    answer = None
    if lost is None:
        over = threading.Event()
        try:
            answer = _answer(job, host.within(ends, over), ends, stop)
        finally:
            # A probe that still runs has nobody who waits for it: it may not ask any more.
            over.set()
        lost = host.lost()
    if isinstance(lost, AgentError):
        raise lost
    if lost is not None:
        answer = Answer(failure=lost.failure())
    elif answer is None or time.monotonic() >= ends:
        limit = f"{job.deadline_seconds:g} s"
        answer = Answer(failure=Failure(Reason.TIMEOUT, limit, "its commands were ended"))
    return Observation(
        check=job.check_id,
        target=job.target,
        version=job.check.version,
        observed_at=datetime.now(UTC),
        monotonic_seconds=time.monotonic(),
        cost=cost_unknown(time.monotonic() - began),
        facts=answer.facts,
        failure=answer.failure if answer.facts is UNSET else None,
    )


def cost_unknown(wall_seconds: float) -> Cost:
    """Return the cost of a reading over a channel: how long it took.

    What its commands took of the host's processor and memory is not known. The wire has no word for
    that, so both stand as 0; `Inspection.remote.mode` tells what they are worth.
    """
    return Cost(0, wall_seconds, 0)


def _answer(job: Job, host: Host, ends: float, stop: threading.Event) -> Answer | None:
    """Return what the probe gave; None if it has not come back in its time."""
    assert job.check.probe is not None
    answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    thread = threading.Thread(
        target=_probe, args=(job.check.probe, host, answers), name=job.name, daemon=True
    )
    thread.start()
    while time.monotonic() < ends + _GRACE_SECONDS:
        try:
            return msgspec.json.decode(answers.get(timeout=_BEAT_SECONDS), type=Answer)
        except queue.Empty:
            if stop.is_set():
                raise KeyboardInterrupt from None
    return None


def _probe(probe: Callable[[Host], Any], host: Host, answers: "queue.SimpleQueue[bytes]") -> None:
    answers.put(redaction.clean_json(reading(probe, host)))
