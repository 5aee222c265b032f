"""The Host port over a connection, with the tools of a POSIX shell: sh, head, ls, stat or date.

It answers as agent.host.LocalHost does, refusals included, with three differences. A tool is run
from the same fixed folders and with the same bare environment, but nobody looks whether others than
root could have put it there: that would take a command for every folder on its way. What needs more
rights than the user's is refused: there is no table of readings for root. And a tool that dies by a
signal gives the shell's number for it (137), not the system's (-9).

Each call is one command; nothing is kept from one to the next but what kind of host it is.
"""

import math
import threading
import time
from datetime import UTC, datetime
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from agent import redaction
from agent.errors import AgentError
from agent.host import NO_SUCH_FILE
from agent.remote.agentless import marks, patterns, posix_scripts
from agent.remote.agentless.asking import Asking
from agent.remote.agentless.refusals import refusal
from agent.remote.recording import Recording
from agent.ssh.connection import Connection
from checks.api import Output
from checks.errors import (
    NotPermitted,
    ProbeError,
    ToolMissing,
    UnexpectedOutput,
    Unsupported,
)

READING_SECONDS = 30.0
"""For a file, a date, a list of names: the line may be slow."""
LIST_BYTES = 4 * 2**20
_SURVEY = "survey of the host"
_KILL_LATER_SECONDS = 1.0
"""Our own deadline comes first; the host's clears up."""
_NOT_STARTED = 126
"""What `env` ends with where the system refuses to start the tool."""


class Kind(Struct, frozen=True):
    """What kind of host it is."""

    system: str
    timeout: str = ""
    """Path of a `timeout` that ends a whole group of processes; empty: none."""
    plain_timeout: bool = False
    """There is one that ends the command alone."""


def posix_host(connection: Connection, record: Recording) -> "PosixHost":
    """Return the host at the other end, which has a POSIX shell."""
    return PosixHost(Asking(connection, record))


class PosixHost:
    """A `checks.api.Host` over the connection."""

    def __init__(self, asking: Asking, known: list[Kind] | None = None) -> None:
        self._asking = asking
        self._known: list[Kind] = [] if known is None else known
        """What kind of host it is, once it has been asked."""

    def within(self, ends: float, stop: threading.Event) -> Self:
        """Return the same host, for readings whose time is over at `ends` (time.monotonic)."""
        return type(self)(replace(self._asking, ends=ends, stop=stop), self._known)

    def lost(self) -> ProbeError | AgentError | None:
        """Return why nothing more can be asked of it; None: all is well."""
        return self._asking.lost()

    @property
    def system(self) -> str:
        """`linux`, or the name that another system has for itself, in small letters."""
        return self._kind().system

    def read(self, path: str, *, limit_bytes: int = 2**20) -> str:
        """Return a text file, at most limit_bytes of it, odd bytes replaced."""
        return self.read_bytes(path, limit_bytes=limit_bytes).decode("utf-8", "replace")

    def read_bytes(self, path: str, *, limit_bytes: int = 2**20) -> bytes:
        """Return a regular file (procfs and sysfs too), at most limit_bytes of it.

        Pipes, sockets and devices raise UnexpectedOutput: they would block, or do something.
        """
        told = self._about(path, posix_scripts.read(path, limit_bytes), limit_bytes)
        if told.state == "odd":
            raise UnexpectedOutput(path, "not a regular file")
        if told.state != "read 0":
            raise refusal(path, told.errors)
        return told.content

    def modified_at(self, path: str) -> datetime:
        """Return when a file or folder was last changed (UTC)."""
        told = self._about(path, posix_scripts.date(path))
        if told.state.startswith("absent"):
            raise refusal(path, told.errors)
        try:
            return datetime.fromtimestamp(float(told.content), UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise Unsupported(path, "neither stat nor date tells when it was changed") from error

    def exists(self, path: str) -> bool:
        """Return whether something is at the path; a link to nothing is not."""
        told = self._about(path, posix_scripts.look(path))
        if told.state == "there" or told.state == "absent 0":  # there now, a moment ago it was not
            return True
        error = refusal(path, told.errors)
        if isinstance(error, UnexpectedOutput) and error.detail == NO_SUCH_FILE:
            return False
        raise error

    def list(self, pattern: str) -> tuple[str, ...]:
        """Return the paths that fit a glob pattern, sorted; none is an empty tuple.

        Raise NotPermitted if the folder above the first wildcard may not be listed, Unsupported
        for `**`.
        """
        folder = patterns.fixed_folder(pattern)
        words = patterns.shell_patterns(pattern)
        links = patterns.ends_wild(pattern)
        told = self._about(pattern, posix_scripts.paths(folder, words, links=links), LIST_BYTES)
        if told.state == "refused":
            raise NotPermitted(folder)
        if told.state == "listed":
            found = told.content.decode("utf-8", "surrogateescape").split("\0")
            return patterns.fitting(pattern, found[:-1])
        if told.state in ("odd", "absent 0"):
            return ()
        error = refusal(folder, told.errors)
        if isinstance(error, UnexpectedOutput) and error.detail == NO_SUCH_FILE:
            return ()
        raise error

    def run(
        self,
        *command: str,
        timeout_seconds: float = 10,
        limit_bytes: int = 4 * 2**20,
        exit_codes: tuple[int, ...] = (0,),
    ) -> Output:
        """Run a reading command with a bare environment and return what it printed.

        No shell reads its arguments. At its deadline it is ended where the host has a `timeout`,
        and with GNU's also what it has started; the line is closed on it in any case.
        """
        name = command[0]
        if "/" in name and not name.startswith("/"):
            raise UnexpectedOutput(name, "a tool is a name or an absolute path")
        kind = self._kind()
        kill = math.ceil(timeout_seconds + _KILL_LATER_SECONDS) if kind.plain_timeout else 0
        script = posix_scripts.tool(command, limit_bytes, kill)
        told = self._told(name, script, timeout_seconds, limit_bytes, kind, command)
        if told.state == "missing":
            raise ToolMissing(name)
        if told.state == "locked":
            raise NotPermitted(told.content.decode("utf-8", "replace"), "not executable")
        if len(told.content) > limit_bytes or len(told.errors) > limit_bytes:
            raise UnexpectedOutput(name, f"more than {limit_bytes} bytes")
        code = told.code()
        errors = told.errors.decode("utf-8", "replace")
        if code == _NOT_STARTED and errors.startswith("env: "):
            raise refusal(name, told.errors)
        if code not in exit_codes:
            words = redaction.clean(errors.strip())[:500]
            raise UnexpectedOutput(name, f"exit code {code}" + (f": {words}" if words else ""))
        return Output(told.content.decode("utf-8", "replace"), code, errors)

    def _kind(self) -> Kind:
        if not self._known:
            told = self._told(_SURVEY, posix_scripts.SURVEY, READING_SECONDS, 4096, Kind(""))
            lines = told.content.decode("utf-8", "replace").splitlines()
            words = told.state.split()
            if not lines or "head" not in words:
                raise Unsupported("head -c", "the shell tools of this host can't cut by bytes")
            grouped = "group" in words and len(lines) > 1 and lines[1].startswith("/")
            self._known.append(
                Kind(lines[0].strip().lower(), lines[1] if grouped else "", "plain" in words)
            )
        return self._known[0]

    def _about(self, path: str, script: str, limit_bytes: int = 4096) -> "_Told":
        if "\0" in path:
            raise UnexpectedOutput(path, "embedded null byte")
        return self._told(path, script, READING_SECONDS, limit_bytes, self._kind())

    def _told(
        self,
        subject: str,
        script: str,
        seconds: float,
        limit_bytes: int,
        kind: Kind,
        words: tuple[str, ...] = (),
    ) -> "_Told":
        if any("\0" in word for word in words):
            raise UnexpectedOutput(subject, "embedded null byte")
        number = marks.draw()
        command = posix_scripts.SHELL
        if kind.timeout:
            left = min(seconds, max(0.0, self._asking.ends - time.monotonic()))
            command = f"{kind.timeout} -s KILL {left + _KILL_LATER_SECONDS:.3f} {command}"
        answer = self._asking.ask(
            command,
            posix_scripts.framed(script, number),
            subject=subject,
            seconds=seconds,
            limit_bytes=limit_bytes,
        )
        output = marks.between(answer.output, number, subject)
        errors = marks.between(answer.errors, number, subject)
        return _Told(output.content, errors.content, output.state, subject)


class _Told(Struct, frozen=True):
    """What a script has told."""

    content: bytes
    errors: bytes
    state: str
    subject: str

    def code(self) -> int:
        """Return the exit code of the tool that ran."""
        word = self.state.removeprefix("ran ")
        if not word.isdecimal():
            raise UnexpectedOutput(self.subject, "ended without an exit code")
        return int(word)
