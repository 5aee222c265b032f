"""The spool's own reckoning of time: how old something is, whatever the host's clock says.

It goes on with each inspection by what the wall clock did since the one before, but never back and
by 8 days at most: a clock that jumps by years must not make a year's data look expired. Where a
host was off for longer, its data count as younger than they are, which costs nothing.
"""

from datetime import datetime, timedelta

from agent.spool_database import SpoolDatabase

LONGEST_STEP = timedelta(days=8)
"""More than a week, so that weekly inspections are reckoned right."""


def advance(database: SpoolDatabase, wall: datetime) -> float:
    """Set the clock forward to an inspection that begins; return it, in seconds."""
    reckoned = now(database)
    before = database.noted("wall")
    if before is not None:
        step = wall - datetime.fromisoformat(before)
        reckoned += min(max(step, timedelta()), LONGEST_STEP).total_seconds()
    database.note("clock", repr(reckoned))
    database.note("wall", wall.isoformat())
    return reckoned


def now(database: SpoolDatabase) -> float:
    """Return the clock as the newest inspection set it, in seconds."""
    return float(database.noted("clock") or 0)
