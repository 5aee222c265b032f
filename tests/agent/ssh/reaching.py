"""What the tests of SSH share: how to reach a server, and who answers for the person."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from agent.secret import Secret
from agent.ssh.connecting import connect
from agent.ssh.connection import Answer, Connection, Limits, Server
from agent.ssh.credentials import Credentials
from scripts.openssh import OpenSsh

IMPATIENT = Limits(connect=2, greeting=1, sign_in=2, request=5, silence=0.5)
GRACE_SECONDS = 1.0
"""What is promised: nothing goes on for longer after its deadline."""


def server(running: OpenSsh, **changed: Any) -> Server:
    given: dict[str, Any] = {
        "host": "127.0.0.1",
        "user": running.user,
        "host_key": running.host_key,
        "port": running.port,
    }
    return Server(**(given | changed))


def key_of(running: OpenSsh) -> Secret:
    return Secret(running.key.read_text())


@contextmanager
def connected(running: OpenSsh, **changed: Any) -> Iterator[Connection]:
    """Connect with the key of the client; `credentials`, `limits` … go to connect."""
    for_connect = {
        name: changed.pop(name)
        for name in ("credentials", "jumps", "limits", "weak_algorithms")
        if name in changed
    }
    for_connect.setdefault("credentials", Credentials(key_file=running.key))
    with connect(server(running, **changed), **for_connect) as connection:
        yield connection


def run(running: OpenSsh, script: str, **more: Any) -> Answer:
    with connected(running) as connection:
        feed = script.encode()
        return connection.run("/bin/sh -s", subject="a script", feed=feed, **more)


def own_threads() -> list[str]:
    """Return the threads that a connection leaves behind."""
    return [
        thread.name
        for thread in threading.enumerate()
        if "ssh" in thread.name.lower() or type(thread).__module__.startswith("paramiko")
    ]


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Demand that the block, which raises or not, ends within a deadline and the grace."""
    began = time.monotonic()
    try:
        yield
    finally:
        took = time.monotonic() - began
        assert took < seconds + GRACE_SECONDS, f"took {took:.2f} s"


@dataclass
class Person:
    """Answers in turn, and remembers what was asked."""

    answers: list[str]
    asked: list[tuple[str, str, str, bool]] = field(default_factory=list)

    def ask(self, title: str, instructions: str, question: str, *, echo: bool) -> str:
        self.asked.append((title, instructions, question, echo))
        return self.answers.pop(0)


@contextmanager
def listening(serve: Callable[[socket.socket, threading.Event], object]) -> Iterator[int]:
    """Run a function for the first connection to a port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def accept() -> None:
            line, _ = listener.accept()
            with line:
                serve(line, ended)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            thread.join()
