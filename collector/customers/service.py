"""Find customers, and set up what an inspection needs to belong to somebody."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Text
from collector.customers.models import Agent, Customer, Host, Site
from collector.errors import NotFound


def find_customer(session: Session, name: str) -> Customer:
    """Return the customer of this name. Raise NotFound, naming those that there are."""
    customer = session.scalar(select(Customer).where(Customer.name == name))
    if customer is None:
        raise no_customer(session, name)
    return customer


def no_customer(session: Session, name: str) -> NotFound:
    """Return the error that a customer is unknown, naming those that there are."""
    names = ", ".join(session.scalars(select(Customer.name).order_by(Customer.name)))
    return NotFound(
        Text(
            f"没有客户“{name}”。现有客户：{names or '无'}。",
            f"There is no customer {name!r}. Customers: {names or 'none yet'}.",
        )
    )


def ensure_agent(
    session: Session, *, customer: str, site: str, time_zone: str, host: str, now: datetime
) -> Agent:
    """Return the agent of a host, made with customer, site and host where they are missing.

    Ids are random, so that no customer can tell from them how many others there are.
    """
    owner = session.scalar(select(Customer).where(Customer.name == customer))
    if owner is None:
        owner = Customer(id=uuid4().hex, name=customer, created_at=now)
        session.add(owner)
        session.flush()
    place = session.scalar(select(Site).where(Site.customer_id == owner.id, Site.name == site))
    if place is None:
        place = Site(customer_id=owner.id, id=uuid4().hex, name=site, time_zone=time_zone)
        session.add(place)
        session.flush()
    machine = session.scalar(
        select(Host).where(
            Host.customer_id == owner.id, Host.site_id == place.id, Host.name == host
        )
    )
    if machine is None:
        machine = Host(
            customer_id=owner.id, id=uuid4().hex, site_id=place.id, name=host, system="linux"
        )
        session.add(machine)
        session.flush()
    agent = session.scalar(
        select(Agent).where(Agent.customer_id == owner.id, Agent.host_id == machine.id)
    )
    if agent is None:
        agent = Agent(customer_id=owner.id, id=uuid4().hex, host_id=machine.id, created_at=now)
        session.add(agent)
        session.flush()
    return agent
