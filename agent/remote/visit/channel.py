"""A command on the host: what it prints comes in pieces, and the record says that it was run."""

import hashlib
import shlex
import threading
import time
from types import TracebackType
from typing import Protocol, Self

from agent.errors import Stopped
from agent.remote.recording import Recording
from checks.api import Text
from checks.errors import TimedOut, UnexpectedOutput
from wire.record import CommandEnded, CommandRun

BEAT_SECONDS = 0.2
"""So soon a stop is noticed."""

STOPPED = Text("远程巡检已停止", "the remote inspection was stopped")


class Command(Protocol):
    """A command that runs (agent.ssh.running.Running)."""

    def send(self, content: bytes | memoryview) -> None:
        """Give it input, all of it."""

    def end_input(self) -> None:
        """Tell it that no more comes."""

    def receive(self, timeout: float) -> bytes | None:
        """Return what it printed; empty after the timeout, None at its end."""

    @property
    def errors(self) -> bytes:
        """What it has complained about so far."""

    def exit_code(self, timeout: float) -> int:
        """Return its exit code, once `receive` has returned None."""

    def close(self) -> None:
        """Close it, whether it has ended or not."""


class Line(Protocol):
    """A connection (agent.ssh.connection.Connection)."""

    def start(self, command: str, *, subject: str) -> Command:
        """Start a command."""


class Channel:
    """A command that runs, in the record. Close it at the end, best by `with`."""

    def __init__(
        self, line: Line, script: str, subject: str, record: Recording, *, plain: bool = False
    ) -> None:
        command = script if plain else in_shell(script)
        record(CommandRun(command))
        self._record = record
        self._digest = hashlib.sha256()
        self._bytes = 0
        self._exit_code: int | None = None
        self._closed = False
        self._received = bytearray()
        self._command = line.start(command, subject=subject)
        self.subject = subject

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def errors(self) -> bytes:
        """What it has complained about so far."""
        return self._command.errors

    def send(self, content: bytes) -> None:
        """Give it input, all of it."""
        self._command.send(content)

    def end_input(self) -> None:
        """Tell it that no more comes."""
        self._command.end_input()

    def receive(self, timeout: float) -> bytes | None:
        """Return what it printed; empty after the timeout, None at its end."""
        piece = self._command.receive(timeout)
        if piece:
            self._digest.update(piece)
            self._bytes += len(piece)
        return piece

    def line(self, timeout: float, limit_bytes: int) -> bytes | None:
        """Return the next line without its end; empty after the timeout, None at the end of all.

        Empty lines are passed over. Raise UnexpectedOutput for a line beyond the limit.
        """
        ends = time.monotonic() + timeout
        first = 0
        while True:
            end = self._received.find(b"\n", first)
            if end >= 0:
                found = bytes(self._received[:end]).rstrip(b"\r")
                del self._received[: end + 1]
                first = 0
                if found:
                    return found
                continue
            first = len(self._received)
            if first > limit_bytes:
                raise UnexpectedOutput(self.subject, f"a line of more than {limit_bytes} bytes")
            piece = self.receive(max(0.0, ends - time.monotonic()))
            if piece is None:
                found = bytes(self._received)
                self._received.clear()
                return found or None
            if not piece:
                return b""
            self._received += piece

    def exit_code(self, timeout: float) -> int:
        """Return its exit code, once all it printed was taken."""
        self._exit_code = self._command.exit_code(timeout)
        return self._exit_code

    def all_of_it(self, seconds: float, limit_bytes: int, stop: threading.Event) -> bytes:
        """Return what it prints until its end.

        Raise TimedOut, UnexpectedOutput for more than the limit, Stopped, and what the line does.
        """
        ends = time.monotonic() + seconds
        printed = bytearray()
        while (piece := self.receive(BEAT_SECONDS)) is not None:
            printed += piece
            if len(printed) > limit_bytes:
                raise UnexpectedOutput(self.subject, f"printed more than {limit_bytes} bytes")
            demand_going(stop)
            if time.monotonic() > ends:
                raise TimedOut(self.subject, f"took more than {seconds:.3g} s")
        return bytes(printed)

    def close(self) -> None:
        """Close it, whether it has ended or not, and record that. Closing again does nothing."""
        if self._closed:
            return
        self._closed = True
        errors = len(self._command.errors)
        self._command.close()
        self._record(CommandEnded(self._exit_code, self._bytes, self._digest.hexdigest(), errors))


def in_shell(script: str) -> str:
    """Return the command that runs a script by a POSIX shell, whatever the user's own shell is.

    The lines of the script become one: not every shell has strings of several lines.
    """
    return f"sh -c {shlex.quote(' '.join(line.strip() for line in script.split(chr(10))))}"


def demand_going(stop: threading.Event) -> None:
    """Raise Stopped once it is set."""
    if stop.is_set():
        raise Stopped(STOPPED)


def words(output: bytes, most: int = 300) -> str:
    """Return the first line of what a command printed, without what a terminal would obey."""
    text = output.decode("utf-8", "replace")
    lines = (
        "".join(letter for letter in line if letter.isprintable()) for line in text.splitlines()
    )
    return next((line.strip()[:most] for line in lines if line.strip()), "")
