"""What the tests of bundles share: a host that is enrolled on disk, and its bundle."""

import io
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pyrage.x25519 import Identity as AgeIdentity
from sqlalchemy import select

from agent import enrolment
from agent.export import Slip, export
from agent.identity import Identity
from agent.spool import Spool
from collector.bundles.opening import opened
from collector.bundles.service import Import, Imported, import_bundle
from collector.customers.models import Agent
from collector.customers.service import ensure_host_of
from collector.database import Database
from collector.enrolment.service import approve, enrol, open_slot
from collector.errors import BundleRefused
from collector.identity import Identity as CollectorIdentity
from collector.intake.models import StoredBatch
from collector.intake.service import Upload, accept
from tests.agent.spooling import inspected
from tests.enrolled import COLLECTOR, HOST
from tests.messages import START, observation
from wire import bundle
from wire.control import MANIFEST, Manifest
from wire.envelope import enclose

LATER = START + timedelta(days=1)


@dataclass(frozen=True)
class Host:
    """An enrolled agent with its state folder."""

    state: Path
    known: Identity

    def inspect(self, count: int = 1, *, start: int = 0) -> None:
        """Put inspections into the spool."""
        with_spool = Spool(self.state)
        for number in range(start, start + count):
            facts = observation("sample.load", {"loads": {"/": float(number)}})
            at = START + timedelta(hours=number)
            inspected(with_spool, f"inspection-{number}", facts, at=at)
        with_spool.close()

    def export(self, target: Path, *, part_bytes: int = 2**31, replace: bool = False) -> Slip:
        """Write the bundle of what waits."""
        spool = Spool(self.state)
        try:
            slip = export(spool, self.known, target, part_bytes=part_bytes, replace=replace)
        finally:
            spool.close()
        assert slip is not None
        return slip

    def waiting(self) -> int:
        """Return how many batches wait."""
        spool = Spool(self.state)
        try:
            return len(spool.pending())
        finally:
            spool.close()

    def uploads(self, at: datetime = LATER) -> list[Upload]:
        """Return what waits as it would go over HTTP."""
        spool = Spool(self.state)
        try:
            batches = [spool.batch(place) for place in spool.pending()]
        finally:
            spool.close()
        return [
            Upload(
                each.agent,
                each.epoch,
                each.seq,
                each.batch.payload,
                each.batch.digest,
                at,
                each.key_id,
                each.signature,
            )
            for each in batches
        ]


def enrolled_host(
    database: Database,
    state: Path,
    *,
    customer: str = "示例公司",
    name: str = "erp-db",
    approved: bool = True,
    collector: CollectorIdentity = COLLECTOR,
) -> Host:
    """Enrol a host by the real steps of both sides."""
    with database.writing() as session:
        machine = ensure_host_of(
            session,
            customer=customer,
            site="总部机房",
            time_zone="Asia/Shanghai",
            host=name,
            now=START,
        )
        code = open_slot(session, machine, "tester", START).code
        answer = enrol(session, collector, enrolment.request(state, code, HOST), START)
        known = enrolment.conclude(state, answer)
        if approved:
            agent = session.scalars(select(Agent).where(Agent.id == known.agent)).one()
            approve(session, agent, "tester", START)
    return Host(state, known)


def import_file(
    database: Database,
    file: Path,
    *,
    customer: str | None = None,
    collector: CollectorIdentity = COLLECTOR,
    now: datetime | None = None,
) -> Imported:
    """Import a bundle as the command does."""
    order = Import("tester", now or datetime.now(UTC), file.name, customer)
    with opened(file, collector.age, file.parent, lambda _: None) as read:
        return import_bundle(database, collector, read, order, lambda _: None)


def is_refused(database: Database, file: Path) -> bool:
    """Tell whether a bundle is refused."""
    with suppress(BundleRefused):
        import_file(database, file)
        return False
    return True


def deliver(database: Database, uploads: Sequence[Upload]) -> None:
    """Take uploads in as over HTTP."""
    with database.writing() as session:
        accept(session, uploads)


def stored(database: Database) -> list[StoredBatch]:
    """Return all batches that the collector has, in order of arrival."""
    with database.reading() as session:
        return list(session.scalars(select(StoredBatch).order_by(StoredBatch.received_at)))


def written(
    file: Path,
    manifest: Manifest,
    frames: Iterable[bytes],
    host: Host,
    *,
    recipients: Sequence[str] | None = None,
) -> Path:
    """Write a bundle of any content, signed by the host's key."""
    with file.open("wb") as out:
        bundle.write(
            out,
            enclose(manifest, MANIFEST, host.known.key),
            frames,
            manifest.recipients if recipients is None else recipients,
        )
    return file


def plain_of(file: Path, collector: CollectorIdentity = COLLECTOR) -> tuple[Manifest, bytes]:
    """Return the manifest of a bundle, and its frames as they stand in it."""
    with file.open("rb") as sealed:
        bundle.read_start(sealed)
        plain = io.BytesIO()
        bundle.decrypt(sealed, plain, collector.age)
    plain.seek(0)
    _, manifest = bundle.read_manifest(plain)
    return manifest, plain.read()


STRANGER = CollectorIdentity(COLLECTOR.key, AgeIdentity.generate())
"""A collector that can't open what was encrypted to ours."""
