"""What ends a shell from outside."""

import threading
import time
from collections.abc import Callable

import pytest

from agent.errors import Unreached
from agent.remote.shell import texts
from agent.remote.shell.watch import Limits, Watch
from checks.api import Text
from tests.agent.remote.shell.desk import wait_for
from wire.grants import Denial


def watching(
    limits: Limits,
    still_permitted: Callable[[], Denial | None] = lambda: None,
    cut: Callable[[], None] = lambda: None,
) -> Watch:
    return Watch(limits, still_permitted, wake=lambda: None, cut=cut)


def test_a_loop_that_does_not_leave_is_cut_off() -> None:
    cut = threading.Event()
    with watching(Limits(left=0), cut=cut.set):
        assert cut.wait(1)


def test_a_loop_that_leaves_is_not() -> None:
    cut = threading.Event()
    with watching(Limits(left=0), cut=cut.set) as watch:
        wait_for(lambda: watch.is_over)
        watch.left()
        assert not cut.wait(0.6)


def test_a_collector_out_of_reach_denies_nothing() -> None:
    asked = threading.Semaphore(0)

    def ask() -> Denial | None:
        asked.release()
        raise Unreached(Text.same("no way"))

    with watching(Limits(left=3600, ask=0.01), ask) as watch:
        for _ in range(3):
            assert asked.acquire(timeout=5)
        assert not watch.is_over


@pytest.mark.parametrize("denial", list(Denial))
def test_each_denial_is_told(denial: Denial) -> None:
    with watching(Limits(left=3600, ask=0.01), lambda: denial) as watch:
        wait_for(lambda: watch.is_over)
    assert watch.verdict == texts.DENIED.format(why=texts.why(denial))
    assert texts.why(denial).zh in str(watch.verdict)


def test_the_time_is_that_of_a_clock_that_nobody_sets() -> None:
    now = [1000.0]
    watch = Watch(
        Limits(left=100, warn=60),
        lambda: None,
        wake=lambda: None,
        cut=lambda: None,
        clock=lambda: now[0],
    )
    with watch:
        time.sleep(0.6)
        assert (watch.warning, watch.verdict) == (None, None)
        now[0] = 1041.0
        wait_for(lambda: watch.warning is not None)
        assert watch.warning == texts.GRANT_ENDS.format(seconds=59)
        now[0] = 1100.0
        wait_for(lambda: watch.is_over)
    assert watch.verdict == texts.GRANT_ENDED
