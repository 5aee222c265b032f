"""Keep the record of a session as it comes: parts of lines, and the end that binds them.

Nothing of it is read before it is stored, nor changed after: whether it holds together is told by
verifying.py, each time somebody asks.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from collector.enrolment.models import Alarm, AlarmKind
from collector.enrolment.record import alarm
from collector.errors import Clash, NotABatch, UnknownKey
from collector.grants.models import Engineer
from collector.identity import Identity
from collector.sessions.models import RecordPart, RemoteSession
from collector.sessions.stored import UNKNOWN, answer_to, find
from wire import envelope
from wire.errors import BadSignature, WireError
from wire.messages import WIRE_VERSION
from wire.sessions import CLOSING, OPENED, RECORD, RECORD_KEPT, Closing, RecordKept
from wire.signing import verify

_LONGEST_END = 32
_CHANGED = "Another content stands there already; the first one stays, and it is reported."


@dataclass(frozen=True)
class PartUpload:
    """A part of a record as it came."""

    session: str
    part: int
    payload: bytes
    key_id: str
    signature: bytes


def keep_part(session: Session, identity: Identity, upload: PartUpload, now: datetime) -> bytes:
    """Return the signed answer to a part that is stored. Raise as `part_kept` does."""
    return identity.sign(part_kept(session, upload, now), RECORD_KEPT)


def part_kept(session: Session, upload: PartUpload, now: datetime) -> RecordKept:
    """Store a part of a record; the same again changes nothing. Return the answer.

    Raise UnknownKey where the engineer of the session has not signed it, Clash where other bytes
    stand there (then with an alarm: commit also when this raises).
    """
    row = find(session, upload.session)
    if row is None or row.engineer_id != upload.key_id:
        raise UnknownKey(UNKNOWN)
    public_key = session.get_one(Engineer, row.engineer_id).public_key
    try:
        verify(public_key, RECORD, upload.payload, upload.signature)
    except BadSignature as error:
        raise UnknownKey(UNKNOWN) from error
    digest = hashlib.sha256(upload.payload).hexdigest()
    known = session.get(RecordPart, (row.customer_id, row.id, upload.part))
    if known is None:
        session.add(
            RecordPart(
                customer_id=row.customer_id,
                session_id=row.id,
                part=upload.part,
                digest=digest,
                payload=upload.payload,
                signature=upload.signature,
                received_at=now,
            )
        )
        session.flush()
    elif known.digest != digest:
        _alarm_once(session, row, f"part {upload.part}, first {known.digest}, then {digest}", now)
        raise Clash(_CHANGED)
    return RecordKept(
        wire=WIRE_VERSION, session=row.id, part=upload.part, digest=digest, server_time=now
    )


def close(session: Session, identity: Identity, name: str, body: bytes, now: datetime) -> bytes:
    """Keep the end of a record; the same again changes nothing. Return the signed answer.

    Raise NotABatch for what can't be read or is of another session, UnknownKey where the engineer
    of the session has not signed it, Clash where it has ended otherwise (alarmed: commit).
    """
    try:
        signed = envelope.read(body)
        closing = envelope.opened(signed, CLOSING, Closing)
    except WireError as error:
        raise NotABatch(str(error)) from error
    row = find(session, name)
    if row is None:
        raise UnknownKey(UNKNOWN)
    engineer = session.get_one(Engineer, row.engineer_id)
    try:
        envelope.check(signed, {engineer.id: engineer.public_key})
    except WireError as error:
        raise UnknownKey(UNKNOWN) from error
    if closing.session != name:
        raise NotABatch("The message is of another session than the path says.")
    if row.closing is None:
        row.closing = body
        row.ended_at = closing.ended_at
        row.ended = closing.ended[:_LONGEST_END]
    elif envelope.read(row.closing).payload != signed.payload:
        _alarm_once(session, row, f"end, first {row.ended}, then {closing.ended}", now)
        raise Clash(_CHANGED)
    return identity.sign(answer_to(signed, name, now), OPENED)


def _alarm_once(session: Session, row: RemoteSession, what: str, now: datetime) -> None:
    """Write the alarm down, once for the same thing however often it comes."""
    subject = f"session {row.id}, {row.person}: {what}"
    same = select(Alarm.id).where(
        Alarm.customer_id == row.customer_id,
        Alarm.kind == AlarmKind.RECORD_CHANGED.value,
        Alarm.subject == subject,
    )
    if session.scalar(same) is None:
        kind = AlarmKind.RECORD_CHANGED
        alarm(session, row.customer_id, kind, subject, agent_id=None, now=now)
