"""Take a look at a backup set into the database, in the transaction that records its assessment.

The same look again changes nothing; one that comes late fills in and undoes nothing. Then the days
whose time is over are frozen.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import msgspec
from msgspec import structs
from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from checks.backup_sets import BackupFacts
from collector.backups.evidence import Evidence, Look, evidence_of
from collector.backups.frozen import from_row, settle, states_of, to_row, what_changed
from collector.backups.known import BY_EVIDENCE, computed_days, known_of
from collector.backups.models import BackupDay, BackupNote, BackupSet
from collector.backups.store import SetKey, put_rows, read_evidence, write_changes
from wire.messages import Failure, Observation

CHECK = "backup.restore_points"
"""The check whose observations are looks at backup sets."""
LONGEST = timedelta(days=400)
"""Days so long ago are not judged any more: a year, and what is late for it."""
_DAYS = cast("Table", BackupDay.__table__)
_FIRST_YEAR, _LAST_YEAR = 1900, 9000


def look_of(
    observation: Observation,
    found: BackupFacts | Failure,
    offset_seconds: float | None,
) -> Look:
    """Return an observation of the check as a look.

    It counts from when the listing was made, at the latest: proving may take an hour after it.
    """
    at = observation.observed_at
    if isinstance(found, Failure):
        return Look(at, found, offset_seconds)
    begun = at - timedelta(seconds=observation.cost.wall_seconds)
    if found.looked_at is not None:
        offset = timedelta(seconds=offset_seconds or 0.0)
        return Look(min(at, max(begun, found.looked_at - offset)), _storable(found), offset_seconds)
    return Look(begun, _storable(found), offset_seconds)


def record_look(session: Session, *, customer_id: str, host_id: str, name: str, look: Look) -> None:
    """Record one look at a set, and freeze what is over by now."""
    row = _set_of(session, customer_id, host_id, name, look)
    key = SetKey(customer_id, row.id)
    before = read_evidence(session, row, look.at - LONGEST)
    after = evidence_of([look], before)
    write_changes(session, key, before, after)
    facts = look.found
    if isinstance(facts, BackupFacts):
        if row.listed_at is None or row.listed_at < look.at:
            row.listed_at = look.at
            row.told = msgspec.to_builtins(_without_lists(facts))
        offsite = [each.at for each in after.offsite_looks.values() if each.failure is None]
        row.listed_offsite_at = max(offsite, default=None)
    session.flush()
    freeze(session, row, after)


def freeze(session: Session, row: BackupSet, evidence: Evidence | None = None) -> None:
    """Write the days of a set whose time is over, as of its newest look, and what later evidence
    changes in those that are frozen. `evidence` saves reading it again."""
    now = row.last_tried
    since = (now - LONGEST).date()
    known = known_of(session, row, since, evidence)
    frozen = {
        each.day: each
        for each in session.scalars(
            select(BackupDay).where(
                BackupDay.customer_id == row.customer_id,
                BackupDay.set_id == row.id,
                BackupDay.day >= since,
            ),
            execution_options={"populate_existing": True},
        )
    }
    changed: list[dict[str, Any]] = []
    key = SetKey(row.customer_id, row.id)
    for day in computed_days(known, max(since, known.begins), now.date(), now):
        stored = frozen.get(day.day)
        if stored is None:
            if day.frozen:
                changed.append(to_row(day))
            continue
        was = from_row(stored)
        became = settle(was, day)
        if became is None:
            continue
        why = what_changed(was, became, now)
        changed.append(to_row(replace(became, note="；".join(filter(None, (was.note, why))))))
        add_note(
            session,
            key,
            day.day,
            kind=BY_EVIDENCE,
            person="",
            why=why,
            before=states_of(was),
            after=states_of(became),
            at=now,
        )
    put_rows(session, _DAYS, [{**key._asdict(), **each} for each in changed])


def add_note(
    session: Session,
    key: SetKey,
    day: date,
    *,
    kind: str,
    person: str,
    why: str,
    before: dict[str, str],
    after: dict[str, str],
    at: datetime,
) -> BackupNote:
    """Write down why a day is as it is."""
    note = BackupNote(
        customer_id=key.customer_id,
        id=uuid4().hex,
        set_id=key.set_id,
        day=day,
        at=at,
        kind=kind,
        person=person,
        why=why,
        before=before,
        after=after,
    )
    session.add(note)
    return note


def _set_of(session: Session, customer_id: str, host_id: str, name: str, look: Look) -> BackupSet:
    row = session.scalar(
        select(BackupSet).where(
            BackupSet.customer_id == customer_id,
            BackupSet.host_id == host_id,
            BackupSet.name == name,
        )
    )
    if row is None:
        row = BackupSet(
            customer_id=customer_id,
            id=uuid4().hex,
            host_id=host_id,
            name=name,
            first_seen=look.at,
            last_tried=look.at,
        )
        session.add(row)
        session.flush()
    row.first_seen = min(row.first_seen, look.at)
    row.last_tried = max(row.last_tried, look.at)
    return row


def _without_lists(facts: BackupFacts) -> BackupFacts:
    offsite = facts.offsite and structs.replace(facts.offsite, copies=())
    return structs.replace(facts, points=(), proofs=(), offsite=offsite)


def _storable(facts: BackupFacts) -> BackupFacts:
    """Return facts whose dates every database takes."""
    points = tuple(
        point
        for point in facts.points
        if _is_date(point.started_at) and (point.ended_at is None or _is_date(point.ended_at))
    )
    proofs = tuple(proof for proof in facts.proofs if _is_date(proof.at))
    since = facts.listed_since if facts.listed_since and _is_date(facts.listed_since) else None
    return structs.replace(facts, points=points, proofs=proofs, listed_since=since)


def _is_date(moment: datetime) -> bool:
    """Return whether a date can be one: what is in no calendar is no restore point's."""
    return _FIRST_YEAR <= moment.year <= _LAST_YEAR
