"""Control messages, each in an envelope (wire/envelope.py): enrolment, keys, time, refusals, files.

None of them needs a clock or a nonce of the collector: each may be repeated without harm (the same
request gives the same answer), and each answer repeats what it answers. Why: decision 0010.
"""

from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct

from wire.messages import (
    Acknowledgement,
    Digest,
    HostIdentity,
    Identifier,
    Label,
    Moment,
    Seconds,
    Standing,
)

BATCH = "application/vnd.xunjian.batch.v1"
DELIVERY = "application/vnd.xunjian.delivery.v1"
ACKNOWLEDGEMENT = "application/vnd.xunjian.ack.v1"
REFUSAL = "application/vnd.xunjian.refusal.v1"
ENROLMENT = "application/vnd.xunjian.enrol.v1"
ENROLLED = "application/vnd.xunjian.enrolled.v1"
ROTATION = "application/vnd.xunjian.rotation.v1"
ROTATED = "application/vnd.xunjian.rotated.v1"
TIME = "application/vnd.xunjian.time.v1"
MANIFEST = "application/vnd.xunjian.bundle.v1"
RECEIPT = "application/vnd.xunjian.receipt.v1"

KEY_HEADER = "Xunjian-Key"
"""Id of the key that signed the batch."""
SIGNATURE_HEADER = "Xunjian-Signature"
"""Signature over the batch as BATCH, in base64."""
DELIVERY_HEADER = "Xunjian-Delivery"
"""A Delivery: base64 of its JSON, a dot, base64 of the signature over it as DELIVERY."""

PublicKey = Annotated[bytes, Meta(min_length=32, max_length=32)]
Nonce = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
Recipient = Annotated[str, Meta(pattern=r"^age1[0-9a-z]{10,200}$(?!\n)")]


class Delivery(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The clocks of the host at the moment when a batch goes out, signed with the batch's key.

    With the time of arrival they tell how wrong the host's clock is.
    """

    agent: Identifier
    digest: Digest
    """The batch that goes out."""
    boot_id: Label
    wall: Moment
    monotonic_seconds: Seconds
    synchronised: bool | None = None
    """Whether the kernel says that its clock is kept right; None: it does not tell."""


class EnrolmentRequest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An agent shows its new key, and proves that it was given the one-time code.

    Signed by the new key itself. The code does not travel: `proof` is an HMAC (wire/codes.py).
    """

    wire: Label
    code_id: Nonce
    proof: Digest
    public_key: PublicKey
    nonce: Nonce
    """Made by the agent; the answer repeats it."""
    host: HostIdentity
    agent_version: Label


class Enrolled(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to an enrolment, signed by the collector's key.

    `proof` shows that the collector knows the code, too: so the agent needs to trust nobody before.
    """

    wire: Label
    nonce: Nonce
    agent: Identifier
    customer_id: Identifier
    customer: Label
    site: Label
    host: Label
    """The label of the slot: how the customer's people call this host."""
    standing: Standing
    collector_key: PublicKey
    recipients: Annotated[tuple[Recipient, ...], Meta(min_length=1, max_length=8)]
    """Whom bundles are encrypted to (age)."""
    server_time: Moment
    proof: Digest


class Reach(Struct, frozen=True):
    """How far a key has sealed in one epoch."""

    epoch: Identifier
    last_seq: Annotated[int, Meta(ge=1, le=2**53)]


class Rotation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A new key takes over; signed by the old key and by the new one.

    The old key stays valid for what it has sealed and not delivered yet, and for nothing else.
    Validity goes by place in the chain, not by time.
    """

    wire: Label
    agent: Identifier
    old_key_id: Digest
    public_key: PublicKey
    sealed: Annotated[tuple[Reach, ...], Meta(max_length=100)] = ()


class Rotated(Struct, frozen=True, kw_only=True):
    """The answer: from now on the new key counts."""

    wire: Label
    agent: Identifier
    key_id: Digest
    server_time: Moment


class TimeAnswer(Struct, frozen=True, kw_only=True):
    """The collector's clock, for an agent whose own is wrong (security-reliability §3.5)."""

    nonce: Nonce
    time: Moment


class RefusalKind(Enum):
    """What the collector says no to, for good."""

    REVOKED = "revoked"
    KEY_RETIRED = "key_retired"


class Refusal(Struct, frozen=True, kw_only=True):
    """A refusal that no proxy can make: it repeats the digest of what was refused."""

    agent: Identifier
    kind: RefusalKind
    digest: Digest
    server_time: Moment


class ChainHead(Struct, frozen=True):
    """The batches of one epoch in a bundle: from, to, and the digest of the last."""

    epoch: Identifier
    first_seq: Annotated[int, Meta(ge=1, le=2**53)]
    last_seq: Annotated[int, Meta(ge=1, le=2**53)]
    last_digest: Digest


class Manifest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a bundle is and for whom; signed by the agent, inside of the encryption.

    It binds sender and recipients to the content, which encryption alone does not.
    """

    wire: Label
    bundle: Identifier
    """The same in all parts of one export."""
    part: Annotated[int, Meta(ge=1, le=10_000)]
    parts: Annotated[int, Meta(ge=1, le=10_000)]
    agent: Identifier
    customer_id: Identifier
    key_id: Digest
    collector_key_id: Digest
    recipients: Annotated[tuple[Recipient, ...], Meta(max_length=8)]
    created_at: Moment
    boot_id: Label
    monotonic_seconds: Seconds
    batches: Annotated[int, Meta(ge=0, le=2**32)]
    frames_digest: Digest
    """SHA-256 over the frames of this part, byte for byte as they stand in it (wire/frames.py)."""
    heads: Annotated[tuple[ChainHead, ...], Meta(max_length=1000)] = ()
    rotations: Annotated[tuple[bytes, ...], Meta(max_length=16)] = ()
    """Envelopes of rotations that are not acknowledged yet, oldest first."""
    sessions: Annotated[tuple[bytes, ...], Meta(max_length=100)] = ()
    """Envelopes of openings and keys of remote sessions that the batches were made in."""


class Receipt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The way back of a bundle: what is durable at the collector; signed by its key."""

    wire: Label
    bundle: Identifier
    part: Annotated[int, Meta(ge=1, le=10_000)]
    agent: Identifier
    imported_at: Moment
    acknowledgements: Annotated[tuple[Acknowledgement, ...], Meta(max_length=1_000_000)]
    rotated: tuple[Rotated, ...] = ()
