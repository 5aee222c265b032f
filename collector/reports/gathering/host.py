"""Gather one host: newest verdicts, inventory, series, its two numbers."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Failure, Point, State, Text
from checks.discovery import Catalogue
from checks.wording import reason
from collector.assessment.models import (
    NewestObservation,
    Series,
    SeriesPoint,
    StoredInspection,
    StoredVerdict,
)
from collector.assessment.score import CATEGORY_OF, Judged, of_host
from collector.assessment.service import expected
from collector.customers.models import Host
from collector.intake.models import StoredBatch
from collector.reports.material import HostMaterial, VerdictRow
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
                object=named(row.target, row.object),
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


def named(target: str, name: str) -> str:
    """Return how an object is shown: with its target where it has one."""
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
        gathered.setdefault((check, measure, named(target, name)), []).append(Point(at, value))
    return {key: tuple(points) for key, points in gathered.items()}
