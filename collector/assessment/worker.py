"""Assess in the background, one batch after the other.

`Worker` is a thread, for `inspect-here` and tests. `serve` assesses apart, in a process of its own,
and answers come before conclusions: while uploads keep arriving the assessment waits, but no batch
waits for longer than LONGEST_WAIT.
"""

import logging
import select
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol, TextIO

from checks.discovery import Catalogue, discover
from collector.assessment.service import assess_next, assess_pending, pending_span
from collector.assessment.turn import Turn
from collector.database import Database, open_database
from collector.errors import DatabaseUnusable

logger = logging.getLogger(__name__)
LONGEST_WAIT = timedelta(seconds=30)
"""Until then a batch may wait for uploads to pause; own figure."""
CALM = timedelta(seconds=0.25)
"""Uploads have paused when the newest one is this old; own figure, some commits long."""

_LOOK_AGAIN_SECONDS = 30.0
_LOOK_APART_SECONDS = 1.0
_LOOK_FOR_CALM_SECONDS = 0.1


class Assessing(Protocol):
    """Something that assesses while it runs."""

    def start(self) -> None:
        """Begin; what an earlier process left pending comes first."""

    def stop(self) -> None:
        """End; what is pending stays pending."""


class Worker:
    """One thread that assesses whatever is pending, woken by each arrival."""

    def __init__(self, database: Database, catalogue: Catalogue, arrived: threading.Event) -> None:
        self._database = database
        self._catalogue = catalogue
        self._arrived = arrived
        self._ending = False
        self._turn = Turn(database)
        self._thread = threading.Thread(target=self._work, name="assessment", daemon=True)

    def start(self) -> None:
        """Begin; what an earlier process left pending comes first."""
        self._arrived.set()
        self._thread.start()

    def stop(self) -> None:
        """Finish what is pending, then end."""
        self._ending = True
        self._arrived.set()
        self._thread.join()

    def _work(self) -> None:
        seconds = _LOOK_AGAIN_SECONDS
        while not self._ending:
            # Looked at again after a while: after a full disk there is no new arrival to wake us.
            self._arrived.wait(seconds)
            self._arrived.clear()
            seconds = _LOOK_AGAIN_SECONDS
            try:
                if self._turn.mine():
                    assess_pending(self._database, self._catalogue)
                else:
                    seconds = _LOOK_APART_SECONDS
            except DatabaseUnusable as error:
                _wait_for_it(error)
        self._turn.give_back()


class WorkerApart:
    """A process of its own that assesses; started anew should it die, ended with this one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="assessment-watch", daemon=True)

    def start(self) -> None:
        """Begin; what an earlier process left pending comes first."""
        self._thread.start()

    def stop(self) -> None:
        """End the process; a batch at hand is rolled back and stays pending."""
        self._ending.set()
        self._thread.join()

    def _watch(self) -> None:
        command = [sys.executable, "-m", __name__]
        while not self._ending.is_set():
            # A session of its own: Ctrl-C is for the server, which then ends this process.
            with subprocess.Popen(
                command, stdin=subprocess.PIPE, start_new_session=True
            ) as process:
                assert process.stdin is not None
                # Not as an argument: the URL may hold a password.
                with suppress(BrokenPipeError):
                    process.stdin.write(f"{self._url}\n".encode())
                    process.stdin.flush()
                while process.poll() is None and not self._ending.wait(_LOOK_APART_SECONDS):
                    pass
                if not self._ending.is_set():
                    logger.error("the assessment ended with %s; started anew", process.returncode)
                    self._ending.wait(_LOOK_APART_SECONDS)
                process.terminate()


def _assess_forever(commands: TextIO) -> None:
    """Assess until the server closes its end of the pipe, also by dying."""
    url, catalogue = commands.readline().rstrip("\n"), discover()
    database, turn = None, None
    seconds = 0.0
    while not select.select([commands], [], [], seconds)[0]:
        try:
            if database is None or turn is None:
                database = open_database(url)
                turn = Turn(database)
            if not turn.mine():
                seconds = _LOOK_APART_SECONDS
                continue
            span = pending_span(database)
            if span is None:
                seconds = _LOOK_APART_SECONDS
            elif may_assess(*span, datetime.now(UTC)):
                assess_next(database, catalogue)
                seconds = 0.0
            else:
                seconds = _LOOK_FOR_CALM_SECONDS
        except DatabaseUnusable as error:
            _wait_for_it(error)
            seconds = _LOOK_APART_SECONDS


def _wait_for_it(error: DatabaseUnusable) -> None:
    logger.error("assessment waits for the database: %s", error)


def may_assess(oldest: datetime, newest: datetime, now: datetime) -> bool:
    """Tell whether uploads have paused, or a batch has waited for long enough."""
    return now - newest >= CALM or now - oldest >= LONGEST_WAIT


if __name__ == "__main__":
    _assess_forever(sys.stdin)
