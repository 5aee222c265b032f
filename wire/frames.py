"""Frames: batches one after the other in a file, each with what HTTP says beside it.

    length of the epoch, 2 bytes | epoch | number, 8 bytes | id of the key, 32 bytes
    | signature, 64 bytes | length of the payload, 4 bytes | payload

Numbers are unsigned and big endian. There are no names and nothing is packed: nothing in a frame
can grow, or point to another place.
"""

import re
import struct
from typing import BinaryIO

from msgspec import Struct

from wire.batch import LIMITS
from wire.errors import Damaged, TooLarge
from wire.signing import SIGNATURE_BYTES

MOST_FRAMES = 20_000
"""In one part, so that its receipt stays below LARGEST_RECEIPT_BYTES; own figure."""

_EPOCH_LENGTH = struct.Struct(">H")
_FIELDS = struct.Struct(f">Q32s{SIGNATURE_BYTES}sI")
_EPOCH = re.compile(rb"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_LARGEST_EPOCH_BYTES = 64
_LARGEST_SEQ = 2**53


class Frame(Struct, frozen=True):
    """A batch with its place in the chain and its signature, as it goes over HTTP, too."""

    epoch: str
    seq: int
    key_id: str
    signature: bytes
    """By the key over the payload as wire.control.BATCH."""
    payload: bytes


def packed(frame: Frame) -> bytes:
    """Return the bytes of a frame."""
    epoch = frame.epoch.encode("ascii")
    fields = _FIELDS.pack(
        frame.seq, bytes.fromhex(frame.key_id), frame.signature, len(frame.payload)
    )
    return b"".join((_EPOCH_LENGTH.pack(len(epoch)), epoch, fields, frame.payload))


def length_of(epoch: str, payload: bytes) -> int:
    """Return how many bytes the frame of a payload has."""
    return _EPOCH_LENGTH.size + len(epoch) + _FIELDS.size + len(payload)


def read_frame(file: BinaryIO) -> Frame:
    """Return the next frame. Raise Damaged or TooLarge, before anything of that size is read."""
    (length,) = _EPOCH_LENGTH.unpack(exactly(file, _EPOCH_LENGTH.size))
    if length > _LARGEST_EPOCH_BYTES:
        raise TooLarge(f"A frame tells an epoch of {length} bytes.")
    epoch = exactly(file, length)
    if _EPOCH.fullmatch(epoch) is None:
        raise Damaged("A frame tells an epoch that can be none.")
    seq, key, signature, size = _FIELDS.unpack(exactly(file, _FIELDS.size))
    if not 1 <= seq <= _LARGEST_SEQ:
        raise Damaged(f"A frame tells the number {seq}.")
    if not 1 <= size <= LIMITS.packed_bytes:
        raise TooLarge(f"A frame tells {size} bytes; at most {LIMITS.packed_bytes} are taken.")
    return Frame(epoch.decode("ascii"), seq, key.hex(), signature, exactly(file, size))


def exactly(file: BinaryIO, length: int) -> bytes:
    """Return so many bytes. Raise Damaged where there are fewer."""
    content = file.read(length)
    if len(content) != length:
        raise Damaged("The content ends before it is complete.")
    return content
