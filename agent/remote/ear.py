"""What the answering side hears: lines, and whether the workstation is still there at all.

One process, no threads: probes are forked. A timer looks at the input a few times a second while
the inspection runs. Where nobody is there any more it does what TERM does, which agent/isolation.py
holds back while it forks.
"""

import os
import select
import signal
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import msgspec

from agent.errors import RemoteError
from agent.remote.lines import LARGEST_LINE_BYTES, FromWorkstation, heard_from_workstation
from checks.api import Text

SILENT_SECONDS = 60.0
"""Without a sign of life from the workstation, which gives one every few seconds."""
_TICK_SECONDS = 0.25
_AGAIN_SECONDS = 5.0
"""After which an interruption that was lost (in a destructor) is repeated."""
_LEAVE_SECONDS = 30.0
_MOST_LINES = 100
_PIECE_BYTES = 2**16
_POLL_SECONDS = 0.25

_NO_LINE = Text(
    "工作站发来的内容无法理解（{detail}）：两端的代理版本是否一致？",
    "what the workstation says can't be understood ({detail}): are both agents of one version?",
)


class Gone(KeyboardInterrupt):
    """The workstation is not there any more, or somebody ends this process."""


class Ear:
    """Listens to one descriptor."""

    def __init__(self, descriptor: int, silent_seconds: float = SILENT_SECONDS) -> None:
        self._descriptor = descriptor
        self._silent_seconds = silent_seconds
        self._received = bytearray()
        self._lines: deque[bytes] = deque()
        self._heard = time.monotonic()
        self._ended = False
        self._busy = False
        self._interrupted = -_AGAIN_SECONDS

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Interrupt the block (KeyboardInterrupt) once nobody is there, and on TERM and HUP.

        Behind it nothing interrupts any more, for this process is about to end: what it started
        and wrote is being removed. If that takes too long, it ends all the same.
        """
        signal.signal(signal.SIGTERM, self._interrupt)
        signal.signal(signal.SIGHUP, self._end_itself)
        signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, _TICK_SECONDS, _TICK_SECONDS)
        try:
            yield
        finally:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, _LEAVE_SECONDS)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)

    def hear(self) -> FromWorkstation:
        """Return the next message. Raise RemoteError for what is none; Gone."""
        while not self._lines:
            self._busy = True
            try:
                self._take(_POLL_SECONDS)
            finally:
                self._busy = False
            if self._is_over():
                raise Gone
        line = self._lines.popleft()
        try:
            message = heard_from_workstation(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise RemoteError(_NO_LINE.format(detail=str(error)[:300])) from error
        if message is None:
            raise RemoteError(_NO_LINE.format(detail=f"{len(line)} bytes without a mark"))
        return message

    def _is_over(self) -> bool:
        silent = time.monotonic() - self._heard > self._silent_seconds
        return (self._ended and not self._lines) or silent

    def _take(self, seconds: float) -> bool:
        """Take what is there; return whether there was something. Raise RemoteError."""
        if self._ended or not select.select([self._descriptor], [], [], seconds)[0]:
            return False
        piece = os.read(self._descriptor, _PIECE_BYTES)
        self._ended = not piece
        self._heard = time.monotonic()
        first = len(self._received)
        self._received += piece
        while (end := self._received.find(b"\n", first)) >= 0:
            line = bytes(self._received[:end])
            del self._received[: end + 1]
            first = 0
            if line.strip():  # an empty one only says that somebody is there
                self._lines.append(line)
        # Nobody who is what he should be says so much: it ends like a line that was cut.
        if len(self._received) > LARGEST_LINE_BYTES or len(self._lines) > _MOST_LINES:
            raise RemoteError(_NO_LINE.format(detail=f"> {LARGEST_LINE_BYTES} bytes"))
        return bool(piece)

    def _look(self, number: int, frame: FrameType | None) -> None:
        if self._busy:
            return
        try:
            while self._take(0):
                pass
        except RemoteError:
            self._ended = True
        if self._ended or self._is_over():
            self._end_itself(number, frame)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        # Once: what it sets going, the end of the probes, is not to be interrupted itself.
        if time.monotonic() - self._interrupted > _AGAIN_SECONDS:
            self._interrupted = time.monotonic()
            raise Gone

    def _end_itself(self, _number: int, _frame: FrameType | None) -> None:
        # By the signal that is held back around a fork, so that no probe is lost sight of.
        os.kill(os.getpid(), signal.SIGTERM)
