"""Gather findings: open ones worst first, then those resolved in the period."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import State, Text
from checks.discovery import Catalogue
from collector.assessment.findings import severity
from collector.assessment.models import StoredFinding
from collector.reports.material import FindingRow, named


def gather_findings(
    session: Session,
    customer_id: str,
    names: Mapping[str, str],
    catalogue: Catalogue,
    since: datetime,
    until: datetime,
) -> tuple[FindingRow, ...]:
    """Return the findings known before `until` that were open at or after `since`."""
    priority = {
        rule.code: rule.priority for check in catalogue.checks.values() for rule in check.rules
    }
    rows = session.scalars(
        select(StoredFinding)
        .where(StoredFinding.customer_id == customer_id, StoredFinding.first_seen < until)
        .order_by(StoredFinding.number)
    )
    found = [
        FindingRow(
            number=f"F-{row.number:04d}",
            host=names[row.host_id],
            code=row.code,
            object=named(row.target, row.object),
            severity=severity(State(row.state), priority.get(row.code, 3)),
            state=State(row.state),
            change=row.change,
            first_seen=row.first_seen,
            last_seen=row.last_seen,
            times=row.times,
            current=Text(*row.texts["current"]),
            reference=Text(*row.texts["reference"]),
            message=Text(*row.texts["message"]) if "message" in row.texts else None,
            evidence=row.digest,
        )
        for row in rows
        if row.resolved_at is None or row.resolved_at >= since
    ]
    return tuple(
        sorted(
            found,
            key=lambda row: (row.state is State.OK, row.severity, row.code, row.host, row.object),
        )
    )
