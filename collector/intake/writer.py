"""Group commit: uploads that arrive together share one durable transaction.

A commit costs a disk flush, whatever it holds. While one group is being committed the next one
gathers; each upload is answered after its own group is durable, never before.
"""

import asyncio
import logging
import threading
from dataclasses import dataclass
from queue import SimpleQueue

from collector.database import Database
from collector.errors import CollectorError, DatabaseUnusable
from collector.identity import Identity
from collector.intake.service import Upload, accept
from wire.control import ACKNOWLEDGEMENT
from wire.messages import Acknowledgement

logger = logging.getLogger(__name__)
MOST_IN_GROUP = 64


@dataclass(frozen=True)
class Stored:
    """The answer to an upload that is durable, and the same signed."""

    acknowledgement: Acknowledgement
    signed: bytes


@dataclass(frozen=True)
class _Waiting:
    upload: Upload
    loop: asyncio.AbstractEventLoop
    answer: "asyncio.Future[Stored]"


class Writer:
    """One thread that commits uploads in groups, and signs the answers."""

    def __init__(self, database: Database, identity: Identity) -> None:
        self._database = database
        self._identity = identity
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="intake-writer", daemon=True)

    def start(self) -> None:
        """Begin to take uploads."""
        self._thread.start()

    def stop(self) -> None:
        """Commit what waits, then end."""
        self._queue.put(None)
        self._thread.join()

    async def store(self, upload: Upload) -> Stored:
        """Return the acknowledgement, signed, once the upload is durable.

        Raise Refused if it isn't taken, DatabaseUnusable if it could not be stored.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(upload, loop, loop.create_future())
        self._queue.put(waiting)
        return await waiting.answer

    def _work(self) -> None:
        ending = False
        while not ending:
            group: list[_Waiting] = []
            first = self._queue.get()
            if first is None:
                return
            group.append(first)
            while len(group) < MOST_IN_GROUP and not self._queue.empty():
                waiting = self._queue.get()
                if waiting is None:
                    ending = True
                    break
                group.append(waiting)
            self._commit(group)

    def _commit(self, group: list[_Waiting]) -> None:
        answers: list[Stored | CollectorError]
        try:
            with self._database.writing() as session:
                accepted = accept(session, [waiting.upload for waiting in group])
            answers = [self._signed(answer) for answer in accepted]
        except CollectorError as error:
            answers = [error] * len(group)
        # The boundary of the thread: a defect must not end it, or nobody is answered any more, and
        # one upload that meets it must not hold up the others.
        except Exception as error:
            if len(group) > 1:
                for waiting in group:
                    self._commit([waiting])
                return
            logger.exception("an upload could not be stored")
            answers = [DatabaseUnusable(f"The batch could not be stored: {error!r}"[:300])]
        # One wake-up of the loop for the whole group.
        group[0].loop.call_soon_threadsafe(_give, group, answers)

    def _signed(self, answer: Acknowledgement | CollectorError) -> Stored | CollectorError:
        """Sign here, not in the loop: each step that lets go of the interpreter costs it a turn."""
        if isinstance(answer, CollectorError):
            return answer
        return Stored(answer, self._identity.sign(answer, ACKNOWLEDGEMENT))


def _give(group: list[_Waiting], answers: list[Stored | CollectorError]) -> None:
    for waiting, answer in zip(group, answers, strict=True):
        if waiting.answer.cancelled():
            continue
        if isinstance(answer, CollectorError):
            waiting.answer.set_exception(answer)
        else:
            waiting.answer.set_result(answer)
