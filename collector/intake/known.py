"""Whether a key is one of an agent's, asked before a byte of a body is read.

So nobody without a key can hold the room that is kept for bodies. It is no more than a look:
whether the key counts and has signed is decided where the batch is stored.
"""

from abc import ABC, abstractmethod

import anyio
from anyio.to_thread import run_sync
from sqlalchemy import select
from sqlalchemy.orm import Session

from collector.database import Database
from collector.enrolment.models import AgentKey
from collector.errors import Overloaded, UnknownKey

MOST_LOOKS = 4
"""At the same time; a small part of the database's connections. Own figure."""
MOST_WAITING = 200
"""For a look; beyond, it is asked to come again. Own figure: half a second of looks."""
UNKNOWN = "The batch is not signed by a key of this agent that is known here: it must be enrolled."


class Known(ABC):
    """Pairs of owner and key that have been seen in the database: none is ever removed there.

    One that is not there yet is looked for again each time, so a new key counts at once.
    """

    def __init__(self, database: Database, refusal: str) -> None:
        self._database = database
        self._refusal = refusal
        self._seen: set[tuple[str, str]] = set()
        self._looks = anyio.Semaphore(MOST_LOOKS)
        self._waiting = 0

    async def demand(self, owner: str, key_id: str) -> None:
        """Return if the key is the owner's. Raise UnknownKey, Overloaded, DatabaseUnusable."""
        if (owner, key_id) in self._seen:
            return
        if self._waiting >= MOST_WAITING:
            raise Overloaded("Too many come at once: come again after the time given.")
        self._waiting += 1
        try:
            async with self._looks:
                known = await run_sync(self._look, owner, key_id)
        finally:
            self._waiting -= 1
        if not known:
            raise UnknownKey(self._refusal)
        self._seen.add((owner, key_id))

    def _look(self, owner: str, key_id: str) -> bool:
        with self._database.reading() as session:
            return self._is_known(session, owner, key_id)

    @abstractmethod
    def _is_known(self, session: Session, owner: str, key_id: str) -> bool:
        """Return whether the database has the pair."""


class KnownKeys(Known):
    """Keys of agents."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, UNKNOWN)

    def _is_known(self, session: Session, owner: str, key_id: str) -> bool:
        of_agent = select(AgentKey.id).where(AgentKey.id == key_id, AgentKey.agent_id == owner)
        return session.scalar(of_agent) is not None
