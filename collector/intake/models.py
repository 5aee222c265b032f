"""Tables of what came in: batches as raw evidence, and what of them could not be read."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from collector.database import Base, Moment

PENDING = "pending"
ASSESSED = "assessed"
QUARANTINED = "quarantined"


class StoredBatch(Base):
    """One batch as it came, kept as evidence: every verdict can be derived from it again."""

    __tablename__ = "batch"
    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "agent_id"], ["agent.customer_id", "agent.id"]),
        Index("batch_state", "state", "received_at"),
        Index("batch_inspection", "customer_id", "inspection_id"),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    agent_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    epoch: Mapped[str] = mapped_column(String(64), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(Moment)
    state: Mapped[str] = mapped_column(String(12), default=PENDING)
    inspection_id: Mapped[str | None] = mapped_column(String(64))


class Quarantine(Base):
    """A batch, or one line of a batch, that could not be read. The raw bytes stay in `batch`."""

    __tablename__ = "quarantine"
    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "agent_id"], ["agent.customer_id", "agent.id"]),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    agent_id: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    line: Mapped[int | None]
    """None: the whole batch."""
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Moment)
