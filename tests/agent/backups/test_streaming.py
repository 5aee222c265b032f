"""One pass over a file: the same answers however the bytes are cut into chunks."""

import bz2
import gzip
import hashlib
import lzma
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as some

from agent.backups import streaming
from agent.backups.budget import RunBudget
from agent.backups.coding import coding_of
from agent.backups.damage import Damaged
from agent.backups.streaming import Content, Seen, pass_over
from checks.errors import NotPermitted, TimedOut, ToolMissing, UnexpectedOutput
from wire.messages import Reason

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
_DATA = some.binary(max_size=3000)
_SIZES = some.lists(some.integers(1, 700), min_size=1, max_size=20)


def _nothing(_head: bytes) -> None:
    """Consume nothing."""


def _seen(path: Path) -> Seen:
    found = pass_over(str(path), path.name, RunBudget(2**40, 60), _nothing)
    assert found is not None
    return found


def _chunks(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    place = turn = 0
    while place < len(data):
        size = sizes[turn % len(sizes)]
        yield data[place : place + size]
        place, turn = place + size, turn + 1


@given(some.sampled_from(sorted(PACKERS)), some.lists(_DATA, min_size=1, max_size=3), _SIZES)
def test_streams_one_behind_the_other_are_undone_at_any_chunk_boundary(
    name: str, parts: list[bytes], sizes: list[int]
) -> None:
    packed = b"".join(PACKERS[name](part) for part in parts)
    coding = coding_of(packed)
    assert coding is not None
    assert coding.name == name
    undone = b"".join(coding.decode(_chunks(packed, sizes), lambda: 60.0))
    assert undone == b"".join(parts)


@given(some.sampled_from(sorted(PACKERS)), _DATA, _SIZES, some.data())
def test_a_stream_that_is_cut_anywhere_is_damaged(
    name: str, data: bytes, sizes: list[int], drawn: some.DataObject
) -> None:
    packed = PACKERS[name](data)
    cut = drawn.draw(some.integers(12, len(packed) - 1))
    coding = coding_of(packed)
    assert coding is not None
    with pytest.raises(Damaged):
        list(coding.decode(_chunks(packed[:cut], sizes), lambda: 60.0))


@given(_DATA, _SIZES, some.lists(some.integers(0, 900), max_size=12))
def test_reading_and_the_ends_of_the_content_don_t_depend_on_the_chunks(
    data: bytes, sizes: list[int], asked: list[int]
) -> None:
    content = Content(_chunks(data, sizes))
    assert content.peek(10) == data[:10]
    place = 0
    for size in asked:
        assert content.read(size) == data[place : place + size]
        place += size
    content.drain()
    assert content.bytes == len(data)
    assert content.nonzero_end == len(data.rstrip(b"\0"))
    assert content.head == data[: streaming.HEAD_BYTES]
    assert content.tail == data[-streaming.TAIL_BYTES :]


@how(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(data=_DATA, zeros=some.integers(0, 5000))
def test_the_digest_is_that_of_the_bytes_as_they_lie_there(
    tmp_path: Path, data: bytes, zeros: int
) -> None:
    raw = gzip.compress(data) + bytes(zeros)
    (tmp_path / "file").write_bytes(raw)
    seen = _seen(tmp_path / "file")
    assert seen.digest == hashlib.sha256(raw).hexdigest()
    assert (seen.coding, seen.content_bytes, seen.fault) == ("gzip", len(data), "")
    assert seen.raw_zeros == len(raw) - len(raw.rstrip(b"\0"))


@pytest.mark.parametrize("tool", ["zstd", "lz4"])
def test_what_python_can_t_undo_goes_through_the_host_s_tool(tmp_path: Path, tool: str) -> None:
    data = os.urandom(300_000) + b"text" * 500_000
    packed = subprocess.run([tool, "-q", "-c"], input=data, capture_output=True, check=True).stdout
    (tmp_path / "file").write_bytes(packed)
    seen = _seen(tmp_path / "file")
    assert (seen.coding, seen.content_bytes, seen.fault) == (tool, len(data), "")
    assert seen.tail == data[-streaming.TAIL_BYTES :]
    (tmp_path / "file").write_bytes(packed[:-100])
    cut = _seen(tmp_path / "file")
    assert cut.fault.startswith(f"{tool}: ")
    assert cut.digest == hashlib.sha256(packed[:-100]).hexdigest()


def test_a_tool_that_is_absent_keeps_us_from_looking_but_not_from_hashing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = subprocess.run(["zstd", "-c"], input=b"x", capture_output=True, check=True).stdout
    (tmp_path / "file").write_bytes(packed)

    def absent(name: str) -> str:
        raise ToolMissing(name)

    monkeypatch.setattr("agent.backups.piping.find_tool", absent)
    seen = _seen(tmp_path / "file")
    assert seen.hindrance is not None
    assert (seen.hindrance.reason, seen.hindrance.subject) == (Reason.MISSING_TOOL, "zstd")
    assert seen.digest == hashlib.sha256(packed).hexdigest()


def test_a_file_that_changes_while_it_is_read_is_not_told_of(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(100))

    def grow(_head: bytes) -> None:
        with file.open("ab") as opened:
            opened.write(b"more")

    assert pass_over(str(file), "file", RunBudget(2**40, 60), grow) is None


def test_a_file_that_is_replaced_while_it_is_read_is_not_told_of(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"one")

    def replace(_head: bytes) -> None:
        other = tmp_path / "other"
        other.write_bytes(b"two")
        shutil.copystat(file, other)
        other.rename(file)

    assert pass_over(str(file), "file", RunBudget(2**40, 60), replace) is None


def test_time_that_runs_out_in_mid_file_ends_the_pass(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(3 * streaming.CHUNK_BYTES))
    with pytest.raises(TimedOut, match="budget"):
        pass_over(str(tmp_path / "file"), "file", RunBudget(2**40, -1), _nothing)


def test_links_pipes_and_what_may_not_be_read_are_errors(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "gone"):
        with pytest.raises(UnexpectedOutput, match=name):
            _seen(tmp_path / name)
    if os.geteuid() != 0:
        (tmp_path / "closed").write_bytes(b"x")
        (tmp_path / "closed").chmod(0)
        with pytest.raises(NotPermitted):
            _seen(tmp_path / "closed")
