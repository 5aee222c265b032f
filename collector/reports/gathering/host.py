"""Gather one host: newest verdicts, inventory, series, its two numbers."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from checks.api import Failure, Point, State, Text
from checks.discovery import Catalogue
from checks.wording import reason
from collector.assessment.host_score import expected
from collector.assessment.models import (
    Series,
    SeriesPoint,
    StoredInspection,
    StoredVerdict,
)
from collector.assessment.score import CATEGORY_OF, Judged, of_host
from collector.customers.models import Host
from collector.reports.gathering.facts import newest_facts, target_facts
from collector.reports.material import HostMaterial, VerdictRow, named
from collector.sessions.inspections import left_out_of, reasons_of
from wire.messages import Reason

INVENTORY, SOFTWARE = "host.inventory", "host.software"
STALE_AFTER = timedelta(days=35)
"""A verdict this much older than the host's newest inspection no longer tells its state: a month
and the slack of a monthly inspection (own figure)."""

_STALE = Text(
    "数据早于最近一次巡检 35 天以上", "read more than 35 days before the newest inspection"
)
_BEFORE_PERIOD = Text("数据早于报告期间", "read before the period of the report")


def gather_host(
    session: Session,
    host: Host,
    site: str,
    catalogue: Catalogue,
    since: datetime,
    until: datetime,
) -> HostMaterial:
    """Return everything known about a host between two moments."""
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
    left_out = reasons_of(left_out_of(session, host.customer_id, host.id))
    missing = [
        VerdictRow(
            code=rule.code,
            check=check_id,
            object="",
            state=State.NOT_RUN,
            current=Text("", ""),
            reference=Text("", ""),
            message=None,
            reason=reason(left_out.get(check_id, Failure(Reason.NOT_SELECTED))),
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
    shown_from = since if newest is None else max(since, newest - STALE_AFTER)
    facts = newest_facts(session, host, (INVENTORY, SOFTWARE))
    declared = [
        (key, trend.measure) for key, check in catalogue.checks.items() for trend in check.trends
    ]
    return HostMaterial(
        name=host.name,
        site=site,
        system=_system_name(facts[INVENTORY][0]) or host.system,
        inventory=facts[INVENTORY][0],
        inventory_reason=facts[INVENTORY][1],
        software=facts[SOFTWARE][0],
        software_reason=facts[SOFTWARE][1],
        verdicts=tuple(sorted([*verdicts, *missing], key=lambda row: (row.code, row.object))),
        series=_series(session, host, declared, since, until),
        score=score,
        targets=target_facts(session, host, shown_from),
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
                object=named(row.target, row.object),
                state=state,
                current=Text(*row.texts["current"]),
                reference=Text(*row.texts["reference"]),
                message=Text(*row.texts["message"]) if "message" in row.texts else None,
                reason=why,
                observed_at=row.observed_at,
                evidence=row.digest,
                target=row.target,
            )
        )
    return rows


def _system_name(inventory: Mapping[str, object] | None) -> str:
    """Return the operating system with its version, as the host calls it."""
    system = (inventory or {}).get("system")
    name = system.get("name") if isinstance(system, Mapping) else None
    return name if isinstance(name, str) else ""


def _series(
    session: Session, host: Host, declared: list[tuple[str, str]], since: datetime, until: datetime
) -> dict[tuple[str, str, str], tuple[Point, ...]]:
    known = session.execute(
        select(Series.id, Series.check, Series.measure, Series.target, Series.object).where(
            Series.customer_id == host.customer_id,
            Series.host_id == host.id,
            tuple_(Series.check, Series.measure).in_(declared),
        )
    )
    keys = {row.id: (row.check, row.measure, named(row.target, row.object)) for row in known}
    rows = session.execute(
        select(SeriesPoint.series_id, SeriesPoint.at, SeriesPoint.value)
        .where(
            SeriesPoint.customer_id == host.customer_id,
            SeriesPoint.series_id.in_(keys),
            SeriesPoint.at >= since,
            SeriesPoint.at < until,
        )
        .order_by(SeriesPoint.series_id, SeriesPoint.at)
    )
    gathered: dict[int, list[Point]] = {}
    for series, at, value in rows:
        gathered.setdefault(series, []).append(Point(at, value))
    return {keys[series]: tuple(points) for series, points in gathered.items()}
