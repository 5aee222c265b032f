"""An opening is judged once, kept whatever comes of it, and answered again the same."""

import hashlib
from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select

from collector.customers.models import Host
from collector.database import Database
from collector.enrolment.models import AgentKey, Alarm, AuditEntry
from collector.errors import Clash, NotABatch, Refused, UnknownKey, Unusable
from collector.grants.models import Engineer, GrantRow
from collector.intake.service import accept as accept_batches
from collector.sessions.keys import key_added
from collector.sessions.models import RemoteSession
from collector.sessions.opening import accept, opened
from collector.sessions.stored import keys_of
from tests.collector.place import Place, uploaded
from tests.collector.sessions.place import NOW, Visit, prove, revoke, visit
from tests.enrolled import COLLECTOR
from tests.messages import START, batch_of, observation
from wire import envelope
from wire.grants import Denial
from wire.messages import Acknowledgement
from wire.scopes import Scope
from wire.sessions import OPENING, PROOF, SESSION_KEY, Opened, Proof, SessionKey
from wire.signing import PrivateKey

LATER = NOW + timedelta(days=30)


@pytest.fixture
def here(database: Database) -> Visit:
    return visit(database)


def rows(here: Visit) -> list[RemoteSession]:
    with here.database.reading() as session:
        return list(session.scalars(select(RemoteSession)))


def keys(here: Visit) -> set[str]:
    with here.database.reading() as session:
        return set(session.scalars(select(AgentKey.id)))


def alarms(here: Visit) -> list[str]:
    with here.database.reading() as session:
        return list(session.scalars(select(Alarm.kind)))


def delivered(here: Visit, key: PrivateKey, seq: int = 1) -> Acknowledgement | Refused:
    """Deliver a batch that a key of the session has signed."""
    batch = batch_of(observation("sample.load", {"loads": {}}), agent=here.agent, seq=seq)
    place = Place(here.customer_id, here.host_id, here.agent, key)
    with here.database.writing() as session:
        return accept_batches(session, [uploaded(place, batch.payload, seq=seq)])[0]


def test_a_permitted_session_lets_its_key_sign_batches_at_once(here: Visit) -> None:
    assert isinstance(delivered(here, here.key), UnknownKey)
    answer = here.open()
    assert answer.denial is None
    assert answer.digest == hashlib.sha256(envelope.read(here.opening).payload).hexdigest()
    assert isinstance(delivered(here, here.key), Acknowledgement)
    (row,) = rows(here)
    assert (row.person, row.purpose, row.denial) == ("张工", "inspect", None)
    with here.database.reading() as session:
        (key,) = keys_of(session, row)
        assert (key.id, key.statement) == (here.key.id, row.opening)


def test_the_same_opening_again_is_answered_and_changes_nothing(here: Visit) -> None:
    first = here.open()
    again = here.open(NOW + timedelta(minutes=1))
    assert replace(again, server_time=first.server_time) == first
    assert len(rows(here)) == len(keys(here)) == 1
    # Long after the grant has run out, too: what is handed over again had been permitted.
    assert here.open(LATER).denial is None


def test_another_opening_of_the_same_session_is_turned_away(here: Visit) -> None:
    here.open()
    other = here.another(here.session)
    with pytest.raises(Clash):
        other.open()
    assert keys(here) == {here.key.id}


def test_a_session_of_another_customer_can_not_take_an_id_that_is_used(here: Visit) -> None:
    here.open()
    foreign = visit(here.database, customer="另一家公司", grant_id="grant-2")
    with pytest.raises(Clash):
        foreign.open()
    assert len(rows(here)) == 1


def test_a_key_is_used_for_one_session_only(here: Visit) -> None:
    here.open()
    from dataclasses import replace as changed

    with pytest.raises(Clash):
        changed(here, session="session-2").open()


@pytest.mark.parametrize("what", ["stranger", "forged", "path", "nonsense"])
def test_what_no_engineer_has_signed_leaves_no_row(here: Visit, what: str) -> None:
    stranger = PrivateKey.generate()
    bodies = {
        "stranger": envelope.enclose(replace(here.message, key_id=stranger.id), OPENING, stranger),
        "forged": envelope.enclose(here.message, OPENING, stranger),
        "path": here.another("session-2").opening,
        "nonsense": b"{}",
    }
    expected = UnknownKey if what in ("stranger", "forged") else NotABatch
    with pytest.raises(expected), here.database.writing() as session:
        opened(session, COLLECTOR, here.session, bodies[what], NOW)
    assert rows(here) == []
    assert keys(here) == set()


def test_a_refused_opening_is_kept_and_its_key_does_not_count(here: Visit) -> None:
    wide = here.another("session-2", scopes=(Scope.BUSINESS_DATA,))
    assert wide.open().denial is Denial.SCOPE_MISSING
    assert wide.open().denial is Denial.SCOPE_MISSING
    (row,) = rows(here)
    assert (row.denial, row.opening) == ("scope_missing", wide.opening)
    assert keys(here) == set()
    assert isinstance(delivered(here, wide.key), UnknownKey)
    # It was told before anybody connected: nothing to be alarmed about.
    assert alarms(here) == []


def test_an_unknown_grant_and_an_engineer_who_left_are_refused_and_kept(here: Visit) -> None:
    with here.database.writing() as session:
        session.delete(session.get_one(GrantRow, (here.customer_id, here.grant.id)))
    assert here.open().denial is Denial.UNKNOWN_GRANT
    left = visit(here.database, engineer=PrivateKey.generate(), grant_id="grant-2")
    with here.database.writing() as session:
        session.get_one(Engineer, left.engineer.id).removed_at = START
    assert left.another("session-2").open().denial is Denial.UNKNOWN_PERSON
    assert [row.denial for row in rows(here)] == ["unknown_grant", "unknown_person"]


def test_a_host_that_nobody_has_is_answered_and_not_kept(here: Visit) -> None:
    message = replace(here.message, host_id="0" * 32)
    body = envelope.enclose(message, OPENING, here.engineer)
    with here.database.writing() as session:
        assert session.get(Host, (here.customer_id, "0" * 32)) is None
        answer = opened(session, COLLECTOR, here.session, body, NOW)
    assert answer.denial is Denial.NO_SUCH_HOST
    assert rows(here) == []


def test_the_agent_must_be_the_hosts_remote_one(here: Visit) -> None:
    from tests.enrolled import enrolled

    installed = enrolled(here.database)
    assert installed.host_id == here.host_id
    body = envelope.enclose(replace(here.message, agent=installed.agent), OPENING, here.engineer)
    with here.database.writing() as session:
        answer = opened(session, COLLECTOR, here.session, body, NOW)
    assert answer.denial is Denial.NO_SUCH_HOST
    assert here.key.id not in keys(here)


def test_a_grant_that_is_revoked_while_a_session_runs_is_told(here: Visit) -> None:
    here.open()
    revoke(here, NOW + timedelta(minutes=1))
    # An hour on, the session still runs; and its batches count, they were read with permission.
    answer = here.open(NOW + timedelta(hours=3))
    assert (answer.denial, answer.detail) == (Denial.REVOKED, "客户要求停止")
    assert isinstance(delivered(here, here.key), Acknowledgement)
    assert rows(here)[0].denial is None
    # Once it has ended there is nothing to stop.
    here.deliver([b"{}\n"])
    assert here.open(NOW + timedelta(hours=4)).denial is None


def test_free_work_needs_a_backup_that_is_proved_good(here: Visit) -> None:
    shell = here.shell()
    assert shell.open().denial is Denial.NO_PROOF
    prove(here, NOW - timedelta(hours=1))
    # What was refused stays so: who tries again opens another session.
    assert shell.open().denial is Denial.NO_PROOF
    again = here.shell("session-shell-2")
    answer = again.open()
    assert answer.denial is None
    assert answer.proof is not None
    assert answer.proof.subject.startswith("RMAN")
    assert again.open().proof == answer.proof
    with here.database.reading() as session:
        kept = session.get_one(RemoteSession, (here.customer_id, again.session)).proof
    assert kept is not None
    keys_here = {COLLECTOR.key.id: COLLECTOR.key.public}
    assert envelope.disclose(kept, PROOF, Proof, keys_here) == answer.proof


def test_a_session_held_offline_inside_the_window_is_permitted_afterwards(here: Visit) -> None:
    late = NOW + timedelta(days=20)
    assert here.open(late).denial is None
    assert isinstance(delivered(here, here.key), Acknowledgement)
    # Revoked after it had been opened.
    second = here.another("session-2")
    revoke(here, NOW + timedelta(days=1))
    assert second.open(late).denial is None
    assert alarms(here) == []


def test_a_session_held_offline_without_permission_is_alarmed_and_waits(here: Visit) -> None:
    held = here.another("session-2", opened_at=NOW + timedelta(days=8))
    late = NOW + timedelta(days=20)
    assert held.open(late).denial is Denial.EXPIRED
    assert held.open(late).denial is Denial.EXPIRED
    assert alarms(here) == ["session_late"]
    assert isinstance(delivered(here, held.key), UnknownKey)
    with here.database.writing() as session:
        (row,) = session.scalars(select(RemoteSession))
        accept(session, row, "客户已口头同意", "manager", late)
    assert held.open(late).denial is None
    assert isinstance(delivered(here, held.key), Acknowledgement)
    with here.database.reading() as session:
        entry = session.scalars(select(AuditEntry)).one()
        assert (entry.action, entry.person) == ("session.accepted", "manager")
        assert entry.before == {"denial": "expired"}
        assert entry.after == {"why": "客户已口头同意"}
    with pytest.raises(Unusable), here.database.writing() as session:
        accept(session, session.scalars(select(RemoteSession)).one(), "again", "manager", late)


def add(here: Visit, body: bytes, session_id: str | None = None) -> Opened:
    with here.database.writing() as session:
        return key_added(session, session_id or here.session, body, NOW)


def test_a_key_made_on_the_host_counts_at_once(here: Visit) -> None:
    here.open()
    new = PrivateKey.generate()
    body = here.key_statement(new)
    assert isinstance(delivered(here, new), UnknownKey)
    assert add(here, body).denial is None
    assert add(here, body).denial is None
    assert keys(here) == {here.key.id, new.id}
    assert isinstance(delivered(here, new), Acknowledgement)


def test_a_key_needs_both_signatures_and_its_own_session(here: Visit) -> None:
    here.open()
    other = here.another("session-2")
    other.open()
    new = PrivateKey.generate()
    statement = SessionKey(
        wire="1.3", session=here.session, agent=here.agent, public_key=new.public
    )
    for signers in ((new,), (here.key,), (other.key, new), (here.engineer, new)):
        with pytest.raises(UnknownKey):
            add(here, envelope.enclose(statement, SESSION_KEY, *signers))
    with pytest.raises(UnknownKey):
        add(here, here.key_statement(new), "session-2")
    with pytest.raises(UnknownKey):
        add(here, here.key_statement(new), "nobody's")
    with pytest.raises(NotABatch):
        add(here, here.opening)
    with pytest.raises(Clash):
        add(here, here.key_statement(other.key))
    assert keys(here) == {here.key.id, other.key.id}


def test_a_key_of_a_refused_session_does_not_count(here: Visit) -> None:
    wide = here.another("session-2", scopes=(Scope.BUSINESS_DATA,))
    wide.open()
    answer = add(wide, wide.key_statement(PrivateKey.generate()))
    assert answer.denial is Denial.SCOPE_MISSING
    assert keys(here) == set()


def test_keys_of_two_sessions_are_told_apart(here: Visit) -> None:
    other = here.another("session-2")
    here.open()
    other.open()
    new = PrivateKey.generate()
    add(other, other.key_statement(new))
    with here.database.reading() as session:
        row = session.get_one(RemoteSession, (here.customer_id, "session-2"))
        assert {key.id for key in keys_of(session, row)} == {other.key.id, new.id}
        assert session.scalar(select(func.count()).select_from(AgentKey)) == 3
