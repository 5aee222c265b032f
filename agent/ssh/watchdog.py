"""A watchdog: it cuts a connection that is over its time, or from which nothing comes any more.

paramiko waits for ever in several places (a server that stops reading, an exit code that never
comes); cutting the socket ends all of them.
"""

import math
import threading
import time
from collections.abc import Callable
from types import TracebackType

from checks.errors import TimedOut


class Watchdog:
    """Watches any number of operations, of several threads; `cut` has to make them all end."""

    def __init__(self, cut: Callable[[], None]) -> None:
        self._cut = cut
        self._changed = threading.Condition()
        self._watches: set[Watch] = set()
        self._lines: list[tuple[str, Callable[[], float], float]] = []
        self._looks_at = math.inf
        self._stopped = False
        self.verdict = ""
        """What ran out, in words, once it has cut; else empty."""
        self._thread = threading.Thread(target=self._run, name="ssh-watchdog", daemon=True)
        self._thread.start()

    def over(self, subject: str, seconds: float) -> "Watch":
        """Return a context of at most `seconds`.

        It raises TimedOut with the subject if the watchdog had to cut because of it, whatever else
        was raised.
        """
        return Watch(self, subject, seconds)

    def listen(self, name: str, heard: Callable[[], float], seconds: float) -> None:
        """Cut also when nothing was heard on a line for so long, whatever goes on."""
        with self._changed:
            self._lines.append((name, heard, seconds))
            self._changed.notify()

    def stop(self) -> None:
        """End the watching."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def add(self, watch: "Watch") -> None:
        """Watch from now on."""
        with self._changed:
            self._watches.add(watch)
            # Not for each: most end before anything has to be looked at.
            if watch.ends < self._looks_at:
                self._changed.notify()

    def remove(self, watch: "Watch") -> None:
        """Watch no longer."""
        with self._changed:
            self._watches.discard(watch)

    def _run(self) -> None:
        with self._changed:
            while not self._stopped:
                now = time.monotonic()
                if not self.verdict:
                    self.verdict = self._judge(now)
                    if self.verdict:
                        self._cut()
                ends = [watch.ends for watch in self._watches]
                ends += [heard() + seconds for _, heard, seconds in self._lines]
                self._looks_at = math.inf if self.verdict else min(ends, default=math.inf)
                finite = math.isfinite(self._looks_at)
                self._changed.wait(max(self._looks_at - now, 0.001) if finite else None)

    def _judge(self, now: float) -> str:
        for watch in self._watches:
            if watch.ends <= now:
                watch.expired = True
                return f"{watch.subject} {watch.said}"
        for name, heard, seconds in self._lines:
            if heard() + seconds <= now:
                return f"nothing came from {name} for {seconds:.3g} s"
        return ""


class Watch:
    """One operation under the watchdog's eyes."""

    def __init__(self, watchdog: Watchdog, subject: str, seconds: float) -> None:
        self._watchdog = watchdog
        self._seconds = seconds
        self.subject = subject
        self.said = f"took more than {seconds:.3g} s"
        self.ends = math.inf
        self.expired = False

    def __enter__(self) -> None:
        self.ends = time.monotonic() + self._seconds
        self._watchdog.add(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watchdog.remove(self)
        if self.expired:
            raise TimedOut(self.subject, self.said) from error
