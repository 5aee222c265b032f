"""Names are cut to what every database takes, and two that differ stay two."""

from hypothesis import given
from hypothesis import strategies as st

from collector.assessment.naming import MOST_BYTES, MOST_CHARACTERS, bounded

LONG = st.builds(lambda start, end: start + "数" * 400 + end, st.text(max_size=3), st.text("ab\0"))


@given(LONG)
def test_a_name_fits(name: str) -> None:
    kept = bounded(name)
    assert len(kept) <= MOST_CHARACTERS
    assert len(kept.encode()) <= MOST_BYTES
    assert "\0" not in kept


def test_a_name_that_fits_is_left_alone() -> None:
    assert bounded("/数据/账套") == "/数据/账套"


@given(LONG, LONG)
def test_names_that_differ_only_at_the_end_stay_two(one: str, other: str) -> None:
    one, other = one.replace("\0", ""), other.replace("\0", "")
    assert (bounded(one) == bounded(other)) == (one == other)
