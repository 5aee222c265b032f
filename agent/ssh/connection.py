"""A connection that is signed in: channels and commands on it, each under a deadline."""

import struct
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from agent.ssh.host_keys import HostKey, Pins
from agent.ssh.library import paramiko
from agent.ssh.running import ERRORS_BYTES, Ended, Running, Shell
from agent.ssh.showing import shown
from agent.ssh.watchdog import Watchdog
from checks.errors import NotPermitted, TimedOut, UnexpectedOutput, Unreachable

if TYPE_CHECKING:
    from paramiko import Channel, Transport

    from agent.ssh.sign_in import SignedIn

_WINDOW_BYTES = 2**23
_PACKET_BYTES = 2**18
_POLL_SECONDS = 0.01
_WAIT_SECONDS = 1.0


class Server(Struct, frozen=True):
    """Where to connect to."""

    host: str
    user: str
    host_key: str | Pins
    """Its public keys or their fingerprints, a line each; another one is refused.

    An empty text was forgotten in settings, and nothing is connected; empty Pins say that nobody
    knows its key, and the refusal tells how to learn it.
    """
    port: int = 22

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Limits(Struct, frozen=True):
    """Deadlines, in seconds."""

    connect: float = 10
    greeting: float = 15
    """Banner and key exchange."""
    sign_in: float = 20
    """For each step; a person who is asked has as long as the server waits."""
    request: float = 30
    """Opening a channel, one request over SFTP."""
    silence: float = 30
    """In the middle of a transfer without a single byte; for a sign of life."""
    keep_alive: float = 15
    """Without a byte, until a sign of life is asked for."""


class Answer(Struct, frozen=True):
    """What a command printed."""

    output: bytes
    errors: bytes
    exit_code: int


class Connection:
    """A connection that is signed in. Several threads may use it, each its own channels."""

    def __init__(
        self,
        server: Server,
        transport: "Transport",
        watchdog: Watchdog,
        limits: Limits,
        peer_address: str,
        host_key: HostKey,
        signed_in: "SignedIn",
    ) -> None:
        self.server = server
        self.transport = transport
        self.watchdog = watchdog
        self.limits = limits
        self.peer_address = peer_address
        """The address that was connected to; by way of a jump host, its name as given."""
        self.means = signed_in.means
        """How it was signed in: `publickey`, `password`, `keyboard-interactive`, in order."""
        self.notices = signed_in.notices
        """What the server said at sign-in without asking anything, fit for a terminal."""
        self.host_key = host_key
        """The key that the server has shown, one of the pinned."""

    @contextmanager
    def working(self, subject: str, seconds: float) -> Iterator[None]:
        """Do something on the connection; raise TimedOut or Unreachable if it does not hold."""
        try:
            with self.watchdog.over(subject, seconds):
                yield
        except (struct.error, paramiko().sftp.SFTPError) as error:
            raise UnexpectedOutput(subject, "the server's answer can't be read") from error
        except (paramiko().SSHException, EOFError, OSError) as error:
            said = self.watchdog.verdict or words_of(error)
            raise Unreachable(str(self.server), f"{subject}: {said}") from error

    def open_channel(self, subject: str, seconds: float | None = None) -> "Channel":
        """Return a new channel of the kind `session`.

        Raise NotPermitted where the server has enough of them; TimedOut; Unreachable.
        """
        seconds = self.limits.request if seconds is None else seconds
        with self.working(subject, seconds):
            try:
                return self.transport.open_session(
                    window_size=_WINDOW_BYTES, max_packet_size=_PACKET_BYTES, timeout=seconds + 5
                )
            except paramiko().ChannelException as error:
                detail = f"the server opens no more sessions: {error.text}"
                raise NotPermitted(subject, detail) from error

    def start(
        self,
        command: str,
        *,
        subject: str,
        errors_bytes: int = ERRORS_BYTES,
        seconds: float | None = None,
    ) -> Running:
        """Start a command and return it as it runs; close it at the end, best by `with`.

        `errors_bytes` are kept of its standard error, the rest is dropped; `seconds` is the time to
        start it, of the limits if None. Raise NotPermitted where the server runs no commands;
        TimedOut; Unreachable.
        """
        ends = self._until(seconds)
        channel = self.open_channel(subject, _left(ends))
        with self._starting(channel, subject, _left(ends), "the server runs no commands"):
            channel.exec_command(command)
        return Running(self, channel, subject, errors_bytes)

    def shell(self, terminal: str, columns: int, rows: int) -> Shell:
        """Start the user's shell on a terminal of a kind (`xterm-256color`). Raise as `start`."""
        subject = f"{self.server}: shell"
        ends = self._until(None)
        channel = self.open_channel(subject)
        with self._starting(channel, subject, _left(ends), "the server gives no terminal"):
            channel.get_pty(terminal, columns, rows)
        with self._starting(channel, subject, _left(ends), "the server gives no shell"):
            channel.invoke_shell()
        return Shell(self, channel, subject)

    def run(
        self,
        command: str,
        *,
        subject: str,
        feed: bytes | Iterable[bytes] = b"",
        timeout_seconds: float = 30,
        limit_bytes: int = 2**20,
        progress: Callable[[int], None] | None = None,
    ) -> Answer:
        """Run a command, give it `feed` as its input, and return what it printed.

        `progress` is called with the bytes of the input that are sent so far. Raise TimedOut, and
        only this command has ended then; Unreachable; UnexpectedOutput for more than limit_bytes on
        a stream or where no exit code comes; NotPermitted.
        """
        ends = time.monotonic() + timeout_seconds
        said = f"took more than {timeout_seconds:.3g} s"
        pieces = iter([feed]) if isinstance(feed, bytes) else (each for each in feed if each)
        start_seconds = min(timeout_seconds, self.limits.request)
        with self.start(
            command, subject=subject, errors_bytes=limit_bytes + 1, seconds=start_seconds
        ) as running:
            output, left, fed = bytearray(), memoryview(b""), 0
            while True:
                if time.monotonic() >= ends:
                    raise running.over_time(said)
                left = left or memoryview(next(pieces, b""))
                sent = _offered(running, left)
                if sent is None:
                    left, pieces = memoryview(b""), iter(())
                elif sent:
                    left, fed = left[sent:], fed + sent
                    if progress is not None:
                        progress(fed)
                patience = 0.0 if sent else _POLL_SECONDS if left else _WAIT_SECONDS
                piece = running.receive(min(patience, _left(ends)))
                if piece is None:
                    break
                output += piece
                if max(len(output), len(running.errors)) > limit_bytes:
                    raise UnexpectedOutput(subject, f"printed more than {limit_bytes} bytes")
            if len(running.errors) > limit_bytes:
                raise UnexpectedOutput(subject, f"printed more than {limit_bytes} bytes")
            try:
                code = running.exit_code(_left(ends))
            except TimedOut as error:
                raise running.over_time(said) from error
            return Answer(bytes(output), running.errors, code)

    def _until(self, seconds: float | None) -> float:
        return time.monotonic() + (self.limits.request if seconds is None else seconds)

    @contextmanager
    def _starting(
        self, channel: "Channel", subject: str, seconds: float, refusal: str
    ) -> Iterator[None]:
        """Ask for something on a new channel, which is closed where it is refused."""
        try:
            with self.working(subject, seconds):
                try:
                    yield
                except paramiko().SSHException as error:
                    if self.transport.is_active():
                        raise NotPermitted(subject, refusal) from error
                    raise
        except BaseException:
            # A line that broke is told by what broke it; closing it says nothing new.
            with suppress(paramiko().SSHException, EOFError, OSError):
                channel.close()
            raise


def _left(ends: float) -> float:
    return max(ends - time.monotonic(), 0.0)


def _offered(running: Running, left: memoryview) -> int | None:
    """Give a command some input, or the end of it; None: it takes no more."""
    if not left:
        running.end_input()
        return 0
    if not running.takes_input:
        return 0
    try:
        return running.offer(left)
    except Ended:
        return None


def words_of(error: BaseException) -> str:
    """Return what an error says, at least its name."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return shown(str(error)) or type(error).__name__
