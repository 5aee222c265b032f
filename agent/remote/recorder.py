"""The record of a session, written: each event is on the disk when `write` returns.

Lines are those of wire/record.py. After the first event that could not be kept nothing is taken any
more, so that nothing more reaches the host. What a failed write left behind is cut off again: the
chain stays whole. Where even that fails, the reader of the record tells.
"""

import errno
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from agent.errors import RecordLost
from agent.remote.record_file import FileOnDisk, RecordFile
from checks.api import Text
from wire import record
from wire.errors import WireError
from wire.record import LARGEST_DATA_BYTES, LARGEST_LINE_BYTES, Ended, Event, Line, Received, Sent

LARGEST_WRITE_BYTES = 16 * LARGEST_DATA_BYTES
"""Of the terminal, kept by one write and one wait for the disk."""

_LOST = Text(
    "会话记录 {file} 写不下去了：{why}。会话已结束，不会再有任何内容发往主机；"
    "请检查该目录所在的磁盘，再重新开始。",
    "The record of the session, {file}, can't be written: {why}. The session is over, nothing more "
    "goes to the host; look at the disk of that folder, then start again.",
)
_SHORT = Text(
    "磁盘已满或超出配额（只写入 {taken} / {size} 字节）",
    "the disk is full or a quota is reached ({taken} of {size} bytes)",
)
_UNFIT = Text("其中一项不符合记录的格式（{why}）", "an event does not fit a record ({why})")
_FULL = Text("磁盘已满或超出配额", "the disk is full or a quota is reached")
_BUSY = Text("另一个进程正在写它", "another process writes it")
_ENDED = Text("记录已经结束", "it has ended already")
_BROKEN = Text("它的内容不完整或被改动过（{why}）", "it is damaged or was changed ({why})")


class _Place(Struct, frozen=True):
    """How far the record has come: one value, so that it can't be half true."""

    lines: int = 0
    head: str = ""
    bytes: int = 0
    elapsed: float = 0.0
    ended: bool = False


class Recorder:
    """Appends to one record; several threads may."""

    def __init__(
        self,
        path: Path,
        *,
        file: RecordFile | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin a record in a file that is not there yet. Raise RecordLost."""
        self.path = path
        self._clock, self._now = clock, now
        self._lock = threading.Lock()
        self._lost: Text | None = None
        self._torn = False
        self._began: float | None = None
        self._place = _Place()
        try:
            self._file = FileOnDisk(path, new=True) if file is None else file
        except OSError as error:
            raise RecordLost(_words(path, _why(error))) from error

    @property
    def lines(self) -> int:
        """Return how many lines are on the disk."""
        return self._place.lines

    @property
    def head(self) -> str:
        """Return the digest of the last of them, for the Closing; empty where there is none."""
        return self._place.head

    @property
    def ended(self) -> bool:
        """Return whether the last of them is an Ended."""
        return self._place.ended

    def write(self, event: Event) -> None:
        """Keep an event; it is on the disk when this returns. Raise RecordLost.

        Bytes of the terminal become as many lines as they need.
        """
        with self._lock:
            if self._lost is not None:
                raise RecordLost(self._lost)
            for group in _groups(event):
                self._append(group)

    def close(self) -> None:
        """Let go of the file; nothing is taken any more."""
        with self._lock:
            if self._lost is None:
                self._lost = _words(self.path, _ENDED)
            with suppress(OSError):  # what was written is on the disk already
                self._file.close()

    def _append(self, events: list[Event]) -> None:
        try:
            content, place = self._chained(events)
        except (msgspec.MsgspecError, UnicodeError, WireError) as error:
            raise self._lose(_UNFIT.format(why=str(error))) from error
        try:
            if self._torn:  # a signal came in the middle of a write
                self._file.cut(self._place.bytes)
            self._torn = True
            taken = self._file.append(content)
            if taken == len(content):
                self._file.sync()
        except OSError as error:
            self._cut_back()
            raise self._lose(_why(error)) from error
        if taken != len(content):
            self._cut_back()
            raise self._lose(_SHORT.format(taken=taken, size=len(content)))
        self._place = place
        self._torn = False

    def _chained(self, events: list[Event]) -> tuple[bytes, _Place]:
        """Return the lines of events, and where the record stands with them."""
        place = self._place
        clock = self._clock()
        if self._began is None:
            self._began = clock
        elapsed = max(place.elapsed, round(clock - self._began, 6))
        at = self._now()
        content = bytearray()
        for event in events:
            line = record.packed(Line(place.lines + 1, at, elapsed, event, place.head))
            _demand_readable(line)
            content += line
            place = _Place(
                place.lines + 1,
                record.digest_of(line),
                place.bytes + len(line),
                elapsed,
                isinstance(event, Ended),
            )
        return bytes(content), place

    def _cut_back(self) -> None:
        with suppress(OSError):  # then a torn tail stays, which a reader finds and `resume` cuts
            self._file.cut(self._place.bytes)

    def _lose(self, why: Text) -> RecordLost:
        self._lost = _words(self.path, why)
        return RecordLost(self._lost)


_LARGEST_TORN_BYTES = LARGEST_LINE_BYTES + 2 * LARGEST_WRITE_BYTES
"""Of one write, its lines included."""


def resume(
    path: Path,
    *,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Recorder:
    """Open a record again whose writer has died, and cut off the write that it died in.

    Raise RecordLost where more than one write is not whole, or where lines follow what can't be
    read: no crash leaves that, and nothing of it is cut.
    """
    try:
        file = FileOnDisk(path, new=False)
        with path.open("rb") as content:
            place, at, broken = _read_through(content)
            content.seek(place.bytes)
            left = content.read(_LARGEST_TORN_BYTES + 1)
        if len(left) > _LARGEST_TORN_BYTES or any(
            _is_line(each) for each in left.split(b"\n")[:-1]
        ):
            file.close()
            raise RecordLost(_words(path, _BROKEN.format(why=broken)))
        file.cut(place.bytes)
    except OSError as error:
        raise RecordLost(_words(path, _why(error))) from error
    resumed = Recorder(path, file=file, clock=clock, now=now)
    resumed._place = place
    since = max(0.0, (now() - at).total_seconds()) if at is not None else 0.0
    resumed._began = clock() - place.elapsed - since
    return resumed


def _is_line(content: bytes) -> bool:
    try:
        msgspec.json.decode(content, type=Line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _read_through(file: BinaryIO) -> tuple[_Place, datetime | None, str]:
    """Return where the whole lines of a file end, when the last was written, and what follows."""
    place, at = _Place(), None
    lines = _whole_lines(file)
    sizes: list[int] = []

    def measured() -> Iterator[bytes]:
        for line in lines:
            sizes[:] = [len(line)]
            yield line

    try:
        for line, digest in record.read(measured()):
            ended = isinstance(line.event, Ended)
            place = _Place(line.number, digest, place.bytes + sizes[0], line.elapsed, ended)
            at = line.at
    except WireError as error:
        return place, at, str(error)
    return place, at, "a line without an end"


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    while (line := file.readline(LARGEST_LINE_BYTES + 2)).endswith(b"\n"):
        yield line


def _groups(event: Event) -> Iterator[list[Event]]:
    """Yield what is written at once: lines of the terminal's bytes, or the one event."""
    if not isinstance(event, Sent | Received):
        yield [event]
        return
    for start in range(0, len(event.data), LARGEST_WRITE_BYTES):
        group = event.data[start : start + LARGEST_WRITE_BYTES]
        yield [
            type(event)(group[place : place + LARGEST_DATA_BYTES])
            for place in range(0, len(group), LARGEST_DATA_BYTES)
        ]


def _demand_readable(line: bytes) -> None:
    """Raise what a reader would: limits stand in the types, and encoding does not look at them."""
    if len(line) > LARGEST_LINE_BYTES:
        raise WireError(f"{len(line)} bytes")
    msgspec.json.decode(line, type=Line)


def _words(path: Path, why: Text) -> Text:
    return _LOST.format(file=str(path), why=why)


def _why(error: OSError) -> Text:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _FULL
    if error.errno == errno.EWOULDBLOCK:
        return _BUSY
    return Text.same(error.strerror or str(error))
