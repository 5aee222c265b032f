"""Open remote sessions: judge, keep what was signed, let the session's keys sign batches.

Every opening of a known engineer is kept, a refused one, too: that somebody asked is evidence. The
same opening again is answered again; it is not judged anew, but a grant that was revoked meanwhile
is told. A session that was held out of reach of the collector is told afterwards, and is judged by
the time that it names; where it was not permitted then, a person decides (`accept`).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from collector.customers.models import Host
from collector.enrolment.models import AgentKey, AlarmKind
from collector.enrolment.record import Person, alarm, audit
from collector.errors import Clash, NotABatch, UnknownKey, Unusable
from collector.grants.models import Engineer, GrantRow
from collector.grants.service import LIVE, denial_of, proof_for
from collector.identity import Identity
from collector.sessions.models import RemoteSession
from collector.sessions.words import NOT_DENIED
from wire import envelope
from wire.envelope import Envelope
from wire.errors import WireError
from wire.grants import Denial
from wire.messages import WIRE_VERSION
from wire.scopes import Scope
from wire.sessions import (
    OPENED,
    OPENING,
    PROOF,
    SESSION_KEY,
    Opened,
    Opening,
    Proof,
    SessionKey,
)
from wire.signing import key_id

UNKNOWN = "This is not signed by the keys of a session and an engineer that are known here."


@dataclass(frozen=True)
class Statement:
    """An opening as it came, its signature checked."""

    signed: Envelope
    opening: Opening
    engineer: Engineer
    body: bytes


def open_session(
    session: Session, identity: Identity, name: str, body: bytes, now: datetime
) -> bytes:
    """Return the signed answer to an opening. Raise as `opened` does."""
    return identity.sign(opened(session, identity, name, body, now), OPENED)


def opened(session: Session, identity: Identity, name: str, body: bytes, now: datetime) -> Opened:
    """Keep and judge an opening; return the answer.

    Raise NotABatch for what can't be read or is of another session, UnknownKey where no engineer
    that is known here has signed it, Clash where the session or its key is taken.
    """
    statement = _statement(session, body)
    if statement.opening.session != name:
        raise NotABatch("The message is of another session than the path says.")
    row = find(session, name)
    if row is not None:
        return _again(session, row, statement, now)
    return _first(session, identity, statement, now)


def _statement(session: Session, body: bytes) -> Statement:
    try:
        signed = envelope.read(body)
        opening = envelope.opened(signed, OPENING, Opening)
    except WireError as error:
        raise NotABatch(str(error)) from error
    engineer = session.get(Engineer, opening.key_id)
    if engineer is None:
        raise UnknownKey(UNKNOWN)
    try:
        envelope.check(signed, {engineer.id: engineer.public_key})
    except WireError as error:
        raise UnknownKey(UNKNOWN) from error
    return Statement(signed, opening, engineer, body)


def _first(session: Session, identity: Identity, statement: Statement, now: datetime) -> Opened:
    opening = statement.opening
    answer = answer_to(statement.signed, opening.session, now)
    host = session.get(Host, (opening.customer_id, opening.host_id))
    if host is None:
        # There is nobody to keep it for.
        return msgspec.structs.replace(answer, denial=Denial.NO_SUCH_HOST)
    if _key(session, opening.public_key) is not None:
        raise Clash("The key of this session is used already: each session has a new one.")
    denial = denial_of(session, opening, now)
    late = opening.opened_at <= now - LIVE
    proof = None
    if denial is None and Scope.CHANGE in opening.scopes:
        # An old one may have brought its proof as a file: what counted then was proved then.
        at = opening.opened_at if late else now
        proof = proof_for(session, opening.customer_id, opening.host_id, at)
        denial = Denial.NO_PROOF if proof is None else None
    session.add(
        RemoteSession(
            customer_id=host.customer_id,
            id=opening.session,
            host_id=host.id,
            grant_id=opening.grant,
            engineer_id=statement.engineer.id,
            person=statement.engineer.name,
            purpose=opening.purpose.value,
            opening=statement.body,
            opened_at=opening.opened_at,
            received_at=now,
            denial=None if denial is None else denial.value,
            proof=None if proof is None else identity.sign(proof, PROOF),
        )
    )
    session.flush()
    if denial is None:
        _add_key(session, opening, opening.public_key, statement.body, now)
    elif late:
        alarm(
            session,
            host.customer_id,
            AlarmKind.SESSION_LATE,
            f"session {opening.session}, host {host.name}, {statement.engineer.name}: "
            f"{denial.value}",
            agent_id=None,
            now=now,
        )
    return msgspec.structs.replace(
        answer, denial=denial, detail=_detail(session, opening, denial), proof=proof
    )


def _again(session: Session, row: RemoteSession, statement: Statement, now: datetime) -> Opened:
    kept = envelope.read(row.opening)
    if kept.payload != statement.signed.payload:
        raise Clash("There is a session of this id already, opened by another message.")
    opening = statement.opening
    denial = standing_denial(row)
    if denial is None and row.closing is None and row.accepted_by is None:
        denial = _withdrawn(session, statement)
    answer = answer_to(statement.signed, row.id, now)
    return msgspec.structs.replace(
        answer,
        denial=denial,
        detail=_detail(session, opening, denial),
        proof=None
        if row.proof is None
        else envelope.opened(envelope.read(row.proof), PROOF, Proof),
    )


def _withdrawn(session: Session, statement: Statement) -> Denial | None:
    """Return why a session that was permitted must end: what has been taken back since."""
    if statement.engineer.removed_at is not None:
        return Denial.UNKNOWN_PERSON
    grant = session.get(GrantRow, (statement.opening.customer_id, statement.opening.grant))
    return Denial.REVOKED if grant is not None and grant.revoked_at is not None else None


def standing_denial(row: RemoteSession) -> Denial | None:
    """Return why a session is not permitted; None: it is, or somebody took it in afterwards."""
    return None if row.denial is None or row.accepted_by is not None else Denial(row.denial)


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
    known = _key(session, statement.public_key)
    if known is None:
        _add_key(session, opening, statement.public_key, body, now)
    elif session_of(known) != name:
        raise Clash("This key is used already: each session has new ones.")
    return answer


def accept(session: Session, row: RemoteSession, why: str, person: Person, now: datetime) -> None:
    """Take a session in that had been refused: its batches count from now on.

    Raise Unusable for one that was not refused, or was taken in already, and for an empty reason.
    """
    denial = standing_denial(row)
    if denial is None:
        raise Unusable(NOT_DENIED.format(session=row.id))
    opening = opening_of(row)
    row.accepted_by = person
    if _key(session, opening.public_key) is None:
        _add_key(session, opening, opening.public_key, row.opening, now)
    audit(
        session,
        row.customer_id,
        person,
        "session.accepted",
        f"session {row.id}",
        before={"denial": denial.value},
        after={"why": why[:1000]},
        now=now,
    )


def find(session: Session, name: str) -> RemoteSession | None:
    """Return a session by its id, of whatever customer."""
    return session.scalar(select(RemoteSession).where(RemoteSession.id == name))


def opening_of(row: RemoteSession) -> Opening:
    """Return the opening of a session that was kept."""
    return envelope.opened(envelope.read(row.opening), OPENING, Opening)


def keys_of(session: Session, row: RemoteSession) -> list[AgentKey]:
    """Return the keys that sign batches of a session, the oldest first."""
    keys = session.scalars(
        select(AgentKey)
        .where(AgentKey.customer_id == row.customer_id, AgentKey.agent_id == opening_of(row).agent)
        .order_by(AgentKey.added_at, AgentKey.id)
    )
    return [key for key in keys if session_of(key) == row.id]


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


def answer_to(signed: Envelope, name: str, now: datetime) -> Opened:
    """Return the answer that says yes to a message of a session."""
    return Opened(
        wire=WIRE_VERSION,
        session=name,
        digest=hashlib.sha256(signed.payload).hexdigest(),
        server_time=now,
    )


def _detail(session: Session, opening: Opening, denial: Denial | None) -> str:
    """Return why a grant was revoked, in the words of whoever did it."""
    if denial is not Denial.REVOKED:
        return ""
    grant = session.get(GrantRow, (opening.customer_id, opening.grant))
    return (grant.revoked_why or "") if grant is not None else ""


def _key(session: Session, public_key: bytes) -> AgentKey | None:
    return session.scalar(select(AgentKey).where(AgentKey.id == key_id(public_key)))


def _add_key(
    session: Session, opening: Opening, public_key: bytes, statement: bytes, now: datetime
) -> None:
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
