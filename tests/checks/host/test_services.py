"""Reading units and restarts from systemctl."""

from contextlib import suppress
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from checks.api import Past, State
from checks.errors import ProbeError
from checks.host.services import (
    Facts,
    Restarts,
    RestartThresholds,
    Unit,
    crash_loops,
    parse_restarts,
    parse_units,
)

LISTING = (
    "● mnt-backup.mount  loaded failed   failed  /mnt/backup\n"
    "  sshd.service      loaded active   running OpenSSH server daemon\n"
)
WEB = Unit("web.service", "loaded", "active", "running")


def judged(count: int, before: int, elapsed_seconds: float) -> State:
    past = Past(
        datetime(2026, 11, 21, tzinfo=UTC),
        Facts((WEB,), (Restarts(WEB.name, before),)),
        elapsed_seconds,
        same_boot=True,
    )
    facts = Facts((WEB,), (Restarts(WEB.name, count),))
    (verdict,) = crash_loops(facts, RestartThresholds(), past)
    return verdict.state


def test_restarts_over_a_month_are_brought_to_a_week() -> None:
    assert judged(10, 0, 86400) is State.CRITICAL
    assert judged(10, 0, 40 * 86400) is State.OK


def test_a_count_that_fell_began_again_at_zero() -> None:
    assert judged(4, 50, 86400) is State.WARNING


@given(st.text())
def test_any_text_gives_facts_or_a_probe_error(text: str) -> None:
    with suppress(ProbeError):
        assert isinstance(parse_units(text), tuple)
    with suppress(ProbeError):
        assert isinstance(parse_restarts(text), tuple)


@given(st.integers(0, len(LISTING)))
def test_a_cut_listing_gives_facts_or_a_probe_error(length: int) -> None:
    with suppress(ProbeError):
        assert parse_units(LISTING[:length])


@given(st.text(alphabet="0123456789Id=NRestarts\n.²"))
def test_odd_counts_give_facts_or_a_probe_error(text: str) -> None:
    with suppress(ProbeError):
        assert isinstance(parse_restarts(text), tuple)
