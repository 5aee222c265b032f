"""The engineer's side of a shell: a terminal, or pipes."""

import fcntl
import os
import select
import signal
import struct
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

TERMINAL = "xterm-256color"
"""Where $TERM says nothing."""
_PIECE_BYTES = 2**15
_SHOWN_BYTES = select.PIPE_BUF
"""A pipe that is ready takes as much without a wait."""
_SAYING_SECONDS = 1.0
_BEAT_MILLISECONDS = 100
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Gone(Exception):
    """Nobody is there any more to show something to."""


class Near:
    """Where the engineer types, and where he reads."""

    def __init__(self, stdin: int, stdout: int) -> None:
        """Take two descriptors; they stay the caller's."""
        self.stdin = stdin
        self._stdout = stdout
        self._own: int | None = None
        self.is_terminal = os.isatty(stdin)
        self.signalled = ""
        """Name of the signal that asked this program to end; else empty."""
        self.resized = False
        """Set when the terminal has another size; whoever looks at it clears it."""
        self._woken, self._wake = os.pipe()
        for descriptor in (self._woken, self._wake):
            os.set_blocking(descriptor, False)

    @property
    def terminal(self) -> str:
        """Return the kind of the terminal."""
        kind = os.environ.get("TERM", "")
        return kind if kind.isascii() and kind.isprintable() and kind else TERMINAL

    def size(self) -> tuple[int, int]:
        """Return columns and rows; of a terminal that doesn't know, 80 and 24."""
        try:
            answer = fcntl.ioctl(self.stdin, termios.TIOCGWINSZ, bytes(8))
        except OSError:
            return 80, 24
        rows, columns, _, _ = struct.unpack("HHHH", answer)
        return (columns, rows) if columns and rows else (80, 24)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Take the terminal: each key goes through, signals are noted; all is put back at the end.

        Without a terminal only the signals are taken, and those in the main thread alone.
        """
        before = termios.tcgetattr(self.stdin) if self.is_terminal else None
        handlers = self._take_signals()
        try:
            if before is not None:
                tty.setraw(self.stdin, termios.TCSANOW)
            with self._unblocked():
                yield
        finally:
            if before is not None:
                with suppress(termios.error):  # a terminal that is gone needs nothing put back
                    # What was typed for the host is not for the shell of this computer.
                    termios.tcflush(self.stdin, termios.TCIFLUSH)
                    termios.tcsetattr(self.stdin, termios.TCSANOW, before)
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def close(self) -> None:
        """Let go of what this has opened itself."""
        os.close(self._woken)
        os.close(self._wake)

    def wake(self) -> None:
        """Let `wait` return at once; from any thread, and from a signal."""
        with suppress(OSError):  # full: it is awake already; closed: nobody waits any more
            os.write(self._wake, b".")

    def wait(self, others: list[int], seconds: float) -> set[int]:
        """Return which of the descriptors can be read, after that many seconds at most."""
        poll = select.poll()
        for descriptor in (*others, self._woken):
            poll.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(seconds * 1000)}
        if self._woken in ready:
            with suppress(BlockingIOError):
                os.read(self._woken, 4096)
        return ready

    def read(self) -> bytes:
        """Return what was typed; empty: no more comes."""
        try:
            return os.read(self.stdin, _PIECE_BYTES)
        except OSError:  # EIO: the terminal is gone
            return b""

    def show(self, content: bytes, stopped: Callable[[], bool] = lambda: False) -> None:
        """Show all of it, or what can be shown until `stopped`. Raise Gone."""
        descriptor = self._stdout if self._own is None else self._own
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        left = memoryview(content)
        while left and not stopped():
            if not poll.poll(_BEAT_MILLISECONDS):
                continue
            try:
                left = left[os.write(descriptor, left[:_SHOWN_BYTES]) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise Gone from error

    def say(self, sentence: str) -> None:
        """Show a sentence of ours: on the terminal, or beside what the host prints."""
        if self.is_terminal and os.isatty(self._stdout):
            lines = sentence.replace("\n", "\r\n")
            ends = time.monotonic() + _SAYING_SECONDS
            with suppress(Gone):
                self.show(f"\r\n{lines}\r\n".encode(), lambda: time.monotonic() > ends)
        else:
            print(sentence, file=sys.stderr, flush=True)

    @contextmanager
    def _unblocked(self) -> Iterator[None]:
        """Open the terminal once more for what is shown: one that stands still holds nobody up."""
        try:
            name = os.ttyname(self._stdout)
            self._own = os.open(name, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError:  # a pipe, a file, or a terminal of another user
            self._own = None
        try:
            yield
        finally:
            if self._own is not None:
                os.close(self._own)
                self._own = None

    def _take_signals(self) -> dict[int, "signal._HANDLER"]:
        if threading.current_thread() is not threading.main_thread():
            return {}
        taken = {number: signal.signal(number, self._end) for number in _ENDING}
        taken[signal.SIGWINCH] = signal.signal(signal.SIGWINCH, self._resize)
        return {int(number): handler for number, handler in taken.items()}

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self.signalled = signal.Signals(number).name
        self.wake()

    def _resize(self, _number: int, _frame: FrameType | None) -> None:
        self.resized = True
        self.wake()
