"""What one look at a backup set may read, and how long it may take."""

import time


class RunBudget:
    """agent.backups.kind.Budget: bytes count down, the clock runs."""

    def __init__(self, limit_bytes: int, limit_seconds: float) -> None:
        self.limit_bytes = limit_bytes
        self.read_bytes = 0
        self._started = time.monotonic()
        self._limit_seconds = limit_seconds

    def left_bytes(self) -> int:
        """Return how many bytes may still be read."""
        return max(0, self.limit_bytes - self.read_bytes)

    def left_seconds(self) -> float:
        """Return how long there still is."""
        return max(0.0, self._limit_seconds - self.spent_seconds())

    def spent_seconds(self) -> float:
        """Return how long it has been."""
        return time.monotonic() - self._started

    def spend(self, count: int) -> None:
        """Tell that so many bytes have been read."""
        self.read_bytes += count
