"""A shell between the engineer and the host: recorded first, passed on then."""

from collections.abc import Callable

from msgspec import Struct

from agent.errors import RecordLost
from agent.remote.recorder import LARGEST_WRITE_BYTES
from agent.remote.recording import Recording
from agent.remote.shell import texts
from agent.remote.shell.escapes import Escapes, Wish
from agent.remote.shell.near import Gone, Near
from agent.remote.shell.starting import Far, started
from agent.remote.shell.watch import Limits, Watch
from agent.ssh.connection import Connection
from agent.ssh.running import Ended
from checks.api import Text
from checks.errors import ProbeError, UnexpectedOutput
from wire.grants import Denial
from wire.record import Noted, Received, Resized, Sent

COMPLETED, INTERRUPTED, LOST, REFUSED = "completed", "interrupted", "lost", "refused"
"""As in wire.sessions.Closing."""
_WAIT_SECONDS = 1.0
_SENDING_SECONDS = 0.005
_EXIT_SECONDS = 10.0


class Outcome(Struct, frozen=True):
    """How a shell has ended."""

    how: str
    detail: Text
    exit_code: int | None = None


def hold(
    connection: Connection,
    record: Recording,
    stdin: int,
    stdout: int,
    *,
    limits: Limits,
    still_permitted: Callable[[], Denial | None],
    spoken: Callable[[Text], str],
) -> Outcome:
    """Hold a shell until one of both sides, the grant or the collector ends it.

    What is typed is in the record before it is sent, what comes before it is shown. Raise
    RecordLost, the shell being closed already; NotPermitted, Unreachable, TimedOut where none
    begins. `still_permitted` is asked in a thread of its own.
    """
    near = Near(stdin, stdout)
    try:
        with started(connection, near) as far:
            watch = Watch(limits, still_permitted, wake=near.wake, cut=far.leave)
            shell = _Shell(far, near, record, watch, spoken)
            try:
                outcome = shell.hold()
            except RecordLost:
                watch.left()
                far.leave()
                raise
            if outcome.exit_code is None:
                watch.left()
                far.leave()
            shell.note_unsent()
            return outcome
    finally:
        near.close()


class _Shell:
    def __init__(
        self,
        far: Far,
        near: Near,
        record: Recording,
        watch: Watch,
        spoken: Callable[[Text], str],
    ) -> None:
        self._far = far
        self._near = near
        self._record = record
        self._watch = watch
        self._spoken = spoken
        self._escapes = Escapes() if near.is_terminal else None
        self._unsent = memoryview(b"")
        """Recorded, and not yet taken by the host."""
        self._typing = True
        self._deaf = False
        """The host takes no more input."""

    def hold(self) -> Outcome:
        if self._near.is_terminal:
            self._record(Resized(*self._near.size()))
        with self._near.held(), self._watch:
            try:
                while (outcome := self._turn()) is None:
                    pass
            except ProbeError as error:
                return self._broken(error)
            except Gone:
                return Outcome(INTERRUPTED, texts.TERMINAL_GONE)
            return outcome

    def note_unsent(self) -> None:
        """Say in the record what of it the host never got."""
        if self._unsent:
            self._record(Noted(texts.UNSENT.format(bytes=len(self._unsent)).en))

    def _turn(self) -> Outcome | None:
        """Pass on what there is; return how it ended, None while it goes on."""
        watched = [self._far.fileno()]
        if self._typing and not self._unsent:
            watched.append(self._near.stdin)
        sending = self._unsent and not self._deaf
        ready = self._near.wait(watched, _SENDING_SECONDS if sending else _WAIT_SECONDS)
        if self._watch.verdict is not None:
            return Outcome(REFUSED, self._watch.verdict)
        if self._near.signalled:
            return Outcome(INTERRUPTED, texts.SIGNAL.format(signal=self._near.signalled))
        self._look_after()
        if self._near.stdin in ready and not self._read():
            return Outcome(COMPLETED, texts.LEFT)
        self._send()
        if self._far.fileno() in ready:
            return self._receive()
        return None

    def _look_after(self) -> None:
        """Do what woke us: another size, a warning."""
        if self._near.resized:
            self._near.resized = False
            columns, rows = self._near.size()
            self._record(Resized(columns, rows))
            self._far.resize(columns, rows)
        if self._watch.warning is not None:
            warning, self._watch.warning = self._watch.warning, None
            self._record(Noted(warning.en))
            self._near.say(self._spoken(warning))

    def _read(self) -> bool:
        """Take what was typed; return whether the engineer stays."""
        typed = self._near.read()
        self._watch.moved()
        if not typed:
            self._typing = False
            if self._near.is_terminal:
                raise Gone
            self._far.end_input()
            return True
        stays = True
        if self._escapes is not None:
            read = self._escapes.read(typed)
            typed, stays = read.to_host, read.wish is not Wish.LEAVE
            if read.wish is Wish.HELP:
                self._near.say(self._spoken(texts.HELP))
        if typed:
            self._record(Sent(typed))
            self._unsent = memoryview(typed)
            self._send()
        return stays

    def _send(self) -> None:
        while self._unsent and not self._deaf and self._far.takes_input:
            try:
                self._unsent = self._unsent[self._far.offer(self._unsent) :]
            except Ended:  # what it printed before may still come, and its exit code
                self._typing, self._deaf = False, True

    def _receive(self) -> Outcome | None:
        """Take all that has come meanwhile: one wait for the disk keeps all of it."""
        content = bytearray()
        piece: bytes | None = b""
        try:
            while len(content) < LARGEST_WRITE_BYTES and (piece := self._far.receive(0.0)):
                content += piece
        finally:
            self._show(bytes(content))
        if piece is None:
            return Outcome(COMPLETED, Text.same(""), self._far.exit_code(_EXIT_SECONDS))
        return None

    def _show(self, content: bytes) -> None:
        if content:
            self._watch.moved()
            self._record(Received(content))
            self._near.show(content, lambda: self._watch.is_over or bool(self._near.signalled))

    def _broken(self, error: ProbeError) -> Outcome:
        if self._watch.verdict is not None:  # it was cut over our head
            return Outcome(REFUSED, self._watch.verdict)
        why = Text.same(str(error))
        if isinstance(error, UnexpectedOutput):
            return Outcome(INTERRUPTED, texts.NO_EXIT_CODE.format(why=why))
        return Outcome(LOST, texts.LOST.format(why=why))
