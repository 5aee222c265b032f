"""Try again within seconds what may be better in seconds; everything else is for the next time."""

import time
from collections.abc import Callable

from agent.backoff import asked_seconds
from agent.replies import Held, Reply

ATTEMPTS = 3
TOTAL_SECONDS = 60.0
"""For one batch, waiting included; what is not handed over by then waits for the next attempt."""
LONGEST_WAIT_SECONDS = 15.0
"""A collector that asks for a longer pause gets it: nothing is sent for so long."""
FIRST_WAIT_SECONDS = 0.2
NEXT_WAIT_SECONDS = 0.5
"""And as much again at random."""


class _Again(Exception):
    """The reply is worth another try."""

    def __init__(self, held: Held) -> None:
        super().__init__(held.text.en)
        self.held = held


def tried(attempt: Callable[[], Reply]) -> Reply:
    """Return the reply of the attempt, of the last one where it was worth trying again."""
    reply = attempt()
    wait = _wait(reply)
    if not isinstance(reply, Held) or wait is None:
        return reply
    time.sleep(wait)
    # 65 ms, and only after a first failure.
    import stamina
    from stamina.instrumentation import set_on_retry_hooks

    set_on_retry_hooks([])  # it would look for structlog and prometheus
    try:
        for again in stamina.retry_context(
            on=_pause,
            attempts=ATTEMPTS - 1,
            timeout=TOTAL_SECONDS,
            wait_initial=NEXT_WAIT_SECONDS,
            wait_jitter=NEXT_WAIT_SECONDS,
        ):
            with again:
                reply = attempt()
                if isinstance(reply, Held) and _wait(reply) is not None:
                    raise _Again(reply)
                return reply
    except _Again as error:
        return error.held
    raise AssertionError("stamina lets the last error through")  # for the type checker


def _wait(reply: Reply) -> float | None:
    """Return after how many seconds another try is worth it; None if it is not now."""
    if not isinstance(reply, Held):
        return None
    if reply.seconds is None:
        return FIRST_WAIT_SECONDS if reply.again else None
    return asked_seconds(reply.seconds) if reply.seconds <= LONGEST_WAIT_SECONDS else None


def _pause(error: Exception) -> bool | float:
    """Tell stamina how long to wait; true: its own back-off."""
    if not isinstance(error, _Again):
        return False
    return True if error.held.seconds is None else asked_seconds(error.held.seconds)
