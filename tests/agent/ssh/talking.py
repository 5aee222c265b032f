"""An SSH server in threads, for what OpenSSH does not do: it asks and answers as a test wants."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import paramiko

from agent.ssh.connection import Server
from tests.agent.ssh.reaching import listening

HOST_KEY = paramiko.ECDSAKey.generate()
PINNED = f"{HOST_KEY.get_name()} {HOST_KEY.get_base64()}"


class ByPassword(paramiko.ServerInterface):
    """Takes one password, plainly or in a dialogue."""

    def __init__(self, means: str) -> None:
        self._means = means

    def get_allowed_auths(self, username: str) -> str:
        return self._means

    def check_auth_password(self, username: str, password: str) -> int:
        good = self._means == "password" and password == "right-password"
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str) -> Any:
        return paramiko.InteractiveQuery("", "", ("Password: ", False))

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        return paramiko.AUTH_SUCCESSFUL if responses == ["right-password"] else paramiko.AUTH_FAILED


class Asking(paramiko.ServerInterface):
    """Asks rounds of questions in a dialogue, each with the answers that are right."""

    def __init__(self, *rounds: tuple[str, str, list[tuple[str, bool]], list[str]]) -> None:
        self._rounds = list(rounds)
        self._right: list[str] = []

    def get_allowed_auths(self, username: str) -> str:
        return "keyboard-interactive"

    def check_auth_interactive(self, username: str, submethods: str) -> Any:
        title, instructions, questions, self._right = self._rounds.pop(0)
        return paramiko.InteractiveQuery(title, instructions, *questions)

    def check_auth_interactive_response(self, responses: list[str]) -> Any:
        if responses != self._right:
            return paramiko.AUTH_FAILED
        return self.check_auth_interactive("", "") if self._rounds else paramiko.AUTH_SUCCESSFUL


@contextmanager
def talking(interface: Callable[[], paramiko.ServerInterface]) -> Iterator[Server]:
    """Run such a server for one connection."""

    def serve(line: socket.socket, ended: threading.Event) -> None:
        transport = paramiko.Transport(line)
        transport.add_server_key(HOST_KEY)
        transport.start_server(server=interface())
        ended.wait(20)
        transport.close()
        transport.join()

    with listening(serve) as port:
        yield Server("127.0.0.1", "inspection", PINNED, port)
