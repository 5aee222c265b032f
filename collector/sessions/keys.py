"""Keys of sessions: whose batches the collector takes as the host's remote agent's."""

from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from collector.enrolment.models import AgentKey
from collector.errors import Clash, NotABatch, UnknownKey
from collector.identity import Identity
from collector.sessions.stored import (
    UNKNOWN,
    answer_to,
    find,
    opening_of,
    session_of,
    standing_denial,
)
from wire import envelope
from wire.errors import WireError
from wire.sessions import OPENED, SESSION_KEY, Opened, Opening, SessionKey
from wire.signing import key_id


def add_key(session: Session, identity: Identity, name: str, body: bytes, now: datetime) -> bytes:
    """Return the signed answer to a key of a session. Raise as `key_added` does."""
    return identity.sign(key_added(session, name, body, now), OPENED)


def key_added(session: Session, name: str, body: bytes, now: datetime) -> Opened:
    """Let a key that was made on the host sign batches of a session; return the answer.

    Raise NotABatch for what can't be read, UnknownKey where the session is not known here or
    session and new key have not both signed it, Clash where the key is another's.
    """
    try:
        signed = envelope.read(body)
        statement = envelope.opened(signed, SESSION_KEY, SessionKey)
    except WireError as error:
        raise NotABatch(str(error)) from error
    row = find(session, name)
    if row is None:
        raise UnknownKey(UNKNOWN)
    opening = opening_of(row)
    if statement.session != name or statement.agent != opening.agent:
        raise UnknownKey(UNKNOWN)
    keys = {key_id(key): key for key in (opening.public_key, statement.public_key)}
    try:
        envelope.check(signed, keys)
    except WireError as error:
        raise UnknownKey(UNKNOWN) from error
    answer = answer_to(signed, name, now)
    denial = standing_denial(row)
    if denial is not None:
        return msgspec.structs.replace(answer, denial=denial)
    known = known_key(session, statement.public_key)
    if known is None:
        let_sign(session, opening, statement.public_key, body, now)
    elif session_of(known) != name:
        raise Clash("This key is used already: each session has new ones.")
    return answer


def known_key(session: Session, public_key: bytes) -> AgentKey | None:
    """Return a key that is known here, of whatever agent."""
    return session.scalar(select(AgentKey).where(AgentKey.id == key_id(public_key)))


def let_sign(
    session: Session, opening: Opening, public_key: bytes, statement: bytes, now: datetime
) -> None:
    """Let a key sign batches of the host's remote agent from now on."""
    session.add(
        AgentKey(
            customer_id=opening.customer_id,
            agent_id=opening.agent,
            id=key_id(public_key),
            public_key=public_key,
            added_at=now,
            statement=statement,
        )
    )
    session.flush()
