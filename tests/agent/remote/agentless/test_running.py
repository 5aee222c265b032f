"""Probes over a channel: each under its deadline, none after a stop, failures as they are."""

import threading
import time
from collections.abc import Callable
from typing import Any, Self

import msgspec
import pytest
from msgspec import UNSET
from msgspec.structs import replace

from agent.errors import AgentError, RecordLost
from agent.host import LocalHost
from agent.planning import Job
from agent.remote.agentless.running import run_over_channel
from agent.runner import Started
from checks.api import Chapter, Check, Host, Struct, Text
from checks.errors import NotPermitted, ProbeError, TimedOut, Unreachable, part
from wire.messages import Failure, Observation, Reason


class Facts(Struct, frozen=True):
    value: Failure | str = "read"


SAMPLE: Check[Any] = Check(
    Text("样例", "Sample"), Chapter.HOST, facts=Facts, rules=(), reads=(), probe=lambda _: Facts()
)


class Near(LocalHost):
    """This machine in the place of a remote one."""

    def __init__(self) -> None:
        super().__init__()
        self.gone: ProbeError | AgentError | None = None
        self.over = threading.Event()

    def within(self, ends: float, stop: threading.Event) -> Self:
        self.over = stop
        self.ends = ends
        return self

    def lost(self) -> ProbeError | AgentError | None:
        return self.gone


def job(probe: Callable[[Host], object], seconds: float = 5) -> Job:
    return Job("host.sample", replace(SAMPLE, probe=probe), seconds)


def observed(*jobs: Job, host: Near | None = None) -> list[Observation]:
    steps = run_over_channel(jobs, host or Near(), stop=threading.Event())
    return [step for step in steps if isinstance(step, Observation)]


def test_each_job_is_started_and_gives_one_observation() -> None:
    jobs = [job(lambda host: Facts(host.system)), job(lambda _: Facts())]
    steps = list(run_over_channel(jobs, Near(), stop=threading.Event()))
    assert [isinstance(step, Started) for step in steps] == [True, False, True, False]
    assert msgspec.json.decode(steps[1].facts) == {"value": "linux"}  # type: ignore[union-attr]
    cost = steps[1].cost  # type: ignore[union-attr]
    assert (cost.cpu_seconds, cost.peak_memory_bytes) == (0, 0)
    assert cost.wall_seconds > 0


def test_what_a_probe_raises_is_its_result() -> None:
    def refused(_host: Host) -> Facts:
        raise NotPermitted("/etc/shadow", "Permission denied")

    def broken(_host: Host) -> Facts:
        raise ZeroDivisionError("oops")

    def leaving(_host: Host) -> Facts:
        raise SystemExit(3)

    failures = [one.failure for one in observed(job(refused), job(broken), job(leaving))]
    assert failures[0] == Failure(Reason.PERMISSION, "/etc/shadow", "Permission denied")
    assert failures[1] == Failure(Reason.ERROR, "ZeroDivisionError", "oops")
    assert failures[2] == Failure(Reason.ERROR, "SystemExit", "3")


def test_a_probe_that_never_comes_back_is_left_behind_and_may_ask_no_more() -> None:
    release = threading.Event()
    host = Near()

    def hang(_host: Host) -> Facts:
        release.wait(30)
        return Facts()

    began = time.monotonic()
    hung, after = observed(job(hang, 0.2), job(lambda _: Facts()), host=host)
    assert time.monotonic() - began < 8
    assert hung.failure is not None
    assert (hung.failure.reason, hung.failure.subject) == (Reason.TIMEOUT, "0.2 s")
    assert after.failure is None
    assert host.over.is_set()
    release.set()


def test_facts_made_of_refusals_after_the_deadline_do_not_count() -> None:
    def partial(_host: Host) -> Facts:
        def late() -> str:
            time.sleep(0.2)
            raise TimedOut("ls", "no end after 0.1 s")

        return Facts(part(late))

    (one,) = observed(job(partial, 0.1))
    assert one.facts is UNSET
    assert one.failure is not None
    assert one.failure.reason is Reason.TIMEOUT


def test_facts_made_of_a_lost_line_do_not_count_and_nothing_more_is_asked() -> None:
    host = Near()
    asked = []

    def losing(_host: Host) -> Facts:
        asked.append(1)
        host.gone = Unreachable("erp:22", "the connection was lost")
        return Facts(Failure(Reason.UNREACHABLE))

    readings = observed(job(losing), job(losing), host=host)
    expected = Failure(Reason.UNREACHABLE, "erp:22", "the connection was lost")
    assert [one.failure for one in readings] == [expected, expected]
    assert len(asked) == 1


def test_a_record_that_is_lost_ends_the_run_whatever_the_probe_made_of_it() -> None:
    host = Near()

    def unrecorded(_host: Host) -> Facts:
        host.gone = RecordLost(Text("无法写入", "the record can't be written"))
        return Facts()

    with pytest.raises(RecordLost):
        observed(job(unrecorded), host=host)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_stop_ends_the_run_at_once(when: str) -> None:
    stop = threading.Event()
    release = threading.Event()
    if when == "before":
        stop.set()

    def hang(_host: Host) -> Facts:
        stop.set()
        release.wait(30)
        return Facts()

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(run_over_channel([job(hang, 30)], Near(), stop=stop))
    assert time.monotonic() - began < 3
    release.set()


def test_a_run_that_ends_well_stops_nothing_else() -> None:
    stop = threading.Event()
    list(run_over_channel([job(lambda _: Facts())], Near(), stop=stop))
    assert not stop.is_set()
