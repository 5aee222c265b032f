"""Probes in forked children: hard deadlines, limits, the cost of each, failures as reasons.

A child runs one probe, or several one after the other (a fork costs 3 to 4 ms, more than most
probes). Each has its own deadline. A child is killed where one overruns it; what such a child, or
one that died, had not begun is run by another (agent/runner.py).

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
from collections.abc import Sequence
from contextlib import suppress

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, field

from agent.probing import ENDING_SIGNALS, FRAME, LARGEST_FACTS_BYTES, Answer, Limits, Task, live
from agent.processes import session_members
from checks.api import Host
from checks.errors import Unsupported
from wire.messages import Cost, Failure, Reason

_GRACE_SECONDS = 0.5
_POLL_SECONDS = 0.02
_QUICK_POLL_SECONDS = 0.001


class Reading(Struct, frozen=True):
    """How a probe ended: facts or a failure, and what it cost."""

    facts: Raw | UnsetType
    failure: Failure | None
    cost: Cost


class Child(Struct, eq=False):
    """Probes under way: the first of `limits` is that of the one that runs."""

    pid: int
    pipe: int
    limits: list[Limits]
    started: float
    """When the probe that runs was started."""
    received: bytearray = field(default_factory=bytearray)
    spent_seconds: float = 0
    """Processor time of the probes before."""
    killed: float | None = None
    """When a deadline ran out and it was killed."""
    readings: list[Reading] = field(default_factory=list)
    """Of the probes that have ended since the last call of `taken`."""
    ended: bool = False
    """True when it has ended or has been given up: there will be no further reading."""
    hung_up: float = 0
    """When its end of the pipe was closed."""
    left_behind: bool = False
    """True where SIGKILL did not end it."""

    def taken(self) -> list[Reading]:
        """Return the new readings, in the order of the tasks, and forget them."""
        taken, self.readings = self.readings, []
        return taken


def start(tasks: Sequence[Task], host: Host) -> Child:
    """Fork a child that runs the tasks, in a session of its own. Raise Unsupported off POSIX."""
    if not hasattr(os, "fork"):
        raise Unsupported(sys.platform, "probes can't be isolated on this system yet")
    reading_end, writing_end = os.pipe()
    # Held back for a moment: a signal here would unwind the parent's frames inside the child.
    held = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    try:
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            live(tasks, host, writing_end)
        os.close(writing_end)
        os.set_blocking(reading_end, False)
        return Child(pid, reading_end, [task.limits for task in tasks], started)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def wait(children: Sequence[Child]) -> list[Child]:
    """Wait until a child has a new reading, has ended or was given up; return all such.

    Never wait longer than until the nearest deadline and a short grace.
    """
    while True:
        pipes = {child.pipe: child for child in children if child.pipe >= 0}
        for pipe in select.select(list(pipes), [], [], _patience(children))[0]:
            _receive(pipes[pipe])
        for child in children:
            _advance(child)
        news = [child for child in children if child.readings or child.ended]
        if news:
            return news


def kill(child: Child) -> None:
    """End a child and all that it started, without waiting for it."""
    end_session(child.pid)


def end_session(leader: int) -> None:
    """End a process and its session (as that of a probe), without waiting for it."""
    for _ in range(3):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
        # The tools of a probe have groups of their own, but are in its session.
        members = session_members(leader)
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
    return max(0.0, min(_deadline(child) - now for child in children))


def _deadline(child: Child) -> float:
    return child.started + child.limits[0].deadline_seconds


def _receive(child: Child) -> None:
    with suppress(BlockingIOError):
        while part := os.read(child.pipe, 2**16):
            child.received += part
            _take_answers(child)
            if len(child.received) > 2 * LARGEST_FACTS_BYTES:
                break
        _hang_up(child)


def _take_answers(child: Child) -> None:
    """Take the answers that have come, but for the last: that one counts when the child ends."""
    while len(child.limits) > 1 and child.killed is None and len(child.received) >= FRAME.size:
        length, seconds, peak_bytes = FRAME.unpack_from(child.received)
        if len(child.received) < FRAME.size + length:
            return
        now = time.monotonic()
        answer = bytes(child.received[FRAME.size : FRAME.size + length])
        child.readings.append(_answered(answer, Cost(seconds, now - child.started, peak_bytes)))
        del child.received[: FRAME.size + length]
        child.spent_seconds += seconds
        child.started = now
        child.limits.pop(0)


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
                max(0.0, usage.ru_utime + usage.ru_stime - child.spent_seconds),
                now - child.started,
                usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
            )
            child.ended = True
            child.readings.append(_understood(child, status, cost))
            return
    if child.killed is None and now >= _deadline(child):
        child.killed = now
        kill(child)
    elif child.killed is not None and now >= child.killed + _GRACE_SECONDS:
        _hang_up(child)
        child.left_behind = child.ended = True
        failure = _out_of_time(child, "it could not be killed and was left behind")
        child.readings.append(Reading(UNSET, failure, Cost(0, now - child.started, 0)))


def _understood(child: Child, status: int, cost: Cost) -> Reading:
    if child.killed is not None:
        return Reading(UNSET, _out_of_time(child, "killed with all that it had started"), cost)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number in (signal.SIGXCPU, signal.SIGALRM):
            return Reading(UNSET, _out_of_time(child, signal.Signals(number).name), cost)
        name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        return Reading(UNSET, Failure(Reason.ERROR, name, f"the probe died by {name}"), cost)
    if len(child.received) < FRAME.size:
        words = f"the probe ended without an answer (exit code {os.WEXITSTATUS(status)})"
        return Reading(UNSET, Failure(Reason.ERROR, "no answer", words), cost)
    return _answered(bytes(child.received[FRAME.size :]), cost)


def _answered(text: bytes, cost: Cost) -> Reading:
    try:
        answer = msgspec.json.decode(text, type=Answer)
    except msgspec.DecodeError as error:
        return Reading(UNSET, Failure(Reason.ERROR, "no answer", f"an odd answer: {error}"), cost)
    return Reading(answer.facts, answer.failure, cost)


def _out_of_time(child: Child, detail: str) -> Failure:
    return Failure(Reason.TIMEOUT, f"{child.limits[0].deadline_seconds:g} s", detail)
