"""Questions of many hosts are put one at a time, with their host, and a stop ends them."""

import threading
from collections.abc import Callable

import pytest

from agent.console import Console
from agent.errors import RemoteError, Stopped
from agent.remote import prompting
from agent.remote.prompting import Prompts


class Asking(threading.Thread):
    """A host that asks in its thread."""

    def __init__(self, ask: Callable[[], str]) -> None:
        super().__init__(daemon=True)
        self._ask = ask
        self.answer = ""
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = self._ask()
        except RemoteError as error:
            self.error = error


def test_questions_are_put_one_at_a_time_and_name_their_host() -> None:
    put: list[tuple[str, bool]] = []
    inside = threading.Lock()

    def person(text: str, echo: bool) -> str:
        assert inside.acquire(blocking=False)
        put.append((text, echo))
        inside.release()
        return f"answer to {text}"

    prompts = Prompts(Console("en"), threading.Event(), person)
    hosts = [prompts.of(f"host-{number}") for number in range(5)]
    asking = [
        Asking(lambda host=host: host.ask("PAM", "", "Code:", echo=False))  # type: ignore[misc] # bound now
        for host in hosts
    ]
    for _ in asking:
        prompts.serve(5)
    for number, each in enumerate(asking):
        each.join(5)
        expected = f"[host-{number}] PAM\n[host-{number}] Code:"
        assert each.answer == f"answer to {expected}"
        assert (expected, False) in put


def test_a_stop_ends_a_question_that_nobody_answers() -> None:
    stop = threading.Event()
    prompts = Prompts(Console("en"), stop, lambda _text, _echo: "never")
    asking = Asking(lambda: prompts.of("erp-db").ask("", "", "Password:", echo=False))
    stop.set()
    asking.join(5)
    assert isinstance(asking.error, Stopped)


def test_an_end_of_input_gives_the_sign_in_up() -> None:
    def nobody(_text: str, _echo: bool) -> str:
        raise EOFError

    prompts = Prompts(Console("en"), threading.Event(), nobody)
    asking = Asking(lambda: prompts.of("erp-db").ask("", "", "Password:", echo=False))
    prompts.serve(5)
    asking.join(5)
    assert "nothing was typed" in str(asking.error)


def test_without_a_question_nothing_is_asked() -> None:
    prompts = Prompts(Console("en"), threading.Event(), lambda text, _echo: pytest.fail(text))
    prompts.serve(0.01)


def test_without_a_terminal_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompting, "_TERMINAL", "/nonexistent/tty")
    with pytest.raises(RemoteError, match="--key"):
        prompting.by_terminal("Password:", False)
