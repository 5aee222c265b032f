"""The morning page: one line for each backup set, last night's legs, the worst first.

What nobody knows is a line, too: a set that could not be looked at, a host whose agent is silent,
a customer under contract of whom no set was ever told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from statistics import median
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Text
from checks.backup_sets import Declaration, RestorePoint
from collector.assessment.models import StoredInspection
from collector.backups import sentences
from collector.backups.days import FINE, WORST_FIRST, Day, Leg, LegState, LegVerdict
from collector.backups.frozen import LEG_NAMES, legs_of
from collector.backups.gathering import newest_good, scene_of
from collector.backups.known import Known, days_of, known_of
from collector.backups.models import BackupSet
from collector.backups.windows import windows, zone_of
from collector.customers.models import Agent, Contract, Customer, Host, Site
from collector.grants.remote_agents import installed
from wire.messages import Standing

_LOOKED_BACK = 35
"""Days before, in which the last decided offsite and verified legs are looked for. Own figure."""
_COMPARED_INSPECTIONS = 6
_ROOM = timedelta(hours=2)
_DAILY = timedelta(days=1)
_UNDER_WAY = (Leg.OFFSITE, Leg.VERIFIED)
"""Their time is often not over in the morning: then the last ones that were decided count."""


@dataclass(frozen=True)
class Line:
    """One line of the page."""

    customer: str
    site: str
    host: str
    set: str
    title: str
    day: date | None
    """The backup day; None for a host or a customer without any set."""
    legs: Mapping[Leg, LegState]
    worst: LegState
    why: Text
    """The sentence of the worst leg."""
    newest: RestorePoint | None
    """The newest good restore point that is still there."""
    zone: str
    seen_at: datetime | None
    note: str = ""

    @property
    def is_fine(self) -> bool:
        """Whether nobody has to look at it."""
        return self.worst in FINE


def morning(
    session: Session, now: datetime, *, on: date | None = None, owner: Customer | None = None
) -> list[Line]:
    """Return the page of a morning (of each site's today, unless told), the worst first."""
    customers = (
        [owner] if owner else session.scalars(select(Customer).order_by(Customer.name)).all()
    )
    lines = [line for each in customers for line in _of_customer(session, each, now, on)]
    return sorted(
        lines,
        key=lambda line: (
            WORST_FIRST.index(line.worst),
            line.customer,
            line.site,
            line.host,
            line.set,
        ),
    )


def _of_customer(session: Session, owner: Customer, now: datetime, on: date | None) -> list[Line]:
    rows = session.scalars(select(BackupSet).where(BackupSet.customer_id == owner.id)).all()
    lines = [_of_set(session, owner, row, now, on) for row in rows]
    with_sets = {row.host_id for row in rows}
    lines += _silent_hosts(session, owner, with_sets, now)
    if not rows and _is_under_contract(session, owner, on or now.date()):
        why = Text(
            "合同期内，但没有任何备份集上报", "under contract, and no backup set was ever told of"
        )
        lines.append(_unknown(owner.name, "", "", "UTC", why))
    return lines


def _of_set(
    session: Session, owner: Customer, row: BackupSet, now: datetime, on: date | None
) -> Line:
    around = on or now.date()
    known = known_of(session, row, around - timedelta(days=_LOOKED_BACK + 1))
    declaration = known.declaration
    if declaration is None:
        last = max(known.evidence.looks.values(), key=lambda each: each.at, default=None)
        why = sentences.silent(None)
        if last is not None and last.failure is not None:
            at = sentences.clock(last.at, ZoneInfo(known.zone))
            why = sentences.could_not_look(at, last.failure)
        return _unknown(owner.name, known.site, known.host, known.zone, why, row.name)
    zone = zone_of(declaration.schedule, known.zone)
    day = day_of_morning(declaration, known.zone, on or now.astimezone(zone).date())
    first = max(day - timedelta(days=_LOOKED_BACK), known.begins)
    days = days_of(session, known, min(first, day), day, now)
    return _line(owner, known, declaration, days, now)


def day_of_morning(declaration: Declaration, site_zone: str, on: date) -> date:
    """Return the backup day whose deadline is the last one before the end of a date."""
    zone = zone_of(declaration.schedule, site_zone)
    end = datetime.combine(on + timedelta(days=1), time(), zone).astimezone(UTC)
    near = windows(declaration.schedule, site_zone, on - timedelta(days=3), on)
    grace = timedelta(minutes=declaration.schedule.grace_minutes)
    over = [number for number, due in enumerate(near.deadlines) if due - grace < end]
    return near.day(over[-1])


def _line(
    owner: Customer, known: Known, declaration: Declaration, days: Sequence[Day], now: datetime
) -> Line:
    last = days[-1]
    legs = legs_of(last)
    sentences_of = [(verdict.state, verdict.why, verdict.seen_at) for verdict in legs.values()]
    for leg in _UNDER_WAY:
        if legs[leg].state is not LegState.PENDING:
            continue
        before = _last_decided(days[:-1], leg)
        if before is not None and before[1].state not in FINE:
            day, verdict = before
            why = Text("{day} {leg}：{why}", "{leg} of {day}: {why}").format(
                day=day.isoformat(), leg=LEG_NAMES[leg], why=verdict.why
            )
            sentences_of.append((verdict.state, why, verdict.seen_at))
    worst, why, seen_at = min(sentences_of, key=lambda each: WORST_FIRST.index(each[0]))
    scene = scene_of(known, now)
    newest = newest_good(scene)
    return Line(
        customer=owner.name,
        site=known.site,
        host=known.host,
        set=known.row.name,
        title=declaration.title or known.row.name,
        day=last.day,
        legs={leg: verdict.state for leg, verdict in legs.items()},
        worst=worst,
        why=why,
        newest=max(newest, key=lambda point: point.started_at, default=None),
        zone=scene.zone.key,
        seen_at=seen_at,
        note=last.note,
    )


def _last_decided(days: Sequence[Day], leg: Leg) -> tuple[date, LegVerdict] | None:
    for day in reversed(days):
        verdict = legs_of(day)[leg]
        if day.due_at is not None and verdict.state is not LegState.PENDING:
            return day.day, verdict
    return None


def _silent_hosts(
    session: Session, owner: Customer, with_sets: set[str], now: datetime
) -> list[Line]:
    """Return a line for each host without backup sets whose agent has not told anything for longer
    than it does. Of the others the sets themselves say so."""
    rows = session.execute(
        select(Host, Site)
        .join(Site, (Site.customer_id == Host.customer_id) & (Site.id == Host.site_id))
        .join(Agent, (Agent.customer_id == Host.customer_id) & (Agent.host_id == Host.id))
        .where(
            Host.customer_id == owner.id,
            Agent.standing == Standing.ACTIVE.value,
            # Nobody expects a host to be inspected each day over remote sessions.
            installed(),
        )
        .distinct()
    )
    lines = []
    for host, site in rows:
        if host.id in with_sets:
            continue
        starts = session.scalars(
            select(StoredInspection.started_at)
            .where(StoredInspection.customer_id == owner.id, StoredInspection.host_id == host.id)
            .order_by(StoredInspection.started_at.desc())
            .limit(_COMPARED_INSPECTIONS)
        ).all()
        gaps = [(one - other).total_seconds() for one, other in pairwise(starts)]
        usual = timedelta(seconds=median(gaps)) if gaps else _DAILY
        if starts and now - starts[0] <= max(_DAILY, usual) + _ROOM:
            continue
        since = sentences.clock(starts[0], ZoneInfo(site.time_zone)) if starts else None
        lines.append(
            _unknown(owner.name, site.name, host.name, site.time_zone, sentences.silent(since))
        )
    return lines


def _is_under_contract(session: Session, owner: Customer, on: date) -> bool:
    contract = session.get(Contract, owner.id)
    return (
        contract is not None
        and contract.begins <= on
        and (contract.ends is None or on <= contract.ends)
    )


def _unknown(customer: str, site: str, host: str, zone: str, why: Text, name: str = "") -> Line:
    return Line(
        customer=customer,
        site=site,
        host=host,
        set=name,
        title=name,
        day=None,
        legs={},
        worst=LegState.UNKNOWN,
        why=why,
        newest=None,
        zone=zone,
        seen_at=None,
    )
