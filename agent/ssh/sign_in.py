"""Signing in: with a key, a password and a dialogue, in the order that the server wants them."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from msgspec import Struct

from agent.ssh import dialogue
from agent.ssh.connection import Server, words_of
from agent.ssh.credentials import ATTEMPTS, Credentials, secret_of
from agent.ssh.library import paramiko
from agent.ssh.showing import shown
from checks.errors import NotPermitted, ProbeError, Unreachable

if TYPE_CHECKING:
    from paramiko import PKey, Transport

_KEY, _DIALOGUE, _PASSWORD = "publickey", "keyboard-interactive", "password"
_NAMES = {_KEY: "key", _DIALOGUE: "answers", _PASSWORD: "password"}
_MOST_STEPS = 10
"""More factors and attempts than these nobody asks for; OpenSSH allows 6."""

Waiting = Callable[[], AbstractContextManager[None]]
"""The context of each wait for the server."""


class SignedIn(Struct, frozen=True):
    """How a sign-in went."""

    means: tuple[str, ...]
    """What the server was content with, by SSH's names, in order: `publickey`, `password`,
    `keyboard-interactive`; empty where it wanted nothing."""
    notices: tuple[str, ...]
    """What it said without asking anything, fit for a terminal."""


def sign_in(
    server: Server,
    name: str,
    transport: "Transport",
    identity: "PKey | None",
    credentials: Credentials,
    waiting: Waiting,
) -> SignedIn:
    """Sign in. `name` is the server in sentences. Raise NotPermitted or Unreachable."""
    conversation = _Conversation(server, name, transport, identity, credentials, waiting)
    wanted = conversation.begin()
    for _ in range(_MOST_STEPS):
        if not wanted:
            break
        wanted = conversation.step(wanted)
    if wanted:
        raise conversation.refused("it wants more than it should")
    notices = tuple(each for each in conversation.notices if each.strip())
    return SignedIn(tuple(conversation.passed), notices)


class _Conversation:
    """What was tried so far."""

    def __init__(
        self,
        server: Server,
        name: str,
        transport: "Transport",
        identity: "PKey | None",
        credentials: Credentials,
        waiting: Waiting,
    ) -> None:
        self._user = shown(server.user)
        self._login = server.user
        self._place = f"{server.user}@{server.host}"
        self._name = name
        self._transport = transport
        self._identity = identity
        self._credentials = credentials
        self._waiting = waiting
        self.passed: list[str] = []
        self._attempts = dict.fromkeys(_NAMES, 0)
        self.notices: list[str] = []

    def begin(self) -> tuple[str, ...]:
        """Return what the server takes; where there is but one thing to try, that is enough."""
        if self._identity is not None:
            return (_KEY,)
        if self._credentials.prompt is None:
            return (_PASSWORD,)
        library = paramiko()
        try:
            with self._waiting():
                self._transport.auth_none(self._login)
        except library.BadAuthenticationType as error:
            return tuple(error.allowed_types)
        except (library.SSHException, EOFError, OSError, UnicodeError) as error:
            raise self._ended(error) from error
        finally:
            self._note_banner()
        return ()

    def step(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Take one step; return what the server wants now, nothing if it is content."""
        library = paramiko()
        kind = next((each for each in _NAMES if each in wanted and self._is_able(each)), None)
        if kind is None:
            raise self._unable(wanted)
        try:
            left = self._try(kind)
        except library.BadAuthenticationType as error:
            allowed = tuple(error.allowed_types)
            if not any(each in allowed and self._is_able(each) for each in _NAMES if each != kind):
                taken = ", ".join(allowed) or "nothing"
                detail = f"a {_NAMES[kind]} is not taken for {self._user}, only {shown(taken)}"
                raise self.refused(detail) from error
            return tuple(each for each in allowed if each != kind)
        except library.AuthenticationException as error:
            if not self._transport.is_active():
                raise self._ended(error) from error
            self._attempts[kind] += 1
            if not self._is_able(kind):
                times = self._attempts[kind]
                often = f" {times} times" if times > 1 else ""
                verb = "were" if kind == _DIALOGUE else "was"
                detail = f"the {_NAMES[kind]} of {self._user} {verb} refused{often}"
                raise self.refused(detail) from error
            return wanted
        except (library.SSHException, EOFError, OSError, UnicodeError) as error:
            raise self._ended(error) from error
        finally:
            self._note_banner()
        self.passed.append(kind)
        return left

    def refused(self, detail: str) -> NotPermitted:
        """Return the error of a sign-in that can't come to its end."""
        return NotPermitted(f"sign-in to {self._name}", detail)

    def _is_able(self, kind: str) -> bool:
        person = self._credentials.prompt is not None
        if kind == _KEY:
            return self._identity is not None and not self._attempts[_KEY]
        if kind == _PASSWORD and self._credentials.password is not None:
            return not self._attempts[_PASSWORD]
        return person and self._attempts[kind] < ATTEMPTS

    def _try(self, kind: str) -> tuple[str, ...]:
        prompt = self._credentials.prompt
        if kind == _DIALOGUE:
            assert prompt is not None
            return dialogue.hold(
                self._transport, self._login, prompt, self._waiting, self.notices.append
            )
        if kind == _KEY:
            with self._waiting():
                return tuple(self._transport.auth_publickey(self._login, self._identity))
        known = self._credentials.password
        if known is not None:
            password = known.reveal()
        else:
            assert prompt is not None
            password = secret_of(
                prompt.ask("", "", f"{self._place} 的密码 / password: ", echo=False)
            )
        with self._waiting():
            # A server that asks for the password in a dialogue gets it there, if nobody else can.
            fallback = prompt is None
            return tuple(self._transport.auth_password(self._login, password, fallback=fallback))

    def _note_banner(self) -> None:
        banner = self._transport.get_banner()  # of this step alone
        if banner:
            self.notices.append(shown(banner.decode("utf-8", "replace")))

    def _unable(self, wanted: tuple[str, ...]) -> NotPermitted:
        listed = shown(", ".join(wanted))
        if self.passed:
            done = " and the ".join(_NAMES[kind] for kind in self.passed)
            return self.refused(f"after the {done} of {self._user} it also wants {listed}")
        return self.refused(f"it takes only {listed} for {self._user}, of which nothing was given")

    def _ended(self, error: BaseException) -> ProbeError:
        return Unreachable(self._name, f"ended the connection at sign-in: {words_of(error)}")
