"""Answers come before conclusions, and no batch waits for ever."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from collector.assessment.worker import CALM, LONGEST_WAIT, may_assess
from tests.messages import START

SECONDS = st.floats(0, 100).map(lambda seconds: timedelta(seconds=seconds))


@given(SECONDS, SECONDS)
def test_the_assessment_waits_for_a_pause_but_not_for_ever(
    age: timedelta, spread: timedelta
) -> None:
    oldest, newest = START - age - spread, START - age
    assert may_assess(oldest, newest, START) == (age >= CALM or age + spread >= LONGEST_WAIT)
