"""Tables of what came in: batches as raw evidence, and what of them could not be read."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from collector.database import Base, Moment

HELD = "held"
"""Of an agent that nobody has approved yet: stored, acknowledged, and not looked at."""
PENDING = "pending"
ASSESSED = "assessed"
QUARANTINED = "quarantined"


class StoredBatch(Base):
    """One batch as it came, kept as evidence: every verdict can be derived from it again.

    Where a chain was forked (a cloned host, a restored snapshot), the batch that came first has the
    branch '', another at the same place the start of its own digest.
    """

    __tablename__ = "batch"
    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "agent_id"], ["agent.customer_id", "agent.id"]),
        Index("batch_state", "state", "received_at"),
        Index("batch_inspection", "customer_id", "inspection_id"),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    agent_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    epoch: Mapped[str] = mapped_column(String(64), primary_key=True)
    branch: Mapped[str] = mapped_column(String(16), primary_key=True, default="")
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    digest: Mapped[str] = mapped_column(String(64))
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(Moment)
    key_id: Mapped[str] = mapped_column(String(64))
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    """By this key over the payload as wire.control.BATCH."""
    delivery: Mapped[str | None] = mapped_column(Text)
    """wire.control.DELIVERY_HEADER as it came, unchecked; None for a bundle."""
    bundle: Mapped[str | None] = mapped_column(String(64))
    """Which bundle it came in; None: over HTTP."""
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
