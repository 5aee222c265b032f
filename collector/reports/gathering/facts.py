"""Gather the newest facts that the report prints as they are: of a host, and of its targets."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from checks.api import Failure, Text
from checks.wording import reason
from collector.assessment.models import NewestObservation, StoredInspection
from collector.customers.models import Host
from collector.intake.models import StoredBatch
from collector.reports.material import TargetFacts
from wire.batch import open_batch
from wire.errors import WireError
from wire.messages import Observation, Reason

Facts = tuple[Mapping[str, object] | None, Text | None]
"""A check's facts as plain JSON values, or why there are none."""


def newest_facts(session: Session, host: Host, checks: tuple[str, ...]) -> dict[str, Facts]:
    """Return the newest facts of each of the checks, a batch that holds several read once."""
    rows = session.execute(
        select(NewestObservation.check, StoredBatch.digest, StoredBatch.payload)
        .join(
            StoredBatch,
            (StoredBatch.customer_id == NewestObservation.customer_id)
            & (StoredBatch.digest == NewestObservation.facts_digest),
        )
        .where(
            NewestObservation.customer_id == host.customer_id,
            NewestObservation.host_id == host.id,
            NewestObservation.check.in_(checks),
        )
    )
    found: dict[str, Facts] = dict.fromkeys(checks, (None, reason(Failure(Reason.NOT_SELECTED))))
    opened: dict[str, tuple[Observation, ...]] = {}
    for check, digest, payload in rows:
        try:
            if digest not in opened:
                opened[digest] = tuple(open_batch(payload).observations)
            for observation in opened[digest]:
                if observation.check == check and isinstance(observation.facts, msgspec.Raw):
                    found[check] = (msgspec.json.decode(observation.facts, type=dict), None)
        except (WireError, msgspec.MsgspecError) as error:
            found[check] = (None, reason(Failure(Reason.ERROR, str(error)[:200])))
    missing = {check for check, (facts, _) in found.items() if facts is None}
    for observation in _last_inspection(session, host) if missing else ():
        if observation.check in missing and observation.failure is not None:
            found[observation.check] = (None, reason(observation.failure))
    return found


def _last_inspection(session: Session, host: Host) -> tuple[Observation, ...]:
    """Return the observations of the newest inspection, for the reasons of what it lacks."""
    newest = (
        select(StoredInspection.id)
        .where(
            StoredInspection.customer_id == host.customer_id, StoredInspection.host_id == host.id
        )
        .order_by(StoredInspection.started_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    payloads = session.scalars(
        select(StoredBatch.payload).where(
            StoredBatch.customer_id == host.customer_id, StoredBatch.inspection_id == newest
        )
    )
    return tuple(each for payload in payloads for each in open_batch(payload).observations)


def target_facts(session: Session, host: Host, since: datetime) -> tuple[TargetFacts, ...]:
    """Return the newest facts of products and of instances of databases, by check and target.

    Entries that were not tried since then are left out: the settings have them no more.
    """
    rows = session.scalars(
        select(NewestObservation)
        .where(
            NewestObservation.customer_id == host.customer_id,
            NewestObservation.host_id == host.id,
            NewestObservation.target != "",
            NewestObservation.observed_at >= since,
            or_(
                NewestObservation.check.startswith("product.", autoescape=True),
                NewestObservation.check.endswith(".instance", autoescape=True),
            ),
        )
        .order_by(NewestObservation.check, NewestObservation.target)
    ).all()
    facts, refusals = _of_batches(session, host, {row.facts_digest for row in rows}), None
    found = []
    for row in rows:
        why = None
        if row.facts_at is None or row.facts_at < row.observed_at:
            if refusals is None:
                refusals = {
                    (each.check, each.target.name): each.failure
                    for each in _last_inspection(session, host)
                    if each.failure is not None
                }
            failure = refusals.get((row.check, row.target), Failure(Reason.NOT_SELECTED))
            why = reason(failure)
        found.append(
            TargetFacts(
                row.check,
                row.target,
                facts.get((row.check, row.target)),
                row.facts_at or row.observed_at,
                why,
            )
        )
    return tuple(found)


def _of_batches(
    session: Session, host: Host, digests: Iterable[str | None]
) -> Mapping[tuple[str, str], Mapping[str, object]]:
    """Return the facts in some batches by check and target; one that can't be read has none."""
    payloads = session.scalars(
        select(StoredBatch.payload).where(
            StoredBatch.customer_id == host.customer_id,
            StoredBatch.digest.in_([digest for digest in digests if digest is not None]),
        )
    )
    found: dict[tuple[str, str], Mapping[str, object]] = {}
    newest: dict[tuple[str, str], datetime] = {}
    for payload in payloads:
        try:
            observations = open_batch(payload).observations
        except WireError:
            continue
        for each in observations:
            key = (each.check, each.target.name)
            if isinstance(each.facts, msgspec.Raw) and (
                key not in newest or newest[key] < each.observed_at
            ):
                newest[key] = each.observed_at
                found[key] = msgspec.json.decode(each.facts, type=dict)
    return found
