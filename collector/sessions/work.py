"""Work records (远程工作单): what was wrong, what was done, and what came of it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy.orm import Session

from checks.api import Text
from collector.enrolment.record import Person, audit
from collector.errors import Unusable
from collector.sessions.models import RemoteSession, WorkRecord
from collector.sessions.words import EMPTY

LONGEST = 4000
"""Characters of one text; own figure: two pages."""
_TOO_LONG = Text("{option} 最多 {most} 个字符。", "{option} may have at most {most} characters.")


@dataclass(frozen=True)
class Work:
    """What a person writes down of a session."""

    problem: str
    done: str
    result: str
    cause: str = ""
    prevention: str = ""
    confirmed_by: str = ""
    """Who of the customer's people has confirmed it."""


def write_work(
    session: Session, row: RemoteSession, work: Work, person: Person, now: datetime
) -> WorkRecord:
    """Write a work record; an earlier one stays, and this one takes its place.

    Raise Unusable where problem, done or result is empty, or a text is too long.
    """
    texts = {name: value.strip() for name, value in asdict(work).items()}
    for name, value in texts.items():
        option = f"--{name.replace('_', '-')}"
        if not value and name in ("problem", "done", "result"):
            raise Unusable(EMPTY.format(option=option))
        most = 200 if name == "confirmed_by" else LONGEST
        if len(value) > most or "\x00" in value:
            raise Unusable(_TOO_LONG.format(option=option, most=str(most)))
    written = WorkRecord(
        customer_id=row.customer_id,
        session_id=row.id,
        id=uuid4().hex,
        written_at=now,
        written_by=person,
        confirmed_at=now if texts["confirmed_by"] else None,
        **texts,
    )
    session.add(written)
    audit(
        session,
        row.customer_id,
        person,
        "session.work_recorded",
        f"session {row.id}",
        after=texts,
        now=now,
    )
    return written
