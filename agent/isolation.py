"""One probe in one forked child: a hard deadline, limits, its own cost, its failures as reasons.

This is the one place that catches everything (design.md §5): whatever a probe does, including
dying, ends as facts or as a Failure. A child that even SIGKILL can't end (uninterruptible sleep,
a hung NFS mount) is left behind: nothing waits for it, and it holds no file of the agent open.

POSIX only for now. On other systems `start` raises Unsupported; the Windows runner comes with the
Windows agent.
"""

import gc
import os
import re
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from checks.api import Host
from checks.errors import ProbeError, Unsupported
from wire.messages import Cost, Failure, Reason

if sys.platform != "win32":
    import resource  # here, not in the child: each child would load it anew

LARGEST_FACTS_BYTES = 6 * 2**20
"""Far above any real check, and small enough that one line always fits into one batch."""

_GRACE_SECONDS = 0.5
_POLL_SECONDS = 0.02
_QUICK_POLL_SECONDS = 0.001
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_NICENESS = 10
_surrogate = re.compile("[\ud800-\udfff]")
_nul_escape = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


@dataclass(frozen=True)
class Limits:
    """What one probe may take."""

    deadline_seconds: float
    memory_bytes: int = 2**30
    """Address space of the child and of each tool that it runs."""


@dataclass(frozen=True)
class Reading:
    """How a probe ended: facts or a failure, and what it cost."""

    facts: Raw | UnsetType
    failure: Failure | None
    cost: Cost


class _Answer(Struct, frozen=True, omit_defaults=True):
    facts: Raw | UnsetType = UNSET
    failure: Failure | None = None


@dataclass(eq=False)
class Child:
    """A probe under way."""

    pid: int
    pipe: int
    limits: Limits
    started: float
    received: bytearray = field(default_factory=bytearray)
    killed: float | None = None
    """When its deadline ran out and it was killed."""
    reading: Reading | None = None
    """Set when it has ended or has been given up."""
    hung_up: float = 0
    """When its end of the pipe was closed."""
    left_behind: bool = False
    """True where SIGKILL did not end it."""


def start(probe: Callable[[Host], Any], host: Host, limits: Limits) -> Child:
    """Fork a child that runs the probe, in a session of its own. Raise Unsupported off POSIX."""
    if not hasattr(os, "fork"):
        raise Unsupported(sys.platform, "probes can't be isolated on this system yet")
    reading_end, writing_end = os.pipe()
    # Held back for a moment: a signal here would unwind the parent's frames inside the child.
    held = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING_SIGNALS)
    try:
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _live(probe, host, limits, writing_end)
        os.close(writing_end)
        os.set_blocking(reading_end, False)
        return Child(pid, reading_end, limits, started)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def wait(children: Sequence[Child]) -> list[Child]:
    """Wait until a child has ended or was given up, and return all that have.

    Never wait longer than until the nearest deadline and a short grace.
    """
    while True:
        pipes = {child.pipe: child for child in children if child.pipe >= 0}
        for pipe in select.select(list(pipes), [], [], _patience(children))[0]:
            _receive(pipes[pipe])
        for child in children:
            _advance(child)
        ended = [child for child in children if child.reading is not None]
        if ended:
            return ended


def identity(pid: int) -> str:
    """Return `pid start-time` of a process, which names it for this boot; empty if it is gone."""
    fields = _fields(pid)
    return f"{pid} {fields[19]}" if fields and fields[0] not in "ZX" else ""


def is_alive(process: str) -> bool:
    """Return whether the process with this identity is still there."""
    pid = process.partition(" ")[0]
    return pid.isdecimal() and identity(int(pid)) == process


def kill(child: Child) -> None:
    """End a child and all that it started, without waiting for it."""
    for _ in range(3):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        # The tools of a probe have groups of their own, but are in its session.
        members = _session_members(child.pid)
        for pid in members:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not members:
            break


# In the parent.


def _patience(children: Sequence[Child]) -> float:
    now = time.monotonic()
    if any(child.pipe < 0 or child.killed is not None for child in children):
        # A child that has hung up ends within microseconds, or (rarely) not at all.
        return min(
            _QUICK_POLL_SECONDS if now - child.hung_up < _GRACE_SECONDS else _POLL_SECONDS
            for child in children
        )
    return max(0.0, min(child.started + child.limits.deadline_seconds - now for child in children))


def _receive(child: Child) -> None:
    with suppress(BlockingIOError):
        while part := os.read(child.pipe, 2**16):
            child.received += part
            if len(child.received) > 2 * LARGEST_FACTS_BYTES:
                break
        _hang_up(child)


def _hang_up(child: Child) -> None:
    if child.pipe >= 0:
        os.close(child.pipe)
        child.pipe = -1
        child.hung_up = time.monotonic()


def _advance(child: Child) -> None:
    """Reap the child if it has ended; kill it at its deadline; give it up after the grace."""
    now = time.monotonic()
    # The end of the pipe comes just before the end of the process, or with it.
    if child.pipe < 0 or child.killed is not None:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            _hang_up(child)
            if not os.WIFEXITED(status):
                kill(child)  # its tools, if it died before they did
            cost = Cost(
                usage.ru_utime + usage.ru_stime,
                now - child.started,
                usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
            )
            child.reading = _understood(child, status, cost)
            return
    if child.killed is None and now >= child.started + child.limits.deadline_seconds:
        child.killed = now
        kill(child)
    elif child.killed is not None and now >= child.killed + _GRACE_SECONDS:
        _hang_up(child)
        child.left_behind = True
        failure = _out_of_time(child, "it could not be killed and was left behind")
        child.reading = Reading(UNSET, failure, Cost(0, now - child.started, 0))


def _understood(child: Child, status: int, cost: Cost) -> Reading:
    if child.killed is not None:
        return Reading(UNSET, _out_of_time(child, "killed with all that it had started"), cost)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number in (signal.SIGXCPU, signal.SIGALRM):
            return Reading(UNSET, _out_of_time(child, signal.Signals(number).name), cost)
        name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        return Reading(UNSET, Failure(Reason.ERROR, name, f"the probe died by {name}"), cost)
    try:
        answer = msgspec.json.decode(bytes(child.received), type=_Answer)
    except msgspec.DecodeError as error:
        words = f"the probe ended without an answer (exit code {os.WEXITSTATUS(status)}): {error}"
        return Reading(UNSET, Failure(Reason.ERROR, "no answer", words), cost)
    return Reading(answer.facts, answer.failure, cost)


def _out_of_time(child: Child, detail: str) -> Failure:
    return Failure(Reason.TIMEOUT, f"{child.limits.deadline_seconds:g} s", detail)


def _session_members(session: int) -> list[int]:
    """Return the living processes of a session (Linux; elsewhere the process group must do)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        fields = _fields(int(folder.name))
        if fields and int(fields[3]) == session and fields[0] not in "ZX":
            found.append(int(folder.name))
    return found


def _fields(pid: int) -> list[str]:
    """Return /proc/PID/stat from the state on; empty if the process is gone, or off Linux."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return []
    # pid (name) state ppid pgrp session ...; the name may hold anything, also brackets.
    return text.rpartition(")")[2].split()


# In the child.


def _live(probe: Callable[[Host], Any], host: Host, limits: Limits, writing_end: int) -> NoReturn:
    """Run the probe and leave; nothing of the parent may run on in this process."""
    try:
        _settle(limits, writing_end)
        text = _reading(probe, host)
        while text:
            text = text[os.write(writing_end, text) :]
    finally:
        os._exit(0)


def _settle(limits: Limits, writing_end: int) -> None:
    """Part with the parent: session, signals, files, limits."""
    os.setsid()
    for number in (*_ENDING_SIGNALS, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING_SIGNALS)
    # Also where the parent is dead: the child's own clock ends it, a little later.
    signal.setitimer(signal.ITIMER_REAL, limits.deadline_seconds + 2)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    # A child that can't be killed must not hold the agent's output, spool or lock.
    os.closerange(3, writing_end)
    os.closerange(writing_end + 1, 4096)
    gc.disable()
    os.nice(_NICENESS)
    seconds = int(limits.deadline_seconds) + 2
    _bound(resource.RLIMIT_AS, limits.memory_bytes)
    _bound(resource.RLIMIT_CPU, seconds)
    _bound(resource.RLIMIT_CORE, 0)


def _bound(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, hard if kind == resource.RLIMIT_CPU else value))


def _reading(probe: Callable[[Host], Any], host: Host) -> bytes:
    """Run the probe and return its answer, encoded. The one catch-all of the agent."""
    try:
        facts = _encoded(probe(host))
        if len(facts) <= LARGEST_FACTS_BYTES:
            return msgspec.json.encode(_Answer(facts=Raw(facts)))
        words = f"{len(facts)} bytes of facts; at most {LARGEST_FACTS_BYTES} are taken"
        failure = Failure(Reason.ERROR, "facts", words)
    except ProbeError as error:
        failure = error.failure()
    except PermissionError as error:
        failure = Failure(Reason.PERMISSION, _short(error.filename or "", 255), _short(error, 2000))
    except NotImplementedError as error:
        failure = Failure(Reason.UNSUPPORTED, _short(error, 255))
    except MemoryError:
        failure = Failure(Reason.ERROR, "MemoryError", "the probe needed more than its limit")
    # Code of others runs here, plug-ins among it: whatever it raises is its result, and
    # SystemExit or KeyboardInterrupt must not unwind into the parent's frames either.
    except BaseException as error:  # noqa: BLE001
        failure = _unforeseen(error)
    return _encoded(_Answer(failure=failure))


def _unforeseen(error: BaseException) -> Failure:
    kind = type(error)
    # By name, so that psutil need not be loaded for a probe that doesn't use it.
    if kind.__module__.startswith("psutil") and kind.__name__ == "AccessDenied":
        return Failure(Reason.PERMISSION, "", _short(error, 2000))
    return Failure(Reason.ERROR, _short(kind.__name__, 255), _short(error, 2000))


def _short(value: object, most: int) -> str:
    return str(value)[:most]


def _encoded(facts: object) -> bytes:
    """Return facts as JSON that every collector takes: no lone surrogates, no U+0000."""
    try:
        text = msgspec.json.encode(facts)
    except UnicodeEncodeError:
        text = msgspec.json.encode(_readable(msgspec.to_builtins(facts)))
    return _nul_escape.sub(rb"\1\\ufffd", text) if rb"\u0000" in text else text


def _readable(value: object) -> object:
    if isinstance(value, str):
        return _surrogate.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, dict):
        return {_readable(key): _readable(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_readable(entry) for entry in value]
    return value
