"""Our output apart from what a shell prints of itself: a greeting before, a farewell behind.

The marks name a number that was drawn for this one command, so that nothing that the host holds can
look like one.
"""

import secrets

from msgspec import Struct

from checks.errors import UnexpectedOutput


class Marked(Struct, frozen=True):
    """What stands between the marks."""

    content: bytes
    state: str
    """What the second mark says of how it ended."""


def draw() -> str:
    """Return a number for one command."""
    return secrets.token_hex(8)


def begin(number: str) -> str:
    """Return the first mark, without its line end."""
    return f"xunjian begin {number}"


def end(number: str) -> str:
    """Return the second mark up to what it says of the end."""
    return f"xunjian end {number} "


def between(output: bytes, number: str, subject: str) -> Marked:
    """Return what stands between the marks; raise UnexpectedOutput where one is missing."""
    _, first, rest = output.partition(f"\x1e{begin(number)}\n".encode())
    if not first:
        words = " ".join(output.decode("utf-8", "replace").split())[:200]
        raise UnexpectedOutput(subject, f"the host did not run it: {words}" if words else "silence")
    content, last, tail = rest.rpartition(f"\x1e{end(number)}".encode())
    if not last:
        raise UnexpectedOutput(subject, "the answer is cut short")
    return Marked(content, tail.partition(b"\n")[0].decode("ascii", "replace"))
