"""Inspections that were made in remote sessions: by whom, how, and what was left out of them."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.orm import Session

from collector.assessment.models import StoredInspection
from collector.enrolment.models import AgentKey
from collector.sessions.models import RemoteSession
from collector.sessions.opening import session_of
from wire.errors import WireError
from wire.messages import Failure, Inspection, Reason, Remote, Skipped

NOT_ALLOWED = (Reason.NOT_GRANTED, Reason.NEEDS_AGENT)
"""Why a remote inspection leaves a check out that an installed agent would run."""


class Made(Struct, frozen=True, kw_only=True):
    """How a stored inspection was made."""

    remote: Remote
    left_out: tuple[Skipped, ...] = ()


def remote_of(
    session: Session, customer_id: str, key_id: str, said: Remote | None
) -> Remote | None:
    """Return the session that a batch was made in, by the key that has signed it.

    Only how it was read is taken from what the batch says; None: by an agent that is installed,
    whatever the batch says.
    """
    key = session.scalar(
        select(AgentKey).where(AgentKey.customer_id == customer_id, AgentKey.id == key_id)
    )
    try:
        name = None if key is None else session_of(key)
    except WireError:
        return None
    row = None if name is None else session.get(RemoteSession, (customer_id, name))
    if row is None:
        return None
    return Remote(
        session=row.id,
        grant=row.grant_id,
        person=row.person,
        mode="" if said is None else said.mode,
    )


def made(inspection: Inspection) -> dict[str, object] | None:
    """Return how an inspection was made, as it is stored."""
    if inspection.remote is None:
        return None
    left_out = tuple(each for each in inspection.skipped if each.failure.reason in NOT_ALLOWED)
    stored: dict[str, object] = msgspec.to_builtins(
        Made(remote=inspection.remote, left_out=left_out)
    )
    return stored


def made_of(row: StoredInspection) -> Made | None:
    """Return how a stored inspection was made; None: by an agent that is installed."""
    return None if row.remote is None else msgspec.convert(row.remote, Made)


def left_out_of(session: Session, customer_id: str, host_id: str) -> Sequence[Skipped]:
    """Return what the newest remote inspection of a host left out; nothing where none was made."""
    row = session.scalars(
        select(StoredInspection)
        .where(StoredInspection.customer_id == customer_id, StoredInspection.host_id == host_id)
        .order_by(StoredInspection.started_at.desc())
    )
    for each in row:
        found = made_of(each)
        if found is not None:
            return found.left_out
    return ()


def reasons_of(left_out: Sequence[Skipped]) -> dict[str, Failure]:
    """Return why each check was left out."""
    return {each.check: each.failure for each in left_out}
