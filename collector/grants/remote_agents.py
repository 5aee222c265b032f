"""Remote agents: whose batches the inspections of remote sessions are.

A host has one, made with its first grant. Nobody is behind it: it speaks by the keys of sessions,
and it is never silent because nobody has inspected today.
"""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from collector.customers.models import Agent, Host
from collector.enrolment.record import Person
from wire.messages import Standing

KIND = "kind"
REMOTE = "remote"


def is_remote(agent: Agent) -> bool:
    """Return whether an agent is a remote one: none is installed."""
    return agent.told.get(KIND) == REMOTE


def installed() -> ColumnElement[bool]:
    """Return the condition that an agent is installed on its host."""
    kind: ColumnElement[str] = Agent.told[KIND].as_string()
    return kind.is_distinct_from(REMOTE)


def remote_agent_of(session: Session, host: Host, person: Person, now: datetime) -> Agent:
    """Return the remote agent of a host, made if there is none that may be listened to."""
    found = session.scalars(
        select(Agent)
        .where(
            Agent.customer_id == host.customer_id,
            Agent.host_id == host.id,
            Agent.standing == Standing.ACTIVE.value,
        )
        .order_by(Agent.created_at, Agent.id)
    )
    agent = next((each for each in found if is_remote(each)), None)
    if agent is None:
        agent = Agent(
            customer_id=host.customer_id,
            id=uuid4().hex,
            host_id=host.id,
            created_at=now,
            standing=Standing.ACTIVE.value,
            decided_at=now,
            decided_by=person,
            told={KIND: REMOTE},
        )
        session.add(agent)
        session.flush()
    return agent
