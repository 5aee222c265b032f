"""A process above the one that answers: it clears away when that one is killed.

Over a forced command there is no guard on another channel (agent/remote/visit/guard.py), and a host
short of memory kills without asking.
"""

import ctypes
import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from types import FrameType

from agent.isolation import end_session
from agent.processes import children

_SET_CHILD_SUBREAPER = 36
"""prctl(2): children whose parent died come to this process, not to init."""


def watch_over(place: Path) -> None:
    """Go on in a child. The process above it removes the folder once the child has ended.

    It ends what the child had started and left, and ends as the child did; TERM, HUP and INT go on
    to the child.
    """
    with suppress(OSError, AttributeError):  # off Linux: then only the folder goes
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    numbers = {signal.SIGTERM, signal.SIGHUP, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
        return

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)

    for number in numbers:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
    _, status = os.waitpid(pid, 0)
    for orphan in children():
        end_session(orphan)
    shutil.rmtree(place, ignore_errors=True)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)
