"""What is known and agreed of one set, and its days: computed, with the frozen ones as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.backup_sets import BackupFacts, Declaration, OffsiteBy, Role, Schedule
from collector.backups.calendar import Declared, calendar, declared
from collector.backups.counterparts import Counterpart, counterpart
from collector.backups.days import Day
from collector.backups.evidence import Evidence
from collector.backups.frozen import from_row
from collector.backups.models import BackupDay, BackupNote, BackupSet
from collector.backups.store import SetKey, newest_declaration, read_evidence
from collector.backups.windows import backup_day
from collector.customers.models import Contract, Host, Site

_LONGEST_LOOKBACK = timedelta(days=3)
"""Of the evidence before the first day that is asked for: its deadline and what follows."""
EXCUSED, REOPENED, BY_EVIDENCE = "excused", "reopened", "evidence"
"""Kinds of notes."""


@dataclass(frozen=True)
class Known:
    """One set with its evidence and what is expected of it."""

    row: BackupSet
    host: str
    site: str
    zone: str
    """The site's."""
    evidence: Evidence
    declared: Sequence[Declared]
    begins: date
    """First backup day on which anything is expected."""
    ends: date | None
    excused: Mapping[date, str]
    reopened: Mapping[date, str]
    counterparts: Sequence[Counterpart]

    @property
    def declaration(self) -> Declaration | None:
        """What is expected now; None where no look could ever be made."""
        return self.declared[-1].declaration if self.declared else None


def known_of(
    session: Session, row: BackupSet, since: date, evidence: Evidence | None = None
) -> Known:
    """Return what is known of a set for the backup days from `since` on."""
    host = session.get_one(Host, (row.customer_id, row.host_id))
    place = session.get_one(Site, (row.customer_id, host.site_id))
    from_then = datetime.combine(since, time(), UTC) - _LONGEST_LOOKBACK
    evidence = evidence or read_evidence(session, row, from_then)
    expected = declared(evidence, place.time_zone)
    if not expected:
        last = newest_declaration(session, SetKey(row.customer_id, row.id), row.listed_at)
        expected = (Declared(since, last),) if last else ()
    contract = session.get(Contract, row.customer_id)
    excused, reopened = _notes(session, row)
    return Known(
        row=row,
        host=host.name,
        site=place.name,
        zone=place.time_zone,
        evidence=evidence,
        declared=expected,
        begins=_begins(row, expected, contract, place.time_zone),
        ends=contract.ends if contract else None,
        excused=excused,
        reopened=reopened,
        counterparts=_counterparts(session, row, expected, from_then),
    )


def days_of(session: Session, known: Known, first: date, last: date, now: datetime) -> list[Day]:
    """Return the backup days of a set, the oldest first; nothing where nothing was ever declared,
    or nothing is expected yet."""
    days = computed_days(known, first, last, now)
    frozen = {
        row.day: from_row(row)
        for row in session.scalars(
            select(BackupDay).where(
                BackupDay.customer_id == known.row.customer_id,
                BackupDay.set_id == known.row.id,
                BackupDay.day >= first,
                BackupDay.day <= last,
            ),
            execution_options={"populate_existing": True},
        )
    }
    return [frozen.get(day.day, day) for day in days]


def computed_days(known: Known, first: date, last: date, now: datetime) -> tuple[Day, ...]:
    """Return the backup days of a set as the evidence has them now."""
    if not known.declared or first > last:
        return ()
    days = calendar(
        known.declared,
        known.evidence,
        first=first,
        last=last,
        now=now,
        zone=known.zone,
        contract=(known.begins, known.ends),
        excused=known.excused,
        counterparts=known.counterparts,
    )
    if not known.reopened:
        return days
    return tuple(
        replace(day, note=known.reopened[day.day]) if day.day in known.reopened else day
        for day in days
    )


def told(row: BackupSet) -> BackupFacts | None:
    """Return the newest look that could be made, without what it lists."""
    return None if row.told is None else msgspec.convert(row.told, BackupFacts)


def _begins(
    row: BackupSet, expected: Sequence[Declared], contract: Contract | None, zone: str
) -> date:
    """Return the first day on which something is due: of the contract, of the declaration, else
    the day of the first look."""
    if contract is not None:
        return contract.begins
    given = [each.declaration.valid_from for each in expected if each.declaration.valid_from]
    if given:
        return min(given)
    schedule = expected[0].declaration.schedule if expected else Schedule()
    return backup_day(row.first_seen, schedule, zone)


def _notes(session: Session, row: BackupSet) -> tuple[Mapping[date, str], Mapping[date, str]]:
    """Return which days persons excused, and which they opened again, with their reasons."""
    excused: dict[date, str] = {}
    reopened: dict[date, str] = {}
    for note in session.scalars(
        select(BackupNote)
        .where(
            BackupNote.customer_id == row.customer_id,
            BackupNote.set_id == row.id,
            BackupNote.kind.in_((EXCUSED, REOPENED)),
        )
        .order_by(BackupNote.at)
    ):
        told_by = f"{note.why}（{note.person}）"
        if note.kind == EXCUSED:
            excused[note.day] = told_by
            reopened.pop(note.day, None)
        else:
            reopened[note.day] = told_by
            excused.pop(note.day, None)
    return excused, reopened


def _counterparts(
    session: Session, row: BackupSet, expected: Sequence[Declared], since: datetime
) -> Sequence[Counterpart]:
    legs = [each.declaration.offsite for each in expected]
    if not any(leg is not None and leg.by is OffsiteBy.AGENT for leg in legs):
        return ()
    others = session.execute(
        select(BackupSet, Host.name)
        .join(Host, (Host.customer_id == BackupSet.customer_id) & (Host.id == BackupSet.host_id))
        .where(BackupSet.customer_id == row.customer_id, BackupSet.host_id != row.host_id)
        .order_by(Host.name, BackupSet.name)
    )
    found = []
    for other, host in others:
        facts = told(other)
        if facts is not None and facts.declaration.role is Role.OFFSITE:
            found.append(counterpart(host, read_evidence(session, other, since)))
    return found
