"""The Host port over a connection to Windows: OpenSSH, and PowerShell 3 or newer.

Never run on Windows (powershell_scripts.py says what it was tested against). It answers as
agent.host.LocalHost does; a tool is looked for in the system's own folder and gets no more of the
environment than Windows programs need.

Each call is one command; PowerShell alone takes about half a second to start.
"""

import base64
import binascii
import threading
from datetime import UTC, datetime, timedelta
from pathlib import PureWindowsPath
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from agent import redaction
from agent.errors import AgentError
from agent.host import NO_SUCH_FILE
from agent.remote.agentless import marks, powershell_scripts
from agent.remote.agentless.asking import Asking
from agent.remote.recording import Recording
from agent.ssh.connection import Connection
from checks.api import Output
from checks.errors import (
    NotPermitted,
    ProbeError,
    TimedOut,
    ToolMissing,
    UnexpectedOutput,
    Unreachable,
    Unsupported,
)

READING_SECONDS = 30.0
"""For a file, a date, a list of names."""
STARTING_SECONDS = 10.0
"""For PowerShell itself, on top of what a tool may take."""
_SMALL_BYTES = 2**20
_MAGIC = frozenset("*?[")
_EPOCH = datetime(1, 1, 1, tzinfo=UTC)
"""Where .NET begins to count its ticks of 100 ns."""
_REFUSED = ("System.UnauthorizedAccessException", "System.Security.SecurityException")
_NOT_THERE = (
    "System.IO.FileNotFoundException",
    "System.IO.DirectoryNotFoundException",
    "System.IO.DriveNotFoundException",
)


def powershell_host(connection: Connection, record: Recording) -> "PowerShellHost":
    """Return the host at the other end, which runs Windows."""
    return PowerShellHost(Asking(connection, record))


class PowerShellHost:
    """A `checks.api.Host` over the connection."""

    system = "windows"

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def within(self, ends: float, stop: threading.Event) -> Self:
        """Return the same host, for readings whose time is over at `ends` (time.monotonic)."""
        return type(self)(replace(self._asking, ends=ends, stop=stop))

    def lost(self) -> ProbeError | AgentError | None:
        """Return why nothing more can be asked of it; None: all is well."""
        return self._asking.lost()

    def read(self, path: str, *, limit_bytes: int = 2**20) -> str:
        """Return a text file, at most limit_bytes of it, odd bytes replaced."""
        return self.read_bytes(path, limit_bytes=limit_bytes).decode("utf-8", "replace")

    def read_bytes(self, path: str, *, limit_bytes: int = 2**20) -> bytes:
        """Return a file, at most limit_bytes of it; folders and devices raise UnexpectedOutput."""
        body = powershell_scripts.READ.format(path=powershell_scripts.word(path), limit=limit_bytes)
        told = self._about(path, body, limit_bytes)
        if told.state == "odd":
            raise UnexpectedOutput(path, "not a regular file")
        return told.taken("read", 1)[0]

    def modified_at(self, path: str) -> datetime:
        """Return when a file or folder was last changed (UTC)."""
        body = powershell_scripts.DATE.format(path=powershell_scripts.word(path))
        (ticks,) = self._about(path, body).taken("dated", 1)
        if not ticks.isdigit():
            raise UnexpectedOutput(path, "no time of its last change")
        return _EPOCH + timedelta(microseconds=int(ticks) // 10)

    def exists(self, path: str) -> bool:
        """Return whether something is at the path."""
        body = powershell_scripts.LOOK.format(path=powershell_scripts.word(path))
        try:
            return self._about(path, body).state == "there"
        except UnexpectedOutput as error:
            if error.detail == NO_SUCH_FILE:
                return False
            raise

    def list(self, pattern: str) -> tuple[str, ...]:
        """Return the paths that fit a glob pattern, sorted; none is an empty tuple.

        Raise NotPermitted if the folder above the first wildcard may not be listed, Unsupported
        for `**`. Case does not count, as everywhere on Windows.
        """
        wanted = PureWindowsPath(pattern)
        if "**" in wanted.parts:
            raise Unsupported(pattern, "a pattern with ** can't be followed over a channel")
        folder = str(_fixed_folder(wanted))
        body = powershell_scripts.PATHS.format(
            folder=powershell_scripts.word(folder), pattern=powershell_scripts.word(str(wanted))
        )
        try:
            told = self._about(folder, body)
        except UnexpectedOutput as error:
            if error.detail == NO_SUCH_FILE:
                return ()
            raise
        found = {word.decode("utf-8", "replace") for word in told.taken("listed")}
        return tuple(sorted(path for path in found if PureWindowsPath(path).match(str(wanted))))

    def run(
        self,
        *command: str,
        timeout_seconds: float = 10,
        limit_bytes: int = 4 * 2**20,
        exit_codes: tuple[int, ...] = (0,),
    ) -> Output:
        """Run a reading command of the system's folder and return what it printed.

        What it has started is killed with it at its deadline.
        """
        name = command[0]
        if ("/" in name or "\\" in name) and not PureWindowsPath(name).is_absolute():
            raise UnexpectedOutput(name, "a tool is a name or an absolute path")
        body = powershell_scripts.RUN.format(
            name=powershell_scripts.word(name),
            arguments=powershell_scripts.word(powershell_scripts.arguments(command)),
            limit=limit_bytes,
            milliseconds=int(timeout_seconds * 1000),
        )
        if any("\0" in word for word in command):
            raise UnexpectedOutput(name, "embedded null byte")
        told = self._told(name, body, timeout_seconds + STARTING_SECONDS, 2 * limit_bytes)
        if told.state == "missing":
            raise ToolMissing(name)
        if told.state == "late":
            raise TimedOut(name, f"no end after {timeout_seconds:g} s")
        code, output, errors = (word.decode("utf-8", "replace") for word in told.taken("ran", 3))
        if max(len(output.encode()), len(errors.encode())) > limit_bytes:
            raise UnexpectedOutput(name, f"more than {limit_bytes} bytes")
        if not code.removeprefix("-").isdecimal():
            raise UnexpectedOutput(name, "ended without an exit code")
        if int(code) not in exit_codes:
            words = redaction.clean(errors.strip())[:500]
            raise UnexpectedOutput(name, f"exit code {code}" + (f": {words}" if words else ""))
        return Output(output, int(code), errors)

    def _about(self, path: str, body: str, limit_bytes: int = _SMALL_BYTES) -> "_Told":
        if "\0" in path:
            raise UnexpectedOutput(path, "embedded null byte")
        return self._told(path, body, READING_SECONDS, limit_bytes)

    def _told(self, subject: str, body: str, seconds: float, limit_bytes: int) -> "_Told":
        number = marks.draw()
        script = powershell_scripts.framed(body, number)
        line = powershell_scripts.command_line(script)
        if len(line) > powershell_scripts.LONGEST_CHARACTERS:
            raise UnexpectedOutput(subject, "the command for it is too long")
        answer = self._asking.ask(
            line,
            "",
            subject=subject,
            seconds=seconds,
            limit_bytes=2 * limit_bytes,  # it comes in base64
            meaning=script,
        )
        # The line ends that a console adds are no part of it.
        output = answer.output.replace(b"\r\n", b"\n")
        content = marks.between(output, number, subject).content.decode("ascii", "replace")
        state, *words = content.split() or [""]
        told = _Told(state, tuple(words), subject)
        if state == "failed":
            raise told.refusal()
        return told


class _Told(Struct, frozen=True):
    """What a script has told."""

    state: str
    words: tuple[str, ...]
    subject: str

    def taken(self, state: str, number: int | None = None) -> tuple[bytes, ...]:
        """Return its words if it is what was wanted, else raise UnexpectedOutput."""
        fitting = all(word.startswith(":") for word in self.words) and self.state == state
        if not fitting or (number is not None and len(self.words) != number):
            raise UnexpectedOutput(self.subject, "the answer can't be read")
        try:
            return tuple(base64.b64decode(word[1:], validate=True) for word in self.words)
        except binascii.Error as error:
            raise UnexpectedOutput(self.subject, "the answer can't be read") from error

    def refusal(self) -> ProbeError:
        """Return what an exception of .NET means for a probe."""
        kind, said = (word.decode("utf-8", "replace") for word in self.taken("failed", 2))
        if kind in _REFUSED:
            return NotPermitted(self.subject, said[:500])
        if kind in _NOT_THERE:
            return UnexpectedOutput(self.subject, NO_SUCH_FILE)
        if kind == "System.TimeoutException":
            return Unreachable(self.subject, said[:500])
        return UnexpectedOutput(self.subject, said[:500])


def _fixed_folder(pattern: PureWindowsPath) -> PureWindowsPath:
    """Return the folder above the first part that has a wildcard."""
    path = pattern
    while _MAGIC & set(str(path)):
        path = path.parent
    return path if path != pattern else path.parent
