"""An engineer at a desk: a real terminal or pipes, a real SSH server, a record on a real disk."""

import os
import pty
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.errors import AgentError, RecordLost
from agent.remote.recorder import Recorder
from agent.remote.recording import Recording
from agent.remote.shell.holding import Outcome, hold
from agent.remote.shell.watch import Limits
from agent.secret import Secret
from agent.ssh.connecting import connect
from agent.ssh.connection import Connection, Server
from checks.errors import ProbeError
from scripts.openssh import OpenSsh
from wire import record
from wire.grants import Denial
from wire.record import Event, Received, Sent

PLAIN_SHELL = "MaxSessions 100"
"""For serving(as_nobody=False), the account's own shell: many channels on one connection."""
PATIENCE = 20.0


@contextmanager
def signed_in(server: OpenSsh, port: int | None = None) -> Iterator[Connection]:
    there = Server("127.0.0.1", server.user, server.host_key, port or server.port)
    with connect(there, key=Secret(server.key.read_text())) as connection:
        yield connection


def events(path: Path) -> list[Event]:
    with path.open("rb") as file:
        return [line.event for line, _ in record.read(file)]


def sent(path: Path) -> bytes:
    return b"".join(event.data for event in events(path) if isinstance(event, Sent))


def received(path: Path) -> bytes:
    return b"".join(event.data for event in events(path) if isinstance(event, Received))


def wait_for(condition: Callable[[], object], seconds: float = PATIENCE) -> float:
    """Return how long it took until the condition held; fail where it never does."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "never came true"
        time.sleep(0.005)
    return time.monotonic() - began


@dataclass
class Desk:
    """One shell that is held by a thread; `outcome` or `lost` is there when it has ended."""

    typing: int
    reading: int
    shown: bytearray = field(default_factory=bytearray)
    outcome: Outcome | None = None
    error: BaseException | None = None
    ended_at: float = 0.0
    thread: threading.Thread | None = None

    def type(self, content: bytes) -> None:
        while content:
            content = content[os.write(self.typing, content[:2000]) :]

    def until(self, what: bytes, seconds: float = PATIENCE) -> None:
        wait_for(lambda: what in self.shown or self.ended, seconds)
        assert what in self.shown, f"{what!r} not in {bytes(self.shown[-300:])!r}"

    @property
    def ended(self) -> bool:
        return self.thread is not None and not self.thread.is_alive()

    def result(self, seconds: float = PATIENCE) -> Outcome:
        wait_for(lambda: self.ended, seconds)
        if self.error is not None:
            raise self.error
        assert self.outcome is not None
        return self.outcome


def permitted() -> Denial | None:
    return None


@contextmanager
def sitting(
    connection: Connection,
    keep: Recording,
    *,
    terminal: bool = True,
    limits: Limits | None = None,
    still_permitted: Callable[[], Denial | None] = permitted,
) -> Iterator[Desk]:
    """Hold a shell until it ends; at the end of the block nothing of it is left."""
    if terminal:
        ours, theirs = pty.openpty()
        desk = Desk(ours, ours)
        stdin = stdout = theirs
    else:
        stdin, typing = os.pipe()
        reading, stdout = os.pipe()
        desk = Desk(typing, reading)

    def work() -> None:
        try:
            desk.outcome = hold(
                connection,
                keep,
                stdin,
                stdout,
                limits=limits or Limits(3600),
                still_permitted=still_permitted,
                spoken=str,
            )
        except (AgentError, ProbeError) as error:
            desk.error = error
        desk.ended_at = time.monotonic()

    def read() -> None:
        while True:
            try:
                piece = os.read(desk.reading, 2**16)
            except OSError:
                return
            if not piece:
                return
            desk.shown += piece

    desk.thread = threading.Thread(target=work)
    reader = threading.Thread(target=read)
    desk.thread.start()
    reader.start()
    if terminal:
        wait_for(lambda: desk.ended or not termios.tcgetattr(stdin)[3] & termios.ICANON)
    try:
        yield desk
    finally:
        if not terminal and desk.typing >= 0:
            os.close(desk.typing)
        if not desk.ended:
            connection.transport.close()
        desk.thread.join()
        for descriptor in {stdin, stdout}:
            os.close(descriptor)
        reader.join()
        os.close(desk.reading)


@contextmanager
def recording(path: Path) -> Iterator[Recorder]:
    recorder = Recorder(path)
    try:
        yield recorder
    finally:
        recorder.close()


def lost(error: BaseException | None) -> Any:
    assert isinstance(error, RecordLost)
    return error.text
