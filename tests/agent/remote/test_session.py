"""A session: signed and on disk before anything else, asked for, recorded, closed in every case."""

import json
from pathlib import Path

import msgspec
import pytest

from agent.errors import NotGranted, RecordLost
from agent.remote import session as sessions
from agent.remote.folder import ANSWER, CLOSING_FILE, KEYS, OPENING_FILE, all_in
from agent.remote.session import open_session
from agent.remote.trust import Trust
from checks.errors import Unreachable
from tests.agent.remote.collecting import collecting
from tests.agent.remote.desk import permitted, proof_of, registered
from wire import envelope, record
from wire.envelope import countersigned, enclose, read
from wire.errors import WireError
from wire.grants import Denial
from wire.messages import WIRE_VERSION
from wire.record import CommandRun, Ended, Line, Noted, SessionOpened
from wire.scopes import Scope
from wire.sessions import (
    CLOSING,
    OPENING,
    PROOF,
    SESSION_KEY,
    Closing,
    Opening,
    Proof,
    Purpose,
    SessionKey,
)
from wire.signing import PrivateKey

ADDRESS = "root@erp-db:22"


@pytest.fixture
def known(tmp_path: Path) -> Trust:
    return registered(tmp_path / "home")


def lines_of(known: Trust) -> list[Line]:
    (folder,) = all_in(known.home)
    with folder.record.open("rb") as file:
        return [line for line, _ in record.read(file)]


def closing_of(known: Trust) -> Closing:
    (folder,) = all_in(known.home)
    body = folder.demand(CLOSING_FILE)
    closing = envelope.disclose(body, CLOSING, Closing, {known.key.id: known.key.public})
    with folder.record.open("rb") as file:
        assert [(line.number, head) for line, head in record.read(file)][-1] == (
            closing.lines,
            closing.head,
        )
    return closing


def test_a_session_is_signed_before_anything_else(known: Trust) -> None:
    allowed = permitted(known)
    with open_session(known, allowed, ADDRESS, Purpose.INSPECT) as session:
        body = session.folder.demand(OPENING_FILE)
        opening = envelope.disclose(body, OPENING, Opening, {known.key.id: known.key.public})
        assert opening == session.opening
        assert (opening.session, opening.grant, opening.host_id, opening.agent) == (
            session.id,
            "grant-1",
            "host-erp-db",
            "remote-erp-db",
        )
        assert opening.public_key == session.key.public
        assert opening.address == ADDRESS
        first = lines_of(known)[0].event
        assert isinstance(first, SessionOpened)
        assert (first.opening, first.grant, first.answer) == (body, allowed.granted.envelope, None)
        assert session.folder.path.stat().st_mode & 0o777 == 0o700
        session.record(CommandRun("true"))
    assert closing_of(known).ended == "completed"
    assert isinstance(lines_of(known)[-1].event, Ended)


def test_without_a_collector_the_record_says_so(known: Trust) -> None:
    with open_session(known, permitted(known), ADDRESS, Purpose.INSPECT) as session:
        assert not session.asked
    note = lines_of(known)[1].event
    assert isinstance(note, Noted)
    assert note.text.startswith("revocation not asked")


@pytest.mark.parametrize("broken", [(500, b""), (200, b"{}"), (404, b"<html>")])
def test_an_answer_that_the_collector_has_not_signed_is_none(
    tmp_path: Path, broken: tuple[int, bytes]
) -> None:
    with collecting(broken=lambda _method, _path: broken) as collector:
        known = registered(tmp_path / "home", url=collector.url)
        with open_session(known, permitted(known), ADDRESS, Purpose.INSPECT) as session:
            assert not session.asked


def test_an_answer_of_somebody_else_is_none(tmp_path: Path) -> None:
    with collecting(key=PrivateKey(b"x" * 32), denial=Denial.REVOKED) as collector:
        known = registered(tmp_path / "home", url=collector.url)
        with open_session(known, permitted(known), ADDRESS, Purpose.INSPECT) as session:
            assert not session.asked


def test_the_collector_is_asked_and_its_answer_recorded(tmp_path: Path) -> None:
    with collecting() as collector:
        known = registered(tmp_path / "home", url=collector.url)
        with open_session(known, permitted(known), ADDRESS, Purpose.INSPECT) as session:
            assert session.asked
            assert collector.openings == {session.id: session.folder.read(OPENING_FILE)}
    first = lines_of(known)[0].event
    assert isinstance(first, SessionOpened)
    (folder,) = all_in(known.home)
    assert first.answer == folder.read(ANSWER)
    assert first.answer is not None


@pytest.mark.parametrize(
    "denial", [Denial.REVOKED, Denial.UNKNOWN_GRANT, Denial.UNKNOWN_PERSON, Denial.EXPIRED]
)
def test_a_refusal_of_the_collector_ends_it(tmp_path: Path, denial: Denial) -> None:
    with collecting(denial=denial, detail="客户于昨日撤销") as collector:
        known = registered(tmp_path / "home", url=collector.url)
        opening = open_session(known, permitted(known), ADDRESS, Purpose.INSPECT)
        with pytest.raises(NotGranted) as caught:
            opening.__enter__()
    assert caught.value.denial is denial
    assert "客户于昨日撤销" in caught.value.text.zh
    assert closing_of(known).ended == "refused"


@pytest.mark.parametrize(
    ("error", "how"),
    [
        (KeyboardInterrupt(), "interrupted"),
        (Unreachable("erp-db", "the line was cut"), "lost"),
        (ValueError(), "interrupted"),
    ],
)
def test_it_is_closed_in_every_case(known: Trust, error: BaseException, how: str) -> None:
    def work() -> None:
        with open_session(known, permitted(known), ADDRESS, Purpose.INSPECT):
            raise error

    with pytest.raises(type(error)):
        work()
    assert closing_of(known).ended == how


def test_a_record_that_cannot_be_kept_is_closed_where_it_ended(known: Trust) -> None:
    def work() -> None:
        with open_session(known, permitted(known), ADDRESS, Purpose.INSPECT) as session:
            session.record(CommandRun("x" * 300_000))

    with pytest.raises(RecordLost):
        work()
    assert closing_of(known).ended == "record"
    assert not any(isinstance(line.event, CommandRun | Ended) for line in lines_of(known))


def test_the_block_may_close_it_with_more_to_say(known: Trust) -> None:
    with open_session(known, permitted(known), ADDRESS, Purpose.INSPECT) as session:
        session.close("completed", "20 of 20", 0)
        session.close("lost")
    last = lines_of(known)[-1].event
    assert isinstance(last, Ended)
    assert (last.how, last.detail, last.exit_code) == ("completed", "20 of 20", 0)


def test_a_shell_needs_a_proof(known: Trust) -> None:
    allowed = permitted(known, purpose=Purpose.SHELL, scopes=(Scope.CHANGE,))
    with pytest.raises(NotGranted) as caught:
        open_session(known, allowed, ADDRESS, Purpose.SHELL).__enter__()
    assert caught.value.denial is Denial.NO_PROOF
    assert closing_of(known).ended == "refused"


def test_a_proof_that_was_brought_counts(known: Trust) -> None:
    allowed = permitted(known, purpose=Purpose.SHELL, scopes=(Scope.CHANGE,))
    body = proof_of()
    with open_session(known, allowed, ADDRESS, Purpose.SHELL, proof=body) as session:
        assert session.proof is not None
        assert session.proof.host_id == "host-erp-db"
    first = lines_of(known)[0].event
    assert isinstance(first, SessionOpened)
    assert first.proof == body


@pytest.mark.parametrize(("hours", "permits"), [(1.0, True), (25.0, False)])
def test_the_proof_of_the_collector_counts_while_it_is_recent(
    tmp_path: Path, hours: float, permits: bool
) -> None:
    proof = envelope.opened(envelope.read(proof_of(hours=hours)), PROOF, Proof)
    with collecting(proof=proof) as collector:
        known = registered(tmp_path / "home", url=collector.url)
        allowed = permitted(known, purpose=Purpose.SHELL, scopes=(Scope.CHANGE,))
        opening = open_session(known, allowed, ADDRESS, Purpose.SHELL)
        if permits:
            with opening as session:
                assert session.proof == proof
        else:
            with pytest.raises(NotGranted):
                opening.__enter__()


def test_a_key_of_the_host_is_kept_once_both_have_signed(known: Trust) -> None:
    with open_session(known, permitted(known), ADDRESS, Purpose.INSPECT) as session:
        there = PrivateKey.generate()
        told = SessionKey(
            wire=WIRE_VERSION, session=session.id, agent="remote-erp-db", public_key=there.public
        )
        half = enclose(told, SESSION_KEY, there)
        with pytest.raises(WireError):
            session.state(half)
        other = SessionKey(
            wire=WIRE_VERSION, session="another", agent="remote-erp-db", public_key=there.public
        )
        with pytest.raises(WireError, match="another session"):
            session.state(enclose(other, SESSION_KEY, there, session.key))
        whole = countersigned(read(half), session.key)
        session.state(whole)
        assert session.folder.statements() == {there.id: whole}
        assert (session.folder.path / KEYS / there.id).stat().st_mode & 0o077 == 0


def test_the_words_of_an_end_are_those_of_the_contract() -> None:
    assert {
        sessions.COMPLETED,
        sessions.INTERRUPTED,
        sessions.LOST,
        sessions.REFUSED,
        sessions.UNRECORDED,
    } == {"completed", "interrupted", "lost", "refused", "record"}


def test_the_record_is_readable_as_json_lines(known: Trust) -> None:
    with open_session(known, permitted(known), ADDRESS, Purpose.INSPECT):
        pass
    (folder,) = all_in(known.home)
    kinds = [json.loads(line)["event"]["kind"] for line in folder.record.read_bytes().splitlines()]
    assert kinds == ["opened", "noted", "ended"]
    assert msgspec.json.decode(folder.demand(CLOSING_FILE))
