"""A batch survives the way, and what isn't one is refused within bounds."""

import gzip
import re
import tracemalloc
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.messages import batch_of, header, observation
from wire.batch import Limits, digest_of, encode_line, open_batch, seal, unpack
from wire.errors import Damaged, TooLarge, Unreadable, WireError

FACTS = st.dictionaries(
    st.text(st.characters(exclude_characters="\x00", codec="utf-8")), st.integers(0, 2**53)
)


@given(st.lists(FACTS, max_size=5))
def test_what_is_sealed_is_what_is_opened(facts: list[dict[str, int]]) -> None:
    observations = [observation("sample.load", each) for each in facts]
    opened = open_batch(batch_of(*observations).payload)
    assert [msgspec.json.decode(each.facts) for each in opened.observations] == facts
    assert opened.rejected == ()


def test_the_same_lines_give_the_same_bytes() -> None:
    assert batch_of(observation("sample.load", {"load": 1})) == batch_of(
        observation("sample.load", {"load": 1})
    )


def test_the_digest_names_the_packed_bytes() -> None:
    batch = batch_of()
    assert batch.digest == digest_of(batch.payload)


@given(st.binary(max_size=300))
def test_any_bytes_are_opened_or_refused_with_a_sentence(payload: bytes) -> None:
    with pytest.raises(WireError, match=r"\.$"):
        open_batch(payload)


@given(st.binary(max_size=300))
def test_any_unpacked_bytes_are_opened_or_refused(text: bytes) -> None:
    with pytest.raises(WireError):
        open_batch(gzip.compress(text))


@given(st.integers(min_value=0))
def test_a_batch_cut_anywhere_is_damaged(position: int) -> None:
    payload = batch_of(observation("sample.load", {"load": 1})).payload
    with pytest.raises(Damaged):
        unpack(payload[: position % len(payload)])


def test_bytes_behind_the_end_are_damage() -> None:
    with pytest.raises(Damaged, match="behind the end"):
        unpack(batch_of().payload + b"x")


def test_a_bomb_is_refused_without_being_inflated() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(512)) + packer.flush()
    tracemalloc.start()
    with pytest.raises(TooLarge):
        unpack(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2.5 * Limits().unpacked_bytes


def test_too_many_packed_bytes_are_refused_unread() -> None:
    with pytest.raises(TooLarge, match="at most 10 are taken"):
        unpack(b"x" * 11, Limits(packed_bytes=10))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"check":"sample.load"', "truncated"),
        (b"[]", "Expected `object`"),
        (b'{"facts":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "recursion"),
        (b'{"facts":{"load":NaN}}', "malformed"),
        (b'{"facts":{"load":Infinity}}', "malformed"),
        (b'{"facts":"\\u0000"}', "U\\+0000"),
        (b'{"facts":"\xff"}', "utf-8"),
        (b"\x00", "malformed"),
    ],
    ids=["cut", "array", "deep", "nan", "infinity", "nul", "bad utf-8", "no json"],
)
def test_a_line_that_is_no_observation_does_not_hold_up_the_others(line: bytes, why: str) -> None:
    good = encode_line(observation("sample.load", {"load": 1}))
    opened = open_batch(seal(header(2), [line, good]).payload)
    assert [each.check for each in opened.observations] == ["sample.load"]
    assert [each.line for each in opened.rejected] == [2]
    assert re.search(why, str(opened.rejected[0].reason))


def test_an_escaped_backslash_before_u0000_is_text() -> None:
    opened = open_batch(batch_of(observation("sample.load", {"path": "\\u0000"})).payload)
    assert opened.rejected == ()


def test_an_observation_with_neither_facts_nor_failure_is_refused() -> None:
    line = msgspec.json.encode(
        {
            "check": "sample.load",
            "observed_at": "2026-11-21T08:00:00Z",
            "monotonic_seconds": 1,
            "cost": {"cpu_seconds": 0, "wall_seconds": 0, "peak_memory_bytes": 0},
        }
    )
    opened = open_batch(seal(header(1), [line]).payload)
    assert "either facts or a failure" in opened.rejected[0].reason


def test_a_later_major_version_is_unreadable() -> None:
    with pytest.raises(Unreadable, match=r"wire version 2\.0"):
        open_batch(seal(msgspec.structs.replace(header(0), wire="2.0"), []).payload)


def test_unknown_fields_of_a_newer_agent_are_ignored() -> None:
    line = msgspec.json.decode(encode_line(observation("sample.load", {"load": 1})))
    line["added_in_1_9"] = {"anything": [1, 2]}
    opened = open_batch(seal(header(1), [msgspec.json.encode(line)]).payload)
    assert opened.rejected == ()


def test_a_line_that_is_missing_is_told() -> None:
    opened = open_batch(seal(header(3), []).payload)
    assert "counts 3 lines, there are 0" in opened.rejected[0].reason
