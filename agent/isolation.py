"""One probe in one forked child: a hard deadline, limits, its own cost, its failures as reasons.

Whatever a probe does, including dying, ends as facts or as a Failure (what it raises is caught in
agent/probing.py). A child that even SIGKILL can't end (uninterruptible sleep,
a hung NFS mount) is left behind: nothing waits for it, and it holds no file of the agent open.

POSIX only for now. On other systems `start` raises Unsupported; the Windows runner comes with the
Windows agent.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from agent.probing import ENDING_SIGNALS, LARGEST_FACTS_BYTES, Answer, Limits, live
from agent.processes import session_members
from checks.api import Host
from checks.errors import Unsupported
from wire.messages import Cost, Failure, Reason

if sys.platform != "win32":
    pass  # here, not in the child: each child would load it anew

_GRACE_SECONDS = 0.5
_POLL_SECONDS = 0.02
_QUICK_POLL_SECONDS = 0.001


class Reading(Struct, frozen=True):
    """How a probe ended: facts or a failure, and what it cost."""

    facts: Raw | UnsetType
    failure: Failure | None
    cost: Cost


class Child(Struct, eq=False):
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
    held = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    try:
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            live(probe, host, limits, writing_end)
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


def kill(child: Child) -> None:
    """End a child and all that it started, without waiting for it."""
    for _ in range(3):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        # The tools of a probe have groups of their own, but are in its session.
        members = session_members(child.pid)
        for pid in members:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not members:
            break


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
        answer = msgspec.json.decode(bytes(child.received), type=Answer)
    except msgspec.DecodeError as error:
        words = f"the probe ended without an answer (exit code {os.WEXITSTATUS(status)}): {error}"
        return Reading(UNSET, Failure(Reason.ERROR, "no answer", words), cost)
    return Reading(answer.facts, answer.failure, cost)


def _out_of_time(child: Child, detail: str) -> Failure:
    return Failure(Reason.TIMEOUT, f"{child.limits.deadline_seconds:g} s", detail)
