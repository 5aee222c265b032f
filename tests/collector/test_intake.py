"""Over HTTP: what is acknowledged is stored, once; what is refused is refused with a sentence."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
import urllib3
from msgspec import structs
from sqlalchemy import select

from collector.app import create_app
from collector.assessment.service import assess_pending
from collector.customers.models import Agent
from collector.database import Database
from collector.enrolment.models import Alarm
from collector.enrolment.service import approve, revoke
from collector.intake.admission import Admission
from collector.intake.models import ASSESSED, HELD, StoredBatch
from collector.intake.service import accept
from collector.server import serving
from tests.collector.place import Place, uploaded
from tests.collector.sample_checks import CATALOGUE
from tests.enrolled import COLLECTOR, enrolled
from tests.messages import START, batch_of, observation
from wire.batch import LIMITS, Batch
from wire.control import (
    ACKNOWLEDGEMENT,
    BATCH,
    DELIVERY_HEADER,
    KEY_HEADER,
    REFUSAL,
    SIGNATURE_HEADER,
    Refusal,
    RefusalKind,
)
from wire.envelope import disclose, to_header
from wire.messages import Acknowledgement, Standing
from wire.signing import PrivateKey, verify


@dataclass(frozen=True)
class Client:
    url: str
    place: Place

    def put(
        self,
        batch: Batch | bytes,
        *,
        place: Place | None = None,
        key: PrivateKey | None = None,
        epoch: str = "epoch-1",
        seq: object = 1,
        **headers: str,
    ) -> urllib3.BaseHTTPResponse:
        """Send a batch of a place, signed by its key or by another."""
        place = place or self.place
        body = batch if isinstance(batch, bytes) else batch.payload
        return urllib3.request(
            "PUT",
            f"{self.url}/v1/agents/{place.agent}/epochs/{epoch}/batches/{seq}",
            body=body,
            headers=signed_headers(key or place.key, body) | headers,
            retries=False,
        )


def signed_headers(key: PrivateKey, body: bytes) -> dict[str, str]:
    return {
        "Content-Type": BATCH,
        KEY_HEADER: key.id,
        SIGNATURE_HEADER: to_header(key.sign(BATCH, body)),
    }


def acknowledged(answer: urllib3.BaseHTTPResponse) -> Acknowledgement:
    """Return the acknowledgement; it must be signed by the collector's key."""
    keys = {COLLECTOR.key.id: COLLECTOR.key.public}
    return disclose(answer.data, ACKNOWLEDGEMENT, Acknowledgement, keys)


@pytest.fixture
def client(database: Database, place: Place) -> Iterator[Client]:
    with serving(create_app(database, CATALOGUE, COLLECTOR)) as url:
        yield Client(url, place)


def stored(database: Database) -> list[StoredBatch]:
    with database.reading() as session:
        return list(session.scalars(select(StoredBatch)))


def a_batch(client: Client, load: float = 1, seq: int = 1) -> Batch:
    return batch_of(
        observation("sample.load", {"loads": {"/": load}}), agent=client.place.agent, seq=seq
    )


def test_an_acknowledged_batch_is_stored_to_the_byte_with_its_signature(
    client: Client, database: Database
) -> None:
    batch = a_batch(client)
    answer = client.put(batch, **{DELIVERY_HEADER: "clocks"})
    assert answer.status == 201
    told = acknowledged(answer)
    assert (told.agent, told.epoch, told.seq) == (client.place.agent, "epoch-1", 1)
    assert told.digest == batch.digest
    assert (told.duplicate, told.forked, told.standing) == (False, False, Standing.ACTIVE)
    (row,) = stored(database)
    assert row.payload == batch.payload
    assert (row.key_id, row.delivery, row.bundle) == (client.place.key.id, "clocks", None)
    verify(client.place.key.public, BATCH, row.payload, row.signature)


def test_the_same_bytes_again_get_the_same_answer_and_are_stored_once(
    client: Client, database: Database
) -> None:
    first = acknowledged(client.put(a_batch(client)))
    answer = client.put(a_batch(client))
    assert answer.status == 200
    again = acknowledged(answer)
    assert again == structs.replace(first, duplicate=True, server_time=again.server_time)
    assert len(stored(database)) == 1


def test_other_bytes_at_the_same_place_are_a_fork_and_both_are_kept(
    client: Client, database: Database
) -> None:
    client.put(a_batch(client, load=1))
    for duplicate in (False, True):
        answer = client.put(a_batch(client, load=2))
        assert answer.status == 409
        told = acknowledged(answer)
        assert (told.forked, told.duplicate) == (True, duplicate)
        assert told.digest == a_batch(client, load=2).digest
    assert sorted(row.payload for row in stored(database)) == sorted(
        a_batch(client, load=load).payload for load in (1, 2)
    )
    first = client.put(a_batch(client, load=1))
    assert (first.status, acknowledged(first).forked) == (200, False)
    with database.reading() as session:
        alarms = session.scalars(select(Alarm)).all()
    assert [(alarm.kind, alarm.agent_id) for alarm in alarms] == [("forked", client.place.agent)]


def test_two_forks_that_arrive_in_one_group_are_both_kept(database: Database, place: Place) -> None:
    uploads = [uploaded(place, payload) for payload in (b"one", b"two", b"two", b"one")]
    with database.writing() as session:
        answers = accept(session, uploads)
    assert [answer.forked for answer in answers] == [False, True, True, False]
    assert sorted(row.payload for row in stored(database)) == [b"one", b"two"]


def test_nobody_gets_in_without_a_key_of_this_agent(client: Client, database: Database) -> None:
    neighbour = enrolled(database, host="neighbour")
    other_customer = enrolled(database, customer="另一家公司")
    stranger = PrivateKey.generate()
    batch = a_batch(client)
    nowhere = replace(client.place, agent="nobody")
    refusals = [
        client.put(batch, key=stranger),
        client.put(batch, key=neighbour.key),
        client.put(batch, key=other_customer.key),
        client.put(batch, place=nowhere),
        client.put(batch, place=nowhere, key=stranger),
        client.put(batch, **{SIGNATURE_HEADER: to_header(stranger.sign(BATCH, batch.payload))}),
        client.put(batch, **{SIGNATURE_HEADER: to_header(client.place.key.sign("x", b""))}),
    ]
    # All alike: nobody can tell from an answer which agents there are.
    assert {(answer.status, answer.data) for answer in refusals} == {
        (401, refusals[0].data),
    }
    for odd in ("", "not base64!", "AAAA"):
        assert client.put(batch, **{SIGNATURE_HEADER: odd}).status == 401
    assert stored(database) == []


def test_a_signature_is_refused_with_any_bit_flipped_and_nothing_is_stored(
    client: Client, database: Database
) -> None:
    batch = a_batch(client)
    signature = client.place.key.sign(BATCH, batch.payload)
    for place in range(0, len(signature), 7):
        changed = bytearray(signature)
        changed[place] ^= 1
        answer = client.put(batch, **{SIGNATURE_HEADER: to_header(bytes(changed))})
        assert answer.status == 401
    assert stored(database) == []


def test_a_revoked_agent_is_refused_at_once_and_told_so_in_a_signed_refusal(
    client: Client, database: Database
) -> None:
    assert client.put(a_batch(client)).status == 201
    with database.writing() as session:
        agent = session.get_one(Agent, (client.place.customer_id, client.place.agent))
        revoke(session, agent, "the server was given away", "tester", START)
    answer = client.put(a_batch(client, seq=2), seq=2)
    assert answer.status == 403
    signed = base64.b64decode(answer.json()["signed"])
    refusal = disclose(signed, REFUSAL, Refusal, {COLLECTOR.key.id: COLLECTOR.key.public})
    assert refusal.kind is RefusalKind.REVOKED
    assert refusal.digest == a_batch(client, seq=2).digest
    assert len(stored(database)) == 1
    # A stranger learns nothing of it.
    assert client.put(a_batch(client), key=PrivateKey.generate()).status == 401


def test_what_an_agent_sends_before_it_is_approved_is_held_and_judged_afterwards(
    database: Database,
) -> None:
    waiting = enrolled(database, host="new", approved=False)
    with serving(create_app(database, CATALOGUE, COLLECTOR)) as url:
        client = Client(url, waiting)
        answer = client.put(a_batch(client))
        assert answer.status == 201
        assert acknowledged(answer).standing is Standing.PENDING
        assert [row.state for row in stored(database)] == [HELD]
        assert assess_pending(database, CATALOGUE) == 0
    with database.writing() as session:
        agent = session.get_one(Agent, (waiting.customer_id, waiting.agent))
        assert approve(session, agent, "tester", START) == 1
    assert assess_pending(database, CATALOGUE) == 1
    assert [row.state for row in stored(database)] == [ASSESSED]


def test_a_body_of_another_type_is_refused(client: Client) -> None:
    answer = client.put(a_batch(client), **{"Content-Type": "application/json"})
    assert (answer.status, answer.json()["detail"]) == (415, f"The body must be {BATCH}.")


def test_too_much_at_once_is_asked_to_come_again(database: Database, place: Place) -> None:
    app = create_app(database, CATALOGUE, COLLECTOR)
    app.state.admission = Admission(most_bytes=100)
    with serving(app) as url:
        answer = Client(url, place).put(b"x" * 101)
        assert answer.status == 503
        assert 2 <= int(answer.headers["Retry-After"]) <= 15
        assert Client(url, place).put(b"x" * 100).status == 201


def test_an_empty_body_is_no_batch(client: Client) -> None:
    answer = client.put(b"")
    assert (answer.status, answer.json()["detail"]) == (
        422,
        "The body is empty: a batch is expected.",
    )


def test_a_body_over_the_limit_is_refused_with_the_limit(
    client: Client, database: Database
) -> None:
    answer = client.put(b"x" * (LIMITS.packed_bytes + 1))
    assert answer.status == 413
    assert str(LIMITS.packed_bytes) in answer.json()["detail"]
    assert answer.json()["limit_bytes"] == LIMITS.packed_bytes
    assert stored(database) == []


def test_a_chunked_body_over_the_limit_is_refused_too(client: Client, database: Database) -> None:
    chunks = (b"x" * 2**20 for _ in range(20))
    path = f"/v1/agents/{client.place.agent}/epochs/epoch-1/batches/1"
    try:
        answer = urllib3.request(
            "PUT",
            client.url + path,
            body=chunks,
            headers=signed_headers(client.place.key, b""),
            retries=False,
        )
    except urllib3.exceptions.ProtocolError:
        pass  # the collector hung up before all of it was sent
    else:
        assert answer.status == 413
    assert stored(database) == []


@pytest.mark.parametrize(
    ("epoch", "seq"),
    [
        ("epoch-1", 0),
        ("epoch-1", -1),
        ("epoch-1", "one"),
        ("epoch-1", 2**60),
        ("%00", 1),
        ("a" * 65, 1),
    ],
)
def test_a_place_that_can_not_be_is_refused(client: Client, epoch: str, seq: object) -> None:
    answer = client.put(a_batch(client), epoch=epoch, seq=seq)
    assert answer.status in (404, 422)
    assert "detail" in answer.json()


def test_what_cannot_be_read_is_accepted_all_the_same(client: Client, database: Database) -> None:
    assert client.put(b"not a batch at all").status == 201
    assert len(stored(database)) == 1


def test_many_at_once_are_each_stored_once(client: Client, database: Database) -> None:
    from concurrent.futures import ThreadPoolExecutor

    batches = [(seq, a_batch(client, seq=seq)) for seq in range(1, 41)] * 3
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda each: client.put(each[1], seq=each[0]).status, batches))
    assert sorted(set(answers)) == [200, 201]
    assert answers.count(201) == 40
    assert sorted(row.seq for row in stored(database)) == list(range(1, 41))


def test_the_collector_answers_that_it_is_there(client: Client) -> None:
    assert urllib3.request("GET", client.url + "/v1/health").status == 204
