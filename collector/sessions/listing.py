"""What a person wants to know of sessions: who, where, when, how it ended, what is proved."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from collector.customers.models import Customer, Host, Site
from collector.errors import NotFound
from collector.sessions.models import RemoteSession, WorkRecord
from collector.sessions.opening import standing_denial
from collector.sessions.verifying import Outcome, Verified, verified
from collector.sessions.words import NO_SESSION, SEVERAL_SESSIONS
from wire import envelope
from wire.errors import WireError
from wire.grants import Denial
from wire.sessions import PROOF, Proof, Purpose


@dataclass(frozen=True)
class SessionRow:
    """One session."""

    id: str
    customer: str
    site: str
    time_zone: str
    host: str
    person: str
    purpose: Purpose
    grant: str
    opened_at: datetime
    received_at: datetime
    ended_at: datetime | None
    ended: str | None
    denial: Denial | None
    """Why it is not permitted, if nobody has taken it in."""
    accepted_by: str | None
    found: Verified
    proof: str
    """Which backup was proved good before a change; empty: none was."""
    work: WorkRecord | None
    """The newest work record."""

    @property
    def outcome(self) -> Outcome:
        """Return what is proved of it."""
        return self.found.outcome


def sessions(
    session: Session,
    owner: Customer,
    host: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[SessionRow]:
    """Return the sessions of a customer, the newest first; those of one host, of one time."""
    query = select(RemoteSession).where(RemoteSession.customer_id == owner.id)
    if host is not None:
        named = select(Host.id).where(Host.customer_id == owner.id, Host.name == host)
        query = query.where(RemoteSession.host_id.in_(named))
    if since is not None:
        query = query.where(RemoteSession.opened_at >= since)
    if until is not None:
        query = query.where(RemoteSession.opened_at < until)
    rows = session.scalars(query.order_by(RemoteSession.opened_at.desc(), RemoteSession.id))
    return [row_of(session, row) for row in rows.all()]


def row_of(session: Session, row: RemoteSession) -> SessionRow:
    """Return what is known of one session."""
    host = session.get_one(Host, (row.customer_id, row.host_id))
    site = session.get_one(Site, (row.customer_id, host.site_id))
    return SessionRow(
        id=row.id,
        customer=session.get_one(Customer, row.customer_id).name,
        site=site.name,
        time_zone=site.time_zone,
        host=host.name,
        person=row.person,
        purpose=Purpose(row.purpose),
        grant=row.grant_id,
        opened_at=row.opened_at,
        received_at=row.received_at,
        ended_at=row.ended_at,
        ended=row.ended,
        denial=standing_denial(row),
        accepted_by=row.accepted_by,
        found=verified(session, row),
        proof=_proof(row),
        work=next(iter(work_of(session, row)), None),
    )


def _proof(row: RemoteSession) -> str:
    if row.proof is None:
        return ""
    try:
        return envelope.opened(envelope.read(row.proof), PROOF, Proof).subject
    except WireError:
        return ""


def work_of(session: Session, row: RemoteSession) -> list[WorkRecord]:
    """Return the work records of a session, the newest first."""
    return list(
        session.scalars(
            select(WorkRecord)
            .where(WorkRecord.customer_id == row.customer_id, WorkRecord.session_id == row.id)
            .order_by(WorkRecord.written_at.desc(), WorkRecord.id)
        )
    )


def find_session(session: Session, start: str) -> RemoteSession:
    """Return the one session whose id begins so. Raise NotFound for none or several."""
    found = session.scalars(
        select(RemoteSession)
        .where(RemoteSession.id.startswith(start, autoescape=True))
        .order_by(RemoteSession.id)
        .limit(2)
    ).all()
    exact = [row for row in found if row.id == start]
    if exact:
        return exact[0]
    if len(found) != 1 or not start:
        raise NotFound((NO_SESSION if not found else SEVERAL_SESSIONS).format(session=start))
    return found[0]
