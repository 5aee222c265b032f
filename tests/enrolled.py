"""An enrolled and approved agent in a collector's database, by the real steps of both sides."""

from datetime import datetime

import msgspec
from pyrage.x25519 import Identity as AgeIdentity
from sqlalchemy import select

from agent.enrolment import Pending, signed_request
from collector.customers.models import Agent
from collector.customers.service import ensure_host_of
from collector.database import Database
from collector.enrolment.service import approve, enrol, open_slot
from collector.identity import Identity
from tests.collector.place import Place
from tests.messages import START
from wire import codes, envelope
from wire.control import ENROLLED, Enrolled
from wire.messages import HostIdentity
from wire.signing import PrivateKey

COLLECTOR = Identity(PrivateKey(bytes(range(32))), AgeIdentity.generate())
HOST = HostIdentity("erp-db", "linux", "machine-1")


def enrolled(
    database: Database,
    *,
    customer: str = "示例公司",
    site: str = "总部机房",
    host: str = "erp-db",
    key: PrivateKey | None = None,
    approved: bool = True,
    collector: Identity = COLLECTOR,
    now: datetime = START,
) -> Place:
    """Enrol an agent for a host, with customer and site; return where it stands and its key."""
    key = key or PrivateKey.generate()
    with database.writing() as session:
        machine = ensure_host_of(
            session,
            customer=customer,
            site=site,
            time_zone="Asia/Shanghai",
            host=host,
            now=now,
        )
        opened = open_slot(session, machine, "tester", now)
        answer = enrol(session, collector, request_of(opened.code, key), now)
        told = msgspec.json.decode(envelope.read(answer).payload, type=Enrolled)
        assert envelope.read(answer).payload_type == ENROLLED
        if approved:
            agent = session.scalars(select(Agent).where(Agent.id == told.agent)).one()
            approve(session, agent, "tester", now)
        return Place(machine.customer_id, machine.id, told.agent, key)


def request_of(code: str, key: PrivateKey, nonce: str = "0" * 32) -> bytes:
    """Return the request by which a key enrols with a code."""
    secret = codes.read_code(code)
    pending = Pending(nonce, codes.code_id(secret), codes.verifier(secret))
    return signed_request(key, pending, HOST)
