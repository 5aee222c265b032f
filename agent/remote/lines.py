"""What workstation and host say to each other over the channel: one JSON message a line.

    host → workstation   Hello, then after Begin: Stated, Told…, Fetch…, Done (or Refused)
    workstation → host   Order in a Begin, then an empty line now and then (still there), Took

The host ends at once when its input ends. Bytes that are no such line before Hello are a greeting
of the shell and are passed over.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from agent.remote.order import Order
from wire.control import PublicKey
from wire.messages import Count, Digest, Identifier, Label, Sentence

PROTOCOL = 1
MARK = b"\x1exunjian "
"""Begins each line: nothing that a start-up file prints does."""
LARGEST_LINE_BYTES = 12 * 2**20
"""A batch of 8 MiB in base64."""


class _Said(Struct, frozen=True, kw_only=True, tag_field="say", omit_defaults=True):
    pass


class Hello(_Said, frozen=True, tag="hello"):
    """The host's agent is there."""

    protocol: int
    version: Label
    """Of the agent."""
    system: Label
    public_key: PublicKey
    """Made just now, for this visit; its batches are signed with it."""
    forced: bool = False
    """The key that signed in can do nothing else (authorized_keys)."""


class Stated(_Said, frozen=True, tag="stated"):
    """The SessionKey statement, signed by the key of Hello; the workstation signs it, too."""

    statement: bytes


class Told(_Said, frozen=True, tag="told"):
    """An event of the run (agent/events.py), as its JSON."""

    event: msgspec.Raw


class Fetch(_Said, frozen=True, tag="fetch"):
    """A sealed batch."""

    epoch: Identifier
    seq: Count
    payload: bytes
    signature: bytes
    key_id: Digest


class Done(_Said, frozen=True, tag="done"):
    """All that was asked for has been said."""

    inspection: Identifier
    collected: Count
    total: Count
    batches: Count


class Refused(_Said, frozen=True, tag="refused"):
    """The host does not do it; both languages."""

    zh: Sentence
    en: Sentence


class Begin(_Said, frozen=True, tag="begin"):
    """Do this. `grant` is its envelope: a host that knows the collector verifies it itself."""

    protocol: int
    order: Order
    grant: bytes


class Took(_Said, frozen=True, tag="took"):
    """This batch is durable at the workstation."""

    seq: Count
    digest: Digest


FromHost = Hello | Stated | Told | Fetch | Done | Refused
FromWorkstation = Begin | Took

_from_host = msgspec.json.Decoder(Annotated[FromHost, Meta()])
_from_workstation = msgspec.json.Decoder(Annotated[FromWorkstation, Meta()])


def packed(message: FromHost | FromWorkstation) -> bytes:
    """Return the line of a message."""
    return MARK + msgspec.json.encode(message) + b"\n"


def heard_from_host(line: bytes) -> FromHost | None:
    """Return what the host says; None for a line that is no message. Raise msgspec errors."""
    return _from_host.decode(line[len(MARK) :]) if line.startswith(MARK) else None


def heard_from_workstation(line: bytes) -> FromWorkstation | None:
    """Return what the workstation says; None for an empty line. Raise msgspec errors."""
    return _from_workstation.decode(line[len(MARK) :]) if line.startswith(MARK) else None
