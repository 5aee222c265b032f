"""Control messages of remote sessions, each in an envelope (wire/envelope.py).

An engineer proves who he is by his own key, which the collector knows; a session has a key of its
own, which counts as one of the host's remote agent. Everything may be repeated without harm.
"""

from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct

from wire.control import Nonce, PublicKey, Recipient
from wire.grants import Denial
from wire.messages import Count, Digest, Identifier, Label, Moment, Sentence
from wire.scopes import Scope

REGISTRATION = "application/vnd.xunjian.engineer.v1"
TRUSTED = "application/vnd.xunjian.trusted.v1"
OPENING = "application/vnd.xunjian.session.v1"
OPENED = "application/vnd.xunjian.session-opened.v1"
SESSION_KEY = "application/vnd.xunjian.session-key.v1"
RECORD = "application/vnd.xunjian.session-record.v1"
RECORD_KEPT = "application/vnd.xunjian.session-record-kept.v1"
CLOSING = "application/vnd.xunjian.session-head.v1"
PROOF = "application/vnd.xunjian.backup-proof.v1"

LARGEST_PART_BYTES = 4 * 2**20
"""Of a part of a record."""
LARGEST_PROOF_AGE_SECONDS = 24 * 3600
"""A change needs a backup that is proved good and not older (the contract's rule)."""


class Registration(Struct, frozen=True, kw_only=True):
    """An engineer shows his key; signed by it."""

    wire: Label
    person: Label
    public_key: PublicKey
    nonce: Nonce


class Trusted(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer: whom to believe from now on. Signed by the collector's key, which the engineer
    compares by its fingerprint."""

    wire: Label
    nonce: Nonce
    person: Label
    key_id: Digest
    """Of the engineer."""
    collector_key: PublicKey
    recipients: Annotated[tuple[Recipient, ...], Meta(min_length=1, max_length=8)]
    url: Label = ""
    """Where the collector is reached; empty: not by network."""


class Purpose(Enum):
    """What a session is for."""

    INSPECT = "inspect"
    SHELL = "shell"


class Mode(Enum):
    """How a remote inspection reads."""

    PACKAGE = "package"
    """By the agent's package, which was brought and removed again."""
    FORCED = "forced"
    """By an agent that is installed there, over a key that can do nothing else."""
    AGENTLESS = "agentless"
    """Over the channel, with the host's own shell."""


class Opening(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An engineer opens a session; signed by his key before he connects."""

    wire: Label
    session: Identifier
    grant: Identifier
    customer_id: Identifier
    host_id: Identifier
    agent: Identifier
    """The host's remote agent."""
    person: Label
    key_id: Digest
    """Of the engineer's key, which has signed this."""
    purpose: Purpose
    scopes: tuple[Scope, ...]
    """What it wants: for a shell always `change`."""
    address: Label
    """As it was typed: user, host and port."""
    public_key: PublicKey
    """The session's own key."""
    opened_at: Moment
    """By the engineer's clock."""
    proof: bytes | None = None
    """Envelope of a Proof that he brought as a file, for a shell out of the collector's reach."""


class SessionKey(Struct, frozen=True, kw_only=True):
    """A key that was made on the host signs the batches; signed by the session's key and by it."""

    wire: Label
    session: Identifier
    agent: Identifier
    public_key: PublicKey


class Proof(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The collector's word that a backup of a host is proved good; signed by its key."""

    wire: Label
    customer_id: Identifier
    host_id: Identifier
    proved_at: Moment
    """When the backup that it is about was proved good; LARGEST_PROOF_AGE_SECONDS from here."""
    kind: Label
    """`observation`: out of a batch. `uploaded`: a person handed in a document."""
    subject: Sentence
    """The backup set and point, or the document, in words."""
    evidence: Label
    """Digest of the batch, or of the document."""
    issued_at: Moment


class Opened(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The collector's answer to an opening or to a key: it counts only if signed by its key."""

    wire: Label
    session: Identifier
    digest: Digest
    """SHA-256 of the envelope's payload that it answers."""
    denial: Denial | None = None
    """None: permitted."""
    detail: Sentence = ""
    proof: Proof | None = None
    """For scope `change`."""
    server_time: Moment


class RecordKept(Struct, frozen=True, kw_only=True):
    """A part of a record is durable at the collector."""

    wire: Label
    session: Identifier
    part: Annotated[int, Meta(ge=1, le=100_000)]
    digest: Digest
    server_time: Moment


class Closing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The end of a record; signed by the engineer's key. It binds every line of it."""

    wire: Label
    session: Identifier
    lines: Count
    head: Digest
    """wire.record.digest_of the last line."""
    ended_at: Moment
    ended: Label
    """`completed`, `interrupted`, `lost` (the line), `refused`, `record` (it could not be kept)."""
