"""A dialogue at sign-in (keyboard-interactive): what the server asks, a person answers.

paramiko asks in the thread that reads from the server. The person is asked in the thread that
connects, which may take as long as the server waits: only the server's own time is limited.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from msgspec import Struct

from agent.ssh.credentials import Prompt, secret_of
from agent.ssh.library import paramiko
from agent.ssh.showing import shown

if TYPE_CHECKING:
    from paramiko import Transport

_LOOK_SECONDS = 0.2
_ENOUGH_ROUNDS = 20
"""A server that goes on asking for ever is no server that lets anybody in."""


class _Asked(Struct, frozen=True):
    title: str
    instructions: str
    questions: tuple[tuple[str, bool], ...]


class _Over(Struct, frozen=True):
    """How it ended: what the server still wants, or what was raised."""

    wanted: tuple[str, ...] = ()
    error: BaseException | None = None


def hold(
    transport: "Transport",
    user: str,
    prompt: Prompt,
    waiting: Callable[[], AbstractContextManager[None]],
    notice: Callable[[str], None],
) -> tuple[str, ...]:
    """Hold the dialogue and return which kinds of sign-in the server still wants.

    `waiting` is the context of each wait for the server; `notice` is told what the server says
    without a question. Raise what paramiko raises, and what the prompt raises.
    """
    said: SimpleQueue[_Asked | _Over] = SimpleQueue()
    answers: SimpleQueue[list[str]] = SimpleQueue()
    ended = threading.Event()

    def asked(title: str, instructions: str, questions: list[tuple[str, bool]]) -> list[str]:
        said.put(_Asked(title, instructions, tuple(questions)))
        while not ended.is_set() and transport.is_active():
            try:
                return answers.get(timeout=_LOOK_SECONDS)
            except Empty:
                continue
        raise EOFError("nobody answers any more")

    def converse() -> None:
        try:
            said.put(_Over(tuple(transport.auth_interactive(user, asked))))
        except (paramiko().SSHException, EOFError, OSError, UnicodeError) as error:
            said.put(_Over(error=error))
        finally:
            said.put(_Over(error=EOFError("it broke off")))  # so that nobody waits for ever

    thread = threading.Thread(target=converse, name="ssh-dialogue", daemon=True)
    thread.start()
    try:
        for _ in range(_ENOUGH_ROUNDS):
            with waiting():
                heard = said.get()
            if isinstance(heard, _Over):
                if heard.error is not None:
                    raise heard.error
                return heard.wanted
            answers.put(_answered(heard, prompt, notice))
        raise paramiko().AuthenticationException("it asks without an end")
    finally:
        ended.set()


def _answered(asked: _Asked, prompt: Prompt, notice: Callable[[str], None]) -> list[str]:
    title, instructions = shown(asked.title), shown(asked.instructions)
    if not asked.questions:
        notice("\n".join(each for each in (title, instructions) if each))
    answers = []
    for question, echo in asked.questions:
        answer = prompt.ask(title, instructions, shown(question), echo=echo)
        answers.append(answer if echo else secret_of(answer))
    return answers
