"""A connection that is signed in: channels and commands on it, each under a deadline."""

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from agent.ssh.host_keys import HostKey
from agent.ssh.library import paramiko
from agent.ssh.watchdog import Watchdog
from checks.errors import NotPermitted, UnexpectedOutput, Unreachable

if TYPE_CHECKING:
    from paramiko import Channel, Transport

_WINDOW_BYTES = 2**23
_PACKET_BYTES = 2**18
_PIECE_BYTES = 2**16
_POLL_SECONDS = 0.01


class Server(Struct, frozen=True):
    """Where to connect to."""

    host: str
    user: str
    host_key: str
    """Its public keys, a line each; another one is refused."""
    port: int = 22

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Limits(Struct, frozen=True):
    """Deadlines, in seconds."""

    connect: float = 10
    greeting: float = 15
    """Banner and key exchange."""
    sign_in: float = 20
    request: float = 30
    """Opening a channel, one request over SFTP."""
    silence: float = 30
    """In the middle of a transfer without a single byte."""
    keep_alive: float = 15


class Answer(Struct, frozen=True):
    """What a command printed."""

    output: bytes
    errors: bytes
    exit_code: int


class Connection:
    """A connection that is signed in."""

    def __init__(
        self, server: Server, transport: "Transport", watchdog: Watchdog, limits: Limits
    ) -> None:
        self.server = server
        self.transport = transport
        self.watchdog = watchdog
        self.limits = limits
        self.peer_address: str = transport.getpeername()[0]
        """The address that was connected to."""
        key = transport.get_remote_server_key()
        self.host_key = HostKey(key.get_name(), key.asbytes())

    @contextmanager
    def working(
        self, subject: str, seconds: float, silent_seconds: float | None = None
    ) -> Iterator[None]:
        """Do something on the connection; raise TimedOut or Unreachable if it does not hold."""
        try:
            with self.watchdog.over(subject, seconds, silent_seconds):
                yield
        except (struct.error, paramiko().sftp.SFTPError) as error:
            raise UnexpectedOutput(subject, "the server's answer can't be read") from error
        except (paramiko().SSHException, EOFError, OSError) as error:
            raise Unreachable(str(self.server), f"{subject}: {words_of(error)}") from error

    def open_channel(self, subject: str) -> "Channel":
        """Return a new channel of the kind `session`."""
        with self.working(subject, self.limits.request):
            return self.transport.open_session(
                window_size=_WINDOW_BYTES,
                max_packet_size=_PACKET_BYTES,
                timeout=self.limits.request,
            )

    def run(
        self,
        command: str,
        *,
        subject: str,
        feed: bytes = b"",
        timeout_seconds: float = 30,
        limit_bytes: int = 2**20,
    ) -> Answer:
        """Run a command, give it `feed` as its input, and return what it printed.

        Raise TimedOut, Unreachable, or UnexpectedOutput for more than limit_bytes on a stream or
        where no exit code comes.
        """
        channel = self.open_channel(subject)
        try:
            with self.working(subject, timeout_seconds):
                try:
                    channel.exec_command(command)
                except paramiko().SSHException as error:
                    if self.transport.is_active():
                        raise NotPermitted(subject, "the server runs no commands") from error
                    raise
                return self._drain(channel, subject, feed, limit_bytes)
        finally:
            # A line that broke is told by what broke it; closing it says nothing new.
            with suppress(paramiko().SSHException, EOFError, OSError):
                channel.close()

    def _drain(self, channel: "Channel", subject: str, feed: bytes, limit_bytes: int) -> Answer:
        # Both streams in turn: a command that fills one while the other is read waits for ever.
        channel.settimeout(0.0)
        output, errors = bytearray(), bytearray()
        left = memoryview(feed)
        told_end = False
        while True:
            # Looked at first: what came before the end is in the buffers then.
            ended = channel.eof_received or channel.closed
            moved = False
            if left and not ended and channel.send_ready():
                left = left[_send(channel, left) :]
                moved = True
            if not left and not told_end:
                channel.shutdown_write()
                told_end = True
            for stream, ready, take in (
                (output, channel.recv_ready, channel.recv),
                (errors, channel.recv_stderr_ready, channel.recv_stderr),
            ):
                while ready():
                    stream += take(_PIECE_BYTES)
                    moved = True
                    if len(stream) > limit_bytes:
                        raise UnexpectedOutput(subject, f"printed more than {limit_bytes} bytes")
            if ended and not moved:
                break
            if not moved:
                time.sleep(_POLL_SECONDS)
        while not channel.exit_status_ready() and not channel.closed:
            time.sleep(_POLL_SECONDS)
        if not self.transport.is_active():
            raise EOFError("the connection was lost")
        if channel.exit_status < 0:
            raise UnexpectedOutput(subject, "ended without an exit code")
        return Answer(bytes(output), bytes(errors), channel.exit_status)


def _send(channel: "Channel", piece: memoryview) -> int:
    try:
        sent: int = channel.send(piece[:_PIECE_BYTES])
    except OSError:  # it takes no more of its input
        return len(piece)
    return sent


def words_of(error: BaseException) -> str:
    """Return what an error says, at least its name."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
