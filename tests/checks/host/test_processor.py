"""Processor shares are computed over a window, whatever the system's counters do."""

from collections import namedtuple
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.api import Past, State
from checks.host import processor
from checks.host._processor_times import BUSY_TIMES, processor_times, share
from checks.host.processor import Facts, LoadThresholds, Share

Linux = namedtuple("Linux", "user nice system idle iowait irq softirq steal guest guest_nice")
Windows = namedtuple("Windows", "user system idle interrupt dpc")
QUIET = Share(1.0, 1.0, 1.0)


def linux(**passed: float) -> Linux:
    return Linux(**{name: passed.get(name, 0.0) for name in Linux._fields})


def test_the_average_is_of_the_whole_window_and_the_maximum_of_one_sample() -> None:
    readings = [linux(), linux(user=1.0), linux(user=1.0, idle=3.0)]
    assert share(readings, BUSY_TIMES) == Share(25.0, 100.0, 100.0)


def test_guest_time_is_not_counted_twice() -> None:
    readings = [linux(), linux(user=1.0, guest=1.0, idle=1.0)]
    assert share(readings, BUSY_TIMES).average_percent == 50.0


def test_interrupts_are_not_counted_twice_on_windows() -> None:
    readings = [Windows(0, 0, 0, 0, 0), Windows(0, 1, 1, 0.5, 0.5)]
    assert share(readings, BUSY_TIMES).average_percent == 50.0


def test_a_window_of_less_than_a_cpu_second_is_not_called_busy() -> None:
    readings = [linux(), linux(idle=0.2)]
    assert share(readings, BUSY_TIMES).average_percent == 0.0


def test_an_iowait_counter_that_steps_back_counts_as_nothing() -> None:
    readings = [linux(iowait=5.0), linux(iowait=4.0, idle=1.0)]
    assert share(readings, ("iowait",)).average_percent == 0.0


@given(
    st.lists(
        st.tuples(*[st.floats(0, 1000)] * len(Linux._fields)).map(lambda row: Linux(*row)),
        min_size=2,
        max_size=12,
    )
)
def test_a_share_lies_between_nothing_and_everything(readings: list[Linux]) -> None:
    result = share(readings, BUSY_TIMES)
    assert 0 <= result.average_percent <= 100
    assert 0 <= result.p95_percent <= result.max_percent <= 100


def test_the_live_window_agrees_with_the_kernels_counters() -> None:
    def counters() -> list[int]:
        return [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]

    before = counters()
    readings, seconds = processor_times(3, 0.5)
    passed = [after - before for after, before in zip(counters(), before, strict=True)]
    idle_percent = 100 * (passed[3] + passed[4]) / sum(passed)
    assert seconds == pytest.approx(1.5, abs=0.5)
    assert share(readings, BUSY_TIMES).average_percent == pytest.approx(100 - idle_percent, abs=10)


def test_load_without_a_known_number_of_cores_is_not_judged() -> None:
    facts = Facts(8.0, 8, None, None, busy=QUIET, load1=1.0, load5=1.0, load15=1.0)
    [verdict] = processor.load(facts, LoadThresholds(), Past(datetime.now(UTC)))
    assert verdict.state is State.NOT_RUN
    assert [measure.name for measure in processor.measures(facts)] == [
        "busy_average_percent",
        "busy_p95_percent",
    ]


def test_the_probe_gives_loads_and_cores_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    from agent.host import LocalHost

    monkeypatch.setattr(processor, "WINDOW_SECONDS", 1)
    facts = processor.probe(LocalHost())
    assert facts.samples == 1
    assert facts.logical_cores == psutil.cpu_count()
    assert facts.iowait is not None
    assert facts.steal is not None
    assert facts.load15 == pytest.approx(float(Path("/proc/loadavg").read_text().split()[2]), abs=1)
