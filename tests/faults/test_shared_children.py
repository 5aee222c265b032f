"""Our own light checks share a child; whatever one of them does, the others are whole."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from agent.host import LocalHost
from agent.planning import Job
from agent.runner import Started, run
from checks.api import Chapter, Check, Host, Text
from wire.messages import Observation, Reason

Facts = msgspec.defstruct(
    "Facts", [("pid", int), ("text", str, "")], module="checks.sample", frozen=True
)


def good(_host: Host) -> Any:
    return Facts(os.getpid())


def long_answer(_host: Host) -> Any:
    return Facts(os.getpid(), "x" * 3_000_000)


def hang(_host: Host) -> Any:
    time.sleep(60)


def be_killed(_host: Host) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def leave(_host: Host) -> Any:
    os._exit(0)


def fail(_host: Host) -> Any:
    raise KeyError("x")


def nap(_host: Host) -> Any:
    time.sleep(0.5)
    return Facts(os.getpid())


def burn(_host: Host) -> Any:
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    return Facts(os.getpid())


def observe(
    *probes: Callable[[Host], Any], deadline_seconds: float = 20, parallel: int = 1
) -> tuple[list[Observation], list[str]]:
    """Run the probes; return the observations in their order, and the starts as they came."""
    jobs = [
        Job(
            f"sample.{letter}",
            Check(Text("样", "A"), Chapter.HOST, facts=Facts, rules=(), reads=(), probe=probe),
            deadline_seconds,
        )
        for letter, probe in zip("abcdefgh", probes, strict=False)
    ]
    steps = list(run(jobs, LocalHost(), parallel=parallel, memory_bytes=2**30))
    started = [step.name for step in steps if isinstance(step, Started)]
    observed = {step.check: step for step in steps if isinstance(step, Observation)}
    assert len(steps) == 2 * len(jobs)
    return [observed[job.check_id] for job in jobs], started


def pid(observation: Observation) -> int:
    assert observation.failure is None
    assert isinstance(observation.facts, msgspec.Raw)
    return int(msgspec.json.decode(observation.facts)["pid"])


def test_light_checks_share_as_many_children_as_may_run_at_once() -> None:
    observed, started = observe(*[good] * 6, parallel=2)
    pids = [pid(one) for one in observed]
    assert len(set(pids)) == 2
    assert len(set(pids[::2])) == len(set(pids[1::2])) == 1
    assert sorted(started) == [f"sample.{letter}" for letter in "abcdef"]
    assert os.getpid() not in pids


@pytest.mark.parametrize(
    ("probe", "reason", "subject"),
    [
        (hang, Reason.TIMEOUT, "1 s"),
        (be_killed, Reason.ERROR, "SIGKILL"),
        (leave, Reason.ERROR, "no answer"),
    ],
)
def test_one_that_takes_the_child_with_it_takes_no_other(
    probe: Callable[[Host], Any], reason: Reason, subject: str
) -> None:
    began = time.monotonic()
    (before, bad, after, last), started = observe(good, probe, good, good, deadline_seconds=1)
    assert time.monotonic() - began < 5
    assert bad.failure is not None
    assert (bad.failure.reason, bad.failure.subject) == (reason, subject)
    assert pid(before) != pid(after) == pid(last)
    assert started == ["sample.a", "sample.b", "sample.c", "sample.d"]


def test_one_that_raises_leaves_the_child_to_the_others() -> None:
    (before, bad, after), _ = observe(good, fail, good)
    assert bad.failure is not None
    assert (bad.failure.reason, bad.failure.subject) == (Reason.ERROR, "KeyError")
    assert pid(before) == pid(after)


def test_a_deadline_begins_with_its_own_probe() -> None:
    observed, _ = observe(nap, nap, nap, deadline_seconds=1)
    assert len({pid(one) for one in observed}) == 1
    assert all(0.4 < one.cost.wall_seconds < 1 for one in observed)


def test_each_has_its_own_processor_time() -> None:
    (before, burnt, after), _ = observe(good, burn, good)
    assert 0.25 < burnt.cost.cpu_seconds < 0.6
    assert before.cost.cpu_seconds < 0.15
    assert after.cost.cpu_seconds < 0.15
    assert after.cost.peak_memory_bytes > 2**20


def test_long_answers_one_after_the_other_arrive_whole() -> None:
    observed, _ = observe(*[long_answer] * 5)
    for one in observed:
        assert isinstance(one.facts, msgspec.Raw)
        assert len(msgspec.json.decode(one.facts)["text"]) == 3_000_000
