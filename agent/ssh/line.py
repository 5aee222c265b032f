"""The line below a connection: a socket, or a channel through a jump host."""

import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from agent.ssh.library import paramiko

if TYPE_CHECKING:
    from paramiko import Channel, Transport

_GLOBAL_REQUEST = bytes([80])
_QUESTION = "keepalive@openssh.com"
"""No server knows it, so each answers that it doesn't: a sign of life."""


class Line:
    """What paramiko reads from and writes to; it knows when something was last heard.

    paramiko's own keep-alive wants no answer, so that nobody notices when none could come.
    """

    def __init__(self, wire: "socket.socket | Channel") -> None:
        self._wire = wire
        self._transport: Transport | None = None
        self._every_seconds = 0.0
        self._asked = 0.0
        self.heard = time.monotonic()
        """When a byte last came, by the monotonic clock."""
        self.peer_address = ""
        """The address of the other side, empty where a jump host alone knows it."""
        if isinstance(wire, socket.socket):
            with suppress(OSError):  # it has ended already
                self.peer_address = wire.getpeername()[0]

    def keep_alive(self, transport: "Transport", every_seconds: float) -> None:
        """Ask the other side for a sign of life whenever nothing came for a while."""
        self.heard = time.monotonic()
        self._every_seconds = every_seconds
        self._transport = transport

    def recv(self, size: int) -> bytes:
        """Return what comes, as a socket does."""
        try:
            content: bytes = self._wire.recv(size)
        except TimeoutError:  # a tenth of a second, which paramiko asks for
            self._idle()
            raise
        self.heard = time.monotonic()
        return content

    def send(self, content: bytes) -> int:
        """Send some of it, as a socket does."""
        sent: int = self._wire.send(content)
        return sent

    def settimeout(self, seconds: float) -> None:
        """Set the timeout of recv and send."""
        self._wire.settimeout(seconds)

    def close(self) -> None:
        """Close it."""
        # A channel says goodbye through its jump host, which may be gone already.
        with suppress(paramiko().SSHException, EOFError, OSError):
            self._wire.close()

    @property
    def _closed(self) -> bool:  # paramiko asks its sockets so
        closed: bool = self._wire._closed  # type: ignore[union-attr] # typeshed hides it
        return closed

    def cut(self) -> None:
        """End it at once, whoever waits for it."""
        if isinstance(self._wire, socket.socket):
            try:
                self._wire.shutdown(socket.SHUT_RDWR)
            except OSError:  # it has ended already
                return

    def _idle(self) -> None:
        transport = self._transport
        now = time.monotonic()
        if transport is None or now - max(self.heard, self._asked) < self._every_seconds:
            return
        if transport.clear_to_send.is_set():  # else keys are being changed: bytes will come
            self._asked = now
            message = paramiko().Message()
            message.add_byte(_GLOBAL_REQUEST)
            message.add_string(_QUESTION)
            message.add_boolean(True)
            transport._send_user_message(message)
