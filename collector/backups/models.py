"""Tables of backups: sets, what the looks showed of them, days that are frozen, notes of people.

What a look shows again costs nothing: of a restore point, a copy or a proof only the change is
written (collector/backups/evidence.py).
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Date, Float, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy import Text as LongText
from sqlalchemy.orm import Mapped, mapped_column

from collector.database import Base, Moment


def _of_set() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["customer_id", "set_id"], ["backup_set.customer_id", "backup_set.id"]
    )


# The key is most of many rows: on SQLite a table beside its index would store it twice.
_SLIM = {"sqlite_with_rowid": False}


class BackupSet(Base):
    """A backup job of a host, by the name that its agent's settings give it."""

    __tablename__ = "backup_set"
    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "host_id"], ["host.customer_id", "host.id"]),
        UniqueConstraint("customer_id", "host_id", "name"),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    host_id: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(255))
    first_seen: Mapped[datetime] = mapped_column(Moment)
    last_tried: Mapped[datetime] = mapped_column(Moment)
    listed_at: Mapped[datetime | None] = mapped_column(Moment)
    """The newest look that could be made; the next two are of it."""
    listed_offsite_at: Mapped[datetime | None] = mapped_column(Moment)
    told: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """Its BackupFacts without restore points, copies and proofs."""


class BackupDeclaration(Base):
    """What was expected of a set; each look names the one that it brought."""

    __tablename__ = "backup_declaration"
    __table_args__ = (_of_set(), _SLIM)

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    set_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    first_seen: Mapped[datetime] = mapped_column(Moment)
    told: Mapped[dict[str, Any]] = mapped_column(JSON)


class BackupLook(Base):
    """One try to look at a set."""

    __tablename__ = "backup_look"
    __table_args__ = (_of_set(), _SLIM)

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    set_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    declaration: Mapped[str | None] = mapped_column(String(64))
    """Digest."""
    listed_since: Mapped[datetime | None] = mapped_column(Moment)
    reaches: Mapped[datetime | None] = mapped_column(Moment)
    newest_at: Mapped[datetime | None] = mapped_column(Moment)
    failure: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class BackupOffsiteLook(Base):
    """One try to look at the offsite side of a set."""

    __tablename__ = "backup_offsite_look"
    __table_args__ = (_of_set(), _SLIM)

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    set_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    same_host: Mapped[bool | None]
    failure: Mapped[dict[str, Any] | None] = mapped_column(JSON)


class BackupPoint(Base):
    """A restore point, as collector.backups.evidence.SeenPoint."""

    __tablename__ = "backup_point"
    __table_args__ = (
        _of_set(),
        Index("backup_point_seen", "customer_id", "set_id", "last_seen"),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    set_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    point: Mapped[str] = mapped_column(String(255), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    first_seen: Mapped[datetime] = mapped_column(Moment)
    offset_seconds: Mapped[float] = mapped_column(Float)
    last_seen: Mapped[datetime | None] = mapped_column(Moment)
    growing_at: Mapped[datetime | None] = mapped_column(Moment)
    told: Mapped[dict[str, Any]] = mapped_column(JSON)


class BackupCopy(Base):
    """The offsite copy of a restore point, as collector.backups.evidence.SeenCopy."""

    __tablename__ = "backup_copy"
    __table_args__ = (_of_set(), _SLIM)

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    set_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    point: Mapped[str] = mapped_column(String(255), primary_key=True)
    last_seen: Mapped[datetime | None] = mapped_column(Moment)
    same_since: Mapped[datetime | None] = mapped_column(Moment)
    same_until: Mapped[datetime | None] = mapped_column(Moment)
    told: Mapped[dict[str, Any]] = mapped_column(JSON)


class BackupProof(Base):
    """A proof, as collector.backups.evidence.SeenProof."""

    __tablename__ = "backup_proof"
    __table_args__ = (_of_set(),)

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    set_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    point: Mapped[str] = mapped_column(String(255), primary_key=True)
    level: Mapped[str] = mapped_column(String(16), primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    result: Mapped[str] = mapped_column(String(16), primary_key=True)
    first_seen: Mapped[datetime] = mapped_column(Moment)
    offset_seconds: Mapped[float] = mapped_column(Float)
    told: Mapped[dict[str, Any]] = mapped_column(JSON)


class BackupDay(Base):
    """A backup day whose time is over: collector.backups.days.Day, frozen."""

    __tablename__ = "backup_day"
    __table_args__ = (_of_set(), _SLIM)

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    set_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    due_at: Mapped[datetime] = mapped_column(Moment)
    local: Mapped[str] = mapped_column(String(12))
    offsite: Mapped[str] = mapped_column(String(12))
    verified: Mapped[str] = mapped_column(String(12))
    restored: Mapped[str] = mapped_column(String(12))
    told: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Sentences and evidence times of the legs, ids of the restore points."""
    note: Mapped[str] = mapped_column(LongText)


class BackupNote(Base):
    """Why a day was excused, opened again, or changed by evidence that came later."""

    __tablename__ = "backup_note"
    __table_args__ = (_of_set(), Index("backup_note_day", "customer_id", "set_id", "day"))

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    set_id: Mapped[str] = mapped_column(String(32))
    day: Mapped[date] = mapped_column(Date)
    at: Mapped[datetime] = mapped_column(Moment)
    kind: Mapped[str] = mapped_column(String(12))
    """One of those in collector.backups.known."""
    person: Mapped[str] = mapped_column(String(200))
    """Empty: nobody, the evidence did."""
    why: Mapped[str] = mapped_column(LongText)
    before: Mapped[dict[str, str]] = mapped_column(JSON)
    after: Mapped[dict[str, str]] = mapped_column(JSON)
