"""Tables of customers, sites, hosts and agents. The customer is the first word of every key."""

from datetime import date, datetime

from sqlalchemy import JSON, Date, ForeignKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from collector.database import Base, Moment
from wire.messages import Standing


class Customer(Base):
    """A company whose systems are looked after."""

    __tablename__ = "customer"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    created_at: Mapped[datetime] = mapped_column(Moment)


class Contract(Base):
    """From when until when a customer's systems are looked after."""

    __tablename__ = "contract"
    __table_args__ = (ForeignKeyConstraint(["customer_id"], ["customer.id"]),)

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    begins: Mapped[date] = mapped_column(Date)
    ends: Mapped[date | None] = mapped_column(Date)
    """The last day; None: until further notice."""


class Site(Base):
    """A place of a customer, with the time zone that its days are counted in."""

    __tablename__ = "site"
    __table_args__ = (
        ForeignKeyConstraint(["customer_id"], ["customer.id"]),
        UniqueConstraint("customer_id", "name"),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    time_zone: Mapped[str] = mapped_column(String(64))


class Host(Base):
    """A server under inspection."""

    __tablename__ = "host"
    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "site_id"], ["site.customer_id", "site.id"]),
        UniqueConstraint("customer_id", "site_id", "name"),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    site_id: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(255))
    system: Mapped[str] = mapped_column(String(16), default="linux")


class Agent(Base):
    """An agent that uploads for one host, known by its key. Its id is never used again."""

    __tablename__ = "agent"
    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "host_id"], ["host.customer_id", "host.id"]),
        UniqueConstraint("id"),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    host_id: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(Moment)
    standing: Mapped[str] = mapped_column(String(8), default=Standing.PENDING.value)
    """wire.messages.Standing."""
    decided_at: Mapped[datetime | None] = mapped_column(Moment)
    """When a person approved or revoked it."""
    decided_by: Mapped[str | None] = mapped_column(String(200))
    revoked_why: Mapped[str | None] = mapped_column(String(500))
    told: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    """What the agent told of its host when it enrolled. Hints, never keys: clones share them."""
