"""The recorder: what it returns from is on the disk, and the chain of what is there is whole."""

import errno
import os
import stat
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import RecordLost
from agent.remote.recorder import LARGEST_WRITE_BYTES, Recorder, resume
from wire import record
from wire.envelope import LARGEST_BYTES
from wire.record import (
    LARGEST_DATA_BYTES,
    CommandRun,
    Ended,
    Event,
    Line,
    Noted,
    Received,
    Resized,
    Sent,
    SessionOpened,
)
from wire.sessions import LARGEST_PART_BYTES

DATA = st.binary(max_size=200)
EVENTS = st.one_of(
    st.builds(Sent, DATA.filter(bool)),
    st.builds(Received, DATA.filter(bool)),
    st.builds(Noted, st.text(st.characters(exclude_categories=["Cs"]), max_size=50)),
    st.builds(Resized, st.integers(0, 1000), st.integers(0, 1000)),
    st.builds(Ended, st.sampled_from(["completed", "lost"]), exit_code=st.integers(0, 255)),
)


def lines_of(path: Path) -> list[Line]:
    with path.open("rb") as file:
        return [line for line, _ in record.read(file)]


def events_of(path: Path) -> list[Event]:
    return [line.event for line in lines_of(path)]


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "record"
    recorder = Recorder(path)
    given = [Noted("巡检"), Sent(b"ls\r"), Received(b"\xff\x00"), Ended("completed", exit_code=3)]
    for event in given:
        recorder.write(event)
    assert events_of(path) == given
    assert (recorder.lines, recorder.ended) == (4, True)
    last = path.read_bytes().splitlines()[-1]
    assert recorder.head == record.digest_of(last)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    recorder.close()
    with pytest.raises(RecordLost, match="ended already"):
        recorder.write(Noted("after"))
    assert events_of(path) == given


@pytest.mark.parametrize("size", [1, LARGEST_DATA_BYTES, LARGEST_DATA_BYTES + 1, 3_000_000])
def test_bytes_of_any_size_become_lines_of_a_size(tmp_path: Path, size: int) -> None:
    path = tmp_path / "record"
    content = os.urandom(size)
    recorder = Recorder(path)
    recorder.write(Received(content))
    pieces = [event.data for event in events_of(path) if isinstance(event, Received)]
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= LARGEST_DATA_BYTES
    assert recorder.lines == len(pieces) == -(-size // LARGEST_DATA_BYTES)


def test_the_largest_grant_fits_into_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "record"
    first = SessionOpened(os.urandom(5000), os.urandom(LARGEST_BYTES), os.urandom(5000))
    recorder = Recorder(path)
    recorder.write(first)
    recorder.close()
    assert events_of(path) == [first]
    assert path.stat().st_size < LARGEST_PART_BYTES
    path.write_bytes(path.read_bytes()[:-1000])
    assert resume(path).lines == 0


def test_a_record_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "record"
    path.write_bytes(b"somebody's")
    with pytest.raises(RecordLost, match="File exists"):
        Recorder(path)
    assert path.read_bytes() == b"somebody's"


def test_two_processes_never_write_one_record(tmp_path: Path) -> None:
    path = tmp_path / "record"
    Recorder(path).write(Noted("one"))
    with pytest.raises(RecordLost, match="another process") as lost:
        resume(path)
    assert "另一个进程" in lost.value.text.zh


def test_the_time_in_a_record_never_goes_back(tmp_path: Path) -> None:
    path = tmp_path / "record"
    ticks = iter([5.0, 4.0, 7.5])
    recorder = Recorder(path, clock=lambda: next(ticks))
    for word in "abc":
        recorder.write(Noted(word))
    assert [line.elapsed for line in lines_of(path)] == [0.0, 0.0, 2.5]


@pytest.mark.parametrize(
    "event",
    [Noted("x" * 2001), Noted("\ud800"), Resized(-1, 5), CommandRun("x" * 2_200_000)],
    ids=["long", "surrogate", "negative", "longer than a line"],
)
def test_what_a_reader_would_refuse_is_not_written(tmp_path: Path, event: Event) -> None:
    path = tmp_path / "record"
    recorder = Recorder(path)
    recorder.write(Noted("first"))
    with pytest.raises(RecordLost, match="does not fit a record"):
        recorder.write(event)
    with pytest.raises(RecordLost):
        recorder.write(Sent(b"more"))
    assert events_of(path) == [Noted("first")]


def test_threads_write_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "record"
    recorder = Recorder(path)

    def write(name: int) -> None:
        for number in range(50):
            recorder.write(Noted(f"{name} {number}"))

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = [event.text for event in events_of(path) if isinstance(event, Noted)]
    assert sorted(told) == sorted(f"{name} {number}" for name in range(4) for number in range(50))
    assert recorder.lines == 200


class Failing:
    """A file whose calls fail, or take less than they are given, as a plan says."""

    def __init__(self, plan: list[str]) -> None:
        self.plan = iter(plan)
        self.content = b""
        self.synced = b""

    def _fails(self, *how: str) -> str:
        wanted = next(self.plan, "")
        if wanted in how and wanted != "short":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return wanted if wanted in how else ""

    def append(self, content: bytes) -> int:
        taken = len(content) // 2 if self._fails("write", "short") else len(content)
        self.content += content[:taken]
        return taken

    def sync(self) -> None:
        self._fails("sync")
        self.synced = self.content

    def cut(self, length: int) -> None:
        self._fails("cut")
        self.content = self.synced = self.content[:length]

    def close(self) -> None:
        pass


@given(
    st.lists(EVENTS, max_size=12),
    st.lists(st.sampled_from(["", "", "", "", "write", "short", "sync", "cut"]), max_size=30),
)
@settings(max_examples=300, deadline=None)
def test_what_was_passed_on_is_in_the_record_whatever_fails(
    events: list[Event], plan: list[str]
) -> None:
    file = Failing(plan)
    ticks = count()
    recorder = Recorder(Path("record"), file=file, clock=lambda: float(next(ticks)))
    passed_on: list[Event] = []
    lost = False
    for event in events:
        try:
            recorder.write(event)
        except RecordLost:
            lost = True
        else:
            assert not lost, "taken after a loss"
            passed_on.append(event)
    whole = file.content.splitlines(keepends=True)
    # Behind what was passed on may stand what failed, where it could not be cut off either.
    read = [line.event for line, _ in record.read(whole[: recorder.lines])]
    assert read == passed_on
    assert file.synced.startswith(b"".join(whole[: recorder.lines]))
    assert recorder.lines == len(passed_on)
    if not lost:
        assert len(whole) == len(passed_on)


def test_an_interrupted_write_is_cut_off_before_the_next(tmp_path: Path) -> None:
    class Interrupted(Failing):
        def sync(self) -> None:
            super().sync()
            if self.content.count(b"\n") == 2:
                self.plan = iter(())
                raise KeyboardInterrupt

    file = Interrupted([])
    recorder = Recorder(tmp_path / "record", file=file)
    recorder.write(Noted("one"))
    with pytest.raises(KeyboardInterrupt):
        recorder.write(Noted("two"))
    recorder._file = plain = Failing([])
    plain.content = file.content
    recorder.write(Noted("three"))
    events = [line.event for line, _ in record.read(plain.content.splitlines())]
    assert events == [Noted("one"), Noted("three")]


@pytest.mark.parametrize("tail", [b"", b'{"number":3,"at"', b"\0" * 4096, b"{}\n", b"rest\n\0\0"])
def test_after_a_crash_the_torn_write_is_cut_and_the_chain_goes_on(
    tmp_path: Path, tail: bytes
) -> None:
    path = tmp_path / "record"
    began = datetime(2026, 11, 22, 8, tzinfo=UTC)
    recorder = Recorder(path, clock=lambda: 100.0, now=lambda: began)
    recorder.write(Noted("one"))
    recorder.write(Noted("two"))
    recorder.close()
    with path.open("ab") as file:
        file.write(tail)
    resumed = resume(path, clock=lambda: 7.0, now=lambda: began + timedelta(seconds=90))
    assert events_of(path) == [Noted("one"), Noted("two")]
    assert (resumed.lines, resumed.head, resumed.ended) == (2, recorder.head, False)
    resumed.write(Ended("interrupted"))
    assert [line.elapsed for line in lines_of(path)] == [0.0, 0.0, 90.0]
    assert resumed.ended


@pytest.mark.parametrize("fault", ["flipped", "garbled", "removed", "doubled"])
def test_a_line_that_others_follow_is_never_cut_away(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "record"
    recorder = Recorder(path)
    for number in range(6):
        recorder.write(Noted(f"event {number}"))
    recorder.close()
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2:3] = {
        "flipped": [lines[2].replace(b"event 2", b"event 9")],
        "garbled": [b"x" + lines[2][1:]],
        "removed": [],
        "doubled": [lines[2], lines[2]],
    }[fault]
    changed = b"".join(lines)
    path.write_bytes(changed)
    with pytest.raises(RecordLost):
        resume(path)
    assert path.read_bytes() == changed


def test_more_than_a_torn_write_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "record"
    recorder = Recorder(path)
    recorder.write(Noted("one"))
    recorder.write(Received(os.urandom(6 * LARGEST_WRITE_BYTES)))
    recorder.close()
    content = bytearray(path.read_bytes())
    content[content.index(b"one")] ^= 1
    path.write_bytes(content)
    with pytest.raises(RecordLost, match="damaged or was changed"):
        resume(path)
    assert path.read_bytes() == content


_WRITER = """
import sys
from pathlib import Path
from agent.remote.recorder import Recorder
from wire.record import Sent
recorder = Recorder(Path(sys.argv[1]))
number = 0
while True:
    recorder.write(Sent(b"%d," % number * 500))
    print(number, flush=True)
    number += 1
"""


def test_a_recorder_that_is_killed_has_kept_what_it_returned_from(tmp_path: Path) -> None:
    path = tmp_path / "record"
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    time.sleep(0.3)
    writer.kill()
    said = writer.stdout.read().split()
    writer.wait()
    writer.stdout.close()
    resumed = resume(path)
    assert resumed.lines >= int(said[-1]) + 1
    resumed.write(Ended("interrupted"))
    sent = [event.data for event in events_of(path)[:-1] if isinstance(event, Sent)]
    assert sent == [b"%d," % number * 500 for number in range(resumed.lines - 1)]


def test_ten_mebibytes_are_kept_in_seconds(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "record")
    piece = os.urandom(LARGEST_WRITE_BYTES)
    began = time.monotonic()
    for _ in range(10 * 2**20 // LARGEST_WRITE_BYTES):
        recorder.write(Received(piece))
    assert time.monotonic() - began < 10
