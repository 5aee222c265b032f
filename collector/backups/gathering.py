"""Gather the backups of a customer from the database, for the report."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.backup_sets import Level, Proof, RestorePoint
from checks.wording import reason
from collector.backups.days import Day
from collector.backups.evidence import SeenProof
from collector.backups.known import Known, days_of, known_of, told
from collector.backups.local import Scene
from collector.backups.material import SetMaterial, Share
from collector.backups.models import BackupSet
from collector.backups.recovery import good_points, months, recovery
from collector.backups.sight import Sight, sight
from collector.backups.windows import zone_of
from collector.customers.models import Customer, Host


def gather_backups(
    session: Session, customer_id: str, since: date, until: date, now: datetime
) -> tuple[SetMaterial, ...]:
    """Return every backup set of a customer for the backup days from since to until, both included,
    as known at `now`; by host and name. A set that could never be looked at has nothing to tell."""
    rows = session.scalars(
        select(BackupSet)
        .join(Host, (Host.customer_id == BackupSet.customer_id) & (Host.id == BackupSet.host_id))
        .where(BackupSet.customer_id == customer_id)
        .order_by(Host.name, BackupSet.name)
    ).all()
    customer = session.get_one(Customer, customer_id)
    found = []
    for row in rows:
        known = known_of(session, row, since)
        if known.declaration is not None:
            found.append(_material(session, customer.name, known, since, until, now))
    return tuple(found)


def scene_of(known: Known, now: datetime) -> Scene:
    """Return what is known of a set under what is expected now. It has a declaration."""
    declaration = known.declaration
    assert declaration is not None
    zone = zone_of(declaration.schedule, known.zone)
    return Scene(declaration, sight(known.evidence), zone, now, known.counterparts, {})


def newest_good(scene: Scene) -> tuple[RestorePoint, ...]:
    """Return the newest good restore point that is still there; one of each declared object."""
    good = [each for each in reversed(good_points(scene)) if not each.gone]
    names = scene.declaration.objects
    if not names:
        return tuple(each.point for each in good[:1])
    first = (next((each for each in good if each.point.object == name), None) for name in names)
    return tuple(each.point for each in first if each is not None)


def _material(
    session: Session, customer: str, known: Known, since: date, until: date, now: datetime
) -> SetMaterial:
    scene = scene_of(known, now)
    begins = max(since, known.begins)
    days = _begun(days_of(session, known, begins, until, now), scene, now)
    seen = scene.sight
    opens = datetime.combine(begins, time(), scene.zone).astimezone(UTC)
    period = datetime.combine(since, time(), scene.zone).astimezone(UTC)
    closes = datetime.combine(until + timedelta(days=1), time(), scene.zone).astimezone(UTC)
    facts = told(known.row)
    present = [each for each in seen.candidates if not each.gone]
    good = [each for each in good_points(scene) if not each.gone]
    last = seen.tries[-1] if seen.tries else None
    return SetMaterial(
        customer=customer,
        site=known.site,
        host_id=known.row.host_id,
        host=known.host,
        name=known.row.name,
        declaration=scene.declaration,
        zone=scene.zone.key,
        since=begins,
        days=days,
        months=months(days),
        recovery=recovery(scene, opens, min(closes, now)),
        newest=newest_good(scene),
        points=len(present),
        oldest_at=good[0].started if good else None,
        proofs=_newest_proofs(known),
        drills=_drills(seen, period, closes),
        share=_share(known),
        looked_at=known.row.listed_at,
        last_facts=facts,
        not_looked=str(reason(last.failure)) if last and last.failure else "",
    )


def _begun(days: Sequence[Day], scene: Scene, now: datetime) -> tuple[Day, ...]:
    """Return the days that have begun."""
    today = now.astimezone(scene.zone).date()
    return tuple(day for day in days if day.day <= today)


def _newest_proofs(known: Known) -> tuple[tuple[Level, Proof], ...]:
    newest: dict[Level, SeenProof] = {}
    for key, proof in known.evidence.proofs.items():
        if key.level not in newest or newest[key.level].at < proof.at:
            newest[key.level] = proof
    return tuple((level, newest[level].proof) for level in Level if level in newest)


def _drills(seen: Sight, opens: datetime, closes: datetime) -> tuple[Proof, ...]:
    return tuple(each.proof for each in reversed(seen.drills) if opens <= each.at < closes)


def _share(known: Known) -> Share | None:
    facts = told(known.row)
    if facts is None or facts.work is None or known.row.listed_at is None:
        return None
    return Share(known.row.listed_at, facts.work.stored_bytes, facts.work.proven_bytes)
