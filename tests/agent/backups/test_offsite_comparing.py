"""Two listings joined by name, and the blocks of a sample."""

import os
import unicodedata
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.backups.offsite.comparing import (
    Clock,
    Joined,
    Wanted,
    copy_of,
    file_state,
    final_names,
    join_key,
    manifest_digest,
)
from agent.backups.offsite.sampling import BLOCK_BYTES, cost, sample
from agent.backups.offsite.side import Entry
from checks.backup_sets import CopyState, PointState, RestorePoint

NOW = 1_800_000_000.0
OLD = NOW - 7200
CLOCK = Clock(NOW, settle_seconds=600)
POINT = RestorePoint(id="a", started_at=datetime(2026, 11, 21, tzinfo=UTC))


def joined(*entries: Entry) -> Joined:
    return Joined({entry.path: entry for entry in entries})


def state(*there: Entry, size: int = 10, grown: tuple[str, ...] = ()) -> CopyState:
    return file_state(Wanted("d/a", size), joined(*there), CLOCK, frozenset(grown))


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ((), CopyState.MISSING),
        ((Entry("d/a", 10, OLD),), CopyState.SAME_SIZE),
        ((Entry("d/a", 9, OLD),), CopyState.SIZE_DIFFERS),
        ((Entry("d/a", 0, OLD),), CopyState.EMPTY),
        ((Entry("d/a", 10, NOW - 60),), CopyState.PENDING),
        ((Entry("d/a", 10, NOW + 60),), CopyState.PENDING),
        ((Entry("d/a", 10, NOW + 86400),), CopyState.SAME_SIZE),
        ((Entry("d/a.partial", 3, NOW - 7200),), CopyState.PENDING),
        ((Entry("d/.a.Xy12Ab", 3, NOW - 7200),), CopyState.PENDING),
        ((Entry("d/a.0c1d2e3f.partial", 3, NOW - 7200),), CopyState.PENDING),
        ((Entry("d/a.filepart", 3, NOW - 3 * 86400),), CopyState.MISSING),
        ((Entry("e/a", 10, OLD), Entry("a", 10, OLD)), CopyState.MISSING),
    ],
)
def test_the_state_of_one_file(there: tuple[Entry, ...], expected: CopyState) -> None:
    assert state(*there) is expected


def test_what_grew_between_two_looks_is_pending() -> None:
    assert state(Entry("d/a", 9, OLD), grown=("d/a",)) is CopyState.PENDING
    abandoned = Entry("d/a.partial", 3, NOW - 3 * 86400)
    assert state(abandoned, grown=("d/a.partial",)) is CopyState.PENDING


def test_a_file_that_is_called_partial_here_is_itself() -> None:
    both = joined(Entry("a.tmp", 10, OLD))
    assert file_state(Wanted("a.tmp", 10), both, CLOCK, frozenset()) is CopyState.SAME_SIZE


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"a": 10, "b": 10}, CopyState.SAME_SIZE),
        ({"a": 10}, CopyState.MISSING),
        ({"a": 10, "b": 9}, CopyState.SIZE_DIFFERS),
        ({"a": 9, "b": 0}, CopyState.EMPTY),
        ({"a": 9}, CopyState.MISSING),
        ({"a": 10, "b.partial": 4}, CopyState.PENDING),
    ],
)
def test_of_several_files_the_worst_counts(states: dict[str, int], expected: CopyState) -> None:
    there = joined(*(Entry(path, size, NOW - 3600) for path, size in states.items()))
    wanted = (Wanted("a", 10), Wanted("b", 10))
    assert copy_of(POINT, wanted, there, CLOCK, frozenset()).state is expected


def test_empty_files_inside_of_a_restore_point_are_no_fault() -> None:
    there = joined(Entry("a", 10, OLD), Entry("b", 0, OLD))
    copy = copy_of(POINT, (Wanted("a", 10), Wanted("b", 0)), there, CLOCK, frozenset())
    assert (copy.state, copy.bytes) == (CopyState.SAME_SIZE, 10)


def test_a_restore_point_of_nothing_is_never_the_same() -> None:
    there = joined(Entry("a", 0, OLD))
    assert copy_of(POINT, (Wanted("a", 0),), there, CLOCK, frozenset()).state is CopyState.EMPTY


def test_the_copy_of_what_grows_here_is_pending() -> None:
    growing = RestorePoint(id="a", started_at=POINT.started_at, state=PointState.GROWING)
    copy = copy_of(growing, (Wanted("a", 9),), joined(Entry("a", 8, OLD)), CLOCK, frozenset())
    assert copy.state is CopyState.PENDING


def test_a_time_that_no_calendar_has_is_survived() -> None:
    there = joined(Entry("a", 1, 1e18))
    copy = copy_of(POINT, (Wanted("a", 1),), there, CLOCK, frozenset())
    assert copy.modified_at is not None


@pytest.mark.parametrize(
    "other",
    [
        os.fsdecode("备份Ü".encode("gb18030")),
        unicodedata.normalize("NFD", "备份Ü"),
        unicodedata.normalize("NFC", "备份Ü"),
    ],
)
def test_a_name_is_one_in_every_writing(other: str) -> None:
    assert join_key(other) == "备份Ü"
    entry = Entry(other, 1, OLD)
    assert joined(entry).of("备份Ü") == entry


def test_two_files_that_read_alike_are_told_apart_or_not_at_all() -> None:
    gbk, utf8 = os.fsdecode("备份".encode("gbk")), "备份"
    both = joined(Entry(gbk, 1, OLD), Entry(utf8, 2, OLD))
    assert both.of(gbk) == Entry(gbk, 1, OLD)
    assert both.of(utf8) == Entry(utf8, 2, OLD)
    composed, decomposed = "Ü", unicodedata.normalize("NFD", "Ü")
    doubled = joined(Entry(f"{composed}e\u0301", 1, OLD), Entry(f"{decomposed}é", 2, OLD))
    assert doubled.of("Üé") is None


def test_what_is_there_and_not_here_is_counted_without_partial_files() -> None:
    there = joined(Entry("a", 1, OLD), Entry("b", 1, OLD), Entry("c.partial", 1, OLD))
    assert there.others(["a", "z"]) == ["b"]


@given(st.text(max_size=20))
def test_no_name_breaks_the_search_for_partial_names(name: str) -> None:
    assert all(final != name for final in final_names(f"d/{name}"))


def test_the_digest_of_several_files_is_that_of_their_sha256sum() -> None:
    assert manifest_digest({"d/x": "aa"}) == "aa"
    lines = b"aa  b/c\nbb  x\n"
    assert manifest_digest({"d/x": "bb", "d/b/c": "aa"}) == sha256(lines).hexdigest()


SIZES = st.lists(st.integers(0, 3 * 2**20), min_size=1, max_size=40)


@given(SIZES, st.text(max_size=5))
def test_a_sample_lies_inside_of_the_files(sizes: list[int], seed: str) -> None:
    files = [Wanted(f"f{number}", size) for number, size in enumerate(sizes)]
    chosen = sample(files, seed)
    by_path = {wanted.path: wanted.bytes for wanted in files}
    for path, ranges in chosen.items():
        assert list(ranges) == sorted(set(ranges))
        for offset, length in ranges:
            assert 0 < length <= BLOCK_BYTES
            assert offset + length <= by_path[path]
    assert 0 <= cost(chosen) <= sum(sizes)
    assert bool(chosen) == any(sizes)
    assert chosen == sample(files, seed)


def test_head_and_tail_are_always_in_the_sample() -> None:
    [(path, ranges)] = sample([Wanted("large", 10**9 + 1)], "seed").items()
    assert path == "large"
    assert ranges[0] == (0, BLOCK_BYTES)
    assert sum(ranges[-1]) == 10**9 + 1
    assert 60 <= len(ranges) <= 66
    assert sample([Wanted("large", 10**9 + 1)], "other") != {path: ranges}
