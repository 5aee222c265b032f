"""Enrolment: a slot with a one-time code, an agent with a key, a person's word.

Every step may be repeated: the same code with the same key gives the same answer, a rotation that
has been made is answered again. The same code with another key is refused and alarmed. Nothing
expires but unused codes; no agent is ever enrolled by itself (security-reliability §3.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from uuid import uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from collector.customers.models import Agent, Customer, Host, Site
from collector.enrolment.models import AgentKey, AlarmKind, Slot
from collector.enrolment.record import Person, alarm, audit
from collector.errors import CodeRefused, NotABatch, UnknownKey
from collector.identity import Identity
from collector.intake.models import HELD, PENDING, StoredBatch
from wire import envelope
from wire.codes import answer_proof, code_id, new_code, read_code, request_proof, verifier
from wire.control import (
    ENROLLED,
    ENROLMENT,
    ROTATED,
    ROTATION,
    Enrolled,
    EnrolmentRequest,
    Rotated,
    Rotation,
)
from wire.errors import WireError
from wire.messages import WIRE_VERSION, Standing
from wire.signing import key_id

CODE_LIFETIME = timedelta(days=7)
_ROTATION_UNKNOWN = "The rotation is not signed by a known key of this agent and by the new one."


@dataclass(frozen=True)
class Opened:
    """A new slot: the code is shown now and never again."""

    slot_id: str
    code: str
    expires_at: datetime


def open_slot(session: Session, host: Host, person: Person, now: datetime) -> Opened:
    """Make a slot for a host and return its one-time code."""
    code = new_code()
    secret = read_code(code)
    slot = Slot(
        customer_id=host.customer_id,
        id=uuid4().hex,
        host_id=host.id,
        code_id=code_id(secret),
        verifier=verifier(secret),
        created_at=now,
        created_by=person,
        expires_at=now + CODE_LIFETIME,
    )
    session.add(slot)
    audit(session, host.customer_id, person, "slot.opened", f"host {host.name}", now=now)
    return Opened(slot.id, code, slot.expires_at)


def enrol(session: Session, identity: Identity, body: bytes, now: datetime) -> bytes:
    """Answer an agent that shows its key and proves that it knows a code; return the signed answer.

    Raise NotABatch for a request that can't be read, UnknownKey where the key has not signed it,
    CodeRefused for a code that is unknown, expired, or used with another key (then with an alarm:
    commit also when this raises).
    """
    request = _request(body)
    slot = session.scalar(select(Slot).where(Slot.code_id == request.code_id))
    if slot is None or not compare_digest(
        request.proof, request_proof(slot.verifier, request.public_key, request.nonce)
    ):
        raise CodeRefused("There is no such enrolment code: look at its spelling.")
    name = key_id(request.public_key)
    key = session.scalar(select(AgentKey).where(AgentKey.id == name))
    if slot.agent_id is None:
        if now > slot.expires_at:
            raise CodeRefused("This enrolment code has expired: ask for a new one.")
        if key is not None:
            raise CodeRefused("This key is enrolled already: a key is used for one agent only.")
        slot.agent_id = _new_agent(session, slot, request, now)
        session.flush()
    elif key is None or key.agent_id != slot.agent_id:
        place = session.get_one(Host, (slot.customer_id, slot.host_id)).name
        alarm(
            session,
            slot.customer_id,
            AlarmKind.CODE_REUSED,
            f"host {place}, key {name[:16]}, told by {request.host.hostname}",
            agent_id=slot.agent_id,
            now=now,
        )
        raise CodeRefused("This enrolment code has been used with another key; it is reported.")
    return _answer(session, identity, slot, request, now)


def _request(body: bytes) -> EnrolmentRequest:
    try:
        sent = envelope.read(body)
        request = envelope.opened(sent, ENROLMENT, EnrolmentRequest)
    except WireError as error:
        raise NotABatch(str(error)) from error
    try:
        envelope.check(sent, {key_id(request.public_key): request.public_key})
    except WireError as error:
        raise UnknownKey("The request is not signed by the key that it shows.") from error
    return request


def _new_agent(session: Session, slot: Slot, request: EnrolmentRequest, now: datetime) -> str:
    agent = Agent(
        customer_id=slot.customer_id,
        id=uuid4().hex,
        host_id=slot.host_id,
        created_at=now,
        standing=Standing.PENDING.value,
        told={
            "hostname": request.host.hostname,
            "system": request.host.system,
            "machine_id": request.host.machine_id,
            "agent_version": request.agent_version,
        },
    )
    session.add(agent)
    session.flush()
    session.add(
        AgentKey(
            customer_id=slot.customer_id,
            agent_id=agent.id,
            id=key_id(request.public_key),
            public_key=request.public_key,
            added_at=now,
        )
    )
    return agent.id


def _answer(
    session: Session, identity: Identity, slot: Slot, request: EnrolmentRequest, now: datetime
) -> bytes:
    agent = session.get_one(Agent, (slot.customer_id, slot.agent_id))
    host = session.get_one(Host, (slot.customer_id, slot.host_id))
    site = session.get_one(Site, (slot.customer_id, host.site_id))
    answer = Enrolled(
        wire=WIRE_VERSION,
        nonce=request.nonce,
        agent=agent.id,
        customer_id=slot.customer_id,
        customer=session.get_one(Customer, slot.customer_id).name,
        site=site.name,
        host=host.name,
        standing=Standing(agent.standing),
        collector_key=identity.key.public,
        recipients=(identity.recipient,),
        server_time=now,
        proof=answer_proof(slot.verifier, request.public_key, identity.key.public, request.nonce),
    )
    return identity.sign(answer, ENROLLED)


def rotate(session: Session, identity: Identity, agent: str, body: bytes, now: datetime) -> bytes:
    """Put a new key in place of an agent's old one; return the signed answer.

    Raise NotABatch or UnknownKey. A rotation that has been made already is answered again; a key
    that was replaced by another one can't be replaced again (alarmed: commit also then).
    """
    return identity.sign(rotated(session, agent, body, now), ROTATED)


def rotated(session: Session, agent_id: str, body: bytes, now: datetime) -> Rotated:
    """Do what `rotate` does and return the answer itself."""
    try:
        sent = envelope.read(body)
        statement = envelope.opened(sent, ROTATION, Rotation)
    except WireError as error:
        raise NotABatch(str(error)) from error
    old = session.scalar(
        select(AgentKey).where(AgentKey.id == statement.old_key_id, AgentKey.agent_id == agent_id)
    )
    if old is None or statement.agent != agent_id:
        raise UnknownKey(_ROTATION_UNKNOWN)
    new_id = key_id(statement.public_key)
    try:
        envelope.check(sent, {old.id: old.public_key, new_id: statement.public_key})
    except WireError as error:
        raise UnknownKey(_ROTATION_UNKNOWN) from error
    answer = Rotated(wire=WIRE_VERSION, agent=old.agent_id, key_id=new_id, server_time=now)
    if old.successor == new_id:
        return answer
    agent = session.get_one(Agent, (old.customer_id, old.agent_id))
    taken = session.scalar(select(AgentKey.id).where(AgentKey.id == new_id)) is not None
    if old.successor is not None or taken or agent.standing == Standing.REVOKED.value:
        alarm(
            session,
            old.customer_id,
            AlarmKind.ROTATION_REFUSED,
            f"from key {old.id[:16]} to {new_id[:16]}",
            agent_id=old.agent_id,
            now=now,
        )
        raise UnknownKey("This key can't be replaced any more; it is reported.")
    old.successor = new_id
    old.reach = {each.epoch: each.last_seq for each in statement.sealed}
    old.statement = body
    session.add(
        AgentKey(
            customer_id=old.customer_id,
            agent_id=old.agent_id,
            id=new_id,
            public_key=statement.public_key,
            added_at=now,
        )
    )
    return answer


def approve(session: Session, agent: Agent, person: Person, now: datetime) -> int:
    """Say that an agent may be listened to; return how many batches had waited for it.

    Raise nothing for one that is active already: then nothing changes.
    """
    if agent.standing == Standing.ACTIVE.value:
        return 0
    _decide(session, agent, Standing.ACTIVE, person, now, {})
    held = session.execute(
        update(StoredBatch)
        .where(
            StoredBatch.customer_id == agent.customer_id,
            StoredBatch.agent_id == agent.id,
            StoredBatch.state == HELD,
        )
        .values(state=PENDING)
    )
    return int(held.rowcount)  # type: ignore[attr-defined] # an UPDATE gives a CursorResult


def revoke(session: Session, agent: Agent, why: str, person: Person, now: datetime) -> None:
    """Say that nothing is taken from an agent any more. What it sent before stays."""
    agent.revoked_why = why[:500]
    _decide(session, agent, Standing.REVOKED, person, now, {"why": why[:500]})


def _decide(
    session: Session,
    agent: Agent,
    standing: Standing,
    person: Person,
    now: datetime,
    more: Mapping[str, str],
) -> None:
    before = {"standing": agent.standing}
    agent.standing = standing.value
    agent.decided_at = now
    agent.decided_by = person
    audit(
        session,
        agent.customer_id,
        person,
        f"agent.{standing.value}",
        f"agent {agent.id}",
        before=before,
        after={"standing": standing.value, **more},
        now=now,
    )
