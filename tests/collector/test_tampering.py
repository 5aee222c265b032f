"""Flipped and cut off: whatever is signed is refused, or has no effect, wherever it is touched.

S8: a thousand changes for each signed thing, spread over all of it by a fixed seed. For the
collector "no effect" is: no table holds anything else than before. For the agent: no file does.
"""

import base64
import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from agent import enrolment, identity
from agent.errors import AgentError
from agent.replies import Taken, meaning
from agent.spool import Sealed
from agent.transport import Response
from checks.api import Text
from collector.assessment.clocks import clocks_of
from collector.customers.models import Host
from collector.database import Base, Database
from collector.enrolment.service import enrol, open_slot, rotate
from collector.errors import Refused
from collector.intake.service import Upload, accept
from tests.collector.place import Place, uploaded
from tests.enrolled import COLLECTOR, HOST, request_of
from tests.messages import START, batch_of, observation
from wire import envelope
from wire.batch import Batch, digest_of
from wire.control import (
    ACKNOWLEDGEMENT,
    DELIVERY,
    REFUSAL,
    ROTATION,
    TIME,
    Delivery,
    Refusal,
    RefusalKind,
    Rotation,
    TimeAnswer,
)
from wire.errors import WireError
from wire.messages import WIRE_VERSION, Acknowledgement, Standing
from wire.signing import PrivateKey

CHANGES = 1000
KEYS = {COLLECTOR.key.id: COLLECTOR.key.public}


def changed(whole: bytes, count: int = CHANGES) -> Iterator[bytes]:
    """Yield it with one bit flipped, or cut off; half of each bit of it in turn, half anywhere."""
    chosen = random.Random(len(whole))
    for number in range(count):
        if number % 5 == 4:
            yield whole[: chosen.randrange(len(whole))]
            continue
        place = number * len(whole) // count if number % 2 else chosen.randrange(len(whole))
        flipped = bytearray(whole)
        flipped[place] ^= 1 << chosen.randrange(8)
        yield bytes(flipped)


def content(database: Database) -> str:
    """Return a digest over every row of every table."""
    digest = hashlib.sha256()
    with database.reading() as session:
        for table in Base.metadata.sorted_tables:
            rows = sorted(repr(tuple(row)) for row in session.execute(select(table)))
            digest.update(repr((table.name, rows)).encode())
    return digest.hexdigest()


def refused_always(
    database: Database, whole: bytes, take: Callable[[Database, bytes], object]
) -> None:
    """Assert that each change of it is refused and leaves every table as it is."""
    before = content(database)
    taken = [piece for piece in changed(whole) if take(database, piece) is not None]
    assert [piece for piece in taken if not same_meaning(piece, whole)] == []
    assert content(database) == before
    assert take(database, whole) is not None  # and itself is taken


def same_meaning(piece: bytes, whole: bytes) -> bool:
    """Tell whether a change touched nothing that is signed: the spelling of the envelope alone."""
    try:
        return envelope.read(piece) == envelope.read(whole)
    except WireError:
        return False


def accepted(database: Database, upload: Upload) -> object:
    with database.writing() as session:
        (answer,) = accept(session, [upload])
    return None if isinstance(answer, Refused) else answer


def test_a_changed_batch_is_refused(database: Database, place: Place) -> None:
    whole = batch_of(observation("sample.load", {"loads": {"/": 1}}), agent=place.agent).payload
    right = uploaded(place, whole)

    def take(database: Database, payload: bytes) -> object:
        # The signature stays that of the whole.
        return accepted(database, replace(right, payload=payload, digest=digest_of(payload)))

    refused_always(database, whole, take)


def test_a_changed_signature_is_refused(database: Database, place: Place) -> None:
    payload = batch_of(observation("sample.load", {"loads": {"/": 1}}), agent=place.agent).payload
    right = uploaded(place, payload)

    def take(database: Database, signature: bytes) -> object:
        return accepted(database, replace(right, signature=signature))

    refused_always(database, right.signature, take)


def controlled(answer: Callable[..., bytes], *arguments: object) -> bytes | None:
    try:
        return answer(*arguments)
    except Refused:
        return None


def test_a_changed_enrolment_is_refused(database: Database, place: Place) -> None:
    with database.writing() as session:
        host = session.get_one(Host, (place.customer_id, place.host_id))
        code = open_slot(session, host, "tester", START).code

    def take(database: Database, body: bytes) -> object:
        with database.writing() as session:
            answer = controlled(enrol, session, COLLECTOR, body, START)
            if answer is not None and body != whole:
                session.rollback()
            return answer

    whole = request_of(code, PrivateKey.generate())
    refused_always(database, whole, take)


def test_a_changed_rotation_is_refused(database: Database, place: Place) -> None:
    new = PrivateKey.generate()
    statement = Rotation(
        wire=WIRE_VERSION, agent=place.agent, old_key_id=place.key.id, public_key=new.public
    )
    whole = envelope.enclose(statement, ROTATION, place.key, new)

    def take(database: Database, body: bytes) -> object:
        with database.writing() as session:
            answer = controlled(rotate, session, COLLECTOR, place.agent, body, START)
            if answer is not None and body != whole:
                session.rollback()
            return answer

    refused_always(database, whole, take)


def test_changed_clocks_tell_nothing(place: Place) -> None:
    digest = "0" * 64
    told = msgspec.json.encode(
        Delivery(
            agent=place.agent, digest=digest, boot_id="boot-1", wall=START, monotonic_seconds=1.0
        )
    )
    signature = envelope.to_header(place.key.sign(DELIVERY, told))
    whole = f"{base64.b64encode(told).decode()}.{signature}".encode()

    def offset(header: bytes) -> float | None:
        clocks = clocks_of(
            START,
            header.decode("latin-1"),
            agent=place.agent,
            digest=digest,
            public_key=place.key.public,
        )
        return clocks.offset_seconds

    assert offset(whole) == 0.0
    # Bits of base64's last digit before its padding are no bits of the signature: same meaning.
    taken = [piece for piece in changed(whole) if offset(piece) is not None]
    assert all(meant(piece) == meant(whole) for piece in taken)


def meant(header: bytes) -> tuple[bytes, ...]:
    return tuple(base64.b64decode(part) for part in header.split(b"."))


SEALED = Sealed("agent-1", "epoch-1", 1, Batch(b"x", digest_of(b"x")), "0" * 64, b"")


def known() -> identity.Identity:
    return identity.Identity(
        agent="agent-1",
        customer_id="c",
        customer="c",
        site="s",
        host="h",
        collector_key=COLLECTOR.key.public,
        recipients=(),
        key=PrivateKey.generate(),
    )


def reply(status: int, body: bytes) -> object:
    return meaning(Response(status, {}, body), SEALED, known(), "x", datetime.now(UTC))


def test_a_changed_acknowledgement_deletes_nothing() -> None:
    whole = COLLECTOR.sign(
        Acknowledgement(
            wire=WIRE_VERSION,
            agent="agent-1",
            epoch="epoch-1",
            seq=1,
            digest=SEALED.batch.digest,
            received_at=START,
            server_time=START,
            standing=Standing.ACTIVE,
        ),
        ACKNOWLEDGEMENT,
    )
    assert isinstance(reply(200, whole), Taken)
    taken = [piece for piece in changed(whole) if isinstance(reply(200, piece), Taken)]
    assert [piece for piece in taken if not same_meaning(piece, whole)] == []


def test_a_changed_refusal_stops_nobody_for_a_day() -> None:
    refusal = Refusal(
        agent="agent-1", kind=RefusalKind.REVOKED, digest=SEALED.batch.digest, server_time=START
    )
    whole = COLLECTOR.sign(refusal, REFUSAL)

    def said(signed: bytes) -> object:
        body = {"status": 403, "detail": "", "signed": base64.b64encode(signed).decode()}
        return reply(403, msgspec.json.encode(body))

    right = said(whole)
    stopped = [piece for piece in changed(whole) if said(piece) == right]
    assert [piece for piece in stopped if not same_meaning(piece, whole)] == []


def test_a_changed_time_is_not_believed() -> None:
    whole = COLLECTOR.sign(TimeAnswer(nonce="0" * 32, time=START), TIME)
    believed = []
    for piece in changed(whole):
        try:
            envelope.disclose(piece, TIME, TimeAnswer, KEYS)
        except WireError:
            continue
        believed.append(piece)
    assert [piece for piece in believed if not same_meaning(piece, whole)] == []


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def kept_as_it_is(
    state: Path, whole: bytes, take: Callable[[bytes], object], count: int = CHANGES
) -> None:
    before = files(state)
    for piece in changed(whole, count):
        try:
            take(piece)
        except AgentError:
            assert files(state) == before
        else:
            # Nothing that is signed was touched.
            assert same_meaning(piece, whole)
            raise AssertionError("a change was taken")


def test_a_changed_answer_to_an_enrolment_enrols_nobody(
    database: Database, place: Place, tmp_path: Path
) -> None:
    with database.writing() as session:
        host = session.get_one(Host, (place.customer_id, place.host_id))
        code = open_slot(session, host, "tester", START).code
        whole = enrol(session, COLLECTOR, enrolment.request(tmp_path, code, HOST), START)

    def take(body: bytes) -> None:
        try:
            enrolment.read_answer(tmp_path, body)
        except AgentError:
            # What may not be read is not kept either.
            with pytest.raises(AgentError):
                enrolment.conclude(tmp_path, body)
            raise
        if same_meaning(body, whole):
            raise AgentError(Text.same("the same"))
        enrolment.conclude(tmp_path, body)

    kept_as_it_is(tmp_path, whole, take)
    assert enrolment.conclude(tmp_path, whole).agent


def test_a_changed_answer_to_a_rotation_changes_no_key(
    database: Database, place: Place, tmp_path: Path
) -> None:
    with database.writing() as session:
        host = session.get_one(Host, (place.customer_id, place.host_id))
        code = open_slot(session, host, "tester", START).code
        answer = enrol(session, COLLECTOR, enrolment.request(tmp_path, code, HOST), START)
        us = enrolment.conclude(tmp_path, answer)
        whole = rotate(session, COLLECTOR, us.agent, enrolment.rotation(tmp_path, ()), START)

    def take(body: bytes) -> None:
        if same_meaning(body, whole):
            raise AgentError(Text.same("the same"))
        enrolment.confirm_rotation(tmp_path, body)

    kept_as_it_is(tmp_path, whole, take)
    assert enrolment.confirm_rotation(tmp_path, whole).key.id != us.key.id
