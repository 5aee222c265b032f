"""A watchdog: it cuts a connection that is over its time, or on which nothing moves any more.

paramiko waits for ever in several places (a server that stops reading, an exit code that never
comes); cutting the socket ends all of them.
"""

import threading
import time
from collections.abc import Callable
from types import TracebackType

from checks.errors import TimedOut


class Watchdog:
    """Watches one operation at a time; `cut` has to make it end."""

    def __init__(self, cut: Callable[[], None]) -> None:
        self._cut = cut
        self._changed = threading.Condition()
        self._ends: float | None = None
        self._total_seconds = 0.0
        self._silent_seconds: float | None = None
        self._moved = 0.0
        self._stopped = False
        self.verdict = ""
        """What ran out, in words, once it has cut; else empty."""
        self._thread = threading.Thread(target=self._watch, name="ssh-watchdog", daemon=True)
        self._thread.start()

    def over(self, subject: str, seconds: float, silent_seconds: float | None = None) -> "Watch":
        """Return a context: at most `seconds`, and never `silent_seconds` without `moved`.

        It raises TimedOut with the subject if the watchdog had to cut, whatever else was raised.
        """
        return Watch(self, subject, seconds, silent_seconds)

    def moved(self) -> None:
        """Tell that something came."""
        self._moved = time.monotonic()

    def stop(self) -> None:
        """End the watching."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def watch(self, seconds: float | None, silent_seconds: float | None) -> None:
        """Watch from now on; None for no time at all ends it."""
        with self._changed:
            now = time.monotonic()
            self._ends = None if seconds is None else now + seconds
            self._total_seconds = seconds or 0.0
            self._silent_seconds = silent_seconds
            self._moved = now
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while not self._stopped:
                left = self._left()
                if left is None or left > 0:
                    self._changed.wait(left)
                    continue
                self._cut()
                self._ends = None

    def _left(self) -> float | None:
        """Return the seconds until it has to cut, and prepare what it will say."""
        if self._ends is None:
            return None
        now = time.monotonic()
        left = self._ends - now
        said = f"took more than {self._total_seconds:.3g} s"
        if self._silent_seconds is not None:
            quiet = self._moved + self._silent_seconds - now
            if quiet < left:
                left, said = quiet, f"not a byte for {self._silent_seconds:.3g} s"
        if left <= 0:
            self.verdict = said
        return left


class Watch:
    """One operation under the watchdog's eyes."""

    def __init__(
        self, watchdog: Watchdog, subject: str, seconds: float, silent_seconds: float | None
    ) -> None:
        self._watchdog = watchdog
        self._subject = subject
        self._seconds = seconds
        self._silent_seconds = silent_seconds

    def __enter__(self) -> None:
        self._watchdog.watch(self._seconds, self._silent_seconds)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watchdog.watch(None, None)
        if self._watchdog.verdict:
            raise TimedOut(self._subject, self._watchdog.verdict) from error
