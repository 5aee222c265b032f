"""Open remote sessions: judge, keep what was signed, let the session's keys sign batches.

Every opening of a known engineer is kept, a refused one, too: that somebody asked is evidence. The
same opening again is answered again; it is not judged anew, but a grant that was revoked meanwhile
is told. A session that was held out of reach of the collector is told afterwards, and is judged by
the time that it names; where it was not permitted then, a person decides (`accept`).
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy.orm import Session

from collector.customers.models import Host
from collector.enrolment.models import AlarmKind
from collector.enrolment.record import Person, alarm, audit
from collector.errors import Clash, NotABatch, UnknownKey, Unusable
from collector.grants.models import Engineer, GrantRow
from collector.grants.service import LIVE, denial_of
from collector.identity import Identity
from collector.sessions.keys import known_key, let_sign
from collector.sessions.models import RemoteSession
from collector.sessions.proving import proof_of
from collector.sessions.stored import UNKNOWN, answer_to, find, opening_of, standing_denial
from collector.sessions.words import NOT_DENIED
from wire import envelope
from wire.envelope import Envelope
from wire.errors import WireError
from wire.grants import Denial
from wire.scopes import Scope
from wire.sessions import (
    OPENED,
    OPENING,
    PROOF,
    Opened,
    Opening,
    Proof,
)


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
    if known_key(session, opening.public_key) is not None:
        raise Clash("The key of this session is used already: each session has a new one.")
    denial = denial_of(session, opening, now)
    late = opening.opened_at <= now - LIVE
    proof = None
    if denial is None and Scope.CHANGE in opening.scopes:
        # What counted then was proved then.
        proof = proof_of(session, opening, opening.opened_at if late else now)
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
        let_sign(session, opening, opening.public_key, statement.body, now)
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


def accept(session: Session, row: RemoteSession, why: str, person: Person, now: datetime) -> None:
    """Take a session in that had been refused: its batches count from now on.

    Raise Unusable for one that was not refused, or was taken in already, and for an empty reason.
    """
    denial = standing_denial(row)
    if denial is None:
        raise Unusable(NOT_DENIED.format(session=row.id))
    opening = opening_of(row)
    row.accepted_by = person
    if known_key(session, opening.public_key) is None:
        let_sign(session, opening, opening.public_key, row.opening, now)
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


def _detail(session: Session, opening: Opening, denial: Denial | None) -> str:
    """Return why a grant was revoked, in the words of whoever did it."""
    if denial is not Denial.REVOKED:
        return ""
    grant = session.get(GrantRow, (opening.customer_id, opening.grant))
    return (grant.revoked_why or "") if grant is not None else ""
