"""What a shell out of the collector's reach rested on: a proof that was brought as a file."""

from datetime import datetime, timedelta

import pytest

from checks.backup_sets import Level, Result
from collector.database import Database
from collector.identity import Identity
from collector.sessions.proving import proof_of
from tests.collector.backups.place import send
from tests.collector.backups.sample import at, look, point, proof, proofs
from tests.collector.grants.sample import know_collector
from tests.collector.place import Place
from tests.enrolled import COLLECTOR
from wire import envelope
from wire.messages import WIRE_VERSION
from wire.scopes import Scope
from wire.sessions import PROOF, Opening, Proof, Purpose
from wire.signing import PrivateKey

OPENED = at(21, 10)


def told(place: Place, **changes: object) -> Proof:
    known: dict[str, object] = {
        "wire": WIRE_VERSION,
        "customer_id": place.customer_id,
        "host_id": place.host_id,
        "proved_at": at(21, 5),
        "kind": "observation",
        "subject": "erp, 2026-11-20",
        "evidence": "0" * 64,
        "issued_at": at(21, 9),
    }
    return Proof(**(known | changes))  # type: ignore[arg-type] # as the fields are


def rested_on(database: Database, place: Place, brought: bytes | None) -> Proof | None:
    opening = Opening(
        wire=WIRE_VERSION,
        session="session-1",
        grant="grant-1",
        customer_id=place.customer_id,
        host_id=place.host_id,
        agent="remote-1",
        person="张工",
        key_id="0" * 64,
        purpose=Purpose.SHELL,
        scopes=(Scope.CHANGE,),
        address="root@10.0.0.5:22",
        public_key=PrivateKey.generate().public,
        opened_at=OPENED,
        proof=brought,
    )
    know_collector(database)
    with database.reading() as session:
        return proof_of(session, opening, OPENED)


def signed(message: Proof, identity: Identity = COLLECTOR) -> bytes:
    return identity.sign(message, PROOF)


def test_one_that_the_collector_signed_for_this_host_counts(
    database: Database, place: Place
) -> None:
    assert rested_on(database, place, None) is None
    assert rested_on(database, place, signed(told(place))) == told(place)


@pytest.mark.parametrize(
    "changes",
    [
        {"host_id": "another"},
        {"customer_id": "another"},
        {"proved_at": OPENED - timedelta(hours=24, seconds=1)},
        {"proved_at": OPENED + timedelta(seconds=1)},
    ],
    ids=["other host", "other customer", "older than a day", "of the future"],
)
def test_one_of_another_place_or_day_does_not(
    database: Database, place: Place, changes: dict[str, object]
) -> None:
    assert rested_on(database, place, signed(told(place, **changes))) is None


def test_one_that_the_engineer_signed_himself_does_not(database: Database, place: Place) -> None:
    forged = envelope.enclose(told(place), PROOF, PrivateKey.generate())
    assert rested_on(database, place, forged) is None
    assert rested_on(database, place, b"{}") is None


@pytest.mark.parametrize(("failed", "counts"), [(at(21, 8), False), (at(21, 4), True)])
def test_one_does_not_where_a_backup_was_found_damaged_since(
    database: Database, place: Place, failed: datetime, counts: bool
) -> None:
    bad = proof("erp-20.dump", Level.STRUCTURE, failed, Result.FAILED, detail="crc")
    seen = look(at(21, 8.5), point(20), proved=(*proofs(20, 28, Level.HASHED), bad))
    send(database, place, [seen])
    assert (rested_on(database, place, signed(told(place))) is not None) is counts
