"""What a format of backups has to tell: one module in this folder for each.

A format is told by its first bytes. What its bytes say against it is a Structure that FAILED; what
keeps us from looking is a ProbeError.
"""

from collections.abc import Callable

from msgspec import Struct

from agent.backups.kind import Budget, Source
from agent.backups.streaming import Consumer, Seen
from checks.backup_sets import Result
from checks.errors import Unsupported
from wire.messages import Failure


class Structure(Struct, frozen=True, kw_only=True):
    """What is known of the structure of a restore point."""

    result: Result
    method: str
    detail: str = ""
    failure: Failure | None = None
    coverage: float = 1


Judge = Callable[[Source, Seen, Budget], Structure]
"""Judge a file that has passed without a fault. Raise a ProbeError for what keeps us from it."""


class Format(Struct, frozen=True, kw_only=True):
    """One format of files."""

    name: str
    """What a method calls it."""
    declared: tuple[str, ...]
    """What the set's `format` may be for it."""
    recognises: Callable[[bytes], bool]
    """By the first bytes (at least 1 KiB where the file has them)."""
    judge: Judge
    consumer: Consumer | None = None
    encrypted: bool = False


def passed(method: str, detail: str = "") -> Structure:
    """Return that it is readable to its end as what it says it is."""
    return Structure(result=Result.PASSED, method=method, detail=detail)


def failed(method: str, detail: str) -> Structure:
    """Return that the backup is at fault."""
    return Structure(result=Result.FAILED, method=method, detail=detail)


def unproven(method: str, failure: Failure) -> Structure:
    """Return that nothing can be said."""
    return Structure(result=Result.UNPROVEN, method=method, failure=failure)


def beyond_us(method: str, needs: str, proven: str) -> Structure:
    """Return that only something else can read further, and what was seen so far."""
    return unproven(method, Unsupported(needs, f"seen: {proven}").failure())
