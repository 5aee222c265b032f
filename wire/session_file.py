"""The file of a remote session (.inspr), for an engineer who can't reach the collector.

    INSPR | version, 1 byte | length, 4 bytes | JSON: the version, and short ids of the recipients
    age ciphertext ( length, 4 bytes | JSON: statements | parts | 0, 4 bytes )

    part: number, 4 bytes | id of the key, 32 bytes | signature, 64 bytes | length, 4 bytes | lines

Numbers are unsigned and big endian. Statements are the session's envelopes as they were signed:
opening, keys, closing. Nothing else in the file counts: every statement and every part proves
itself, the ciphertext only hides them. Decryption gives plaintext before it has seen the end of a
file, so a reader keeps it aside and uses nothing of it before `bundle.decrypt` has returned.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, BinaryIO

import msgspec
from msgspec import Meta, Struct

from wire import bundle
from wire.bundle import Start
from wire.errors import Damaged, TooLarge, Unreadable
from wire.frames import exactly
from wire.session_parts import MOST_PARTS, SignedPart
from wire.sessions import LARGEST_PART_BYTES
from wire.signing import SIGNATURE_BYTES

MAGIC = b"INSPR"
LARGEST_STATEMENTS_BYTES = 2**23
MOST_STATEMENTS = 102
"""An opening, a closing, and as many keys as a bundle takes."""

_LENGTH_BYTES = 4
_FIELDS = struct.Struct(f">32s{SIGNATURE_BYTES}sI")


class Statements(Struct, frozen=True):
    """The signed envelopes of a session, in the order in which they were made."""

    statements: Annotated[tuple[bytes, ...], Meta(min_length=1, max_length=MOST_STATEMENTS)]


_decoder = msgspec.json.Decoder(Statements)


def write(
    file: BinaryIO,
    statements: Sequence[bytes],
    parts: Iterable[SignedPart],
    recipients: Sequence[str],
) -> None:
    """Write the file of one session, never all of it in memory.

    `parts` are those of wire.session_parts.parts_of. Raise as wire.bundle.write does.
    """
    plain = _plain(Statements(tuple(statements)), parts)
    bundle.seal(file, bundle.start_of(recipients, MAGIC), plain, recipients)


def _plain(statements: Statements, parts: Iterable[SignedPart]) -> Iterator[bytes]:
    head = msgspec.json.encode(statements)
    yield len(head).to_bytes(_LENGTH_BYTES) + head
    for part in parts:
        yield part.number.to_bytes(_LENGTH_BYTES)
        yield _FIELDS.pack(bytes.fromhex(part.key_id), part.signature, len(part.payload))
        yield part.payload
    yield bytes(_LENGTH_BYTES)


def read_start(file: BinaryIO) -> Start:
    """Return the clear beginning. Raise NotABundle, or Newer for a later version."""
    return bundle.read_start(file, MAGIC)


def read_statements(plain: BinaryIO) -> tuple[bytes, ...]:
    """Return the envelopes, unchecked. Raise Damaged, TooLarge or Unreadable."""
    length = int.from_bytes(exactly(plain, _LENGTH_BYTES))
    if length > LARGEST_STATEMENTS_BYTES:
        raise TooLarge(f"The statements of the session have {length} bytes.")
    try:
        return _decoder.decode(exactly(plain, length)).statements
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"The statements of the session can't be read: {error}.") from error


def read_parts(plain: BinaryIO) -> Iterator[SignedPart]:
    """Give the parts that follow the statements, unchecked. Raise Damaged or TooLarge."""
    while number := int.from_bytes(exactly(plain, _LENGTH_BYTES)):
        if number > MOST_PARTS:
            raise TooLarge(f"A part tells the number {number}.")
        key, signature, size = _FIELDS.unpack(exactly(plain, _FIELDS.size))
        if not 1 <= size <= LARGEST_PART_BYTES:
            raise TooLarge(f"A part tells {size} bytes; at most {LARGEST_PART_BYTES} are taken.")
        yield SignedPart(number, exactly(plain, size), key.hex(), signature)
    if plain.read(1):
        raise Damaged("There is something behind the last part of the session.")
