"""Gather remote sessions of the period, and what remote inspections left out."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Text
from checks.discovery import Catalogue
from checks.wording import reason
from collector.assessment.models import StoredInspection
from collector.customers.models import Customer
from collector.reports.material import LeftOutRow, RemoteRow, SessionRow, WorkRow
from collector.sessions import listing, showing
from collector.sessions.inspections import made_of
from collector.sessions.models import WorkRecord
from collector.sessions.words import MODES, PURPOSES
from wire.sessions import Purpose


def remote_row(row: StoredInspection) -> RemoteRow | None:
    """Return how a stored inspection was made; None: by an agent that is installed."""
    made = made_of(row)
    if made is None:
        return None
    told = made.remote
    known = {mode.value: text for mode, text in MODES.items()}
    mode = known.get(told.mode, Text.same(told.mode or "—"))
    return RemoteRow(told.session, told.grant, told.person, mode)


def gather_sessions(
    session: Session, owner: Customer, since: datetime, until: datetime
) -> tuple[SessionRow, ...]:
    """Return the sessions opened in the period, oldest first."""
    found = listing.sessions(session, owner, since=since, until=until)
    return tuple(_row(each) for each in reversed(found))


def _row(row: listing.SessionRow) -> SessionRow:
    return SessionRow(
        id=row.id,
        host=row.host,
        person=row.person,
        purpose=PURPOSES[row.purpose],
        grant=row.grant,
        opened_at=row.opened_at,
        ended_at=row.ended_at,
        state=showing.ended(row),
        outcome=row.outcome,
        accepted_by=row.accepted_by or "",
        is_change=row.purpose is Purpose.SHELL,
        proof=row.proof,
        work=None if row.work is None else _work(row.work),
    )


def _work(work: WorkRecord) -> WorkRow:
    return WorkRow(
        problem=work.problem,
        done=work.done,
        result=work.result,
        cause=work.cause,
        prevention=work.prevention,
        confirmed_by=work.confirmed_by,
        confirmed_at=work.confirmed_at,
    )


def gather_left_out(
    session: Session,
    customer_id: str,
    names: Mapping[str, str],
    catalogue: Catalogue,
    since: datetime,
    until: datetime,
) -> tuple[LeftOutRow, ...]:
    """Return what the newest remote inspection of each host in the period left out."""
    rows: Sequence[StoredInspection] = session.scalars(
        select(StoredInspection)
        .where(
            StoredInspection.customer_id == customer_id,
            StoredInspection.started_at >= since,
            StoredInspection.started_at < until,
        )
        .order_by(StoredInspection.started_at)
    ).all()
    newest = {row.host_id: row for row in rows if row.remote is not None}
    found = []
    for host_id, row in newest.items():
        made = made_of(row)
        for each in made.left_out if made is not None else ():
            check = catalogue.checks.get(each.check)
            found.append(
                LeftOutRow(
                    host=names[host_id],
                    check=each.check,
                    title=Text.same(each.check) if check is None else check.title,
                    reason=reason(each.failure),
                    as_of=row.started_at,
                )
            )
    return tuple(sorted(found, key=lambda each: (each.host, each.check, each.reason.en)))
