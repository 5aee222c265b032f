"""One command on the connection: under a deadline, with a stop, and in the record."""

import hashlib
import math
import threading
import time

from msgspec import Struct, field

from agent.errors import AgentError
from agent.remote.recording import Recording
from agent.ssh.connection import Connection
from agent.ssh.running import Running
from checks.errors import ProbeError, TimedOut, UnexpectedOutput, Unreachable
from wire.record import CommandEnded, CommandRun, Event

LONGEST_COMMAND_BYTES = 90_000
"""The record takes a little more in one line (wire.record.CommandRun)."""
GREETING_BYTES = 2**16
"""What a shell may print of itself, beside the answer."""
_BEAT_SECONDS = 0.1


class Trouble(Struct):
    """What ends more than one reading; the runner looks at it after each."""

    record: AgentError | None = None
    """The record can't be kept: nothing more may reach the host."""


class Answer(Struct, frozen=True):
    """What a command printed, greeting and all."""

    output: bytes
    errors: bytes


class Asking(Struct, frozen=True):
    """How commands reach the host."""

    connection: Connection
    recording: Recording
    ends: float = math.inf
    """When the time of all of them is over (time.monotonic)."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set by whoever wants an end at once."""
    trouble: Trouble = field(default_factory=Trouble)

    def ask(
        self,
        command: str,
        feed: str,
        *,
        subject: str,
        seconds: float,
        limit_bytes: int,
        meaning: str = "",
    ) -> Answer:
        """Run a command, feed it, and return what it printed when both its streams have ended.

        `meaning` stands in the record behind a command that nobody can read.
        Raise TimedOut after `seconds` or at `ends`: this channel alone is closed then, and the
        connection goes on. Raise UnexpectedOutput for more than limit_bytes (and a greeting),
        Unreachable for a line that is lost, and RecordLost, before anything was sent, where the
        command can't be recorded.
        """
        words = "\n".join(filter(None, (command, feed, meaning)))
        if len(words.encode("utf-8", "surrogateescape")) > LONGEST_COMMAND_BYTES:
            raise UnexpectedOutput(subject, "the command for it is too long")
        ends = min(self.ends, time.monotonic() + seconds)
        self.demand_time(subject, ends, seconds)
        self._record(CommandRun(words.encode("utf-8", "replace").decode()))
        output = bytearray()
        errors = b""
        code: int | None = None
        try:
            most = limit_bytes + GREETING_BYTES
            left = max(0.001, ends - time.monotonic())
            with self.connection.start(
                command, subject=subject, errors_bytes=most, seconds=left
            ) as running:
                try:
                    running.send(feed.encode("utf-8", "surrogateescape"))
                    running.end_input()
                except UnexpectedOutput:
                    pass  # it has ended before it read all: what it printed tells why
                self._drain(running, output, subject, ends, seconds, limit_bytes)
                errors = running.errors
                code = running.exit_code(max(0.001, ends - time.monotonic()))
        finally:
            digest = hashlib.sha256(output).hexdigest()
            self._record(CommandEnded(code, len(output), digest, len(errors)))
        return Answer(bytes(output), errors)

    def demand_time(self, subject: str, ends: float, seconds: float) -> None:
        """Raise TimedOut where the time is over or somebody wants an end."""
        if self.stop.is_set():
            raise TimedOut(subject, "stopped")
        if time.monotonic() >= ends:
            raise TimedOut(subject, f"no end after {seconds:g} s")

    def lost(self) -> ProbeError | AgentError | None:
        """Return why nothing more can be asked: the record, or the line; None: all is well."""
        if self.trouble.record is not None:
            return self.trouble.record
        if not self.connection.transport.is_active():
            return Unreachable(str(self.connection.server), "the connection was lost")
        return None

    def _drain(
        self,
        running: Running,
        output: bytearray,
        subject: str,
        ends: float,
        seconds: float,
        limit_bytes: int,
    ) -> None:
        while True:
            self.demand_time(subject, ends, seconds)
            piece = running.receive(min(_BEAT_SECONDS, max(0.001, ends - time.monotonic())))
            if piece is None:
                return
            output += piece
            if len(output) > limit_bytes + GREETING_BYTES:
                raise UnexpectedOutput(subject, f"more than {limit_bytes} bytes")

    def _record(self, event: Event) -> None:
        try:
            self.recording(event)
        except AgentError as error:
            # The probe's runner catches all that a probe raises: this must outlive it.
            self.trouble.record = error
            raise
