"""A pause between attempts to hand over, as it is kept over restarts of the agent and the host."""

from datetime import datetime
from enum import Enum

from msgspec import Struct


class PauseReason(Enum):
    """Why the agent waits before it tries again."""

    UNREACHED = "unreached"
    """Nobody answered as the collector does: the agent's own back-off."""
    OVERLOADED = "overloaded"
    UNKNOWN_KEY = "unknown_key"
    REFUSED = "refused"
    OUTDATED = "outdated"

    @property
    def asked_for(self) -> bool:
        """Whether the collector asked for it; an inspection obeys such a pause, no other."""
        return self is not PauseReason.UNREACHED


class Pause(Struct, frozen=True, kw_only=True):
    """So long nothing is sent. Two clocks tell when it ends, so that neither can freeze it."""

    began_at: datetime
    """Wall clock of the host, UTC."""
    began_monotonic_seconds: float
    boot_id: str
    """The boot that the monotonic clock belongs to."""
    seconds: float
    reason: PauseReason
    failures: int
    """Attempts in a row that failed."""
    why: tuple[str, str] = ("", "")
    """The sentence in Chinese and in English."""
    told_at: datetime | None = None
    """When that sentence was last said; the same one is said once a day."""

    def remaining_seconds(self, now: datetime, monotonic_seconds: float, boot_id: str) -> float:
        """Return how long it still lasts; 0 when it is over.

        In the boot it began in, the monotonic clock decides alone. After a restart the wall clock
        does; where that stands before the beginning it was set back, and the pause is over.
        """
        if boot_id and boot_id == self.boot_id:
            elapsed = monotonic_seconds - self.began_monotonic_seconds
        else:
            elapsed = (now - self.began_at).total_seconds()
        return self.seconds - elapsed if 0 <= elapsed < self.seconds else 0.0
