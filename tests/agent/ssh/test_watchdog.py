"""The watchdog alone: many operations at once, one cut, the right one blamed."""

import threading
import time

import pytest

from agent.ssh.watchdog import Watchdog
from checks.errors import TimedOut
from tests.agent.ssh.reaching import within


def test_the_operation_that_is_over_its_time_is_blamed_and_no_other() -> None:
    cut = threading.Event()
    watchdog = Watchdog(cut.set)
    try:
        with (
            watchdog.over("long", 60),
            within(0.2),
            pytest.raises(TimedOut, match=r"short: took more than 0.2 s"),
            watchdog.over("short", 0.2),
        ):
            assert cut.wait(5)
        assert watchdog.verdict == "short took more than 0.2 s"
    finally:
        watchdog.stop()


def test_a_shorter_time_that_begins_later_is_seen() -> None:
    cuts: list[float] = []
    watchdog = Watchdog(lambda: cuts.append(time.monotonic()))
    try:
        with watchdog.over("long", 60):
            time.sleep(0.1)  # it sleeps until the long one's end now
            began = time.monotonic()
            with pytest.raises(TimedOut), watchdog.over("short", 0.2):
                time.sleep(0.5)
            with watchdog.over("after", 0.01):
                time.sleep(0.1)
    finally:
        watchdog.stop()
    # Once only, and in time.
    [cut] = cuts
    assert 0.19 < cut - began < 0.2 + 1


def test_what_ends_in_time_is_not_blamed() -> None:
    watchdog = Watchdog(pytest.fail)
    try:
        for _ in range(1000):
            with watchdog.over("quick", 0.5):
                pass
        time.sleep(0.6)
        assert watchdog.verdict == ""
    finally:
        watchdog.stop()


def _fail_after(seconds: float) -> None:
    time.sleep(seconds)
    raise ValueError("because of the cut")


def test_an_error_of_the_operation_itself_is_kept() -> None:
    watchdog = Watchdog(lambda: None)
    try:
        with pytest.raises(ValueError, match="its own"), watchdog.over("failing", 5):
            raise ValueError("its own")
        with pytest.raises(TimedOut) as caught, watchdog.over("late", 0.05):
            _fail_after(0.3)
        assert isinstance(caught.value.__cause__, ValueError)
    finally:
        watchdog.stop()


def test_a_line_that_is_heard_is_left_alone_until_it_falls_silent() -> None:
    cut = threading.Event()
    heard = [time.monotonic()]
    watchdog = Watchdog(cut.set)
    try:
        watchdog.listen("db:22", lambda: heard[0], 0.3)
        for _ in range(6):
            time.sleep(0.1)
            heard[0] = time.monotonic()
        assert not cut.is_set()
        assert cut.wait(2)
        assert watchdog.verdict == "nothing came from db:22 for 0.3 s"
    finally:
        watchdog.stop()
