"""Which WAL segments have to be there."""

import pytest

from agent.backups.segments import is_before, is_within, missing


def _name(number: int, timeline: int = 1, per_log: int = 256) -> str:
    return f"{timeline:08X}{number // per_log:08X}{number % per_log:08X}"


def test_nothing_is_missing_over_the_end_of_a_log() -> None:
    there = [_name(number) for number in range(250, 270)]
    assert missing(there, there[0], there[-1]) == ()


def test_each_missing_segment_is_named() -> None:
    there = [_name(number) for number in range(250, 270) if number not in (255, 256)]
    assert missing(there, there[0], there[-1]) == (_name(255), _name(256))


def test_the_ends_belong_to_it() -> None:
    assert missing([], _name(5), _name(6)) == (_name(5), _name(6))


def test_a_change_of_the_timeline_is_no_gap() -> None:
    there = [*(_name(number) for number in range(3)), *(_name(n, 2) for n in range(2, 6))]
    assert missing(there, _name(0), _name(5, 2)) == ()


@pytest.mark.parametrize("per_log", [64, 4])
def test_larger_segments_have_fewer_in_a_log(per_log: int) -> None:
    there = [_name(number, per_log=per_log) for number in range(per_log * 3)]
    assert missing(there, there[0], there[-1]) == ()


def test_other_files_are_no_segments() -> None:
    there = [_name(1), _name(2) + ".00000028.backup", "00000002.history", _name(3) + ".partial"]
    assert missing(there, _name(1), _name(3)) == (_name(2), _name(3))


def test_order_is_that_of_the_numbers() -> None:
    assert is_before(_name(255), _name(256))
    assert is_within(_name(256), _name(255), _name(300))
    assert not is_within(_name(301), _name(255), _name(300))
