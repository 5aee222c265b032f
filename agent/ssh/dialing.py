"""A TCP connection within a deadline that also holds for the names: a resolver may take minutes."""

import socket
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue

from agent.ssh.connection import words_of
from checks.errors import Unreachable


def dial(name: str, host: str, port: int, seconds: float) -> socket.socket:
    """Connect within `seconds`, whatever the resolver does. Raise Unreachable.

    `name` is the server in sentences.
    """
    reached: SimpleQueue[socket.socket | BaseException] = SimpleQueue()
    given_up = threading.Event()

    def reach() -> None:
        try:
            line = socket.create_connection((host, port), timeout=seconds)
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that DNS can't have
            reached.put(error)
            return
        reached.put(line)
        if given_up.is_set():
            line.close()

    threading.Thread(target=reach, name="ssh-dialing", daemon=True).start()
    try:
        found = reached.get(timeout=seconds)
    except Empty:
        given_up.set()
        _close(reached)
        raise Unreachable(name, f"no connection within {seconds:.3g} s") from None
    if isinstance(found, BaseException):
        raise Unreachable(name, words_of(found)) from found
    return found


def _close(reached: "SimpleQueue[socket.socket | BaseException]") -> None:
    """Close what was reached in the very moment of giving up."""
    with suppress(Empty):
        late = reached.get_nowait()
        if isinstance(late, socket.socket):
            late.close()
