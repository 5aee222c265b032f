"""Gather inspections, the numbers before the newest ones, and what could not be read."""

from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.discovery import Catalogue
from collector.assessment.models import StoredInspection
from collector.assessment.score import Score, of_customer
from collector.customers.models import Agent, Host
from collector.intake.models import Quarantine, StoredBatch
from collector.reports.gathering.remote import remote_row
from collector.reports.material import InspectionRow


def gather_inspections(
    session: Session,
    customer_id: str,
    names: Mapping[str, str],
    since: datetime,
    until: datetime,
) -> tuple[InspectionRow, ...]:
    """Return the inspections started in the period, oldest first."""
    batches: dict[str, list[str]] = {}
    stored = session.execute(
        select(StoredBatch.inspection_id, StoredBatch.digest)
        .where(StoredBatch.customer_id == customer_id, StoredBatch.inspection_id.is_not(None))
        .order_by(StoredBatch.agent_id, StoredBatch.epoch, StoredBatch.seq)
    )
    for inspection_id, digest in stored:
        batches.setdefault(inspection_id or "", []).append(digest)
    rows = session.scalars(
        select(StoredInspection)
        .where(
            StoredInspection.customer_id == customer_id,
            StoredInspection.started_at >= since,
            StoredInspection.started_at < until,
        )
        .order_by(StoredInspection.started_at, StoredInspection.host_id)
    )
    return tuple(
        InspectionRow(
            id=row.id,
            host=names[row.host_id],
            started_at=row.started_at,
            finished_at=row.finished_at,
            planned=row.planned,
            collected=row.collected,
            agent_version=row.agent_version,
            checks_digest=row.checks_digest,
            cpu_seconds=row.cpu_seconds,
            batches=tuple(batches.get(row.id, ())),
            remote=remote_row(row),
        )
        for row in rows
    )


def gather_previous(
    session: Session, customer_id: str, zone: str, until: datetime
) -> tuple[Score | None, date | None]:
    """Return the two numbers as of the inspections before the newest ones, and their date."""
    rows = session.scalars(
        select(StoredInspection)
        .where(
            StoredInspection.customer_id == customer_id,
            StoredInspection.started_at < until,
            StoredInspection.score.is_not(None),
        )
        .order_by(StoredInspection.started_at.desc())
    )
    seen: dict[str, list[StoredInspection]] = {}
    for row in rows:
        seen.setdefault(row.host_id, []).append(row)
    before = [inspections[1] for inspections in seen.values() if len(inspections) > 1]
    if not before:
        return None, None
    scores = [msgspec.convert(row.score, Score) for row in before]
    newest = max(row.started_at for row in before)
    return of_customer(scores), newest.astimezone(ZoneInfo(zone)).date()


def gather_broken(session: Session, customer_id: str, catalogue: Catalogue) -> tuple[str, ...]:
    """Return the checks that the newest inspections or this collector could not load."""
    rows = session.execute(
        select(StoredInspection.host_id, StoredInspection.broken)
        .where(StoredInspection.customer_id == customer_id)
        .order_by(StoredInspection.started_at)
    )
    newest: dict[str, list[str]] = {row.host_id: row.broken for row in rows}
    sentences = {sentence for broken in newest.values() for sentence in broken}
    return tuple(sorted(sentences | set(catalogue.errors)))


def gather_quarantined(session: Session, customer_id: str, until: datetime) -> tuple[str, ...]:
    """Return what of this customer could not be read, one sentence each."""
    rows = session.execute(
        select(Quarantine.digest, Quarantine.line, Quarantine.reason, Host.name)
        .join(
            Agent,
            (Agent.customer_id == Quarantine.customer_id) & (Agent.id == Quarantine.agent_id),
        )
        .join(Host, (Host.customer_id == Agent.customer_id) & (Host.id == Agent.host_id))
        .where(Quarantine.customer_id == customer_id, Quarantine.created_at < until)
        .order_by(Quarantine.created_at, Quarantine.id)
    )
    return tuple(
        f"{name}: {digest[:12]}{f' #{line}' if line else ''}: {why}"
        for digest, line, why, name in rows
    )
