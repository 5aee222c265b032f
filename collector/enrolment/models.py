"""Tables of enrolment. Nothing in them is ever deleted: ids and codes are not used again."""

from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy import (
    JSON,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from collector.database import Base, Moment


class CollectorKey(Base):
    """The public half of this collector's identity: what agents were told, and must still find."""

    __tablename__ = "collector_key"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    recipient: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(Moment)


class Slot(Base):
    """A place for one agent, with a one-time code that is kept as its verifier only."""

    __tablename__ = "slot"
    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "host_id"], ["host.customer_id", "host.id"]),
        UniqueConstraint("code_id"),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    host_id: Mapped[str] = mapped_column(String(32))
    code_id: Mapped[str] = mapped_column(String(32))
    verifier: Mapped[bytes] = mapped_column(LargeBinary)
    """wire.codes.verifier of the code."""
    created_at: Mapped[datetime] = mapped_column(Moment)
    created_by: Mapped[str] = mapped_column(String(200))
    expires_at: Mapped[datetime] = mapped_column(Moment)
    agent_id: Mapped[str | None] = mapped_column(String(64))
    """Who used it."""


class AgentKey(Base):
    """A public key of an agent. The one without a `successor` counts for what is sealed now."""

    __tablename__ = "agent_key"
    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "agent_id"], ["agent.customer_id", "agent.id"]),
        UniqueConstraint("id"),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    agent_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    added_at: Mapped[datetime] = mapped_column(Moment)
    successor: Mapped[str | None] = mapped_column(String(64))
    """Id of the key that took over."""
    reach: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """How far it had sealed when the successor took over: number of the last batch, by epoch."""
    statement: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The envelope of the rotation, signed by both keys."""


class AlarmKind(Enum):
    """What somebody should look at, because it may be an attack or a clone."""

    CODE_REUSED = "code_reused"
    """A used code came again with another key."""
    FORKED = "forked"
    """Two different batches for one place in the chain."""
    ROTATION_REFUSED = "rotation_refused"
    """A key that had been replaced, or was never there, wanted to be replaced again."""
    SESSION_LATE = "session_late"
    """A remote session was told after it had been held, and it had not been permitted."""
    RECORD_CHANGED = "record_changed"
    """A part or the end of a session's record came again with another content."""


class Alarm(Base):
    """Something that should not happen, and did."""

    __tablename__ = "alarm"
    __table_args__ = (
        ForeignKeyConstraint(["customer_id"], ["customer.id"]),
        Index("alarm_agent", "customer_id", "agent_id"),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    kind: Mapped[str] = mapped_column(String(32))
    agent_id: Mapped[str | None] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(Text)
    """What of: the slot, the place in the chain."""


class AuditEntry(Base):
    """What a person changed: who, when, what, and how it was before and after."""

    __tablename__ = "audit"
    __table_args__ = (ForeignKeyConstraint(["customer_id"], ["customer.id"]),)

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    person: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(Text)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON)
