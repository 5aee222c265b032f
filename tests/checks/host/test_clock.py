"""Reading the clock's offset from three time services."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.errors import ProbeError, UnexpectedOutput
from checks.host.clock import Facts, parse_chrony, parse_ntpq, parse_timesync

PARSERS = [parse_chrony, parse_ntpq, parse_timesync]
REAL = {
    parse_chrony: "CB6B0658,203.107.6.88,3,1.5,0.000512345,-0.1,0.2,-12.3,0.001,0.045,0.03,0.001,"
    "1037.4,Normal",
    parse_ntpq: "     remote           refid      st t when poll reach   delay   offset  jitter\n"
    "*10.1.1.5        203.107.6.88     2 u   36   64  377    0.311  -1.6   0.405\n",
    parse_timesync: "       Server: 10.1.1.5 (a)\n      Stratum: 2\n       Offset: -1min 3.5s\n",
}


def test_a_span_of_systemd_has_several_units() -> None:
    assert parse_timesync(REAL[parse_timesync]).offset_seconds == pytest.approx(-63.5)


def test_a_refusal_in_place_of_an_answer_is_no_answer() -> None:
    for parse in PARSERS:
        with pytest.raises(UnexpectedOutput):
            parse("506 Cannot talk to daemon\n")


@given(st.sampled_from(PARSERS), st.text())
def test_any_text_gives_facts_or_a_probe_error(parse: Callable[[str], Facts], text: str) -> None:
    with suppress(ProbeError):
        assert isinstance(parse(text), Facts)


@given(st.sampled_from(PARSERS), st.integers(0, 200))
def test_a_cut_answer_gives_facts_or_a_probe_error(
    parse: Callable[[str], Facts], length: int
) -> None:
    with suppress(ProbeError):
        assert isinstance(parse(REAL[parse][:length]), Facts)
