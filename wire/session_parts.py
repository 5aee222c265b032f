"""Parts of a session's record: whole lines, each part with the engineer's signature over its bytes.

A part is what goes over the wire at once, and what the collector stores as it came. Lines divide in
one way only, so a record that is handed over twice, by network and by file, has the same parts.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from wire.sessions import LARGEST_PART_BYTES, RECORD
from wire.signing import PrivateKey

MOST_PARTS = 100_000


class SignedPart(Struct, frozen=True):
    """Some lines of a record, one after the other."""

    number: int
    """From 1."""
    payload: bytes
    key_id: str
    """Of the engineer."""
    signature: bytes
    """By his key over the payload as wire.sessions.RECORD."""


def parts_of(lines: Iterable[bytes], key: PrivateKey) -> Iterator[SignedPart]:
    """Divide a record that has ended into signed parts; `lines` are with their line ends.

    Each part takes as many whole lines as fit into LARGEST_PART_BYTES. What is divided while a
    session still goes on would end a part early: the next time that part would be another one.
    """
    held: list[bytes] = []
    size = 0
    number = 1
    for line in lines:
        if held and size + len(line) > LARGEST_PART_BYTES:
            yield _signed(number, b"".join(held), key)
            number, held, size = number + 1, [], 0
        held.append(line)
        size += len(line)
    if held:
        yield _signed(number, b"".join(held), key)


def _signed(number: int, payload: bytes, key: PrivateKey) -> SignedPart:
    return SignedPart(number, payload, key.id, key.sign(RECORD, payload))
