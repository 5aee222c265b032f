"""What a person wants to know of agents before approving or revoking one."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from checks.api import Text
from collector.customers.models import Agent, Customer, Host, Site
from collector.enrolment.models import AgentKey, Alarm, AlarmKind
from collector.errors import NotFound
from collector.grants.remote_agents import is_remote
from collector.intake.models import StoredBatch
from wire.codes import fingerprint, numbers
from wire.messages import Standing


@dataclass(frozen=True)
class AgentRow:
    """One agent, with what came from it."""

    id: str
    customer: str
    site: str
    time_zone: str
    host: str
    standing: Standing
    enrolled_at: datetime
    decided_by: str | None
    words: str
    """Fingerprint of the key that counts now."""
    numbers: str
    told: dict[str, str]
    batches: int
    last_received_at: datetime | None
    missing: int
    """Numbers that are not there below the highest one of each epoch."""
    forks: int
    cloned: bool
    """An epoch that was forked goes on beside a later one: two hosts talk with one key."""
    revoked_why: str | None
    remote: bool
    """None is installed: it speaks by the keys of remote sessions."""


@dataclass(frozen=True)
class _Epoch:
    first: datetime
    last: datetime
    highest: int
    batches: int
    count: int


def agents(session: Session, customer: Customer | None = None) -> list[AgentRow]:
    """Return all agents, or those of one customer: pending ones first, then by names."""
    query = select(Agent)
    if customer is not None:
        query = query.where(Agent.customer_id == customer.id)
    rows = [_row(session, agent) for agent in session.scalars(query)]
    first = (Standing.PENDING, Standing.ACTIVE, Standing.REVOKED)
    rows.sort(key=lambda row: (first.index(row.standing), row.customer, row.site, row.host))
    return rows


def find_agent(session: Session, start: str) -> Agent:
    """Return the one agent whose id begins so. Raise NotFound for none or several."""
    found = session.scalars(select(Agent).where(Agent.id.startswith(start, autoescape=True))).all()
    if len(found) == 1 and start:
        return found[0]
    why = Text("没有", "No agent") if not found else Text("不止一个", "More than one agent")
    raise NotFound(
        Text(
            f"{why.zh}编号以 {start!r} 开头的代理：请用 xunjian-collector agent list 查看。",
            f"{why.en} has an id that begins with {start!r}: see xunjian-collector agent list.",
        )
    )


def row_of(session: Session, agent: Agent) -> AgentRow:
    """Return what is known of one agent."""
    return _row(session, agent)


def _row(session: Session, agent: Agent) -> AgentRow:
    host = session.get_one(Host, (agent.customer_id, agent.host_id))
    site = session.get_one(Site, (agent.customer_id, host.site_id))
    # A remote one has a key for each session, and none that a person could compare.
    key = None if is_remote(agent) else _key_of(session, agent)
    epochs = _epochs(session, agent)
    forks = session.scalar(
        select(func.count())
        .select_from(Alarm)
        .where(
            Alarm.customer_id == agent.customer_id,
            Alarm.agent_id == agent.id,
            Alarm.kind == AlarmKind.FORKED.value,
        )
    )
    return AgentRow(
        id=agent.id,
        customer=session.get_one(Customer, agent.customer_id).name,
        site=site.name,
        time_zone=site.time_zone,
        host=host.name,
        standing=Standing(agent.standing),
        enrolled_at=agent.created_at,
        decided_by=agent.decided_by,
        words=" ".join(fingerprint(key.public_key)) if key else "",
        numbers=" ".join(numbers(key.public_key)) if key else "",
        told=agent.told,
        batches=sum(epoch.batches for epoch in epochs),
        last_received_at=max((epoch.last for epoch in epochs), default=None),
        missing=sum(epoch.highest - epoch.count for epoch in epochs),
        forks=forks or 0,
        cloned=bool(forks)
        and any(one.last > other.first > one.first for one in epochs for other in epochs),
        revoked_why=agent.revoked_why,
        remote=is_remote(agent),
    )


def _key_of(session: Session, agent: Agent) -> AgentKey | None:
    return session.scalars(
        select(AgentKey).where(
            AgentKey.customer_id == agent.customer_id,
            AgentKey.agent_id == agent.id,
            AgentKey.successor.is_(None),
        )
    ).one_or_none()


def _epochs(session: Session, agent: Agent) -> list[_Epoch]:
    found = session.execute(
        select(
            func.min(StoredBatch.received_at),
            func.max(StoredBatch.received_at),
            func.max(StoredBatch.seq),
            func.count(),
            func.count(StoredBatch.seq.distinct()),
        )
        .where(StoredBatch.customer_id == agent.customer_id, StoredBatch.agent_id == agent.id)
        .group_by(StoredBatch.epoch)
    )
    return [_Epoch(*row) for row in found]
