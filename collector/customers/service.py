"""Find customers, and set up what an inspection needs to belong to somebody."""

from datetime import date, datetime
from uuid import uuid4
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Text
from collector.customers.models import Contract, Customer, Host, Site
from collector.errors import NotFound, Unusable


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


def add_customer(session: Session, name: str, now: datetime) -> Customer:
    """Add a customer. Raise Unusable for an empty or too long name, or one that is taken."""
    _demand_name(name, 200)
    if session.scalar(select(Customer).where(Customer.name == name)) is not None:
        raise Unusable(Text(f"客户“{name}”已存在。", f"There is a customer {name!r} already."))
    owner = Customer(id=uuid4().hex, name=name, created_at=now)
    session.add(owner)
    session.flush()
    return owner


def set_contract(session: Session, owner: Customer, begins: date, ends: date | None) -> None:
    """Set from when until when a customer is looked after. Raise Unusable for an end before."""
    if ends is not None and ends < begins:
        raise Unusable(
            Text(
                f"合同终止日 {ends} 早于开始日 {begins}。",
                f"The contract would end on {ends}, before it begins on {begins}.",
            )
        )
    session.merge(Contract(customer_id=owner.id, begins=begins, ends=ends))
    session.flush()


def add_site(session: Session, owner: Customer, name: str, time_zone: str) -> Site:
    """Add a site of a customer. Raise Unusable for a name that is taken, or an unknown zone."""
    _demand_name(name, 200)
    if time_zone not in available_timezones():
        raise Unusable(
            Text(
                f"没有时区“{time_zone}”：请使用 IANA 名称，例如 Asia/Shanghai。",
                f"There is no time zone {time_zone!r}: use an IANA name such as Asia/Shanghai.",
            )
        )
    if _site(session, owner, name) is not None:
        raise Unusable(
            Text(
                f"客户“{owner.name}”已有站点“{name}”。",
                f"The customer {owner.name!r} has a site {name!r} already.",
            )
        )
    place = Site(customer_id=owner.id, id=uuid4().hex, name=name, time_zone=time_zone)
    session.add(place)
    session.flush()
    return place


def find_site(session: Session, owner: Customer, name: str) -> Site:
    """Return a site of a customer. Raise NotFound, naming those that there are."""
    place = _site(session, owner, name)
    if place is not None:
        return place
    names = ", ".join(
        session.scalars(select(Site.name).where(Site.customer_id == owner.id).order_by(Site.name))
    )
    raise NotFound(
        Text(
            f"客户“{owner.name}”没有站点“{name}”。现有站点：{names or '无'}。",
            f"The customer {owner.name!r} has no site {name!r}. Sites: {names or 'none yet'}.",
        )
    )


def ensure_host(session: Session, place: Site, name: str) -> Host:
    """Return the host of this name at a site, made if it is missing. Raise Unusable."""
    _demand_name(name, 255)
    machine = session.scalar(
        select(Host).where(
            Host.customer_id == place.customer_id, Host.site_id == place.id, Host.name == name
        )
    )
    if machine is None:
        machine = Host(
            customer_id=place.customer_id,
            id=uuid4().hex,
            site_id=place.id,
            name=name,
            system="linux",
        )
        session.add(machine)
        session.flush()
    return machine


def _site(session: Session, owner: Customer, name: str) -> Site | None:
    return session.scalar(select(Site).where(Site.customer_id == owner.id, Site.name == name))


def _demand_name(name: str, longest: int) -> None:
    if not name.strip() or len(name) > longest or not name.isprintable():
        raise Unusable(
            Text(
                f"名称须为 1 至 {longest} 个可打印字符。",
                f"A name has 1 to {longest} printable characters.",
            )
        )


def ensure_host_of(
    session: Session, *, customer: str, site: str, time_zone: str, host: str, now: datetime
) -> Host:
    """Return a host, made with customer and site where they are missing.

    Ids are random, so that no customer can tell from them how many others there are.
    """
    owner = session.scalar(select(Customer).where(Customer.name == customer))
    owner = owner or add_customer(session, customer, now)
    place = _site(session, owner, site) or add_site(session, owner, site, time_zone)
    return ensure_host(session, place, host)
