"""DSSE envelopes in JSON: how control messages travel, signed by one key or by several.

Batches have no envelope: their packed bytes travel as they are, the signature beside them (a header
over HTTP, a frame in a bundle), so that nothing grows by base64.
"""

import base64
from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from wire.batch import holds_nul
from wire.errors import BadSignature, TooLarge, Unreadable
from wire.messages import Digest
from wire.signing import SIGNATURE_BYTES, PrivateKey, verify

Message = TypeVar("Message", bound=Struct)

LARGEST_BYTES = 2**20
"""Of an envelope; receipts of whole bundles have a limit of their own."""


class Signature(Struct, frozen=True):
    """One signature and the key that made it."""

    keyid: Digest
    sig: bytes


class Envelope(Struct, frozen=True, rename="camel"):
    """DSSE's JSON form, binary fields in base64."""

    payload_type: Annotated[str, Meta(max_length=200)]
    payload: bytes
    signatures: Annotated[tuple[Signature, ...], Meta(min_length=1, max_length=4)]


_decoder = msgspec.json.Decoder(Envelope)


def enclose(message: Struct, payload_type: str, *keys: PrivateKey) -> bytes:
    """Return the message as JSON in an envelope that every one of the keys has signed."""
    payload = msgspec.json.encode(message)
    signatures = tuple(Signature(key.id, key.sign(payload_type, payload)) for key in keys)
    return msgspec.json.encode(Envelope(payload_type, payload, signatures))


def countersigned(signed: Envelope, key: PrivateKey) -> bytes:
    """Return an envelope with one more signature over the same payload."""
    signature = Signature(key.id, key.sign(signed.payload_type, signed.payload))
    return msgspec.json.encode(
        Envelope(signed.payload_type, signed.payload, (*signed.signatures, signature))
    )


def read(body: bytes, largest_bytes: int = LARGEST_BYTES) -> Envelope:
    """Return an envelope, its signatures unchecked. Raise TooLarge or Unreadable."""
    if len(body) > largest_bytes:
        raise TooLarge(f"The envelope has {len(body)} bytes; at most {largest_bytes} are taken.")
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"This is no signed envelope: {error}.") from error


def opened(envelope: Envelope, payload_type: str, model: type[Message]) -> Message:
    """Return the message of an envelope of this type, unchecked. Raise Unreadable."""
    if envelope.payload_type != payload_type:
        raise Unreadable(
            f"The envelope holds {envelope.payload_type[:100]!r}, not {payload_type!r}."
        )
    if holds_nul(envelope.payload):
        raise Unreadable("A text in the signed message holds the character U+0000.")
    try:
        return msgspec.json.decode(envelope.payload, type=model)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"The signed message can't be read: {error}.") from error


def check(envelope: Envelope, public_keys: Mapping[str, bytes]) -> None:
    """Return if each of these keys (by id) has signed the envelope, else raise BadSignature."""
    signatures = {signature.keyid: signature.sig for signature in envelope.signatures}
    for name, public in public_keys.items():
        if name not in signatures:
            raise BadSignature(f"The key {name[:16]} has not signed this.")
        verify(public, envelope.payload_type, envelope.payload, signatures[name])


def disclose(
    body: bytes,
    payload_type: str,
    model: type[Message],
    public_keys: Mapping[str, bytes],
    largest_bytes: int = LARGEST_BYTES,
) -> Message:
    """Return the message of an envelope that all of these keys (by id) have signed.

    Raise TooLarge, Unreadable or BadSignature.
    """
    envelope = read(body, largest_bytes)
    check(envelope, public_keys)
    return opened(envelope, payload_type, model)


def to_header(signature: bytes) -> str:
    """Return a signature as the value of an HTTP header."""
    return base64.b64encode(signature).decode()


def from_header(value: str) -> bytes:
    """Return the signature in the value of an HTTP header. Raise Unreadable."""
    try:
        signature = base64.b64decode(value, validate=True)
    except ValueError as error:
        raise Unreadable("The signature is not base64.") from error
    if len(signature) != SIGNATURE_BYTES:
        raise Unreadable(f"A signature has {SIGNATURE_BYTES} bytes, not {len(signature)}.")
    return signature
