"""Which observations go when there is no room for all. Why so: docs/decisions/0012-thinning.md.

The agent does not judge, so what can be told apart is: whether a reading succeeded, whether that
changed, and whether the facts are those of the reading before.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from wire.messages import Loss

DAY_SECONDS = 86_400.0
KEPT_WHOLE_DAYS = 30
"""Younger readings are not thinned to one a day (security-reliability §3.6)."""
LARGE_BYTES = 2048
"""From this size, packed, a reading counts as large: inventories, package lists, logs."""


class Reading(Struct, frozen=True):
    """One observation as far as thinning looks at it."""

    number: int
    check_id: str
    target: str
    failed: bool
    facts: bytes
    """Digest of the facts."""
    size: int
    clock: float
    """When, by the spool's own reckoning, in seconds."""


def choose(loss: Loss, readings: Iterable[Reading], now: float) -> Sequence[tuple[int, int]]:
    """Return number and size of what may go in one step of thinning, oldest first.

    `readings` come by check and target, oldest first in each; the newest inspection, which always
    stays, is not among them. A failure never goes here, nor the first reading of a check and target
    nor one whose outcome differs from that before.
    """
    chosen = []
    before = kept = None
    for reading in readings:
        same_series = before is not None and _series(before) == _series(reading)
        if (
            same_series
            and before is not None
            and kept is not None
            and not reading.failed
            and not before.failed
            and _goes(loss, reading, kept, now)
        ):
            chosen.append((reading.number, reading.size))
        else:
            kept = reading
        before = reading
    return sorted(chosen)


def _series(reading: Reading) -> tuple[str, str]:
    return reading.check_id, reading.target


def _goes(loss: Loss, reading: Reading, kept: Reading, now: float) -> bool:
    """Return whether a reading goes in this step; `kept` is the one before that stays."""
    match loss:
        case Loss.THINNED:
            is_old = now - reading.clock > KEPT_WHOLE_DAYS * DAY_SECONDS
            return is_old and reading.clock // DAY_SECONDS == kept.clock // DAY_SECONDS
        case Loss.UNCHANGED:
            return reading.size >= LARGE_BYTES and reading.facts == kept.facts
        case Loss.OLDEST:
            return True
    raise ValueError(f"{loss} is not a step that chooses by the reading")
