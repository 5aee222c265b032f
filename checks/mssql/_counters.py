"""Counters that begin at zero with the server: how much was added, and in what time. Pure."""

from msgspec import Struct


class Increase(Struct, frozen=True):
    """What a counter grew by, and over how long."""

    value: float
    seconds: float


def increase(
    value: float, before: float | None, up_seconds: float, elapsed_seconds: float | None
) -> Increase:
    """Return the growth since the last inspection; where there is none, or the server was started
    or its counters were cleared since, the growth since the start.
    """
    if before is None or elapsed_seconds is None or elapsed_seconds <= 0:
        return Increase(value, up_seconds)
    if value < before or up_seconds < elapsed_seconds:
        return Increase(value, up_seconds)
    return Increase(value - before, elapsed_seconds)
