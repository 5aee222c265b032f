"""Tables of grants: engineers with their keys, SSH host keys of the inventory, grants, proofs."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from collector.database import Base, Moment


class Engineer(Base):
    """A person of ours who opens sessions, known by his key. Of no customer: he serves many."""

    __tablename__ = "engineer"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Id of the key."""
    name: Mapped[str] = mapped_column(String(200))
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    added_at: Mapped[datetime] = mapped_column(Moment)
    added_by: Mapped[str] = mapped_column(String(200))
    removed_at: Mapped[datetime | None] = mapped_column(Moment)
    removed_by: Mapped[str | None] = mapped_column(String(200))


class SshHostKey(Base):
    """A public SSH key of a host, as somebody vouched for it."""

    __tablename__ = "ssh_host_key"
    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "host_id"], ["host.customer_id", "host.id"]),
        UniqueConstraint("customer_id", "host_id", "fingerprint"),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    host_id: Mapped[str] = mapped_column(String(32))
    line: Mapped[str] = mapped_column(Text)
    """`type base64`."""
    fingerprint: Mapped[str] = mapped_column(String(100))
    source: Mapped[str] = mapped_column(String(32))
    """`inventory` (the host's own agent told it), `typed`, `known_hosts`."""
    added_at: Mapped[datetime] = mapped_column(Moment)
    added_by: Mapped[str] = mapped_column(String(200))
    removed_at: Mapped[datetime | None] = mapped_column(Moment)
    removed_by: Mapped[str | None] = mapped_column(String(200))


class GrantRow(Base):
    """A grant as it was signed. Never changed but by its revocation."""

    __tablename__ = "grant"
    __table_args__ = (ForeignKeyConstraint(["customer_id"], ["customer.id"]),)

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    """wire.grants.Grant, signed by the collector's key; all else is read out of it."""
    not_before: Mapped[datetime] = mapped_column(Moment)
    not_after: Mapped[datetime] = mapped_column(Moment)
    granted_at: Mapped[datetime] = mapped_column(Moment)
    granted_by: Mapped[str] = mapped_column(String(200))
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_by: Mapped[str | None] = mapped_column(String(200))
    revoked_why: Mapped[str | None] = mapped_column(String(1000))


class ChangeProof(Base):
    """A document by which a person proves that a backup of a host is good."""

    __tablename__ = "change_proof"
    __table_args__ = (
        ForeignKeyConstraint(["customer_id", "host_id"], ["host.customer_id", "host.id"]),
        Index("change_proof_host", "customer_id", "host_id", "proved_at"),
    )

    customer_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    host_id: Mapped[str] = mapped_column(String(32))
    proved_at: Mapped[datetime] = mapped_column(Moment)
    subject: Mapped[str] = mapped_column(Text)
    document_name: Mapped[str] = mapped_column(String(255))
    document: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[str] = mapped_column(String(64))
    added_at: Mapped[datetime] = mapped_column(Moment)
    added_by: Mapped[str] = mapped_column(String(200))
