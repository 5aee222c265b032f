"""Enrol this agent with a one-time code, over HTTP or by two files, and change its key.

Every step may be repeated: the key and what is under way are on disk before anything is sent, so a
lost answer costs one more try and no second agent (security-reliability §3.2). Nothing here starts
by itself.
"""

import secrets
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from agent import VERSION, identity
from agent import enrolment_messages as messages
from agent.errors import EnrolmentError
from agent.identity import Identity
from wire import codes, envelope
from wire.control import (
    ENROLMENT,
    ROTATED,
    ROTATION,
    Enrolled,
    EnrolmentRequest,
    Nonce,
    Reach,
    Rotated,
    Rotation,
)
from wire.errors import WireError
from wire.messages import WIRE_VERSION, HostIdentity
from wire.signing import PrivateKey


class Pending(Struct, frozen=True):
    """An enrolment under way: enough to check the answer, and not the code itself."""

    nonce: Nonce
    code_id: Nonce
    verifier: Annotated[bytes, Meta(min_length=32, max_length=32)]


def request(state: Path, typed_code: str, host: HostIdentity) -> bytes:
    """Return the signed request that enrols this host; the same again while it is under way.

    Raise EnrolmentError for a mistyped code, or where this host is enrolled already.
    """
    folder = identity.folder_of(state)
    if identity.read(folder / identity.ANSWER) is not None:
        known = identity.load(state)
        raise EnrolmentError(
            messages.ALREADY_ENROLLED.format(
                customer=known.customer, site=known.site, host=known.host, folder=str(folder)
            )
        )
    try:
        code = codes.read_code(typed_code)
    except WireError as error:
        raise EnrolmentError(messages.CODE_MISTYPED.format(detail=str(error))) from error
    key = identity.load_key(folder / identity.KEY)
    if key is None:
        key = PrivateKey.generate()
        identity.keep_key(folder / identity.KEY, key)
    pending = _pending(folder)
    if pending is None or pending.code_id != codes.code_id(code):
        pending = Pending(secrets.token_hex(16), codes.code_id(code), codes.verifier(code))
        identity.keep_message(folder / identity.PENDING, pending)
    return signed_request(key, pending, host)


def signed_request(key: PrivateKey, pending: Pending, host: HostIdentity) -> bytes:
    """Return the request of a key that proves to know the code."""
    return envelope.enclose(
        EnrolmentRequest(
            wire=WIRE_VERSION,
            code_id=pending.code_id,
            proof=codes.request_proof(pending.verifier, key.public, pending.nonce),
            public_key=key.public,
            nonce=pending.nonce,
            host=host,
            agent_version=VERSION,
        ),
        ENROLMENT,
        key,
    )


def read_answer(state: Path, body: bytes, fingerprint: str | None = None) -> Enrolled:
    """Return the collector's answer, if it is one to the enrolment under way; nothing is written.

    It must be signed by the key that it names, and prove that this collector knows the code; if a
    person gave the fingerprint of the collector's key, that must be its, too. Raise EnrolmentError.
    """
    folder = identity.folder_of(state)
    pending, key = _pending(folder), identity.load_key(folder / identity.KEY)
    if pending is None or key is None:
        raise EnrolmentError(messages.NOTHING_PENDING.format(folder=str(state)))
    try:
        answer = identity.trusted(body)
    except WireError as error:
        raise EnrolmentError(messages.ANSWER_UNREADABLE.format(detail=str(error))) from error
    proof = codes.answer_proof(pending.verifier, key.public, answer.collector_key, answer.nonce)
    if answer.nonce != pending.nonce or not secrets.compare_digest(answer.proof, proof):
        raise EnrolmentError(messages.ANSWER_NOT_OURS)
    if fingerprint is not None and not codes.same_fingerprint(fingerprint, answer.collector_key):
        words = " ".join(codes.fingerprint(answer.collector_key))
        raise EnrolmentError(messages.OTHER_COLLECTOR.format(words=words))
    return answer


def conclude(state: Path, body: bytes, fingerprint: str | None = None) -> Identity:
    """Check the answer as `read_answer` does, keep it, and return the identity it gives."""
    read_answer(state, body, fingerprint)
    folder = identity.folder_of(state)
    identity.keep(folder / identity.ANSWER, body)
    (folder / identity.PENDING).unlink(missing_ok=True)
    return identity.load(state)


def rotation(state: Path, sealed: tuple[Reach, ...]) -> bytes:
    """Return the statement that a new key takes over, signed by both; the same again until it is
    confirmed. `sealed` is what the old key has sealed and not delivered yet. Raise IdentityError.
    """
    known = identity.load(state)
    if known.rotation is not None:
        return known.rotation
    folder = identity.folder_of(state)
    new = PrivateKey.generate()
    identity.keep_key(folder / identity.NEXT_KEY, new)
    statement = envelope.enclose(
        Rotation(
            wire=WIRE_VERSION,
            agent=known.agent,
            old_key_id=known.key.id,
            public_key=new.public,
            sealed=sealed,
        ),
        ROTATION,
        known.key,
        new,
    )
    identity.keep(folder / identity.ROTATION, statement)
    return statement


def confirm_rotation(state: Path, body: bytes) -> Identity:
    """Put the new key in place once the collector's signed answer says so. Raise EnrolmentError."""
    known = identity.load(state)
    try:
        answer = envelope.disclose(body, ROTATED, Rotated, known.collector_keys)
    except WireError as error:
        raise EnrolmentError(messages.ANSWER_UNREADABLE.format(detail=str(error))) from error
    return take_over(state, answer)


def take_over(state: Path, answer: Rotated) -> Identity:
    """Put the new key in place that a verified answer names. Raise EnrolmentError for another."""
    folder = identity.folder_of(state)
    known = identity.load(state)
    if (answer.agent, answer.key_id) != (known.agent, known.key.id):
        raise EnrolmentError(messages.ANSWER_NOT_OURS)
    if known.rotation is None:
        return known  # the answer came twice
    identity.keep_key(folder / identity.KEY, known.key)
    for name in (identity.ROTATION, identity.NEXT_KEY):
        (folder / name).unlink(missing_ok=True)
    return identity.load(state)


def _pending(folder: Path) -> Pending | None:
    content = identity.read(folder / identity.PENDING)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=Pending)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None  # A new one takes its place: nothing but this enrolment depends on it.
