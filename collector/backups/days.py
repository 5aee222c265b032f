"""What is concluded of a backup set for one backup day."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from checks.api import Text


class LegState(Enum):
    """State of one leg of a backup on one day."""

    OK = "ok"
    LATE = "late"
    """There, but only after the deadline and its grace."""
    PENDING = "pending"
    """Not there yet, and its time is not over."""
    MISSING = "missing"
    """Its time is over, and the agent looked: there is none."""
    FAILED = "failed"
    """There, and a proof failed, or its own tool says that it failed."""
    MISMATCH = "mismatch"
    """The offsite copy is not the same."""
    UNVERIFIED = "unverified"
    """There, and its time for a proof is over without one, or only a sample was read."""
    UNKNOWN = "unknown"
    """The agent was silent, or could not look: our fault, not the customer's."""
    EXCUSED = "excused"
    """A named person said why there need not be one."""
    NOT_DUE = "not_due"
    """Nothing is expected on this day."""


class Leg(Enum):
    """One promise about a backup."""

    LOCAL = "local"
    OFFSITE = "offsite"
    VERIFIED = "verified"
    RESTORED = "restored"


FINE = frozenset({LegState.OK, LegState.EXCUSED, LegState.NOT_DUE, LegState.PENDING})
"""What nobody has to look at this morning."""
BAD = frozenset({LegState.MISSING, LegState.FAILED, LegState.MISMATCH})

WORST_FIRST = (
    LegState.FAILED,
    LegState.MISMATCH,
    LegState.MISSING,
    LegState.UNKNOWN,
    LegState.UNVERIFIED,
    LegState.LATE,
    LegState.PENDING,
    LegState.EXCUSED,
    LegState.OK,
    LegState.NOT_DUE,
)


@dataclass(frozen=True)
class LegVerdict:
    """State of one leg, the sentence behind it, and when the evidence for it is from."""

    state: LegState
    why: Text
    seen_at: datetime | None = None
    """When the agent saw what this says (by the collector's clock); None: nothing was seen."""


@dataclass(frozen=True)
class Day:
    """One backup day of one set."""

    day: date
    """The date on which its window starts, in the set's time zone."""
    local: LegVerdict
    offsite: LegVerdict
    verified: LegVerdict
    restored: LegVerdict
    points: tuple[str, ...]
    """Ids of the restore points that belong to the day, the newest first."""
    due_at: datetime | None
    """The local deadline with its grace (UTC); None: nothing is due."""
    frozen: bool = False
    note: str = ""
    """Why the day is excused, or what changed it after it was frozen."""

    @property
    def worst(self) -> LegState:
        """The colour of the day: the worst of the legs."""
        states = {leg.state for leg in (self.local, self.offsite, self.verified, self.restored)}
        return next(state for state in WORST_FIRST if state in states)
