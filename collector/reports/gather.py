"""Gather a customer's year from the database into the material of a report."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from checks.api import Check, Text, Trend
from checks.discovery import Catalogue
from collector.assessment.score import of_customer
from collector.backups.gathering import gather_backups
from collector.customers.models import Customer, Host, Site
from collector.errors import NotDerivable
from collector.intake.models import StoredBatch
from collector.policy.layers import Override
from collector.policy.service import explain, thresholds
from collector.policy.store import overrides_of
from collector.reports.gathering.findings import gather_findings
from collector.reports.gathering.host import gather_host
from collector.reports.gathering.inspections import (
    gather_broken,
    gather_inspections,
    gather_previous,
    gather_quarantined,
)
from collector.reports.gathering.remote import gather_left_out, gather_sessions
from collector.reports.material import Cover, HostMaterial, Material, RuleRow, TrendRow


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
    """Return the material of the report of one year, as it stands on `today`.

    Raise NotDerivable if inspections have come in since: the newest verdicts and findings are
    theirs then, and must not be printed as the state of an earlier day.
    """
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
    _refuse_what_came_later(session, customer, end, until, zone)
    rows = session.scalars(
        select(Host).where(Host.customer_id == customer.id).order_by(Host.name, Host.id)
    ).all()
    hosts = tuple(
        gather_host(session, host, sites[host.site_id].name, catalogue, since, until)
        for host in rows
    )
    names = {host.id: host.name for host in rows}
    inspections = gather_inspections(session, customer.id, names, since, until)
    previous_score, previous_date = gather_previous(session, customer.id, zone, until)
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
        findings=gather_findings(session, customer.id, names, catalogue, since, until),
        rules=_rules(catalogue, hosts, overrides_of(session, customer.id), customer.name),
        trends=trend_rows(catalogue),
        backups=gather_backups(
            session, customer.id, start, end, _now(session, customer, today, zone)
        ),
        score=of_customer([host.score for host in hosts]),
        previous_score=previous_score,
        previous_date=previous_date,
        broken_checks=gather_broken(session, customer.id, catalogue),
        quarantined=gather_quarantined(session, customer.id, until),
        sessions=gather_sessions(session, customer, since, until),
        left_out=gather_left_out(session, customer.id, names, catalogue, since, until),
    )


def _now(session: Session, customer: Customer, today: date, zone: str) -> datetime:
    """Return the moment that pending backups are judged by: when the newest batch came, at least
    the beginning of the day. The clock would make two reports of one day differ."""
    newest = session.scalar(
        select(func.max(StoredBatch.received_at)).where(StoredBatch.customer_id == customer.id)
    )
    begins = datetime.combine(today, time(), ZoneInfo(zone)).astimezone(UTC)
    return begins if newest is None else max(begins, newest)


def trend_rows(catalogue: Catalogue) -> tuple[TrendRow, ...]:
    """Return the measures that the checks declare worth a curve, with the limits in force."""
    return tuple(
        TrendRow(
            check=check_id,
            measure=trend.measure,
            chapter=check.chapter,
            title=trend.title,
            unit=trend.unit,
            warning=_limit(check, trend, trend.warning),
            critical=_limit(check, trend, trend.critical),
            fills_up=trend.fills_up,
        )
        for check_id, check in catalogue.checks.items()
        for trend in check.trends
    )


def _limit(check: Check[Any], trend: Trend, name: str) -> float | None:
    rule = next((rule for rule in check.rules if rule.code == trend.rule), None)
    if rule is None or not name:
        return None
    return float(getattr(thresholds(rule), name))


def _refuse_what_came_later(
    session: Session, customer: Customer, end: date, until: datetime, zone: str
) -> None:
    # By the collector's clock: a host whose clock is ahead must not stop the report.
    newest = session.scalar(
        select(func.max(StoredBatch.received_at)).where(
            StoredBatch.customer_id == customer.id, StoredBatch.inspection_id.is_not(None)
        )
    )
    if newest is None or newest < until:
        return
    day = newest.astimezone(ZoneInfo(zone)).date()
    raise NotDerivable(
        Text(
            f"{day} 已有新的巡检，不能再生成截至 {end} 的报告：最新结论会被误作当时的状态。"
            f"请使用当时交付的报告，或生成 {day} 及以后的报告。",
            f"Inspections have come in on {day}: a report as of {end} would show their verdicts as "
            f"the state of that day. Use the report delivered then, or write one as of {day} or "
            "later.",
        )
    )


def _rules(
    catalogue: Catalogue,
    hosts: Sequence[HostMaterial],
    overrides: Sequence[Override],
    customer: str,
) -> tuple[RuleRow, ...]:
    """Return the rules of the host's own checks, and those of databases and the like that it has.

    Who runs no Oracle does not want to read what would be asked of one.
    """
    judged = {row.check for host in hosts for row in host.verdicts}
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
            thresholds=explain(rule, overrides, customer),
        )
        for check_id, check in catalogue.checks.items()
        if check.target == "host" or check_id in judged
        for rule in check.rules
    ]
    return tuple(sorted(rows, key=lambda row: row.code))
