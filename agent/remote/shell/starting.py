"""The shell at the other side: on a terminal, or with plain pipes as for a script."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from agent.remote.shell.near import Near
from agent.ssh.connection import Connection
from agent.ssh.library import paramiko
from agent.ssh.running import Shell
from checks.errors import NotPermitted, ProbeError


class Far(Protocol):
    """What the loop needs of a shell at the other side (agent.ssh.running.Shell)."""

    @property
    def takes_input(self) -> bool:
        """Tell whether `offer` would not have to wait."""

    def offer(self, content: memoryview) -> int:
        """Give it some input; return how many bytes it took."""

    def end_input(self) -> None:
        """Tell it that no more input comes."""

    def receive(self, timeout: float) -> bytes | None:
        """Return what it printed; empty: nothing; None: nothing more comes."""

    def exit_code(self, timeout: float) -> int:
        """Return its exit code."""

    def resize(self, columns: int, rows: int) -> None:
        """Tell it the size of the terminal."""

    def fileno(self) -> int:
        """Return what is readable when `receive` has something."""

    def leave(self) -> None:
        """Close it within a second, whatever the other side does."""


class FarShell(Shell):
    """A shell that can be left at once."""

    on_terminal = True

    def leave(self) -> None:
        """Close it within a second, whatever the other side does."""
        self.over_time("left")  # from here on closing has no more than a second
        if not self.on_terminal and not self._channel.exit_status_ready():
            self._hang_up()
        self.close()

    def _hang_up(self) -> None:
        """Ask the server to end what runs: without a terminal, closing alone does not."""
        channel = self._channel
        with suppress(paramiko().SSHException, EOFError, OSError, ProbeError), self._working():
            for name in ("HUP", "TERM"):
                message = paramiko().Message()
                message.add_byte(bytes([98]))  # SSH_MSG_CHANNEL_REQUEST, RFC 4254 6.9
                message.add_int(channel.remote_chanid)
                message.add_string("signal")
                message.add_boolean(False)
                message.add_string(name)
                with channel.lock:  # behind the goodbye it would end the whole connection
                    if not channel.closed:
                        channel.transport._send_user_message(message)


@contextmanager
def started(connection: Connection, near: Near) -> Iterator[FarShell]:
    """Start the user's shell, and leave it at the end. Raise NotPermitted, Unreachable, TimedOut.

    With the kind and size of the engineer's terminal where he has one; nothing else of his
    computer goes over. Otherwise what comes and goes is not touched by a terminal: no echo.
    """
    subject = f"{connection.server}: shell"
    library = paramiko()
    channel = connection.open_channel(subject)
    far = FarShell(connection, channel, subject)
    far.on_terminal = near.is_terminal
    try:
        with connection.working(subject, connection.limits.request):
            try:
                if near.is_terminal:
                    channel.get_pty(near.terminal, *near.size())
                else:
                    channel.set_combine_stderr(True)
                channel.invoke_shell()
            except library.SSHException as error:
                if connection.transport.is_active():
                    raise NotPermitted(subject, "the server gives no shell") from error
                raise
        yield far
    finally:
        far.leave()
