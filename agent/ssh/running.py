"""A command or a shell that is running at the other side: bytes both ways, never without an end."""

import time
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from agent.ssh.library import paramiko
from checks.errors import ProbeError, TimedOut, UnexpectedOutput, Unreachable

if TYPE_CHECKING:
    from paramiko import Channel

    from agent.ssh.connection import Connection

ERRORS_BYTES = 2**16
"""Kept of what a command complains about, by default."""
_PIECE_BYTES = 2**16
_BEAT_SECONDS = 0.1
_SHORTEST_SECONDS = 0.001
_LEAVE_SECONDS = 0.9
"""To tell a server that a channel is closed, once its time is over."""


class Ended(UnexpectedOutput):
    """The command has ended, or has closed its input."""


class Running:
    """A command that runs. One thread may send while another receives.

    Both of its streams are drained by `receive`, `send` and `exit_code`, so that it never waits for
    somebody who reads the other one; only its output waits for `receive`, 8 MiB of it.
    """

    def __init__(
        self,
        connection: "Connection",
        channel: "Channel",
        subject: str,
        errors_bytes: int = ERRORS_BYTES,
    ) -> None:
        self._connection = connection
        self._channel = channel
        self._errors = bytearray()
        self._errors_bytes = errors_bytes
        self._timed_out = False
        self._left = False
        self.subject = subject
        channel.settimeout(_BEAT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timed_out = self._timed_out or isinstance(error, TimedOut)
        self.close()

    @property
    def errors(self) -> bytes:
        """What it has written to its standard error so far, up to the limit."""
        return bytes(self._errors)

    @property
    def input_is_open(self) -> bool:
        """Tell whether it may still take input."""
        return not (self._channel.closed or self._channel.eof_sent)

    def send(self, content: bytes | memoryview) -> None:
        """Give it input, all of it.

        Raise Ended where it takes no more; TimedOut where it takes nothing for the silence that the
        limits allow; Unreachable.
        """
        left = memoryview(content)
        limit = self._connection.limits.silence
        ends = time.monotonic() + limit
        while left:
            if sent := self.offer(left):
                left = left[sent:]
                ends = time.monotonic() + limit
            elif time.monotonic() >= ends:
                raise self.over_time(f"took no input for {limit:.3g} s")
            self._take_errors()

    def offer(self, content: memoryview) -> int:
        """Give it what it takes at once of some input, or waits for at most a tenth of a second.

        Return how many bytes it took. Raise as `send`.
        """
        with self._working():
            try:
                sent: int = self._channel.send(content[:_PIECE_BYTES])
            except TimeoutError:
                return 0
            except OSError as error:
                self._demand_line()
                raise Ended(self.subject, "takes no more input") from error
        if not sent:
            self._demand_line()
            raise Ended(self.subject, "takes no more input")
        return sent

    @property
    def takes_input(self) -> bool:
        """Tell whether `offer` would not have to wait."""
        ready: bool = self._channel.send_ready()
        return ready

    def end_input(self) -> None:
        """Tell it that no more input comes; telling it again does nothing."""
        if self.input_is_open:
            with self._working():
                self._channel.shutdown_write()

    def receive(self, timeout: float) -> bytes | None:
        """Return what it printed, as soon as there is something.

        Empty: nothing came within the timeout (seconds). None: it has closed its output. Raise
        Unreachable where the connection was lost.
        """
        ends = time.monotonic() + timeout
        while True:
            self._take_errors()
            left = ends - time.monotonic()
            if left <= 0 and not self._channel.recv_ready() and not self._has_ended():
                return b""
            piece = self._take(min(max(left, _SHORTEST_SECONDS), _BEAT_SECONDS))
            if piece:
                return piece
            if piece is None:
                self._take_errors()
                if not self._channel.eof_received:
                    self._demand_line()
                return None

    def exit_code(self, timeout: float) -> int:
        """Return its exit code, once `receive` has returned None.

        Raise TimedOut; UnexpectedOutput where it ended without one, by a signal; Unreachable.
        """
        ends = time.monotonic() + timeout
        while not self._channel.exit_status_ready():
            left = ends - time.monotonic()
            if left <= 0:
                raise self.over_time(f"has not ended after {timeout:.3g} s")
            self._take_errors()
            self._channel.status_event.wait(min(left, _BEAT_SECONDS))
        self._take_errors()
        code: int = self._channel.exit_status
        if code < 0:
            self._demand_line()
            raise UnexpectedOutput(self.subject, "ended without an exit code")
        return code

    def close(self) -> None:
        """Close it, whether it has ended or not; closing again does nothing."""
        if self._left:
            return
        self._left = True
        seconds = _LEAVE_SECONDS if self._timed_out else self._connection.limits.request
        # A line that broke is told by what broke it; closing it says nothing new.
        with (
            suppress(paramiko().SSHException, EOFError, OSError, ProbeError),
            self._connection.watchdog.over(f"{self.subject}: closing", seconds),
        ):
            self._channel.close()

    def over_time(self, said: str) -> TimedOut:
        """Return the error of a command whose caller has no more time for it."""
        # From here on nobody waits long for this channel; the connection is still good.
        self._timed_out = True
        return TimedOut(self.subject, said)

    def _working(self) -> AbstractContextManager[None]:
        return self._connection.working(self.subject, self._connection.limits.silence)

    def _take(self, seconds: float) -> bytes | None:
        with self._working():
            self._channel.settimeout(seconds)
            try:
                piece: bytes = self._channel.recv(_PIECE_BYTES)
            except TimeoutError:
                return b""
            finally:
                self._channel.settimeout(_BEAT_SECONDS)
        return piece or None

    def _take_errors(self) -> None:
        while self._channel.recv_stderr_ready():
            with self._working():
                try:
                    piece: bytes = self._channel.recv_stderr(_PIECE_BYTES)
                except TimeoutError:  # another thread was faster
                    return
            self._errors += piece[: self._errors_bytes - len(self._errors)]

    def _has_ended(self) -> bool:
        return bool(self._channel.eof_received or self._channel.closed)

    def _demand_line(self) -> None:
        if not self._connection.transport.is_active():
            said = self._connection.watchdog.verdict or "the connection was lost"
            raise Unreachable(str(self._connection.server), f"{self.subject}: {said}")


class Shell(Running):
    """A shell with a terminal: what it prints and its errors come as one stream."""

    def resize(self, columns: int, rows: int) -> None:
        """Tell it that the terminal has another size now."""
        if not self._channel.closed:
            with self._working():
                self._channel.resize_pty(columns, rows)

    def fileno(self) -> int:
        """Return a descriptor that is readable when `receive` has something, for select."""
        descriptor: int = self._channel.fileno()
        return descriptor
