"""How long to wait before the next attempt, and for how long a wait still lasts.

Full jitter for the agent's own back-off (AWS, "Exponential Backoff And Jitter", 2015), so that
agents that failed together don't come back together; a share more than was asked for, for the same
reason.
"""

import random
import time
from datetime import UTC, datetime

from agent import surroundings
from agent.pause import Pause
from agent.replies import Held
from checks.api import Host

FIRST_SECONDS = 5.0
LONGEST_SECONDS = 3600.0
MOST_JITTER = 0.3
"""Of what the collector asked for, on top of it."""


def own_seconds(failures: int) -> float:
    """Return a random wait after so many failures in a row, at most an hour."""
    longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(failures, 20))
    return random.uniform(0, longest)  # noqa: S311 - spreads load, keeps no secret


def asked_seconds(seconds: float) -> float:
    """Return what was asked for, and up to 30 % more."""
    return seconds * random.uniform(1, 1 + MOST_JITTER)  # noqa: S311 - the same


def after(held: Held, earlier: Pause | None, host: Host) -> Pause:
    """Return the pause that follows an attempt which was held up; `earlier` is the one before."""
    now = datetime.now(UTC)
    failures = 1 if earlier is None else earlier.failures + 1
    seconds = own_seconds(failures) if held.seconds is None else asked_seconds(held.seconds)
    return Pause(
        began_at=now,
        began_monotonic_seconds=time.monotonic(),
        boot_id=surroundings.boot_id(host),
        seconds=seconds,
        reason=held.reason,
        failures=failures,
        why=(held.text.zh, held.text.en),
        told_at=now if earlier is None or is_news(held, earlier) else earlier.told_at,
    )


def remaining_seconds(pause: Pause | None, host: Host) -> float:
    """Return how long a pause still lasts; 0 where there is none, or it is over."""
    if pause is None:
        return 0.0
    now = datetime.now(UTC)
    return pause.remaining_seconds(now, time.monotonic(), surroundings.boot_id(host))


def is_news(held: Held, earlier: Pause | None) -> bool:
    """Return whether the reason should be told: it is another one, or a day has gone by."""
    if earlier is None or earlier.told_at is None or earlier.reason is not held.reason:
        return True
    if earlier.why != (held.text.zh, held.text.en):
        return True
    return abs((datetime.now(UTC) - earlier.told_at).total_seconds()) >= 86400
