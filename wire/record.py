"""The record of a session: JSON lines, each with the digest of the line before.

    {"number":1,"at":"…","elapsed":0.0,"event":{"kind":"opened",…},"previous":""}
    {"number":2,"at":"…","elapsed":0.31,"event":{"kind":"sent","data":"…"},"previous":"…"}

A changed, missing, added or moved line breaks the chain; the signed Closing (wire/sessions.py)
binds the last one, and with it the number of lines.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from wire.errors import Damaged, Unreadable
from wire.messages import Count, Digest, Label, Moment, Seconds, Sentence

LARGEST_LINE_BYTES = 2**21
"""The first line has the grant's envelope in it, which may have envelope.LARGEST_BYTES."""
LARGEST_DATA_BYTES = 2**15
"""Of terminal bytes in one line."""


class _Event(Struct, frozen=True, tag_field="kind", omit_defaults=True):
    pass


class SessionOpened(_Event, frozen=True, tag="opened"):
    """The first line: the signed envelopes of opening and grant, and what the collector said."""

    opening: bytes
    grant: bytes
    answer: bytes | None = None
    """Envelope of Opened; None: the collector was not asked, or could not be reached."""
    proof: bytes | None = None
    """Envelope of a Proof that was brought as a file."""


class Connected(_Event, frozen=True, tag="connected"):
    """Signed in."""

    address: Label
    user: Label
    host_key: Sentence
    """Type and fingerprint that the server showed."""
    pinned_by: Label
    """`inventory` (out of the grant) or `typed`."""
    means: Label
    """How the engineer signed in: `publickey`, `password`, `keyboard-interactive`, joined by +."""
    jumps: tuple[Label, ...] = ()


class CommandRun(_Event, frozen=True, tag="command"):
    """A command is about to be run on the host."""

    command: Annotated[str, Meta(max_length=100_000)]


class CommandEnded(_Event, frozen=True, tag="command_ended"):
    """It has ended. Its output is told by size and digest, not kept."""

    exit_code: int | None
    output_bytes: Count
    output_digest: Digest
    error_bytes: Count = 0


class FileMoved(_Event, frozen=True, tag="file"):
    """A file went to the host (`to`) or came from it (`from`)."""

    direction: Label
    name: Sentence
    bytes: Count
    digest: Digest


class BatchFetched(_Event, frozen=True, tag="batch"):
    """A signed batch came."""

    seq: Count
    bytes: Count
    digest: Digest
    key_id: Digest


class SecretUsed(_Event, frozen=True, tag="secret"):
    """A password of the customer's systems was used: which, never the value."""

    label: Label


class Sent(_Event, frozen=True, tag="sent"):
    """Bytes of the engineer's terminal, on disk before they go to the host."""

    data: bytes


class Received(_Event, frozen=True, tag="received"):
    """Bytes of the host, on disk before they are shown."""

    data: bytes


class Resized(_Event, frozen=True, tag="resized"):
    """The engineer's terminal has this size now."""

    columns: Count
    rows: Count


class Noted(_Event, frozen=True, tag="noted"):
    """Something worth knowing: a fall-back, a warning, what was left on the host."""

    text: Sentence


class Ended(_Event, frozen=True, tag="ended"):
    """The last line."""

    how: Label
    """As in wire.sessions.Closing."""
    detail: Sentence = ""
    exit_code: int | None = None


Event = (
    SessionOpened
    | Connected
    | CommandRun
    | CommandEnded
    | FileMoved
    | BatchFetched
    | SecretUsed
    | Sent
    | Received
    | Resized
    | Noted
    | Ended
)


class Line(Struct, frozen=True):
    """One line."""

    number: Annotated[int, Meta(ge=1, le=2**53)]
    at: Moment
    elapsed: Seconds
    """Seconds since the first line, by a clock that never jumps."""
    event: Event
    previous: str
    """Digest of the line before; empty for the first."""


_decoder = msgspec.json.Decoder(Line)


def packed(line: Line) -> bytes:
    """Return the bytes of a line, with its line end."""
    return msgspec.json.encode(line) + b"\n"


def digest_of(line: bytes) -> str:
    """Return what the next line has to repeat: SHA-256 of the bytes without the line end."""
    return hashlib.sha256(line.removesuffix(b"\n")).hexdigest()


def read(lines: Iterable[bytes]) -> Iterator[tuple[Line, str]]:
    """Give each line with its digest, checked against the one before.

    Raise Unreadable for what is no line, Damaged where the chain is broken; both name the line.
    """
    previous = ""
    for number, content in enumerate(lines, start=1):
        if len(content) > LARGEST_LINE_BYTES:
            raise Unreadable(f"Line {number} of the record has {len(content)} bytes.")
        try:
            line = _decoder.decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Unreadable(f"Line {number} of the record can't be read: {error}.") from error
        if line.number != number or line.previous != previous:
            raise Damaged(f"Line {number} of the record does not follow the line before it.")
        previous = digest_of(content)
        yield line, previous
