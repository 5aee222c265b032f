"""After an import: whether a running collector judges what came, or this process has to."""

from collections.abc import Callable

from sqlalchemy import func, select

from checks.discovery import discover
from collector.assessment.service import assess_next
from collector.assessment.turn import Turn
from collector.database import Database
from collector.intake.models import PENDING, StoredBatch


def waiting(database: Database) -> int:
    """Return how many batches wait to be judged, of all agents."""
    pending = select(func.count()).select_from(StoredBatch).where(StoredBatch.state == PENDING)
    with database.reading() as session:
        return session.scalar(pending) or 0


def judge_here(database: Database, heard: Callable[[], None]) -> bool:
    """Judge all that waits, unless another process has the turn; return whether it was done here.

    `heard` is called after each batch. Raise DatabaseUnusable; what is left stays pending.
    """
    turn = Turn(database)
    try:
        if not turn.mine():
            return False
        catalogue = discover()
        while assess_next(database, catalogue):
            heard()
    finally:
        turn.give_back()
    return True
