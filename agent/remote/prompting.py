"""What a person is asked while connecting: passphrase, password, one-time code; one at a time.

Hosts that are inspected side by side are visited in threads; all of their questions are put by the
one that waits for them, so that Ctrl-C ends a question like everything else.
"""

import getpass
import os
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from msgspec import Struct

from agent.console import Console
from agent.errors import RemoteError, Stopped
from agent.remote import texts

_TERMINAL = "/dev/tty"
_LOOK_SECONDS = 0.2

Asked = Callable[[str, bool], str]
"""Puts a question, with or without an echo, and returns the answer."""


class Question(Struct, frozen=True):
    """One question of one host."""

    text: str
    echo: bool
    answer: "SimpleQueue[str | BaseException]"


class Prompts:
    """The questions of all hosts."""

    def __init__(self, console: Console, stop: threading.Event, ask: Asked | None = None) -> None:
        self._console = console
        self._stop = stop
        self._ask = ask or self._by_terminal
        self._questions: SimpleQueue[Question] = SimpleQueue()

    def of(self, host: str) -> "HostPrompt":
        """Return what asks for one host: an agent.ssh.credentials.Prompt."""
        return HostPrompt(host, self._put)

    def serve(self, seconds: float) -> None:
        """Put the questions that come within a time. Raise KeyboardInterrupt."""
        try:
            question = self._questions.get(timeout=seconds)
        except Empty:
            return
        try:
            question.answer.put(self._ask(question.text, question.echo))
        except RemoteError as error:
            question.answer.put(error)
        except OSError:  # the terminal has gone away
            question.answer.put(RemoteError(texts.NO_TERMINAL))
        except EOFError:
            question.answer.put(RemoteError(texts.NO_ANSWER))

    def _put(self, text: str, echo: bool) -> str:
        answer: SimpleQueue[str | BaseException] = SimpleQueue()
        self._questions.put(Question(text, echo, answer))
        while True:
            try:
                given = answer.get(timeout=_LOOK_SECONDS)
            except Empty:
                if self._stop.is_set():
                    raise Stopped(texts.STOPPED) from None
                continue
            if isinstance(given, BaseException):
                raise given
            return given

    def _by_terminal(self, text: str, echo: bool) -> str:
        return by_terminal(text, echo)


class HostPrompt:
    """Asks a person for one host, which it names."""

    def __init__(self, host: str, ask: Asked) -> None:
        self._host = host
        self._ask = ask

    def ask(self, title: str, instructions: str, question: str, *, echo: bool) -> str:
        """Return the answer. Raise RemoteError where nobody is there, Stopped when stopped."""
        lines = [f"[{self._host}] {line}" for line in (title, instructions) if line]
        return self._ask("\n".join([*lines, f"[{self._host}] {question}"]), echo)


def by_terminal(text: str, echo: bool) -> str:
    """Ask at the terminal of this process. Raise RemoteError where it has none."""
    try:
        os.close(os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY))
    except OSError as error:
        raise RemoteError(texts.NO_TERMINAL) from error
    if not echo:
        return getpass.getpass(text if text.endswith(" ") else f"{text} ")
    with open(_TERMINAL, "r+b", buffering=0) as terminal:  # noqa: PTH123 - a device
        terminal.write(text.encode("utf-8", "replace"))
        line = terminal.readline()
    if not line:
        raise EOFError
    return line.decode("utf-8", "replace").rstrip("\r\n")
