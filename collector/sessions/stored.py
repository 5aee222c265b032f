"""Sessions as they are stored: found, read, and answered about."""

import hashlib
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from collector.enrolment.models import AgentKey
from collector.sessions.models import RemoteSession
from wire import envelope
from wire.envelope import Envelope
from wire.grants import Denial
from wire.messages import WIRE_VERSION
from wire.sessions import OPENING, SESSION_KEY, Opened, Opening, SessionKey

UNKNOWN = "This is not signed by the keys of a session and an engineer that are known here."


def find(session: Session, name: str) -> RemoteSession | None:
    """Return a session by its id, of whatever customer."""
    return session.scalar(select(RemoteSession).where(RemoteSession.id == name))


def opening_of(row: RemoteSession) -> Opening:
    """Return the opening of a session that was kept."""
    return envelope.opened(envelope.read(row.opening), OPENING, Opening)


def standing_denial(row: RemoteSession) -> Denial | None:
    """Return why a session is not permitted; None: it is, or somebody took it in afterwards."""
    return None if row.denial is None or row.accepted_by is not None else Denial(row.denial)


def answer_to(signed: Envelope, name: str, now: datetime) -> Opened:
    """Return the answer that says yes to a message of a session."""
    return Opened(
        wire=WIRE_VERSION,
        session=name,
        digest=hashlib.sha256(signed.payload).hexdigest(),
        server_time=now,
    )


def session_of(key: AgentKey) -> str | None:
    """Return the session that a key was added for; None: it is an installed agent's."""
    if key.statement is None:
        return None
    signed = envelope.read(key.statement)
    if signed.payload_type == OPENING:
        return envelope.opened(signed, OPENING, Opening).session
    if signed.payload_type == SESSION_KEY:
        return envelope.opened(signed, SESSION_KEY, SessionKey).session
    return None


def keys_of(session: Session, row: RemoteSession) -> list[AgentKey]:
    """Return the keys that sign batches of a session, the oldest first."""
    keys = session.scalars(
        select(AgentKey)
        .where(AgentKey.customer_id == row.customer_id, AgentKey.agent_id == opening_of(row).agent)
        .order_by(AgentKey.added_at, AgentKey.id)
    )
    return [key for key in keys if session_of(key) == row.id]
