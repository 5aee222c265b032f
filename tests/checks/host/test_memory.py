"""Memory figures are those that `free` shows; a missing counter is never a pass."""

import subprocess
from datetime import UTC, datetime

import psutil
import pytest

from agent.host import LocalHost
from checks.api import Past, State
from checks.errors import UnexpectedOutput, Unsupported
from checks.host import memory
from checks.host.memory import Facts, KillThresholds, SwapThresholds
from wire.messages import Failure, Reason


def test_the_live_facts_agree_with_free() -> None:
    rows = {
        line.split()[0]: [int(field) for field in line.split()[1:]]
        for line in subprocess.check_output(["free", "-b"], text=True).splitlines()[1:]
    }
    facts = memory.probe(LocalHost())
    assert facts.total_bytes == rows["Mem:"][0]
    assert facts.available_bytes == pytest.approx(rows["Mem:"][5], rel=0.2)
    assert facts.swap_total_bytes == rows["Swap:"][0]
    assert isinstance(facts.oom_kills_since_boot, int)


def test_a_counter_that_is_no_number_is_said_to_be_unreadable() -> None:
    with pytest.raises(UnexpectedOutput):
        memory.oom_kills("nr_free_pages 1\noom_kill many\n")


def test_an_old_kernel_without_the_counter_is_unsupported() -> None:
    with pytest.raises(Unsupported):
        memory.oom_kills("nr_free_pages 1\noom_killer 3\n")


def test_swap_that_windows_hides_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise RuntimeError("PdhAddEnglishCounterW failed")

    class WindowsHost(LocalHost):
        system = "windows"

    monkeypatch.setattr(psutil, "swap_memory", refuse)
    facts = memory.probe(WindowsHost())
    past: Past[Facts] = Past(datetime.now(UTC))
    failure = Failure(Reason.UNSUPPORTED, "swap_memory", "PdhAddEnglishCounterW failed")
    assert facts.swap_used_bytes == failure
    assert [v.state for v in memory.swapped(facts, SwapThresholds(), past)] == [State.NOT_RUN]
    assert [v.state for v in memory.killed(facts, KillThresholds(), past)] == [State.NOT_APPLICABLE]
