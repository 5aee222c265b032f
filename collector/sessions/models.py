"""Tables of remote sessions. Records are kept as they came; nothing in them is ever changed."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from collector.database import Base, Moment


class RemoteSession(Base):
    """One engineer on one host under one grant."""

    __tablename__ = "remote_session"
    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "host_id"], ["host.customer_id", "host.id"]),
        Index("remote_session_host", "customer_id", "host_id", "opened_at"),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Made at the workstation; never used again."""
    host_id: Mapped[str] = mapped_column(String(32))
    grant_id: Mapped[str] = mapped_column(String(64))
    engineer_id: Mapped[str] = mapped_column(String(64))
    person: Mapped[str] = mapped_column(String(200))
    purpose: Mapped[str] = mapped_column(String(16))
    """wire.sessions.Purpose."""
    opening: Mapped[bytes] = mapped_column(LargeBinary)
    """Its envelope."""
    opened_at: Mapped[datetime] = mapped_column(Moment)
    """By the engineer's clock."""
    received_at: Mapped[datetime] = mapped_column(Moment)
    denial: Mapped[str | None] = mapped_column(String(32))
    """wire.grants.Denial; None: permitted."""
    accepted_by: Mapped[str | None] = mapped_column(String(200))
    """Who took it in afterwards although it had been refused."""
    proof: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Envelope of the Proof that was answered."""
    closing: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Its envelope."""
    ended_at: Mapped[datetime | None] = mapped_column(Moment)
    ended: Mapped[str | None] = mapped_column(String(32))


class RecordPart(Base):
    """A part of a session's record: whole lines, with the engineer's signature."""

    __tablename__ = "session_record_part"
    __table_args__ = (
        ForeignKeyConstraint(
            ["customer_id", "session_id"], ["remote_session.customer_id", "remote_session.id"]
        ),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    session_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(Moment)


class WorkRecord(Base):
    """A work record (远程工作单): it closes a session. A later one takes the place of the earlier,
    which stays."""

    __tablename__ = "work_record"
    __table_args__ = (
        ForeignKeyConstraint(
            ["customer_id", "session_id"], ["remote_session.customer_id", "remote_session.id"]
        ),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    session_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    written_at: Mapped[datetime] = mapped_column(Moment)
    written_by: Mapped[str] = mapped_column(String(200))
    problem: Mapped[str] = mapped_column(Text)
    done: Mapped[str] = mapped_column(Text)
    result: Mapped[str] = mapped_column(Text)
    cause: Mapped[str] = mapped_column(Text)
    prevention: Mapped[str] = mapped_column(Text)
    confirmed_by: Mapped[str] = mapped_column(String(200))
    """Who of the customer's people has confirmed it; empty: nobody yet."""
    confirmed_at: Mapped[datetime | None] = mapped_column(Moment)
