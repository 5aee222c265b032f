"""Assess in the background, one batch after the other, woken by each arrival."""

import logging
import threading

from checks.discovery import Catalogue
from collector.assessment.service import assess_pending
from collector.database import Database
from collector.errors import DatabaseUnusable

logger = logging.getLogger(__name__)
_LOOK_AGAIN_SECONDS = 30


class Worker:
    """One thread that assesses whatever is pending."""

    def __init__(self, database: Database, catalogue: Catalogue, arrived: threading.Event) -> None:
        self._database = database
        self._catalogue = catalogue
        self._arrived = arrived
        self._ending = False
        self._thread = threading.Thread(target=self._work, name="assessment", daemon=True)

    def start(self) -> None:
        """Begin; what was left pending by an earlier process is assessed first."""
        self._arrived.set()
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch at hand, then end; what is pending stays pending."""
        self._ending = True
        self._arrived.set()
        self._thread.join()

    def _work(self) -> None:
        while True:
            # Looked at again after a while: after a full disk there is no new arrival to wake us.
            self._arrived.wait(_LOOK_AGAIN_SECONDS)
            self._arrived.clear()
            if self._ending:
                return
            try:
                assess_pending(self._database, self._catalogue)
            except DatabaseUnusable:
                logger.exception("assessment waits for the database")
