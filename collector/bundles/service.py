"""Import a bundle: all of it in one transaction, through the same door as uploads, or nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Text
from collector.bundles import refusals
from collector.bundles.opening import Heard, OpenBundle
from collector.customers.models import Agent, Customer, Host, Site
from collector.database import Database
from collector.enrolment.models import AgentKey
from collector.enrolment.record import Person, audit
from collector.enrolment.service import rotated
from collector.errors import BundleRefused, Refused
from collector.identity import Identity
from collector.intake.service import Upload, accept
from collector.sessions.taking import read_statement, take
from collector.sessions.words import DENIALS
from wire import envelope
from wire.batch import digest_of
from wire.codes import fingerprint, numbers
from wire.control import RECEIPT, Manifest, Receipt, Rotated
from wire.errors import BadSignature
from wire.messages import WIRE_VERSION, Acknowledgement, Standing
from wire.sessions import Closing

MOST_IN_GROUP = 64
MOST_GROUP_BYTES = 2**24
"""What of a bundle is in memory at once; own figures."""


@dataclass(frozen=True)
class Import:
    """Who imports, when, and what he expects."""

    person: Person
    now: datetime
    file: str
    """Name of the file, for the record."""
    customer: str | None = None
    """Name of the only customer whose bundles may come in."""


@dataclass(frozen=True)
class Imported:
    """What came of a bundle; it is durable."""

    bundle: str
    part: int
    parts: int
    agent: str
    customer: str
    site: str
    time_zone: str
    host: str
    standing: Standing
    exported_at: datetime
    """By the clock of the host."""
    batches: int
    duplicates: int
    """Batches that had come before, by this way or another."""
    forks: int
    words: str
    numbers: str
    receipt: bytes
    """In its envelope."""


def import_bundle(
    database: Database, identity: Identity, bundle: OpenBundle, order: Import, heard: Heard
) -> Imported:
    """Store all batches of a bundle, after the changes of keys and the sessions that it carries.

    A session that is not permitted is kept on its own, and the bundle is refused: nothing of it is
    stored before somebody has taken the session in.

    Raise BundleRefused, and nothing of it is stored; DatabaseUnusable likewise.
    """
    manifest = bundle.manifest
    with (
        _alarming(database, manifest.agent, order),
        _keeping(database, identity, order),
        database.writing(alone=bool(manifest.sessions)) as session,
    ):
        place = _place(session, manifest, order)
        for statement in manifest.sessions:
            _take_session(session, identity, manifest.agent, statement, order.now)
        confirmed = tuple(
            _rotated(session, manifest.agent, statement, order.now)
            for statement in manifest.rotations
        )
        _check_sender(session, bundle, identity)
        answers: list[Acknowledgement] = []
        for group in _groups(_uploads(bundle, order.now)):
            answers += _accepted(session, group)
            heard(sum(len(upload.payload) for upload in group))
        imported = _imported(bundle, identity, place, answers, confirmed, order)
        audit(
            session,
            place.customer.id,
            order.person,
            "bundle.imported",
            f"bundle {manifest.bundle} part {manifest.part}/{manifest.parts}, "
            f"agent {manifest.agent}",
            after={
                "file": order.file[:255],
                "batches": imported.batches,
                "duplicates": imported.duplicates,
                "forks": imported.forks,
                "rotations": len(confirmed),
            },
            now=order.now,
        )
    return imported


@dataclass(frozen=True)
class _Place:
    """Whose bundle it is, as the database knows it."""

    customer: Customer
    site: Site
    host: Host
    agent: Agent


class _RotationRefused(BundleRefused):
    """A change of keys that is not made; it may have been worth an alarm."""

    def __init__(self, statement: bytes) -> None:
        super().__init__(refusals.WRONG_KEY)
        self.statement = statement


@contextmanager
def _alarming(database: Database, agent: str, order: Import) -> Iterator[None]:
    """Write down the alarm of a refused change of keys: its own transaction is rolled back."""
    try:
        yield
    except _RotationRefused as error:
        with database.writing() as session, suppress(Refused):
            rotated(session, agent, error.statement, order.now)
        raise


class _SessionRefused(BundleRefused):
    """A session that is not permitted; its opening is kept all the same."""

    def __init__(self, text: Text, statement: bytes) -> None:
        super().__init__(text)
        self.statement = statement


@contextmanager
def _keeping(database: Database, identity: Identity, order: Import) -> Iterator[None]:
    """Keep the opening of a refused session, with its alarm: its transaction is rolled back."""
    try:
        yield
    except _SessionRefused as error:
        with database.writing(alone=True) as session, suppress(Refused):
            take(session, identity, error.statement, order.now)
        raise


def _take_session(
    session: Session, identity: Identity, agent: str, statement: bytes, now: datetime
) -> None:
    try:
        message = read_statement(statement)
        if isinstance(message, Closing) or message.agent != agent:
            raise BundleRefused(refusals.WRONG_SESSION)
        denial = take(session, identity, statement, now)
    except Refused as error:
        raise BundleRefused(refusals.WRONG_SESSION) from error
    if denial is not None:
        why = DENIALS[denial]
        told = Text(
            refusals.SESSION_DENIED.zh.format(session=message.session, why=why.zh),
            refusals.SESSION_DENIED.en.format(session=message.session, why=why.en),
        )
        raise _SessionRefused(told, statement)


def _place(session: Session, manifest: Manifest, order: Import) -> _Place:
    agent = session.scalar(select(Agent).where(Agent.id == manifest.agent))
    if agent is None:
        raise BundleRefused(refusals.UNKNOWN_AGENT)
    customer = session.get_one(Customer, agent.customer_id)
    host = session.get_one(Host, (agent.customer_id, agent.host_id))
    site = session.get_one(Site, (agent.customer_id, host.site_id))
    if agent.standing == Standing.REVOKED.value:
        raise BundleRefused(refusals.REVOKED.format(host=host.name))
    if manifest.customer_id != customer.id:
        raise BundleRefused(refusals.WRONG_CUSTOMER)
    if order.customer is not None and order.customer != customer.name:
        raise BundleRefused(
            refusals.OTHER_CUSTOMER.format(owner=customer.name, wanted=order.customer)
        )
    return _Place(customer, site, host, agent)


def _rotated(session: Session, agent: str, statement: bytes, now: datetime) -> Rotated:
    try:
        return rotated(session, agent, statement, now)
    except Refused as error:
        raise _RotationRefused(statement) from error


def _check_sender(session: Session, bundle: OpenBundle, identity: Identity) -> None:
    """Return if a key of the agent has signed the manifest, and meant this collector."""
    manifest = bundle.manifest
    key = session.scalar(
        select(AgentKey).where(AgentKey.id == manifest.key_id, AgentKey.agent_id == manifest.agent)
    )
    if key is None:
        raise BundleRefused(refusals.UNKNOWN_AGENT)
    try:
        envelope.check(bundle.envelope, {key.id: key.public_key})
    except BadSignature as error:
        raise BundleRefused(refusals.UNKNOWN_AGENT) from error
    if manifest.collector_key_id != identity.key.id:
        raise BundleRefused(refusals.NOT_FOR_US)


def _uploads(bundle: OpenBundle, now: datetime) -> Iterator[Upload]:
    """Give the batches, a microsecond apart: so they are assessed in the order of the bundle."""
    for number, frame in enumerate(bundle.frames()):
        yield Upload(
            agent=bundle.manifest.agent,
            epoch=frame.epoch,
            seq=frame.seq,
            payload=frame.payload,
            digest=digest_of(frame.payload),
            received_at=now + timedelta(microseconds=number),
            key_id=frame.key_id,
            signature=frame.signature,
            bundle=bundle.manifest.bundle,
        )


def _groups(uploads: Iterator[Upload]) -> Iterator[list[Upload]]:
    group: list[Upload] = []
    size = 0
    for upload in uploads:
        group.append(upload)
        size += len(upload.payload)
        if len(group) == MOST_IN_GROUP or size >= MOST_GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _accepted(session: Session, group: Sequence[Upload]) -> list[Acknowledgement]:
    answers = []
    for upload, answer in zip(group, accept(session, group), strict=True):
        if isinstance(answer, Refused):
            raise BundleRefused(
                refusals.WRONG_BATCH.format(epoch=upload.epoch, seq=upload.seq)
            ) from answer
        answers.append(answer)
    return answers


def _imported(
    bundle: OpenBundle,
    identity: Identity,
    place: _Place,
    answers: Sequence[Acknowledgement],
    confirmed: tuple[Rotated, ...],
    order: Import,
) -> Imported:
    manifest, signed = bundle.manifest, bundle.envelope.payload
    receipt = Receipt(
        wire=WIRE_VERSION,
        bundle=manifest.bundle,
        part=manifest.part,
        agent=manifest.agent,
        imported_at=order.now,
        acknowledgements=tuple(answers),
        rotated=confirmed,
    )
    return Imported(
        bundle=manifest.bundle,
        part=manifest.part,
        parts=manifest.parts,
        agent=manifest.agent,
        customer=place.customer.name,
        site=place.site.name,
        time_zone=place.site.time_zone,
        host=place.host.name,
        standing=Standing(place.agent.standing),
        exported_at=manifest.created_at,
        batches=len(answers),
        duplicates=sum(answer.duplicate for answer in answers),
        forks=sum(answer.forked for answer in answers),
        words=" ".join(fingerprint(signed)),
        numbers=" ".join(numbers(signed)),
        receipt=identity.sign(receipt, RECEIPT),
    )
