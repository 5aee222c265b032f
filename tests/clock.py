"""Wrong clocks for the agent as a process: libfaketime shifts its wall clock, nothing else.

The cells of R7 are these shifts times what the agent does; each does its thing against a server
whose certificate is valid for minutes only, so that a shift of ten minutes is a shift that matters.
"""

import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Shift:
    """How wrong the clock is when the agent starts, and whether it jumps while it runs."""

    name: str
    seconds: int
    then_seconds: int | None = None
    """What the shift becomes once somebody has called `jump` (see `Clock`)."""

    def __str__(self) -> str:
        return self.name


DAY = 86400
SHIFTS = (
    Shift("3000 days slow", -3000 * DAY),
    Shift("a day slow", -DAY),
    Shift("10 minutes slow", -600),
    Shift("10 minutes fast", 600),
    Shift("a day fast", DAY),
    Shift("9000 days fast", 9000 * DAY),
    Shift("jumps a day back", 0, -DAY),
    Shift("jumps 10 minutes back from ahead", 600, -600),
)


@dataclass(frozen=True)
class Clock:
    """The clock of one process tree."""

    shift: Shift
    file: Path

    @property
    def environment(self) -> dict[str, str]:
        """Return what the process needs in its environment."""
        return {
            "LD_PRELOAD": library(),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            # Else the monotonic clock is shifted, too.
            "DONT_FAKE_MONOTONIC": "1",
        }

    @property
    def jump(self) -> str:
        """Return a statement of Python that makes the clock jump; `pass` where it does not."""
        if self.shift.then_seconds is None:
            return "pass"
        return f"open({str(self.file)!r}, 'w').write({_written(self.shift.then_seconds)!r})"

    def now(self) -> datetime:
        """Return what the process takes the time for at its start."""
        return datetime.now(UTC) + timedelta(seconds=self.shift.seconds)


def clock(shift: Shift, folder: Path) -> Clock:
    """Return a clock with this shift; skip the test where libfaketime is not installed."""
    file = folder / "shift"
    file.write_text(_written(shift.seconds))
    library()
    return Clock(shift, file)


@cache
def library() -> str:
    """Return the path of libfaketime as its own command knows it; skip where there is none."""
    command = shutil.which("faketime")
    if command is None:
        pytest.skip("faketime is not installed")
    shown = subprocess.run(
        [command, "-f", "+0s", "env"], capture_output=True, text=True, check=True
    ).stdout
    for line in shown.splitlines():
        if line.startswith("LD_PRELOAD="):
            return line.partition("=")[2].split(":")[-1]
    raise AssertionError("faketime names no library")


def _written(seconds: int) -> str:
    return f"{seconds:+d}s\n"
