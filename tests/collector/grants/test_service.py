"""A session is permitted by a grant that this collector signed, to whom it names, in its time."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from collector.customers.models import Agent, Customer, Host
from collector.database import Database
from collector.enrolment.models import AuditEntry
from collector.enrolment.service import revoke as revoke_agent
from collector.errors import NotFound, Unusable
from collector.grants.engineers import find_engineer, remove
from collector.grants.models import GrantRow
from collector.grants.remote_agents import is_remote, remote_agent_of
from collector.grants.service import LIVE, denial_of, find_grant, grant_of, grants_of, revoke
from tests.collector.grants.sample import DAY, PERSON, Permitted, permitted
from tests.collector.place import Place
from tests.enrolled import COLLECTOR, enrolled
from tests.messages import START
from wire import envelope
from wire.errors import BadSignature
from wire.grants import GRANT, Denial, Grant
from wire.scopes import Scope
from wire.sessions import Opening, Purpose
from wire.signing import PrivateKey

KEYS = {COLLECTOR.key.id: COLLECTOR.key.public}
SECOND = timedelta(seconds=1)


@pytest.fixture
def given(database: Database, place: Place) -> Permitted:
    return permitted(database, place)


@contextmanager
def writing(database: Database) -> Iterator[Session]:
    with database.writing(alone=True) as session:
        yield session


def denial(database: Database, opening: Opening, now: datetime = START) -> Denial | None:
    with database.reading() as session:
        return denial_of(session, opening, now)


def test_a_grant_is_signed_and_names_a_remote_agent_of_the_host(
    database: Database, given: Permitted
) -> None:
    grant = envelope.disclose(given.envelope, GRANT, Grant, KEYS)
    assert grant == given.grant
    assert grant.recipients == (COLLECTOR.recipient,)
    assert [(each.name, each.key_id) for each in grant.persons] == [(PERSON, given.engineer.id)]
    [host] = grant.hosts
    with database.reading() as session:
        agent = session.get_one(Agent, (grant.customer_id, host.agent))
        assert (agent.host_id, agent.standing, is_remote(agent)) == (
            host.host_id,
            "active",
            True,
        )
        assert agent.decided_by == "tester"
        assert agent.id != given.place.agent
    assert denial(database, given.opening()) is None


def test_no_flipped_byte_is_a_grant(given: Permitted) -> None:
    signed = envelope.read(given.envelope)
    for place in range(0, len(signed.payload), 7):
        payload = bytearray(signed.payload)
        payload[place] ^= 1
        forged = envelope.Envelope(signed.payload_type, bytes(payload), signed.signatures)
        with pytest.raises(BadSignature):
            envelope.check(forged, KEYS)


def test_the_remote_agent_of_a_host_is_one(database: Database, place: Place) -> None:
    first = permitted(database, place)
    second = permitted(database, place, engineer=first.engineer)
    assert first.grant.hosts[0].agent == second.grant.hosts[0].agent
    with writing(database) as session:
        agent = session.get_one(Agent, (place.customer_id, first.grant.hosts[0].agent))
        revoke_agent(session, agent, "misused", "tester", START)
        host = session.get_one(Host, (place.customer_id, place.host_id))
        assert remote_agent_of(session, host, "tester", START).id != agent.id
    assert denial(database, first.opening()) is Denial.REVOKED


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"grant": "0" * 32}, Denial.UNKNOWN_GRANT),
        ({"customer_id": "0" * 32}, Denial.UNKNOWN_GRANT),
        ({"host_id": "0" * 32}, Denial.NO_SUCH_HOST),
        ({"agent": "0" * 32}, Denial.NO_SUCH_HOST),
        ({"key_id": "0" * 64}, Denial.UNKNOWN_PERSON),
        ({"scopes": (Scope.METADATA, Scope.CONFIG)}, Denial.SCOPE_MISSING),
        ({"purpose": Purpose.SHELL}, Denial.SCOPE_MISSING),
        ({"opened_at": START - DAY - SECOND}, Denial.TOO_EARLY),
        ({"opened_at": START - DAY}, None),
        ({"opened_at": START + 30 * DAY}, None),
        ({"opened_at": START + 30 * DAY + SECOND}, Denial.EXPIRED),
    ],
)
def test_what_a_grant_does_not_permit(
    database: Database, given: Permitted, changes: dict[str, object], why: Denial | None
) -> None:
    assert denial(database, given.opening(**changes)) is why


def test_the_installed_agent_is_none_of_a_session(database: Database, given: Permitted) -> None:
    assert denial(database, given.opening(agent=given.place.agent)) is Denial.NO_SUCH_HOST


def test_another_engineer_is_another_person(database: Database, given: Permitted) -> None:
    other = permitted(database, given.place, person="王工")
    opening = given.opening(key_id=other.engineer.id, person="王工")
    assert denial(database, opening) is Denial.OTHER_PERSON


def test_the_grant_of_another_customer_permits_nothing_here(
    database: Database, given: Permitted
) -> None:
    elsewhere = enrolled(database, customer="另一公司", key=PrivateKey.generate())
    other = permitted(database, elsewhere, engineer=given.engineer)
    mixed = given.opening(grant=other.grant.id)
    assert denial(database, mixed) is Denial.UNKNOWN_GRANT
    mixed = given.opening(grant=other.grant.id, customer_id=other.grant.customer_id)
    assert denial(database, mixed) is Denial.NO_SUCH_HOST


def test_a_live_opening_is_judged_by_the_collectors_clock_too(
    database: Database, given: Permitted
) -> None:
    end = START + 30 * DAY
    slow = given.opening(opened_at=end - timedelta(minutes=30))
    assert denial(database, slow, end) is None
    assert denial(database, slow, end + SECOND) is Denial.EXPIRED
    assert denial(database, slow, slow.opened_at + LIVE) is None, "handed over later"
    fast = given.opening(opened_at=START - DAY)
    assert denial(database, fast, START - DAY - SECOND) is Denial.TOO_EARLY


def test_a_revoked_grant_permits_what_was_opened_before(
    database: Database, given: Permitted
) -> None:
    with writing(database) as session:
        revoke(session, find_grant(session, given.grant.id[:8]), "合同终止", "tester", START)
    before = given.opening(opened_at=START - SECOND)
    assert denial(database, given.opening()) is Denial.REVOKED
    assert denial(database, before, START - SECOND) is None
    assert denial(database, before, START) is Denial.REVOKED, "it is one of now"
    assert denial(database, before, START + LIVE) is None, "it was made offline, before"
    with writing(database) as session:
        kept = find_grant(session, given.grant.id)
        assert not kept.is_open(START)
        with pytest.raises(Unusable, match="already"):
            revoke(session, kept, "again", "tester", START)
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "grant.revoked"))
        assert entry.one().after == {"why": "合同终止"}


def test_a_removed_engineer_opens_nothing_from_then_on(
    database: Database, given: Permitted
) -> None:
    with writing(database) as session:
        concerned = remove(session, find_engineer(session, PERSON), "tester", START)
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "engineer.removed"))
        assert entry.one().customer_id == given.grant.customer_id
    assert concerned == [given.grant.customer_id]
    assert denial(database, given.opening()) is Denial.UNKNOWN_PERSON
    before = given.opening(opened_at=START - SECOND)
    assert denial(database, before, START) is Denial.UNKNOWN_PERSON
    assert denial(database, before, START + LIVE) is None


def test_what_somebody_wrote_into_the_database_is_no_grant(
    database: Database, given: Permitted
) -> None:
    forger = PrivateKey.generate()
    with writing(database) as session:
        row = session.scalars(select(GrantRow)).one()
        row.envelope = envelope.enclose(given.grant, GRANT, forger)
    assert denial(database, given.opening()) is Denial.UNKNOWN_GRANT
    with database.reading() as session:
        assert grant_of(session, given.grant.id) is None
        with pytest.raises(Unusable, match="signature"):
            find_grant(session, given.grant.id)


def test_a_grant_is_found_by_the_start_of_its_id(database: Database, given: Permitted) -> None:
    with database.reading() as session:
        assert find_grant(session, given.grant.id[:6]).grant == given.grant
        for start in ("", "nothing", "%"):
            with pytest.raises(NotFound):
                find_grant(session, start)
        owner = find_grant(session, given.grant.id).row.customer_id
        assert owner == given.grant.customer_id
        assert grant_of(session, given.grant.id[:6]) is None


def test_the_newest_grant_comes_first(database: Database, given: Permitted) -> None:
    later = permitted(database, given.place, engineer=given.engineer, now=START + DAY)
    with database.reading() as session:
        owner = session.get_one(Customer, given.grant.customer_id)
        assert [each.grant.id for each in grants_of(session, owner)] == [
            later.grant.id,
            given.grant.id,
        ]
