"""Agents of the benchmarks: enrolled by the real steps, with the same keys in every run."""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select

from agent.enrolment import Pending, signed_request
from collector.customers.models import Agent
from collector.customers.service import ensure_host_of
from collector.database import Database
from collector.enrolment.models import AgentKey
from collector.enrolment.service import approve, enrol, open_slot
from collector.identity import Identity
from collector.intake.service import Upload
from wire import codes, envelope
from wire.batch import Batch
from wire.control import BATCH, DELIVERY, Delivery, Enrolled
from wire.envelope import to_header
from wire.messages import HostIdentity
from wire.signing import PrivateKey


@dataclass(frozen=True)
class Enrolment:
    """An agent's id and key."""

    id: str
    key: PrivateKey


def enrolled(
    database: Database,
    identity: Identity,
    *,
    customer: str,
    site: str,
    time_zone: str,
    host: str,
    now: datetime,
) -> Enrolment:
    """Enrol and approve an agent for a host, with customer and site; the same again if it is."""
    key = PrivateKey(hashlib.sha256(f"{customer}/{host}".encode()).digest())
    with database.writing() as session:
        known = session.scalar(select(AgentKey.agent_id).where(AgentKey.id == key.id))
        if known is not None:
            return Enrolment(known, key)
        machine = ensure_host_of(
            session, customer=customer, site=site, time_zone=time_zone, host=host, now=now
        )
        code = codes.read_code(open_slot(session, machine, "bench", now).code)
        pending = Pending("0" * 32, codes.code_id(code), codes.verifier(code))
        request = signed_request(key, pending, HostIdentity(host, "linux"))
        answer = envelope.read(enrol(session, identity, request, now))
        agent_id = msgspec.json.decode(answer.payload, type=Enrolled).agent
        agent = session.scalars(select(Agent).where(Agent.id == agent_id)).one()
        approve(session, agent, "bench", now)
    return Enrolment(agent_id, key)


def upload(agent: Enrolment, epoch: str, seq: int, batch: Batch, at: datetime) -> Upload:
    """Return a signed batch as the collector receives it."""
    at += timedelta(minutes=1)  # nothing is observed after it arrived
    return Upload(
        agent=agent.id,
        epoch=epoch,
        seq=seq,
        payload=batch.payload,
        digest=batch.digest,
        received_at=at,
        key_id=agent.key.id,
        signature=agent.key.sign(BATCH, batch.payload),
        delivery=clocks(agent, batch, at),
    )


def clocks(agent: Enrolment, batch: Batch, at: datetime) -> str:
    """Return the header by which an agent tells its clocks, of another boot than the batch's."""
    told = msgspec.json.encode(
        Delivery(
            agent=agent.id,
            digest=batch.digest,
            boot_id="4c4c4544-0042-3510-8051-b4c04f4d3332",
            wall=at,
            monotonic_seconds=1_234_567.891,
            synchronised=True,
        )
    )
    return f"{b64encode(told).decode()}.{to_header(agent.key.sign(DELIVERY, told))}"
