"""The uptime is the kernel's."""

from pathlib import Path

import pytest

from agent.host import LocalHost
from checks.host import uptime


def test_the_live_uptime_agrees_with_the_kernel() -> None:
    kernel = float(Path("/proc/uptime").read_text().split()[0])
    facts = uptime.probe(LocalHost())
    assert facts.uptime_seconds == pytest.approx(kernel, abs=3)
    assert facts.booted_at.tzinfo is not None
    assert [measure.value for measure in uptime.measures(facts)] == [facts.uptime_seconds]
