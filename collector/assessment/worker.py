"""Assess in the background, one batch after the other.

`Worker` is a thread, for `inspect-here` and tests. `serve` assesses apart, in a process of its own
with a lower priority, so that judging never delays the answer to an upload.
"""

import logging
import multiprocessing
import os
import threading
from typing import Protocol

from checks.discovery import Catalogue, discover
from collector.assessment.service import assess_pending
from collector.database import Database, open_database
from collector.errors import DatabaseUnusable

logger = logging.getLogger(__name__)
_LOOK_AGAIN_SECONDS = 30.0
_LOOK_APART_SECONDS = 1.0
_NICENESS = 10


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
        while not self._ending:
            # Looked at again after a while: after a full disk there is no new arrival to wake us.
            self._arrived.wait(_LOOK_AGAIN_SECONDS)
            self._arrived.clear()
            _assess(self._database, self._catalogue)


class WorkerApart:
    """A process of its own that assesses; started anew should it die."""

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
        context = multiprocessing.get_context("spawn")
        while not self._ending.is_set():
            process = context.Process(target=_assess_forever, args=(self._url,), daemon=True)
            process.start()
            while process.is_alive() and not self._ending.wait(_LOOK_APART_SECONDS):
                pass
            if not self._ending.is_set():
                logger.error("the assessment ended with %s; started anew", process.exitcode)
            process.terminate()
            process.join()


def _assess_forever(url: str) -> None:
    os.nice(_NICENESS)
    parent = multiprocessing.parent_process()
    database, catalogue = open_database(url), discover()
    pause = threading.Event()
    while parent is not None and parent.is_alive():
        _assess(database, catalogue)
        pause.wait(_LOOK_APART_SECONDS)


def _assess(database: Database, catalogue: Catalogue) -> None:
    try:
        assess_pending(database, catalogue)
    except DatabaseUnusable:
        logger.exception("assessment waits for the database")
