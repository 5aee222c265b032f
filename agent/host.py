"""The customer's host as probes see it: read-only, bounded, without a shell.

What the operating system answers becomes a ProbeError here, so that a probe has nothing to catch.
"""

import errno
import os
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from glob import has_magic
from pathlib import Path
from typing import TypeVar

from agent import privileged, redaction
from agent.tools import TOOL_FOLDERS, find_tool, run_tool
from checks.api import Output
from checks.errors import NotPermitted, ProbeError, TimedOut, UnexpectedOutput, Unreachable

Value = TypeVar("Value")

NO_SUCH_FILE = "no such file"
"""How UnexpectedOutput says that nothing is there."""

_CHUNK_BYTES = 2**18
_SANDBOX = "XUNJIAN_SANDBOX"
"""Set by our unit (agent/installation/units.py): its ProtectSystem= makes all mounts read-only."""
_SEEN_FROM_OUTSIDE = {"/proc/self/mounts": "/proc/1/mounts"}
"""What shows a service in a sandbox itself, and where the same stands about the host."""
_UNREACHABLE = {
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.EIO,
    errno.ENOTCONN,
    errno.ESTALE,
}


class LocalHost:
    """The real `checks.api.Host`: this machine."""

    def __init__(self, tool_folders: tuple[str, ...] = TOOL_FOLDERS) -> None:
        self._tool_folders = tool_folders

    @property
    def system(self) -> str:
        """`linux` or `windows`; any other system by Python's name for it."""
        return "windows" if sys.platform == "win32" else sys.platform

    def read(self, path: str, *, limit_bytes: int = 2**20) -> str:
        """Return a text file, at most limit_bytes of it, odd bytes replaced."""
        if _SANDBOX in os.environ:
            path = _SEEN_FROM_OUTSIDE.get(path, path)
        try:
            content = self.read_bytes(path, limit_bytes=limit_bytes)
        except NotPermitted:
            if privileged.reading_of(("cat", path)) is None:
                raise
            return self.run("cat", path, limit_bytes=limit_bytes).text
        return content.decode("utf-8", "replace")

    def read_bytes(self, path: str, *, limit_bytes: int = 2**20) -> bytes:
        """Return a regular file (procfs and sysfs too), at most limit_bytes of it.

        Pipes, sockets and devices raise UnexpectedOutput: they would block, or do something.
        """
        return _answered(path, lambda: _read_regular(path, limit_bytes))

    def modified_at(self, path: str) -> datetime:
        """Return when a file or folder was last changed (UTC)."""
        return _answered(path, lambda: datetime.fromtimestamp(Path(path).stat().st_mtime, UTC))

    def exists(self, path: str) -> bool:
        """Return whether something is at the path; a link to nothing is not."""

        def look() -> bool:
            try:
                Path(path).stat()
            except (FileNotFoundError, NotADirectoryError):
                return False
            return True

        return _answered(path, look)

    def list(self, pattern: str) -> tuple[str, ...]:
        """Return the paths that fit a glob pattern, sorted; none is an empty tuple.

        Raise NotPermitted if the folder above the first wildcard may not be listed: glob itself
        would say that it is empty.
        """
        folder = _fixed_folder(pattern)
        is_folder = _answered(str(folder), folder.is_dir)
        if is_folder and not os.access(folder, os.R_OK | os.X_OK):
            raise NotPermitted(str(folder))
        return _answered(pattern, lambda: _fitting(pattern))

    def run(
        self,
        *command: str,
        timeout_seconds: float = 10,
        limit_bytes: int = 4 * 2**20,
        exit_codes: tuple[int, ...] = (0,),
    ) -> Output:
        """Run a reading command without a shell and return what it printed (see agent/tools.py).

        The lines of agent/privileged.py's table are run with the rights that they need.
        """
        reading = privileged.reading_of(command)
        # A tool at another place than the table's has no right to more than this user's.
        if reading is not None and os.geteuid() != 0 and Path(reading.command[0]).exists():
            return privileged.run_reading(reading, timeout_seconds, limit_bytes)
        tool = find_tool(command[0], self._tool_folders)
        output = run_tool(tool, command, timeout_seconds, limit_bytes)
        if output.exit_code not in exit_codes:
            words = redaction.clean(output.error_text.strip())[:500]
            detail = f"exit code {output.exit_code}" + (f": {words}" if words else "")
            raise UnexpectedOutput(command[0], detail)
        return output


def _answered(subject: str, ask: Callable[[], Value]) -> Value:
    """Return what the operating system answers, its refusals as ProbeErrors."""
    try:
        return ask()
    except OSError as error:
        raise meaning(subject, error) from error
    except ValueError as error:  # a NUL character in a path
        raise UnexpectedOutput(subject, str(error)) from error


def meaning(subject: str, error: OSError) -> ProbeError:
    """Return what an answer of the operating system means for a probe."""
    words = error.strerror or str(error)
    if isinstance(error, PermissionError):
        return NotPermitted(subject, words)
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return UnexpectedOutput(subject, NO_SUCH_FILE)
    if isinstance(error, BlockingIOError):
        return UnexpectedOutput(subject, "nothing to read without waiting")
    if error.errno == errno.ETIMEDOUT:
        return TimedOut(subject, words)
    if error.errno in _UNREACHABLE:
        return Unreachable(subject, words)
    return UnexpectedOutput(subject, words)


def _read_regular(path: str, limit_bytes: int) -> bytes:
    # Looked at before it is opened: opening alone makes some devices act (a tape, a watchdog).
    _demand_regular(path, Path(path).stat().st_mode)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    descriptor = os.open(path, flags)
    try:
        _demand_regular(path, os.fstat(descriptor).st_mode)
        parts: list[bytes] = []
        left = limit_bytes
        while left > 0 and (part := os.read(descriptor, min(left, _CHUNK_BYTES))):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def _demand_regular(path: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise UnexpectedOutput(path, "not a regular file")


def _fitting(pattern: str) -> tuple[str, ...]:
    anchor = Path(pattern).anchor
    relative = pattern.removeprefix(anchor)
    return tuple(sorted(str(path) for path in Path(anchor).glob(relative)))


def _fixed_folder(pattern: str) -> Path:
    """Return the folder above the first part of the pattern that has a wildcard."""
    path = Path(pattern)
    while has_magic(str(path)):
        path = path.parent
    return path if str(path) != pattern else path.parent
