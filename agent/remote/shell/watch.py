"""What ends a shell from outside: the grant's end, the collector's no, hours of silence.

By clocks that nobody sets: an engineer who turns his own clock back gains nothing. A thread looks
at the time and another one asks the collector, so that neither a slow network nor a terminal that
stands still holds up the end.
"""

import threading
import time
from collections.abc import Callable

from msgspec import Struct

from agent.errors import AgentError
from agent.remote.shell import texts
from checks.api import Text
from wire.grants import Denial

WARN_SECONDS = 60.0
ASK_SECONDS = 60.0
IDLE_SECONDS = 2 * 3600.0
"""Without a byte in either direction; long work that prints nothing belongs into nohup or tmux."""
_LOOK_SECONDS = 0.25
_GRACE_SECONDS = 0.25
"""For the loop to end by itself, before the line is cut over its head."""


def steady() -> float:
    """Return seconds of a clock that goes on while the computer sleeps, where there is one."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Limits(Struct, frozen=True):
    """How long a shell may last; seconds."""

    left: float
    """Until the grant ends."""
    idle: float = IDLE_SECONDS
    warn: float = WARN_SECONDS
    """Before the end."""
    ask: float = ASK_SECONDS
    """Between two questions to the collector."""


class Watch:
    """Watches one shell; `warning` and `verdict` are read by its loop, which `wake` wakes."""

    def __init__(
        self,
        limits: Limits,
        still_permitted: Callable[[], Denial | None],
        *,
        wake: Callable[[], None],
        cut: Callable[[], None],
        clock: Callable[[], float] = steady,
    ) -> None:
        self._limits = limits
        self._still_permitted = still_permitted
        self._wake, self._cut, self._clock = wake, cut, clock
        self._ends = clock() + limits.left
        self._moved = clock()
        self._warned_end = self._warned_idle = False
        self._over = threading.Event()
        self._left = threading.Event()
        self.verdict: Text | None = None
        """Why the shell has to end."""
        self.warning: Text | None = None
        """What the engineer has to know; whoever says it clears it."""

    def __enter__(self) -> "Watch":
        for task in (self._look, self._ask):
            threading.Thread(target=task, name=f"shell{task.__name__}", daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()

    def moved(self) -> None:
        """Tell that bytes were passed on."""
        self._moved = self._clock()
        self._warned_idle = False

    @property
    def is_over(self) -> bool:
        """Tell whether there is a verdict."""
        return self.verdict is not None

    def left(self) -> None:
        """Tell that the loop is leaving by itself."""
        self._left.set()

    def _look(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            self._look_once()
            if self.verdict is not None:
                self._wake()
                if not self._left.wait(_GRACE_SECONDS) and not self._over.is_set():
                    self._cut()
                return

    def _look_once(self) -> None:
        now = self._clock()
        left = self._ends - now
        quiet = now - self._moved
        if left <= 0:
            self.verdict = self.verdict or texts.GRANT_ENDED
        elif quiet >= self._limits.idle:
            self.verdict = self.verdict or texts.IDLE.format(minutes=round(quiet / 60))
        elif left <= self._limits.warn and not self._warned_end:
            self._warned_end = True
            self._warn(texts.GRANT_ENDS.format(seconds=round(left)))
        elif self._limits.idle - quiet <= self._limits.warn and not self._warned_idle:
            self._warned_idle = True
            self._warn(texts.GETS_IDLE.format(seconds=round(self._limits.idle - quiet)))

    def _warn(self, text: Text) -> None:
        self.warning = text
        self._wake()

    def _ask(self) -> None:
        while not self._over.wait(self._limits.ask):
            try:
                denial = self._still_permitted()
            except AgentError:  # no answer is no denial: the grant itself still stands
                continue
            if denial is not None:
                self.verdict = self.verdict or texts.DENIED.format(why=texts.why(denial))
                return
