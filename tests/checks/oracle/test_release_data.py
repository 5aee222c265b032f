"""The table of Oracle's releases is dated, and Release Updates stand in their order."""

from itertools import pairwise

import pytest

from checks import lifecycle
from checks.oracle._release import _ordinal


@pytest.mark.parametrize("cycle", ["11.2", "12.1", "12.2", "18", "19", "21", "23"])
def test_every_release_that_is_asked_for_is_known(cycle: str) -> None:
    entry = lifecycle.find("oracle-database", cycle)
    assert entry is not None
    assert entry.end_of_support is not None
    assert entry.released is not None
    if entry.latest:
        assert entry.latest.split(".")[0] == cycle
        assert entry.latest_released is not None
        assert entry.released < entry.latest_released < entry.end_of_support


def test_release_updates_stand_in_their_order() -> None:
    # 23.26.0 (October 2025) followed 23.9 (July 2025); then the third number counts quarters.
    line = [(23, 4), (23, 9), (23, 26, 0), (23, 26, 3), (23, 27, 0)]
    assert all(_ordinal(older) < _ordinal(newer) for older, newer in pairwise(line))
    assert _ordinal((23, 26, 3, 0, 0)) - _ordinal((23, 9, 0, 0, 0)) == 4
    assert _ordinal((19, 32)) - _ordinal((19, 24, 0, 0, 0)) == 8
