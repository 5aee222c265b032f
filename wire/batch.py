"""A batch: JSON lines, packed with gzip, named by the SHA-256 of the packed bytes.

The same bytes travel over HTTPS, over an engineer's SSH session or on a USB stick. Sealing is
deterministic: the same lines give the same bytes.
"""

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterable

import msgspec
from msgspec import UNSET, Struct

from wire.errors import Damaged, TooLarge, Unreadable
from wire.messages import WIRE_VERSION, Header, Observation


class Limits(Struct, frozen=True):
    """Bounds that hold before anything is decoded (security-reliability §1b)."""

    packed_bytes: int = 8 * 2**20
    unpacked_bytes: int = 64 * 2**20
    line_bytes: int = 16 * 2**20
    header_bytes: int = 4 * 2**20
    lines: int = 20_001
    """The header, and as many observations as it may count."""


LIMITS = Limits()
_FIRST_BYTES = 2**16


class Batch(Struct, frozen=True):
    """Sealed bytes and their digest."""

    payload: bytes
    digest: str


class Rejected(Struct, frozen=True):
    """One line of a batch that is no observation; the others are not held up by it."""

    line: int
    reason: str


class Opened(Struct, frozen=True):
    """A batch that has been read."""

    header: Header
    observations: tuple[Observation, ...]
    rejected: tuple[Rejected, ...]


_encoder = msgspec.json.Encoder()
_header_decoder = msgspec.json.Decoder(Header)
_observation_decoder = msgspec.json.Decoder(Observation)
# Refused on every database alike.
_nul_escape = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def encode_line(message: Header | Observation) -> bytes:
    """Return the message as one line of a batch, without the line end."""
    return _encoder.encode(message)


def seal(header: Header, lines: Iterable[bytes]) -> Batch:
    """Pack a header and observation lines (from encode_line) into a batch."""
    text = b"\n".join([encode_line(header), *lines]) + b"\n"
    payload = gzip.compress(text, compresslevel=6, mtime=0)
    return Batch(payload, digest_of(payload))


def digest_of(payload: bytes) -> str:
    """Return the name of a batch: SHA-256 of the packed bytes, in hexadecimal."""
    return hashlib.sha256(payload).hexdigest()


def unpack(payload: bytes, limits: Limits = LIMITS) -> bytes:
    """Inflate a batch within the limits.

    Raise TooLarge if it is or becomes larger than the limits, Damaged if it isn't one whole
    gzip member with nothing behind it.
    """
    if len(payload) > limits.packed_bytes:
        raise TooLarge(
            f"The batch has {len(payload)} bytes; at most {limits.packed_bytes} are taken."
        )
    inflater = zlib.decompressobj(wbits=31)
    try:
        text = inflater.decompress(payload, limits.unpacked_bytes + 1)
    except zlib.error as error:
        raise Damaged(f"The batch is not gzip data: {error}.") from error
    if len(text) > limits.unpacked_bytes:
        raise TooLarge(f"The batch unpacks to more than {limits.unpacked_bytes} bytes.")
    if not inflater.eof:
        raise Damaged("The batch is cut off: its gzip data has no end.")
    if inflater.unused_data:
        raise Damaged("There are bytes behind the end of the batch.")
    return text


def header_of(payload: bytes, limits: Limits = LIMITS) -> Header:
    """Return the header of a batch; no more of the batch is inflated than it takes.

    Raise Damaged or Unreadable.
    """
    inflater = zlib.decompressobj(wbits=31)
    try:
        text = inflater.decompress(payload, _FIRST_BYTES)
        while b"\n" not in text and inflater.unconsumed_tail and len(text) <= limits.line_bytes:
            text += inflater.decompress(inflater.unconsumed_tail, len(text))
    except zlib.error as error:
        raise Damaged(f"The batch is not gzip data: {error}.") from error
    return _read_header(text.partition(b"\n")[0], limits)


def open_batch(payload: bytes, limits: Limits = LIMITS) -> Opened:
    """Read a batch. A line that is no observation is listed in `rejected`, the rest is kept.

    Raise TooLarge or Damaged as unpack does, Unreadable if the header can't be understood.
    """
    text = unpack(payload, limits)
    # Before they are split: 64 MiB of line ends would be 64 million objects.
    if text.count(b"\n") > limits.lines:
        raise TooLarge(f"The batch has more than {limits.lines} lines.")
    lines = text.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    if not lines:
        raise Unreadable("The batch is empty.")
    header = _read_header(lines[0], limits)
    observations: list[Observation] = []
    rejected: list[Rejected] = []
    for number, line in enumerate(lines[1:], start=2):
        try:
            _guard(line, limits.line_bytes)
            observation = _observation_decoder.decode(line)
            if (observation.facts is UNSET) == (observation.failure is None):
                raise Unreadable("an observation has either facts or a failure")
            observations.append(observation)
        except (msgspec.MsgspecError, UnicodeDecodeError, Unreadable, RecursionError) as error:
            rejected.append(Rejected(number, str(error)[:500]))
    if header.observations != len(lines) - 1:
        counted = f"The header counts {header.observations} lines, there are {len(lines) - 1}."
        rejected.append(Rejected(1, counted))
    return Opened(header, tuple(observations), tuple(rejected))


def _read_header(line: bytes, limits: Limits) -> Header:
    try:
        _guard(line, limits.header_bytes)
        header = _header_decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, Unreadable, RecursionError) as error:
        raise Unreadable(f"The header of the batch can't be read: {error}.") from error
    if header.wire.split(".")[0] != WIRE_VERSION.split(".")[0]:
        raise Unreadable(
            f"The batch speaks wire version {header.wire}; this collector reads {WIRE_VERSION}."
        )
    return header


def _guard(line: bytes, most_bytes: int) -> None:
    """Refuse what the decoder would let through and a database would not store.

    Depth needs no guard of its own: msgspec stops at the interpreter's recursion limit, also
    inside facts that it passes through undecoded.
    """
    if len(line) > most_bytes:
        raise Unreadable(f"a line of {len(line)} bytes; at most {most_bytes} are taken")
    line.decode("utf-8")
    if holds_nul(line):
        raise Unreadable("a text holds the character U+0000")


def holds_nul(text: bytes) -> bool:
    """Tell whether JSON holds the character U+0000, which PostgreSQL can't store in a text."""
    return b"\\u0000" in text and _nul_escape.search(text) is not None
