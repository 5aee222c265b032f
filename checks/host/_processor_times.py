"""Processor times over a window: the readings, and the shares computed from them."""

import itertools
import math
import time
from collections.abc import Sequence
from typing import Any

import psutil
from msgspec import Struct

BUSY_TIMES = ("user", "nice", "system", "irq", "softirq", "steal")
"""Disjoint parts of busy time. Guest time stands in `user` already; Windows' interrupt and DPC
time stand in `system` already."""
_IDLE_TIMES = ("idle", "iowait")


class Share(Struct, frozen=True):
    """A share of all processor time: over the whole window, and over its samples."""

    average_percent: float
    p95_percent: float
    max_percent: float


def processor_times(samples: int, interval_seconds: float = 1) -> tuple[list[Any], float]:
    """Return samples + 1 readings of psutil.cpu_times(), and how many seconds they span."""
    started = time.monotonic()
    readings = [psutil.cpu_times()]
    for _ in range(samples):
        time.sleep(interval_seconds)
        readings.append(psutil.cpu_times())
    return readings, round(time.monotonic() - started, 1)


def share(readings: Sequence[Any], parts: Sequence[str]) -> Share:
    """Return what share of all time the named parts took, over at least two readings.

    Not psutil.cpu_times_percent: it is wrong where less than one CPU second passes in between.
    """
    samples = sorted(
        _percent(before, after, parts) for before, after in itertools.pairwise(readings)
    )
    return Share(
        average_percent=round(_percent(readings[0], readings[-1], parts), 2),
        p95_percent=round(samples[math.ceil(0.95 * len(samples)) - 1], 2),
        max_percent=round(samples[-1], 2),
    )


def _percent(before: Any, after: Any, parts: Sequence[str]) -> float:  # noqa: ANN401 - psutil's tuples differ by system
    # The kernel's idle and iowait counters may step back a little; time never does.
    passed = {
        name: max(0.0, getattr(after, name, 0.0) - getattr(before, name, 0.0))
        for name in (*BUSY_TIMES, *_IDLE_TIMES)
    }
    total = sum(passed.values())
    return 100 * sum(passed[name] for name in parts) / total if total else 0.0
