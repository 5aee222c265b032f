"""The table of the policy: what a customer's thresholds are where they differ from the default."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, ForeignKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from collector.database import Base, Moment


class PolicyEntry(Base):
    """One decision about a rule: other thresholds, or that its findings are waived."""

    __tablename__ = "policy_entry"
    __table_args__ = (ForeignKeyConstraint(["customer_id"], ["customer.id"]),)

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(32))
    site: Mapped[str] = mapped_column(String(200), default="")
    host: Mapped[str] = mapped_column(String(255), default="")
    object: Mapped[str] = mapped_column(String(500), default="")
    """A pattern; '' is every object."""
    thresholds: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    waived: Mapped[bool] = mapped_column(default=False)
    why: Mapped[str] = mapped_column(String(1000))
    person: Mapped[str] = mapped_column(String(200))
    set_at: Mapped[datetime] = mapped_column(Moment)
    expires: Mapped[date | None] = mapped_column(Date)
    """The last day on which it holds; None: until it is removed."""
