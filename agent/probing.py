"""What happens in the forked child of a probe: it parts with the agent, reads, answers, leaves.

This is the one place that catches everything (design.md §5): whatever a probe raises becomes a
Failure. What kills the child is agent/isolation.py's to tell.
"""

import gc
import os
import re
import signal
import struct
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from agent import redaction
from checks.api import Host
from checks.errors import ProbeError
from wire.messages import Failure, Reason

if sys.platform != "win32":
    import resource  # here, not in the child: each child would load it anew

LARGEST_FACTS_BYTES = 6 * 2**20
"""Far above any real check, and small enough that one line always fits into one batch."""
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Held back by the parent around the fork; the child lets them through."""

_NICENESS = 10
_surrogate = re.compile("[\ud800-\udfff]")
_nul_escape = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


class Limits(Struct, frozen=True):
    """What one probe may take."""

    deadline_seconds: float
    memory_bytes: int = 2**30
    """Address space of the child and of each tool that it runs."""


class Task(Struct, frozen=True):
    """One probe and what it may take."""

    probe: Callable[[Host], Any]
    limits: Limits


FRAME = struct.Struct("!QdQ")
"""Before each answer: its length, the seconds of processor time it took, the peak of memory.

The peak is that of the process until then: a probe after a larger one shows that one's.
"""


class Answer(Struct, frozen=True, omit_defaults=True):
    """What comes back through the pipe: facts or a failure."""

    facts: Raw | UnsetType = UNSET
    failure: Failure | None = None


def live(tasks: Sequence[Task], host: Host, writing_end: int) -> NoReturn:
    """Run the probes one after the other and leave; nothing of the parent may run on here."""
    try:
        _settle(writing_end)
        spent = 0.0
        for task in tasks:
            _limit(task.limits)
            # Here and not in the parent: only this process knows what the probe obtained.
            answer = redaction.clean_json(reading(task.probe, host))
            total, peak_bytes = _used()
            text = FRAME.pack(len(answer), total - spent, peak_bytes) + answer
            spent = total
            while text:
                text = text[os.write(writing_end, text) :]
    finally:
        os._exit(0)


def _used() -> tuple[float, int]:
    """Return processor time and peak memory of this process and its ended tools, until now."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    tools = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = own.ru_utime + own.ru_stime + tools.ru_utime + tools.ru_stime
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, max(own.ru_maxrss, tools.ru_maxrss) * unit


def _settle(writing_end: int) -> None:
    """Part with the parent: session, signals, files."""
    os.setsid()
    for number in (*ENDING_SIGNALS, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    # A child that can't be killed must not hold the agent's output, spool or lock.
    os.closerange(3, writing_end)
    os.closerange(writing_end + 1, 4096)
    gc.disable()
    os.nice(_NICENESS)
    _bound(resource.RLIMIT_CORE, 0)


def _limit(limits: Limits) -> None:
    """Set the limits of the next probe; those of the one before are over."""
    # Also where the parent is dead: the child's own clock ends it, a little later.
    signal.setitimer(signal.ITIMER_REAL, limits.deadline_seconds + 2)
    _bound(resource.RLIMIT_AS, limits.memory_bytes)
    _bound(resource.RLIMIT_CPU, int(time.process_time() + limits.deadline_seconds) + 2)


def _bound(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, hard if kind == resource.RLIMIT_CPU else value))


def reading(probe: Callable[[Host], Any], host: Host) -> bytes:
    """Run the probe and return its answer, encoded. The one catch-all of the agent."""
    try:
        facts = _encoded(probe(host))
        if len(facts) <= LARGEST_FACTS_BYTES:
            return msgspec.json.encode(Answer(facts=Raw(facts)))
        words = f"{len(facts)} bytes of facts; at most {LARGEST_FACTS_BYTES} are taken"
        failure = Failure(Reason.ERROR, "facts", words)
    except ProbeError as error:
        # Before it is cut: half a secret at the cut would pass the filter.
        error.subject = redaction.clean(error.subject)
        error.detail = redaction.clean(error.detail)
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
    return _encoded(Answer(failure=failure))


def _unforeseen(error: BaseException) -> Failure:
    kind = type(error)
    # By name, so that psutil need not be loaded for a probe that doesn't use it.
    if kind.__module__.startswith("psutil") and kind.__name__ == "AccessDenied":
        return Failure(Reason.PERMISSION, "", _short(error, 2000))
    return Failure(Reason.ERROR, _short(kind.__name__, 255), _short(error, 2000))


def _short(value: object, most: int) -> str:
    return redaction.clean(str(value))[:most]


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
