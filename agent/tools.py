"""Run one of the host's own tools for a probe: from a fixed path, with a bare environment.

Only what root alone can write is executed. No shell, nothing of the user's PATH or environment, no
input. Both streams are drained with a cap. The tool has a process group of its own, which never
outlives the call.
"""

import os
import selectors
import signal
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

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
_NOTHING_MORE: Mapping[str, str] = MappingProxyType({})
_MOST_LINKS = 40
_CHUNK_BYTES = 2**16
_REAP_SECONDS = 1.0


def find_tool(name: str, folders: tuple[str, ...] = TOOL_FOLDERS) -> str:
    """Return the file to execute for a tool's name or absolute path, links resolved.

    Raise ToolMissing if it isn't there, NotPermitted if it may not be executed or if somebody else
    than root could have put it there: also an agent that is not root shows its user's rights.
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
    demand_roots(place)
    return str(resolved)


def demand_roots(path: Path) -> None:
    """Raise NotPermitted if others than root could have put the file there, or its content.

    Looked at are the file, every link on the way to it, and every folder that any of them stands
    in (security-reliability §2.3). Raise UnexpectedOutput if the way leads nowhere.
    """
    for place, status, is_stop in _way(path):
        writable = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if stat.S_ISLNK(status.st_mode):
            writable = 0  # A link has no mode of its own; what counts is the folder it stands in.
        # In a sticky folder others can add but not replace: fine above, not around what is looked
        # for by name.
        if status.st_mode & stat.S_ISVTX and not is_stop:
            writable = 0
        if status.st_uid != 0 or writable:
            raise NotPermitted(str(path), f"not used: others than root can write {place}")


def _way(path: Path) -> Iterator[tuple[Path, os.stat_result, bool]]:
    """Yield what the system passes on its way to a file, as the system follows links.

    Each with its status, and whether the next step from it is the file or a link.
    """
    here = Path("/")
    left = list(reversed(path.parts[1:]))
    links = 0
    while left:
        part = left.pop()
        if part == "..":
            here = here.parent
            continue
        step = here / part
        try:
            status = step.lstat()
            is_link = stat.S_ISLNK(status.st_mode)
            yield here, here.stat(), is_link or not left
            if is_link:
                links += 1
                if links > _MOST_LINKS:
                    raise UnexpectedOutput(str(path), "too many links")
                yield step, status, False
                target = step.readlink()
                here = Path("/") if target.is_absolute() else here
                left += reversed(target.parts[1:] if target.is_absolute() else target.parts)
                continue
        except PermissionError as error:
            raise NotPermitted(str(path), f"{step} can't be looked at") from error
        except OSError as error:
            raise UnexpectedOutput(str(path), error.strerror or str(error)) from error
        here = step
    yield here, here.stat(), False


def run_tool(
    path: str,
    command: tuple[str, ...],
    timeout_seconds: float,
    limit_bytes: int,
    *,
    environment: Mapping[str, str] = _NOTHING_MORE,
    inherited: tuple[int, ...] = (),
    user: str | None = None,
) -> Output:
    """Execute `path` with the arguments of `command` and return what it printed.

    `environment` is added to the bare one, the file descriptors of `inherited` stay open in the
    tool, and as root it may run as another `user`. Raise TimedOut after timeout_seconds and
    UnexpectedOutput after limit_bytes on either stream; the whole process group is killed in both
    cases.
    """
    try:
        process = subprocess.Popen(
            command,
            executable=path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**_ENVIRONMENT, **environment},
            cwd="/",
            process_group=0,
            pass_fds=inherited,
            user=user,
            group=None if user is None else _group(user),
            extra_groups=None if user is None else (),
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


def _group(user: str) -> int:
    import pwd

    try:
        return pwd.getpwnam(user).pw_gid
    except KeyError as error:
        raise UnexpectedOutput(user, "no such user") from error


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
