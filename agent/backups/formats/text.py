"""The first and last lines of a dump in SQL."""

import re

_LAST_LINES = 20
_STATEMENT = re.compile(rb"\b(?:CREATE(?! DATABASE)|INSERT|REPLACE) ")
_OVERLAP = 32


def first_lines(head: bytes, count: int) -> list[bytes]:
    """Return the first lines that are not empty."""
    return [line.strip() for line in head.splitlines() if line.strip()][:count]


def last_lines(tail: bytes) -> list[bytes]:
    """Return the last lines that are not empty, the last one first."""
    lines = [line.strip() for line in tail.rstrip(b"\0").splitlines() if line.strip()]
    return lines[: -_LAST_LINES - 1 : -1]


def is_text(head: bytes) -> bool:
    """Return whether bytes are text: UTF-8, GBK, UTF-16 with its mark, or any of the old ones."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    control = sum(byte < 9 or 13 < byte < 32 for byte in head)
    return bool(head) and b"\0" not in head and control * 100 <= len(head)


def has_statement(window: bytes) -> bool:
    """Return whether a statement that makes or fills something begins in these bytes."""
    return _STATEMENT.search(window) is not None


def overlap(chunk: bytes) -> bytes:
    """Return the end of a chunk that a statement may begin in."""
    return chunk[-_OVERLAP:]


def ending(zeros: int) -> str:
    """Return a remark on zero bytes at the end; empty for none."""
    return f"; it ends with {zeros} zero bytes, as a file that was only preallocated" * (zeros > 0)
