"""What is written down for people: alarms, and who changed what."""

import getpass
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from collector.enrolment.models import Alarm, AlarmKind, AuditEntry

Person = str
"""Who does something: the name of the account at the command line."""


def person_here() -> Person:
    """Return who runs this command: the name of the operating system's account."""
    try:
        return getpass.getuser()[:200]
    except (KeyError, OSError):  # an account without a name, as in a bare container
        return "unknown"


def audit(
    session: Session,
    customer_id: str,
    person: Person,
    action: str,
    subject: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    now: datetime,
) -> None:
    """Write down a change by a person, in the transaction that makes it."""
    session.add(
        AuditEntry(
            customer_id=customer_id,
            id=uuid4().hex,
            at=now,
            person=person,
            action=action,
            subject=subject,
            before=None if before is None else dict(before),
            after=None if after is None else dict(after),
        )
    )


def alarm(
    session: Session,
    customer_id: str,
    kind: AlarmKind,
    subject: str,
    *,
    agent_id: str | None,
    now: datetime,
) -> None:
    """Write down something that should not happen."""
    session.add(
        Alarm(
            customer_id=customer_id,
            id=uuid4().hex,
            at=now,
            kind=kind.value,
            agent_id=agent_id,
            subject=subject,
        )
    )
