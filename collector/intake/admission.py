"""How much the collector takes on at once: beyond that it asks to come again.

After an outage every agent delivers its backlog at the same time. What is being received is bounded
in bytes, so that the memory of the collector is, too; the others are told to wait a random while,
so that they don't come back together.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

from collector.errors import Overloaded
from wire.batch import LIMITS

MOST_BYTES = 8 * LIMITS.packed_bytes
"""Of all request bodies that are being received or wait for their commit; own figure: 64 MiB."""
MOST_CONTROL_BYTES = 4 * 2**20
"""The same for control messages, which need no key: they take no room from batches."""
MOST_OF_AGENT = 2
"""Bodies of one agent at the same time: one, and one of a connection that is dead already."""
SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 2, 15
"""Own figures: a full house has committed within a second or two."""


class Admission:
    """The bytes that are on their way in. Used by one event loop, so it needs no lock."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._by_sender: dict[str, int] = {}

    @contextmanager
    def of(self, length: int, sender: str | None = None) -> Iterator[None]:
        """Hold room for a body while the block runs. Raise Overloaded if there is none.

        No sender holds room for more than MOST_OF_AGENT bodies.
        """
        sent = self._by_sender.get(sender, 0) if sender is not None else 0
        if self._bytes + length > self._most_bytes or sent >= MOST_OF_AGENT:
            raise Overloaded("Too much arrives at once: come again after the time given.")
        self._bytes += length
        if sender is not None:
            self._by_sender[sender] = sent + 1
        try:
            yield
        finally:
            self._bytes -= length
            if sender is not None:
                self._leave(sender)

    def _leave(self, sender: str) -> None:
        left = self._by_sender.pop(sender) - 1
        if left:
            self._by_sender[sender] = left


def wait_seconds() -> int:
    """Return how long somebody who was turned away should wait."""
    return random.randint(SHORTEST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)  # noqa: S311 - no secret
