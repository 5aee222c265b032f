"""Assess what has arrived: open each pending batch, judge it, record the conclusions."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from uuid import uuid4

import msgspec
from msgspec import structs
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from checks.api import Arrival
from checks.discovery import Catalogue
from collector.assessment.clocks import Clocks, clocks_of
from collector.assessment.host_score import score_of
from collector.assessment.models import StoredInspection
from collector.assessment.naming import bounded_system
from collector.assessment.past import History
from collector.assessment.reading import Conclusion, Unread, conclude
from collector.assessment.recording import Recorder
from collector.customers.models import Agent, Host
from collector.database import Database
from collector.enrolment.models import AgentKey, Alarm, AlarmKind
from collector.errors import DatabaseUnusable
from collector.intake.models import ASSESSED, PENDING, QUARANTINED, Quarantine, StoredBatch
from collector.policy.store import policy_for
from collector.sessions.inspections import made, remote_of
from wire.batch import Opened, open_batch
from wire.errors import WireError
from wire.messages import Gap, Observation

logger = logging.getLogger(__name__)
MOST_UNREAD = 100
"""Entries of the quarantine for one batch; its bytes are all kept. Own figure."""


@dataclass(frozen=True)
class _Place:
    """Where a batch stands in the record."""

    customer_id: str
    agent_id: str
    epoch: str
    branch: str
    seq: int


def assess_pending(database: Database, catalogue: Catalogue) -> int:
    """Assess every pending batch, oldest first; return how many there were.

    A batch that can't be assessed, whatever the reason, is quarantined and holds up no other.
    Raise DatabaseUnusable if the database can't be written; then all stays pending.
    """
    done = 0
    while assess_next(database, catalogue):
        done += 1
    return done


def assess_next(database: Database, catalogue: Catalogue) -> bool:
    """Assess the oldest pending batch as assess_pending does; return False if there is none."""
    place = _next(database)
    if place is None:
        return False
    try:
        with database.reading() as session:
            assessed = _assess(session, place, catalogue)
        with database.writing(alone=True) as session:
            _record(session, place, assessed, catalogue)
    except DatabaseUnusable:
        raise
    # The boundary of the job: what a hostile or odd batch makes fail here is shown, and kept.
    except Exception as error:
        logger.exception("batch %s can't be assessed", place)
        with database.writing(alone=True) as session:
            _quarantine(session, place, f"The batch can't be assessed: {error!r}"[:1000])
    return True


def pending_span(database: Database) -> tuple[datetime, datetime] | None:
    """Return when the oldest and the newest pending batch came; None if none is pending."""
    # One query each: so SQLite takes the two ends of the index and reads nothing between them.
    pending = select(StoredBatch.received_at).where(StoredBatch.state == PENDING).limit(1)
    with database.reading() as session:
        first = session.scalar(pending.order_by(StoredBatch.received_at))
        last = session.scalar(pending.order_by(StoredBatch.received_at.desc()))
    return (first, last) if first is not None and last is not None else None


def _next(database: Database) -> _Place | None:
    with database.reading() as session:
        row = session.execute(
            select(
                StoredBatch.customer_id,
                StoredBatch.agent_id,
                StoredBatch.epoch,
                StoredBatch.branch,
                StoredBatch.seq,
            )
            .where(StoredBatch.state == PENDING)
            .order_by(StoredBatch.received_at, StoredBatch.seq)
            .limit(1)
        ).first()
    return _Place(*row) if row else None


def _quarantine(session: Session, place: _Place, reason: str) -> None:
    batch = session.get_one(StoredBatch, tuple(asdict(place).values()))
    if batch.state != PENDING:
        return
    batch.state = QUARANTINED
    session.add(
        Quarantine(
            customer_id=place.customer_id,
            id=uuid4().hex,
            agent_id=place.agent_id,
            digest=batch.digest,
            line=None,
            reason=reason,
            created_at=datetime.now(UTC),
        )
    )


_Reading = tuple[str, str, str, float]


@dataclass(frozen=True)
class _Assessed:
    host_id: str
    digest: str
    offset_seconds: float | None
    opened: Opened | None
    whole: tuple[Observation, ...]
    conclusions: tuple[Conclusion, ...]
    unread: tuple[Unread, ...]


def _assess(session: Session, place: _Place, catalogue: Catalogue) -> _Assessed:
    batch = session.get_one(StoredBatch, tuple(asdict(place).values()))
    host_id = session.scalar(
        select(Agent.host_id).where(
            Agent.customer_id == place.customer_id, Agent.id == place.agent_id
        )
    )
    assert host_id is not None
    clocks = _clocks(session, batch)
    offset = clocks.offset_seconds

    def unread(reason: str) -> _Assessed:
        return _Assessed(host_id, batch.digest, offset, None, (), (), (Unread(None, reason),))

    try:
        opened = open_batch(batch.payload)
    except WireError as error:
        return unread(str(error))
    header = opened.header
    if (header.agent, header.epoch, header.seq) != (place.agent_id, place.epoch, place.seq):
        said = f"agent {header.agent}, epoch {header.epoch}, seq {header.seq}"
        return unread(f"The batch says that it is of {said}: not the place it was sent to.")
    run, observations = clocks.placed(header.inspection, opened.observations)
    remote = remote_of(session, place.customer_id, batch.key_id, run.remote)
    # Whoever starts a remote inspection is a person: there is no schedule that could be missed.
    interval = run.interval_seconds if remote is None else 0.0
    run = structs.replace(run, remote=remote, interval_seconds=interval)
    earlier, gaps = _earlier_parts(session, place, run.id)
    # Two copies of a spool (a clone, a snapshot) seal what waited in it apart: it counts once.
    observations = tuple(each for each in observations if _reading(each) not in earlier)
    opened = structs.replace(
        opened, header=structs.replace(header, inspection=run), observations=observations
    )
    arrival = Arrival(
        inspection=run,
        observations=(*earlier.values(), *observations),
        key_id=batch.key_id,
        by_bundle=batch.bundle is not None,
        offset_seconds=offset,
        gaps=tuple(dict.fromkeys((*gaps, *header.gaps))),
        forked_at=_forked_at(session, place),
        received_at=batch.received_at,
    )
    history = History(session, place.customer_id, host_id)
    policy = policy_for(session, place.customer_id, host_id, run.started_at)
    conclusions, odd = conclude(opened, arrival, catalogue.checks, history, policy)
    whole = tuple(arrival.observations)
    return _Assessed(host_id, batch.digest, offset, opened, whole, tuple(conclusions), tuple(odd))


def _clocks(session: Session, batch: StoredBatch) -> Clocks:
    public_key = session.scalar(
        select(AgentKey.public_key).where(
            AgentKey.customer_id == batch.customer_id, AgentKey.id == batch.key_id
        )
    )
    return clocks_of(
        batch.received_at,
        batch.delivery,
        agent=batch.agent_id,
        digest=batch.digest,
        public_key=public_key,
    )


def _forked_at(session: Session, place: _Place) -> datetime | None:
    return session.scalar(
        select(func.max(Alarm.at)).where(
            Alarm.customer_id == place.customer_id,
            Alarm.agent_id == place.agent_id,
            Alarm.kind == AlarmKind.FORKED.value,
        )
    )


def _earlier_parts(
    session: Session, place: _Place, inspection_id: str
) -> tuple[Mapping[_Reading, Observation], tuple[Gap, ...]]:
    """Return the observations of the parts that have been assessed, and the gaps they tell."""
    batches = session.scalars(
        select(StoredBatch)
        .where(
            StoredBatch.customer_id == place.customer_id,
            StoredBatch.agent_id == place.agent_id,
            StoredBatch.inspection_id == inspection_id,
            StoredBatch.state == ASSESSED,
        )
        .order_by(StoredBatch.seq)
    )
    observations: dict[_Reading, Observation] = {}
    gaps: list[Gap] = []
    for batch in batches:
        part = open_batch(batch.payload)
        placed = _clocks(session, batch).placed(part.header.inspection, part.observations)
        for each in placed[1]:
            observations.setdefault(_reading(each), each)
        gaps += part.header.gaps
    return observations, tuple(gaps)


def _reading(observation: Observation) -> _Reading:
    """Return what one reading of an inspection is known by, however often it comes."""
    target = observation.target
    return (observation.check, target.kind, target.name, observation.monotonic_seconds)


def _record(session: Session, place: _Place, assessed: _Assessed, catalogue: Catalogue) -> None:
    batch = session.get_one(StoredBatch, tuple(asdict(place).values()))
    if batch.state != PENDING:
        # An assessor that was cut off from the database had its turn taken, and came back.
        return
    now = datetime.now(UTC)
    for unread in bounded_unread(assessed.unread):
        session.add(
            Quarantine(
                customer_id=place.customer_id,
                id=uuid4().hex,
                agent_id=place.agent_id,
                digest=assessed.digest,
                line=unread.line,
                reason=unread.reason,
                created_at=now,
            )
        )
    if assessed.opened is None:
        batch.state = QUARANTINED
        return
    inspection = assessed.opened.header.inspection
    batch.state = ASSESSED
    batch.inspection_id = inspection.id
    Recorder(
        session,
        customer_id=place.customer_id,
        host_id=assessed.host_id,
        inspection_id=inspection.id,
        boot_id=inspection.boot_id,
        digest=assessed.digest,
    ).record(assessed.conclusions)
    session.flush()
    host = session.get_one(Host, (place.customer_id, assessed.host_id))
    host.system = bounded_system(inspection.host.system)
    score = score_of(session, place.customer_id, assessed.host_id, host.system, catalogue.checks)
    session.merge(
        StoredInspection(
            customer_id=place.customer_id,
            host_id=assessed.host_id,
            id=inspection.id,
            started_at=inspection.started_at,
            finished_at=inspection.finished_at,
            boot_id=inspection.boot_id,
            planned=len(inspection.planned),
            collected=sum(1 for each in assessed.whole if each.failure is None),
            agent_version=inspection.agent_version,
            checks_digest=inspection.checks_digest,
            cpu_seconds=inspection.cost.cpu_seconds,
            score=msgspec.to_builtins(score),
            broken=list(inspection.broken),
            offset_seconds=assessed.offset_seconds,
            remote=made(inspection),
        )
    )


def bounded_unread(unread: Sequence[Unread]) -> Sequence[Unread]:
    """Return what is shown of what could not be read: a batch may have thousands of bad lines."""
    more = len(unread) - MOST_UNREAD
    if more <= 0:
        return unread
    return (*unread[:MOST_UNREAD], Unread(None, f"{more} more could not be read either"))
