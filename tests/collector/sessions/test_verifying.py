"""What was stored of a session proves itself, and any change of it is found."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from collector.database import Database
from collector.enrolment.models import AgentKey
from collector.sessions.keys import key_added
from collector.sessions.models import RecordPart, RemoteSession
from collector.sessions.opening import accept
from collector.sessions.outcome import Outcome
from collector.sessions.record_keeping import close, part_kept
from collector.sessions.verifying import Verified, verified
from tests.collector.sessions.place import (
    NOW,
    Visit,
    a_record,
    a_shell,
    lines_of,
    prove,
    revoke,
    visit,
)
from tests.enrolled import COLLECTOR
from wire import record
from wire.session_parts import SignedPart
from wire.sessions import RECORD
from wire.signing import PrivateKey

FLIPS = 250


@pytest.fixture
def here(database: Database) -> Visit:
    place = visit(database)
    place.open()
    return place


def look(here: Visit) -> Verified:
    with here.database.reading() as session:
        row = session.get_one(RemoteSession, (here.customer_id, here.session))
        return verified(session, row)


def wrong(here: Visit) -> list[str]:
    return [point.what.en for point in look(here).points if point.outcome is Outcome.WRONG]


def test_a_whole_session_is_good(here: Visit) -> None:
    with here.database.writing() as session:
        key_added(session, here.session, here.key_statement(PrivateKey.generate()), NOW)
    here.deliver(a_record(here))
    found = look(here)
    assert [point.outcome for point in found.points] == [Outcome.GOOD] * len(found.points)
    assert found.story.lines == 7
    assert [each.command for each in found.story.commands] == ["uname -a"]


def test_what_has_not_come_is_incomplete_and_not_good(here: Visit) -> None:
    assert look(here).outcome is Outcome.INCOMPLETE
    lines = a_record(here)
    with here.database.writing() as session:
        close(session, COLLECTOR, here.session, here.closing(lines), NOW)
    assert look(here).outcome is Outcome.INCOMPLETE
    key = here.engineer
    for number, content in ((3, lines[4:]), (1, lines[:2])):
        payload = b"".join(content)
        part = SignedPart(number, payload, key.id, key.sign(RECORD, payload))
        with here.database.writing() as session:
            part_kept(session, here.upload(part), NOW)
        assert look(here).outcome is not Outcome.GOOD
    payload = b"".join(lines[2:4])
    part = SignedPart(2, payload, key.id, key.sign(RECORD, payload))
    with here.database.writing() as session:
        part_kept(session, here.upload(part), NOW)
    assert look(here).outcome is Outcome.GOOD


def test_an_end_that_says_fewer_lines_than_there_are_is_wrong(here: Visit) -> None:
    lines = a_record(here)
    with here.database.writing() as session:
        for part in here.parts(lines):
            part_kept(session, here.upload(part), NOW)
        close(session, COLLECTOR, here.session, here.closing(lines[:-1]), NOW)
    assert wrong(here) == ["the signed end is that of the record"]


def test_a_record_of_another_session_is_found(here: Visit) -> None:
    other = here.another("session-2")
    here.deliver(a_record(other))
    assert wrong(here) == ["the record begins with this opening"]


def test_a_record_without_its_end_line_is_wrong(here: Visit) -> None:
    here.deliver(a_record(here)[:-1])
    assert wrong(here) == ["the signed end is that of the record"]


def test_a_refused_session_is_told_until_somebody_takes_it_in(database: Database) -> None:
    place = visit(database)
    revoke(place, NOW - timedelta(minutes=1))
    place.open()
    place.deliver(a_record(place))
    assert wrong(place) == [
        "the grant was valid when the session was opened",
        "the collector has permitted the session",
    ]
    with database.writing() as session:
        accept(session, session.scalars(select(RemoteSession)).one(), "why", "manager", NOW)
    assert wrong(place) == ["the grant was valid when the session was opened"]


def test_who_connects_although_refused_is_found(database: Database) -> None:
    from wire.envelope import read
    from wire.grants import Denial
    from wire.sessions import OPENED

    place = visit(database)
    revoke(place, NOW - timedelta(minutes=1))
    answer = place.open()
    assert answer.denial is Denial.REVOKED
    lines = lines_of(
        record.SessionOpened(place.opening, place.grant_envelope(), COLLECTOR.sign(answer, OPENED)),
        record.Connected("10.0.0.5:22", "root", "key", "inventory", "publickey"),
        record.Ended("completed"),
    )
    assert read(lines and place.opening)
    place.deliver(lines)
    assert "the record begins with this opening" in wrong(place)


def test_free_work_is_good_with_its_proof_only(database: Database) -> None:
    place = visit(database).shell("session-1")
    prove(place, NOW - timedelta(hours=1))
    place.open()
    place.deliver(a_shell(place))
    found = look(place)
    assert found.outcome is Outcome.GOOD
    assert (found.story.sent_bytes, found.story.received_bytes) == (22, 11)
    with database.writing() as session:
        session.execute(update(RemoteSession).values(proof=None))
    assert wrong(place) == ["a backup was proved good before the change"]


FIELDS = ("opening", "closing", "proof", "payload", "signature", "statement")


@pytest.mark.parametrize("field", FIELDS)
def test_any_flip_in_what_is_stored_is_found(database: Database, field: str) -> None:
    place = visit(database).shell("session-1")
    prove(place, NOW - timedelta(hours=1))
    place.open()
    with database.writing() as session:
        key_added(session, place.session, place.key_statement(PrivateKey.generate()), NOW)
    place.deliver(a_shell(place))
    assert look(place).outcome is Outcome.GOOD
    table = {"payload": RecordPart, "signature": RecordPart, "statement": AgentKey}
    model = table.get(field, RemoteSession)
    column = getattr(model, field)
    with database.reading() as session:
        contents = list(session.scalars(select(column)))
    chance = random.Random(6)
    for content in contents:
        here = column == content
        for _ in range(FLIPS // len(contents)):
            place_of_flip, bit = chance.randrange(len(content)), chance.randrange(8)
            changed = bytearray(content)
            changed[place_of_flip] ^= 1 << bit
            with database.writing() as session:
                session.execute(update(model).where(here).values({field: bytes(changed)}))
            found = look(place)
            assert found.outcome is Outcome.WRONG, (field, place_of_flip, bit)
            with database.writing() as session:
                session.execute(
                    update(model).where(column == bytes(changed)).values({field: content})
                )
    assert look(place).outcome is Outcome.GOOD
