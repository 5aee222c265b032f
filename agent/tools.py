"""Run one of the host's own tools for a probe: from a fixed path, with a bare environment.

No shell, nothing of the user's PATH or environment, no input. Both streams are drained with a
cap. The tool has a process group of its own, which never outlives the call.
"""

import os
import selectors
import signal
import stat
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from checks.api import Output
from checks.errors import NotPermitted, TimedOut, ToolMissing, UnexpectedOutput

TOOL_FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")

# C.UTF-8 where the host has it; a C library without it falls back to C, which reads the same.
_ENVIRONMENT = {
    "HOME": "/",
    "LC_ALL": "C.UTF-8",
    "PATH": ":".join(TOOL_FOLDERS),
    "TERM": "dumb",
}
_CHUNK_BYTES = 2**16
_REAP_SECONDS = 1.0


def find_tool(name: str, folders: tuple[str, ...] = TOOL_FOLDERS) -> str:
    """Return the file to execute for a tool's name or absolute path, links resolved.

    Raise ToolMissing if it isn't there, NotPermitted if it may not be executed or, for root, if
    somebody else could have written it.
    """
    if "/" in name and not name.startswith("/"):
        raise UnexpectedOutput(name, "a tool is a name or an absolute path")
    places = [Path(name)] if "/" in name else [Path(folder, name) for folder in folders]
    place = next((place for place in places if place.is_file()), None)
    if place is None:
        raise ToolMissing(name)
    resolved = place.resolve()
    if not os.access(resolved, os.X_OK):
        raise NotPermitted(str(resolved), "not executable")
    if os.geteuid() == 0:
        for path in {place, resolved}:
            _demand_owned_by_root(path)
    return str(resolved)


def _demand_owned_by_root(tool: Path) -> None:
    """Refuse a file that others than root could have put there (security-reliability §2.3)."""
    for path in (tool, *tool.parents):
        status = path.stat()
        writable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        # In a sticky folder others can add but not replace: fine above, not around the tool.
        if status.st_mode & stat.S_ISVTX and path not in (tool, tool.parent):
            writable = 0
        if status.st_uid != 0 or writable:
            raise NotPermitted(str(tool), f"not executed as root: others can write {path}")


def run_tool(
    path: str, command: tuple[str, ...], timeout_seconds: float, limit_bytes: int
) -> Output:
    """Execute `path` with the arguments of `command` and return what it printed.

    Raise TimedOut after timeout_seconds and UnexpectedOutput after limit_bytes on either stream;
    the whole process group is killed in both cases.
    """
    try:
        process = subprocess.Popen(
            command,
            executable=path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT,
            cwd="/",
            process_group=0,
        )
    except PermissionError as error:
        raise NotPermitted(command[0], str(error)) from error
    except (OSError, ValueError) as error:
        raise UnexpectedOutput(command[0], str(error)) from error
    try:
        output, errors = _drain(process, command[0], timeout_seconds, limit_bytes)
        return Output(
            output.decode("utf-8", "replace"), process.returncode, errors.decode("utf-8", "replace")
        )
    finally:
        _end(process)


def _drain(
    process: "subprocess.Popen[bytes]", name: str, timeout_seconds: float, limit_bytes: int
) -> tuple[bytes, bytes]:
    """Return both streams when both have ended and the tool has, too."""
    assert process.stdout is not None
    assert process.stderr is not None
    deadline = time.monotonic() + timeout_seconds
    read = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    buffers = tuple(read.values())
    with selectors.DefaultSelector() as selector:
        for descriptor in read:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimedOut(name, f"no end after {timeout_seconds:g} s")
            for key, _ in selector.select(left):
                part = os.read(key.fd, _CHUNK_BYTES)
                if not part:
                    selector.unregister(key.fd)
                read[key.fd] += part
                if len(read[key.fd]) > limit_bytes:
                    raise UnexpectedOutput(name, f"more than {limit_bytes} bytes")
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TimedOut(name, f"no end after {timeout_seconds:g} s") from None
    return bytes(buffers[0]), bytes(buffers[1])


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill what is left of the tool's group; wait for the tool, but not for one in D state."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdout, process.stderr):
        assert stream is not None
        stream.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_REAP_SECONDS)
