"""Tables of what was concluded: inspections, newest verdicts, findings, series of measures."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Float, ForeignKeyConstraint, Index, Integer, String, UniqueConstraint
from sqlalchemy import Text as LongText
from sqlalchemy.orm import Mapped, mapped_column

from collector.database import Base, Moment


def _of_host() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["customer_id", "host_id"], ["host.customer_id", "host.id"])


class StoredInspection(Base):
    """One inspection of one host, and the host's two numbers after it."""

    __tablename__ = "inspection"
    __table_args__ = (_of_host(), Index("inspection_time", "customer_id", "host_id", "started_at"))

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    host_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)
    boot_id: Mapped[str] = mapped_column(String(255))
    planned: Mapped[int] = mapped_column(Integer)
    collected: Mapped[int] = mapped_column(Integer)
    agent_version: Mapped[str] = mapped_column(String(255))
    checks_digest: Mapped[str] = mapped_column(String(64))
    cpu_seconds: Mapped[float] = mapped_column(Float)
    score: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """collector.assessment.score.Score as of this inspection."""
    broken: Mapped[list[str]] = mapped_column(JSON)
    offset_seconds: Mapped[float | None] = mapped_column(Float)
    """How far the host's clock was ahead of the collector's (negative: behind); None: not known."""
    remote: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """collector.sessions.inspections.Made; None: by an agent that is installed."""


class NewestObservation(Base):
    """The newest observation of a check on a target, and where its newest facts lie.

    A try that gave no facts moves observed_at on and leaves the facts: they are the past of the
    next observation all the same.
    """

    __tablename__ = "newest_observation"
    __table_args__ = (_of_host(),)

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    host_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    check: Mapped[str] = mapped_column(String(100), primary_key=True)
    target: Mapped[str] = mapped_column(String(255), primary_key=True)
    observed_at: Mapped[datetime] = mapped_column(Moment)
    facts_digest: Mapped[str | None] = mapped_column(String(64))
    facts_at: Mapped[datetime | None] = mapped_column(Moment)
    facts_boot_id: Mapped[str | None] = mapped_column(String(255))
    facts_monotonic_seconds: Mapped[float | None] = mapped_column(Float)
    """With the boot id it names one reading: its time by the collector's clock moves a little with
    each delivery."""


class StoredVerdict(Base):
    """The newest verdict of one object under one rule. Older ones are derived again."""

    __tablename__ = "verdict"
    __table_args__ = (_of_host(), Index("verdict_state", "customer_id", "state"))

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    host_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    target: Mapped[str] = mapped_column(String(255), primary_key=True)
    object: Mapped[str] = mapped_column(String(500), primary_key=True)
    check: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(16))
    texts: Mapped[dict[str, Any]] = mapped_column(JSON)
    """current, reference, message: [zh, en] each; failure as on the wire."""
    observed_at: Mapped[datetime] = mapped_column(Moment)
    digest: Mapped[str] = mapped_column(String(64))


class StoredFinding(Base):
    """A verdict that is not well, followed over the inspections."""

    __tablename__ = "finding"
    __table_args__ = (
        _of_host(),
        UniqueConstraint("customer_id", "host_id", "code", "target", "object"),
        Index("finding_open", "customer_id", "resolved_at"),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    host_id: Mapped[str] = mapped_column(String(32))
    code: Mapped[str] = mapped_column(String(40))
    target: Mapped[str] = mapped_column(String(255))
    object: Mapped[str] = mapped_column(String(500))
    state: Mapped[str] = mapped_column(String(16))
    change: Mapped[str] = mapped_column(String(12))
    first_seen: Mapped[datetime] = mapped_column(Moment)
    last_seen: Mapped[datetime] = mapped_column(Moment)
    resolved_at: Mapped[datetime | None] = mapped_column(Moment)
    times: Mapped[int] = mapped_column(Integer)
    texts: Mapped[dict[str, Any]] = mapped_column(JSON)
    digest: Mapped[str] = mapped_column(String(64))


class FindingEvent(Base):
    """One change of a finding: what it became, in which inspection."""

    __tablename__ = "finding_event"
    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "number"], ["finding.customer_id", "finding.number"]),
        # The key is most of the row: on SQLite a table beside its index would store it twice.
        {"sqlite_with_rowid": False},
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    inspection_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment)
    state: Mapped[str] = mapped_column(String(16))
    change: Mapped[str] = mapped_column(String(12))


class Series(Base):
    """One measure of one object over time."""

    __tablename__ = "series"
    __table_args__ = (
        _of_host(),
        UniqueConstraint("customer_id", "host_id", "check", "target", "measure", "object"),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    host_id: Mapped[str] = mapped_column(String(32))
    check: Mapped[str] = mapped_column(String(100))
    target: Mapped[str] = mapped_column(String(255))
    measure: Mapped[str] = mapped_column(String(100))
    object: Mapped[str] = mapped_column(LongText)


class SeriesPoint(Base):
    """One value of a series."""

    __tablename__ = "series_point"
    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "series_id"], ["series.customer_id", "series.id"]),
        {"sqlite_with_rowid": False},  # as for finding_event; and a series lies together
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    series_id: Mapped[int] = mapped_column(Integer, primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    value: Mapped[float] = mapped_column(Float)
