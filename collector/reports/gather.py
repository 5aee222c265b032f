"""Gather a customer's year from the database into the material of a report."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Failure, Point, State, Text
from checks.discovery import Catalogue
from checks.wording import reason
from collector.assessment.findings import severity
from collector.assessment.models import (
    NewestObservation,
    Series,
    SeriesPoint,
    StoredFinding,
    StoredInspection,
    StoredVerdict,
)
from collector.assessment.score import CATEGORY_OF, Judged, Score, of_customer, of_host
from collector.assessment.service import expected
from collector.customers.models import Agent, Customer, Host, Site
from collector.intake.models import Quarantine, StoredBatch
from collector.policy.service import explain
from collector.reports.material import (
    Cover,
    FindingRow,
    HostMaterial,
    InspectionRow,
    Material,
    RuleRow,
    VerdictRow,
)
from wire.batch import open_batch
from wire.errors import WireError
from wire.messages import Reason

STALE_AFTER = timedelta(days=35)
"""A verdict this much older than the host's newest inspection no longer tells its state: a month
and the slack of a monthly inspection (own figure)."""

_STALE = Text(
    "数据早于最近一次巡检 35 天以上", "read more than 35 days before the newest inspection"
)
_BEFORE_PERIOD = Text("数据早于报告期间", "read before the period of the report")


def gather(
    session: Session,
    customer: Customer,
    catalogue: Catalogue,
    *,
    year: int,
    today: date,
    engineer: str = "",
    provider: str = "",
    system: str = "",
) -> Material:
    """Return the material of the report of one year, as it stands on `today`."""
    sites = {
        site.id: site
        for site in session.scalars(
            select(Site).where(Site.customer_id == customer.id).order_by(Site.name)
        )
    }
    zone = next(iter(sites.values())).time_zone if sites else "Asia/Shanghai"
    start, end = date(year, 1, 1), min(today, date(year, 12, 31))
    since = datetime.combine(start, time(), ZoneInfo(zone)).astimezone(UTC)
    until = datetime.combine(end + timedelta(days=1), time(), ZoneInfo(zone)).astimezone(UTC)
    rows = session.scalars(
        select(Host).where(Host.customer_id == customer.id).order_by(Host.name, Host.id)
    ).all()
    hosts = tuple(
        _host(session, host, sites[host.site_id].name, catalogue, since, until) for host in rows
    )
    names = {host.id: host.name for host in rows}
    inspections = _inspections(session, customer.id, names, since, until)
    previous_score, previous_date = _previous(session, customer.id, zone, until)
    return Material(
        cover=Cover(
            customer=customer.name,
            system=system,
            year=year,
            period_start=start,
            period_end=end,
            number=f"XJ-{year}-{customer.id[:6].upper()}",
            version="V1.0",
            provider=provider,
            engineer=engineer,
            generated_on=today,
            time_zone=zone,
        ),
        hosts=hosts,
        inspections=inspections,
        findings=_findings(session, customer.id, names, catalogue, since, until),
        rules=_rules(catalogue),
        score=of_customer([host.score for host in hosts]),
        previous_score=previous_score,
        previous_date=previous_date,
        broken_checks=_broken(session, customer.id, catalogue),
        quarantined=_quarantined(session, customer.id, until),
    )


def _host(
    session: Session,
    host: Host,
    site: str,
    catalogue: Catalogue,
    since: datetime,
    until: datetime,
) -> HostMaterial:
    newest = session.scalar(
        select(StoredInspection.started_at)
        .where(
            StoredInspection.customer_id == host.customer_id, StoredInspection.host_id == host.id
        )
        .order_by(StoredInspection.started_at.desc())
        .limit(1)
    )
    verdicts = _verdicts(session, host, since, newest)
    states: dict[str, list[State]] = {}
    for row in verdicts:
        states.setdefault(row.code, []).append(row.state)
    wanted = expected(catalogue.checks, host.system)
    missing = [
        VerdictRow(
            code=rule.code,
            check=check_id,
            object="",
            state=State.NOT_RUN,
            current=Text("", ""),
            reference=Text("", ""),
            message=None,
            reason=reason(Failure(Reason.NOT_SELECTED)),
            observed_at=newest or since,
            evidence="",
        )
        for check_id, check in wanted.items()
        for rule in check.rules
        if rule.code not in states
    ]
    for row in missing:
        states[row.code] = [State.NOT_RUN]
    score = of_host(
        Judged(CATEGORY_OF.get(check.chapter), rule.priority, tuple(states[rule.code]))
        for check in catalogue.checks.values()
        for rule in check.rules
        if rule.code in states
    )
    inventory, why = _inventory(session, host)
    return HostMaterial(
        name=host.name,
        site=site,
        system=host.system,
        inventory=inventory,
        inventory_reason=why,
        verdicts=tuple(sorted([*verdicts, *missing], key=lambda row: (row.code, row.object))),
        series=_series(session, host, since, until),
        score=score,
    )


def _verdicts(
    session: Session, host: Host, since: datetime, newest: datetime | None
) -> list[VerdictRow]:
    stored = session.scalars(
        select(StoredVerdict).where(
            StoredVerdict.customer_id == host.customer_id, StoredVerdict.host_id == host.id
        )
    )
    rows = []
    for row in stored:
        state = State(row.state)
        failure = row.texts.get("failure")
        why = reason(msgspec.convert(failure, Failure)) if failure else None
        if state is not State.NOT_RUN and row.observed_at < since:
            state, why = State.STALE, _BEFORE_PERIOD
        elif (
            state is not State.NOT_RUN
            and newest is not None
            and newest - row.observed_at > STALE_AFTER
        ):
            state, why = State.STALE, _STALE
        rows.append(
            VerdictRow(
                code=row.code,
                check=row.check,
                object=_named(row.target, row.object),
                state=state,
                current=Text(*row.texts["current"]),
                reference=Text(*row.texts["reference"]),
                message=Text(*row.texts["message"]) if "message" in row.texts else None,
                reason=why,
                observed_at=row.observed_at,
                evidence=row.digest,
            )
        )
    return rows


def _named(target: str, name: str) -> str:
    return f"{target}: {name}" if target and name else target or name


def _inventory(session: Session, host: Host) -> tuple[Mapping[str, object] | None, Text | None]:
    digest = session.scalar(
        select(NewestObservation.facts_digest).where(
            NewestObservation.customer_id == host.customer_id,
            NewestObservation.host_id == host.id,
            NewestObservation.check == "host.inventory",
        )
    )
    payload = (
        session.scalar(
            select(StoredBatch.payload).where(
                StoredBatch.customer_id == host.customer_id, StoredBatch.digest == digest
            )
        )
        if digest
        else None
    )
    if payload is None:
        return None, reason(Failure(Reason.NOT_SELECTED))
    try:
        for observation in open_batch(payload).observations:
            if observation.check == "host.inventory" and isinstance(observation.facts, msgspec.Raw):
                facts: dict[str, object] = msgspec.json.decode(observation.facts, type=dict)
                return facts, None
    except (WireError, msgspec.MsgspecError) as error:
        return None, reason(Failure(Reason.ERROR, str(error)[:200]))
    return None, reason(Failure(Reason.NOT_SELECTED))


def _series(
    session: Session, host: Host, since: datetime, until: datetime
) -> dict[tuple[str, str, str], tuple[Point, ...]]:
    rows = session.execute(
        select(
            Series.check,
            Series.measure,
            Series.target,
            Series.object,
            SeriesPoint.at,
            SeriesPoint.value,
        )
        .join(
            SeriesPoint,
            (SeriesPoint.customer_id == Series.customer_id) & (SeriesPoint.series_id == Series.id),
        )
        .where(
            Series.customer_id == host.customer_id,
            Series.host_id == host.id,
            SeriesPoint.at >= since,
            SeriesPoint.at < until,
        )
        .order_by(Series.id, SeriesPoint.at)
    )
    gathered: dict[tuple[str, str, str], list[Point]] = {}
    for check, measure, target, name, at, value in rows:
        gathered.setdefault((check, measure, _named(target, name)), []).append(Point(at, value))
    return {key: tuple(points) for key, points in gathered.items()}


def _inspections(
    session: Session,
    customer_id: str,
    names: Mapping[str, str],
    since: datetime,
    until: datetime,
) -> tuple[InspectionRow, ...]:
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
        )
        for row in rows
    )


def _findings(
    session: Session,
    customer_id: str,
    names: Mapping[str, str],
    catalogue: Catalogue,
    since: datetime,
    until: datetime,
) -> tuple[FindingRow, ...]:
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
            object=_named(row.target, row.object),
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


def _rules(catalogue: Catalogue) -> tuple[RuleRow, ...]:
    rows = [
        RuleRow(
            code=rule.code,
            check=check_id,
            check_title=check.title,
            chapter=check.chapter,
            title=rule.title,
            why=rule.why,
            remedy=rule.remedy,
            priority=rule.priority,
            owner=rule.owner,
            reads=check.reads,
            thresholds=explain(rule),
        )
        for check_id, check in catalogue.checks.items()
        for rule in check.rules
    ]
    return tuple(sorted(rows, key=lambda row: row.code))


def _previous(
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


def _broken(session: Session, customer_id: str, catalogue: Catalogue) -> tuple[str, ...]:
    rows = session.execute(
        select(StoredInspection.host_id, StoredInspection.broken)
        .where(StoredInspection.customer_id == customer_id)
        .order_by(StoredInspection.started_at)
    )
    newest: dict[str, list[str]] = {row.host_id: row.broken for row in rows}
    sentences = {sentence for broken in newest.values() for sentence in broken}
    return tuple(sorted(sentences | set(catalogue.errors)))


def _quarantined(session: Session, customer_id: str, until: datetime) -> tuple[str, ...]:
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
