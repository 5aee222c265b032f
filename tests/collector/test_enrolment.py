"""Nobody gets in but who was let in: codes, keys, approval, rotation; every step may be lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import urllib3
from sqlalchemy import select

from agent.enrolment import Pending
from collector.app import create_app
from collector.customers.models import Agent, Host
from collector.customers.service import ensure_host_of
from collector.database import Database
from collector.enrolment.models import AgentKey, Alarm, AuditEntry, Slot
from collector.enrolment.service import CODE_LIFETIME, approve, enrol, open_slot, revoke
from collector.errors import CodeRefused, NotABatch, UnknownKey
from collector.intake.service import accept
from collector.server import serving
from tests.collector.place import Place, uploaded
from tests.collector.sample_checks import CATALOGUE
from tests.enrolled import COLLECTOR, HOST, enrolled, request_of
from tests.messages import START
from wire import codes, envelope
from wire.control import (
    ENROLLED,
    ROTATED,
    ROTATION,
    TIME,
    Enrolled,
    Reach,
    RefusalKind,
    Rotated,
    Rotation,
    TimeAnswer,
)
from wire.messages import WIRE_VERSION, Standing
from wire.signing import PrivateKey, key_id

COLLECTOR_KEYS = {COLLECTOR.key.id: COLLECTOR.key.public}


@dataclass(frozen=True)
class Opened:
    host: Host
    code: str


@pytest.fixture
def slot(database: Database) -> Opened:
    with database.writing() as session:
        host = ensure_host_of(
            session,
            customer="示例公司",
            site="总部机房",
            time_zone="Asia/Shanghai",
            host="erp-db",
            now=START,
        )
        return Opened(host, open_slot(session, host, "tester", START).code)


def enrolling(
    database: Database, code: str, key: PrivateKey, after: timedelta = timedelta()
) -> Enrolled:
    """Enrol and return the checked answer; an alarm stays where it is refused."""
    with database.writing() as session:
        try:
            body = enrol(session, COLLECTOR, request_of(code, key), START + after)
        except CodeRefused as error:
            refused = error
        else:
            return envelope.disclose(body, ENROLLED, Enrolled, COLLECTOR_KEYS)
    raise refused


def alarms(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Alarm.kind)))


def test_a_code_makes_one_agent_that_waits_for_approval(database: Database, slot: Opened) -> None:
    key = PrivateKey.generate()
    answer = enrolling(database, slot.code, key)
    assert (answer.customer, answer.site, answer.host) == ("示例公司", "总部机房", "erp-db")
    assert answer.standing is Standing.PENDING
    assert answer.recipients == (COLLECTOR.recipient,)
    # The collector proves that it knows the code, too.
    verifier = codes.verifier(codes.read_code(slot.code))
    assert answer.proof == codes.answer_proof(
        verifier, key.public, COLLECTOR.key.public, answer.nonce
    )
    with database.reading() as session:
        agent = session.scalars(select(Agent)).one()
        assert agent.told["hostname"] == HOST.hostname
        assert session.scalars(select(AgentKey)).one().public_key == key.public


def test_a_lost_answer_costs_a_repeat_and_no_second_agent(database: Database, slot: Opened) -> None:
    key = PrivateKey.generate()
    first = enrolling(database, slot.code, key)
    # Also long after the code would have expired, and after the approval.
    again = enrolling(database, slot.code, key, CODE_LIFETIME * 3)
    assert again.agent == first.agent
    with database.reading() as session:
        assert len(session.scalars(select(Agent)).all()) == 1
    assert alarms(database) == []


def test_a_used_code_with_another_key_is_refused_and_alarmed(
    database: Database, slot: Opened
) -> None:
    first = enrolling(database, slot.code, PrivateKey.generate())
    with pytest.raises(CodeRefused, match="used with another key"):
        enrolling(database, slot.code, PrivateKey.generate())
    assert alarms(database) == ["code_reused"]
    with database.reading() as session:
        assert [agent.id for agent in session.scalars(select(Agent))] == [first.agent]


def test_an_unknown_code_and_a_wrong_proof_look_alike(database: Database, slot: Opened) -> None:
    with pytest.raises(CodeRefused) as unknown:
        enrolling(database, codes.new_code(), PrivateKey.generate())
    key = PrivateKey.generate()
    secret = codes.read_code(slot.code)
    from agent.enrolment import signed_request

    guessed = signed_request(key, Pending("0" * 32, codes.code_id(secret), bytes(32)), HOST)
    with database.reading() as session, pytest.raises(CodeRefused) as wrong:
        enrol(session, COLLECTOR, guessed, START)
    assert str(wrong.value) == str(unknown.value)


def test_an_unused_code_expires_after_a_week(database: Database, slot: Opened) -> None:
    late = CODE_LIFETIME + timedelta(seconds=1)
    with pytest.raises(CodeRefused, match="expired"):
        enrolling(database, slot.code, PrivateKey.generate(), late)
    assert enrolling(database, slot.code, PrivateKey.generate(), CODE_LIFETIME)


def test_a_key_is_used_for_one_agent_only(database: Database, slot: Opened) -> None:
    place = enrolled(database, host="first")
    with pytest.raises(CodeRefused, match="enrolled already"):
        enrolling(database, slot.code, place.key)


def test_the_code_itself_is_stored_nowhere(database: Database, slot: Opened) -> None:
    enrolling(database, slot.code, PrivateKey.generate())
    secret = codes.read_code(slot.code)
    with database.reading() as session:
        kept = session.scalars(select(Slot)).one()
        for value in (kept.verifier, kept.code_id.encode()):
            assert secret not in value
            assert secret.hex().encode() not in value


def test_approval_and_revocation_say_who_and_when(database: Database, slot: Opened) -> None:
    answer = enrolling(database, slot.code, PrivateKey.generate())
    with database.writing() as session:
        agent = session.scalars(select(Agent)).one()
        approve(session, agent, "王工", START)
        approve(session, agent, "somebody else", START)
        revoke(session, agent, "decommissioned", "李工", START)
    with database.reading() as session:
        written = session.scalars(select(AuditEntry).where(AuditEntry.action.like("agent.%")))
        told = {(entry.person, entry.action, entry.subject) for entry in written}
    assert told == {
        ("王工", "agent.active", f"agent {answer.agent}"),
        ("李工", "agent.revoked", f"agent {answer.agent}"),
    }


def rotation(
    place: Place, new: PrivateKey, *signers: PrivateKey, sealed: tuple[Reach, ...] = ()
) -> bytes:
    statement = Rotation(
        wire=WIRE_VERSION,
        agent=place.agent,
        old_key_id=place.key.id,
        public_key=new.public,
        sealed=sealed,
    )
    return envelope.enclose(statement, ROTATION, *signers)


@dataclass(frozen=True)
class Client:
    url: str

    def post(self, path: str, body: bytes) -> urllib3.BaseHTTPResponse:
        headers = {"Content-Type": "application/json"}
        return urllib3.request("POST", self.url + path, body=body, headers=headers, retries=False)

    def rotate(self, place: Place, body: bytes) -> urllib3.BaseHTTPResponse:
        return self.post(f"/v1/agents/{place.agent}/keys", body)


@pytest.fixture
def client(database: Database) -> Iterator[Client]:
    with serving(create_app(database, CATALOGUE, COLLECTOR)) as url:
        yield Client(url)


def test_a_new_key_takes_over_and_the_old_one_counts_for_what_it_had_sealed(
    client: Client, database: Database, place: Place
) -> None:
    new = PrivateKey.generate()
    body = rotation(place, new, place.key, new, sealed=(Reach("epoch-1", 3),))
    for _ in range(2):  # the answer may be lost
        answer = client.rotate(place, body)
        assert answer.status == 200
        told = envelope.disclose(answer.data, ROTATED, Rotated, COLLECTOR_KEYS)
        assert (told.agent, told.key_id) == (place.agent, new.id)
    renewed = Place(place.customer_id, place.host_id, place.agent, new)
    with database.writing() as session:
        answers = accept(
            session,
            [
                uploaded(place, b"sealed before", seq=3),
                uploaded(place, b"sealed after", seq=4),
                uploaded(place, b"another epoch", epoch="epoch-2"),
                uploaded(renewed, b"by the new key", seq=4),
            ],
        )
    taken, late, elsewhere, fresh = answers
    assert taken.digest
    assert fresh.digest
    assert {late.kind, elsewhere.kind} == {RefusalKind.KEY_RETIRED}


def test_a_rotation_needs_both_signatures_and_a_key_that_still_counts(
    client: Client, database: Database, place: Place
) -> None:
    new, stranger = PrivateKey.generate(), PrivateKey.generate()
    for signers in ((new,), (place.key,), (stranger, new), (place.key, stranger)):
        assert client.rotate(place, rotation(place, new, *signers)).status == 401
    neighbour = enrolled(database, host="neighbour")
    assert client.rotate(neighbour, rotation(place, new, place.key, new)).status == 401
    # The key of another agent can't become this one's.
    taken = rotation(place, neighbour.key, place.key, neighbour.key)
    assert client.rotate(place, taken).status == 401
    assert client.rotate(place, rotation(place, new, place.key, new)).status == 200
    assert client.rotate(place, rotation(place, stranger, place.key, stranger)).status == 401
    assert alarms(database) == ["rotation_refused", "rotation_refused"]


def test_enrolment_over_http_gives_the_same_answer_twice(client: Client, slot: Opened) -> None:
    body = request_of(slot.code, PrivateKey.generate())
    answers = [client.post("/v1/enrolments", body) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    told = [
        envelope.disclose(answer.data, ENROLLED, Enrolled, COLLECTOR_KEYS) for answer in answers
    ]
    assert told[0].agent == told[1].agent


def test_a_reused_code_is_alarmed_over_http_too(
    client: Client, database: Database, slot: Opened
) -> None:
    client.post("/v1/enrolments", request_of(slot.code, PrivateKey.generate()))
    answer = client.post("/v1/enrolments", request_of(slot.code, PrivateKey.generate()))
    assert answer.status == 403
    assert "used with another key" in answer.json()["detail"]
    assert alarms(database) == ["code_reused"]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"\xff" * 10, b"[" * 60_000, b'{"payloadType":"x","payload":"","x":1}']
)
def test_what_is_no_request_is_refused_with_a_sentence(client: Client, body: bytes) -> None:
    answer = client.post("/v1/enrolments", body)
    assert answer.status == 422
    assert "envelope" in answer.json()["detail"]


def test_a_control_message_that_is_too_large_is_refused(client: Client) -> None:
    assert client.post("/v1/enrolments", b" " * (2**16 + 1)).status == 413


def test_a_request_signed_by_another_key_than_it_shows_is_refused(
    database: Database, slot: Opened
) -> None:
    key, other = PrivateKey.generate(), PrivateKey.generate()
    sent = envelope.read(request_of(slot.code, key))
    forged = envelope.Envelope(
        sent.payload_type,
        sent.payload,
        (envelope.Signature(key.id, other.sign(sent.payload_type, sent.payload)),),
    )
    import msgspec

    with database.reading() as session, pytest.raises(UnknownKey):
        enrol(session, COLLECTOR, msgspec.json.encode(forged), START)
    with database.reading() as session, pytest.raises(NotABatch):
        enrol(session, COLLECTOR, rotation_body(key), START)


def rotation_body(key: PrivateKey) -> bytes:
    place = Place("c", "h", "agent-1", key)
    return rotation(place, key, key)


def test_the_time_is_signed_and_repeats_the_nonce(client: Client) -> None:
    nonce = "0123456789abcdef" * 2
    answer = urllib3.request("GET", f"{client.url}/v1/time?nonce={nonce}")
    told = envelope.disclose(answer.data, TIME, TimeAnswer, COLLECTOR_KEYS)
    assert told.nonce == nonce
    assert urllib3.request("GET", f"{client.url}/v1/time?nonce=x").status == 422


def test_the_signed_parts_of_an_answer_refuse_any_flipped_bit(client: Client, slot: Opened) -> None:
    answer = client.post("/v1/enrolments", request_of(slot.code, PrivateKey.generate()))
    whole = envelope.read(answer.data)
    signature = whole.signatures[0]
    assert signature.keyid == key_id(COLLECTOR.key.public)
    for place in range(len(whole.payload)):
        changed = bytearray(whole.payload)
        changed[place] ^= 1
        forged = envelope.Envelope(whole.payload_type, bytes(changed), whole.signatures)
        with pytest.raises(envelope.BadSignature):
            envelope.check(forged, COLLECTOR_KEYS)
