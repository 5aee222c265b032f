"""Over HTTP: what is acknowledged is stored, once; what is refused is refused with a sentence."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import pytest
import urllib3
from sqlalchemy import select

from collector.app import create_app
from collector.database import Database
from collector.intake.models import StoredBatch
from collector.server import serving
from tests.collector.place import Place
from tests.collector.sample_checks import CATALOGUE
from tests.messages import batch_of, observation
from wire.batch import LIMITS, Batch
from wire.messages import Acknowledgement


@dataclass(frozen=True)
class Client:
    url: str
    place: Place

    def put(
        self,
        batch: Batch | bytes,
        *,
        agent: str | None = None,
        epoch: str = "epoch-1",
        seq: object = 1,
    ) -> urllib3.BaseHTTPResponse:
        body = batch if isinstance(batch, bytes) else batch.payload
        path = f"/v1/agents/{agent or self.place.agent}/epochs/{epoch}/batches/{seq}"
        return urllib3.request("PUT", self.url + path, body=body, retries=False)


@pytest.fixture
def client(database: Database, place: Place) -> Iterator[Client]:
    with serving(create_app(database, CATALOGUE)) as url:
        yield Client(url, place)


def stored(database: Database) -> list[StoredBatch]:
    with database.reading() as session:
        return list(session.scalars(select(StoredBatch)))


def a_batch(client: Client, load: float = 1, seq: int = 1) -> Batch:
    return batch_of(
        observation("sample.load", {"loads": {"/": load}}), agent=client.place.agent, seq=seq
    )


def test_an_acknowledged_batch_is_stored_to_the_byte(client: Client, database: Database) -> None:
    batch = a_batch(client)
    answer = client.put(batch)
    assert answer.status == 201
    acknowledged = msgspec.json.decode(answer.data, type=Acknowledgement)
    assert acknowledged.digest == batch.digest
    assert (acknowledged.seq, acknowledged.duplicate) == (1, False)
    assert [row.payload for row in stored(database)] == [batch.payload]


def test_the_same_bytes_again_get_the_same_answer_and_are_stored_once(
    client: Client, database: Database
) -> None:
    first = msgspec.json.decode(client.put(a_batch(client)).data, type=Acknowledgement)
    answer = client.put(a_batch(client))
    assert answer.status == 200
    again = msgspec.json.decode(answer.data, type=Acknowledgement)
    first = msgspec.structs.replace(first, duplicate=True, server_time=again.server_time)
    assert again == first
    assert again.duplicate
    assert len(stored(database)) == 1


def test_other_bytes_at_the_same_place_are_a_fork_and_change_nothing(
    client: Client, database: Database
) -> None:
    client.put(a_batch(client, load=1))
    answer = client.put(a_batch(client, load=2))
    assert answer.status == 409
    assert "cloned or set back" in answer.json()["detail"]
    assert [row.payload for row in stored(database)] == [a_batch(client, load=1).payload]


def test_an_unknown_agent_is_told_to_enrol(client: Client, database: Database) -> None:
    answer = client.put(a_batch(client), agent="nobody")
    assert answer.status == 404
    assert "must be enrolled" in answer.json()["detail"]
    assert stored(database) == []


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
    assert stored(database) == []


def test_a_chunked_body_over_the_limit_is_refused_too(client: Client, database: Database) -> None:
    chunks = (b"x" * 2**20 for _ in range(20))
    path = f"/v1/agents/{client.place.agent}/epochs/epoch-1/batches/1"
    try:
        answer = urllib3.request("PUT", client.url + path, body=chunks, retries=False)
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
