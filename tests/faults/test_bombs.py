"""Small things that become large: refused or quarantined, in time, with memory bounded (S5).

Against a real `serve`, with an agent that has a key and signs its bombs: what has no key never
comes as far (tests/collector/test_protocol.py).
"""

import base64
import gzip
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import urllib3
from sqlalchemy import func, select

from checks.api import State
from collector.assessment.models import StoredVerdict
from collector.assessment.service import MOST_UNREAD, assess_pending
from collector.database import Database, open_database
from collector.intake.models import ASSESSED, PENDING, QUARANTINED, Quarantine, StoredBatch
from collector.intake.service import accept
from tests.collector.place import Place, uploaded
from tests.collector.sample_checks import CATALOGUE
from tests.collector.test_intake import signed_headers
from tests.enrolled import enrolled
from tests.faults.test_collector import put, registered, serve
from tests.messages import batch_of, header, observation
from wire.batch import LIMITS, encode_line, seal
from wire.control import DELIVERY, DELIVERY_HEADER
from wire.envelope import to_header

LINE = encode_line(observation("sample.load", {"loads": {"/": 1}}))


def with_facts(facts: bytes) -> bytes:
    return LINE.replace(b'{"loads":{"/":1}}', facts)


def lines(*of: bytes) -> bytes:
    return seal(header(len(of)), of).payload


def nested_gzip() -> bytes:
    """Return 10 GiB in a few layers."""
    layer = gzip.compress(b"\0" * 2**24, 9)
    for _ in range(3):
        layer = gzip.compress(layer * 600, 9)
    return layer


HUGE = LIMITS.unpacked_bytes
BOMBS = {
    "a thousand to one": lambda: gzip.compress(b"\0" * (HUGE + 1), 9),
    "a thousand to one, within": lambda: gzip.compress(b" " * HUGE, 9),
    "nested": nested_gzip,
    "cut": lambda: lines(LINE)[:-9],
    "two members": lambda: lines(LINE) * 2,
    "only line ends": lambda: gzip.compress(b"\n" * HUGE, 9),
    "lines beyond the count": lambda: seal(header(20_000), [b"{}"] * 40_000).payload,
    "bad lines": lambda: seal(header(20_000), [b"{}"] * 20_000).payload,
    "depth": lambda: lines(with_facts(b"[" * 10**5 + b"]" * 10**5)),
    "depth of objects": lambda: lines(with_facts(b'{"a":' * 10**5 + b"1" + b"}" * 10**5)),
    "keys": lambda: lines(with_facts(b'{"a":{' + keys(10**6) + b"}}")),
    "keys that are read": lambda: lines(with_facts(b'{"loads":{' + keys(10**6) + b"}}")),
    "digits": lambda: lines(with_facts(b'{"loads":{"/":' + b"9" * 5000 + b"}}")),
    "digits in the header": lambda: gzip.compress(
        encode_line(header(0)).replace(b'"seq":1', b'"seq":' + b"9" * 5000) + b"\n"
    ),
    "not a number": lambda: lines(with_facts(b'{"loads":{"/":NaN}}')),
    "infinity": lambda: lines(with_facts(b'{"loads":{"/":-Infinity}}')),
    "nul": lambda: lines(with_facts(b'{"loads":{"\\u0000":1}}')),
    "lone surrogate": lambda: lines(with_facts(b'{"loads":{"\\ud800":1}}')),
    "bad utf-8": lambda: lines(with_facts(b'{"loads":{"\xff":1}}')),
    "one line": lambda: lines(with_facts(b'{"loads":{"' + b"x" * (17 * 2**20) + b'":1}}')),
    "a plan": lambda: gzip.compress(
        encode_line(header(0)).replace(b'"planned":[]', b'"planned":[' + plan(500_000) + b"]")
        + b"\n"
    ),
}
READ_IN_PART = {
    *("bad lines", "depth", "depth of objects", "keys", "keys that are read", "digits", "one line"),
    *("not a number", "infinity", "nul", "lone surrogate", "bad utf-8"),
}
SECONDS = 3.0
"""Of the processor, for the bomb and the batch after it. Most were measured under 0.6; a busy
machine takes longer."""


def keys(count: int) -> bytes:
    return b",".join(b'"%d":1' % number for number in range(count))


def plan(count: int) -> bytes:
    return b",".join([b'{"check":"sample.load"}'] * count)


def of_place(payload: bytes, place: Place, seq: int) -> bytes:
    """Return the bomb as a batch of this place, where it has a header that can be read."""
    if not zlib.decompressobj(wbits=31).decompress(payload, 9).startswith(b'{"wire"'):
        return payload
    try:
        text = gzip.decompress(payload)
    except (OSError, EOFError):
        return payload
    head, _, rest = text.partition(b"\n")
    head = head.replace(b'"agent":"agent-1"', b'"agent":"%s"' % place.agent.encode())
    return gzip.compress(head.replace(b'"seq":1,', b'"seq":%d,' % seq) + b"\n" + rest, 6)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}/collector.db")
    yield opened
    opened.close()


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_signed_bomb_is_quarantined_and_the_next_batch_is_judged(
    database: Database, bomb: str
) -> None:
    place = enrolled(database)
    good = batch_of(observation("sample.load", {"loads": {"/": 1}}), agent=place.agent, seq=2)
    payload = of_place(BOMBS[bomb](), place, 1)
    assert len(payload) <= LIMITS.packed_bytes
    with database.writing() as session:
        accept(session, [uploaded(place, payload), uploaded(place, good.payload, seq=2)])
    before = psutil.Process().memory_info().rss
    start = time.process_time()
    assert assess_pending(database, CATALOGUE) == 2
    took = time.process_time() - start
    with database.reading() as session:
        states = {row.seq: row.state for row in session.scalars(select(StoredBatch))}
        unread = session.scalar(select(func.count()).select_from(Quarantine))
        not_run = session.scalar(
            select(func.count()).where(StoredVerdict.state == State.NOT_RUN.value)
        )
    assert states == {1: ASSESSED if bomb in READ_IN_PART else QUARANTINED, 2: ASSESSED}
    assert unread is not None
    assert unread <= MOST_UNREAD + 1
    assert unread or not_run, "what is left out is shown"
    assert took < SECONDS
    # Of the assessor, a process of its own: measured 230 MiB for 10⁶ keys that are read, under
    # 40 MiB for all others. The process that takes uploads decodes nothing (below).
    assert psutil.Process().memory_info().rss - before < 5 * LIMITS.unpacked_bytes


def status(url: str, place: Place, payload: bytes, seq: int, **headers: str) -> int:
    return urllib3.request(
        "PUT",
        f"{url}/v1/agents/{place.agent}/epochs/epoch-1/batches/{seq}",
        body=payload,
        headers=signed_headers(place.key, payload) | headers,
        retries=False,
        timeout=30,
    ).status


def test_a_collector_that_is_bombed_keeps_its_memory(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/collector.db"
    place = registered(tmp_path, url)
    with serve(tmp_path, url) as serving:
        server = psutil.Process(serving.process.pid)
        assert put(serving.url, place, 1) is not None
        before = server.memory_info().rss
        for seq, bomb in enumerate(("a thousand to one", "only line ends", "nested"), start=2):
            assert status(serving.url, place, of_place(BOMBS[bomb](), place, seq), seq) == 201
        deep = base64.b64encode(b"[" * 1400).decode()
        signature = to_header(place.key.sign(DELIVERY, b"[" * 1400))
        clocks = {DELIVERY_HEADER: f"{deep}.{signature}"}
        assert status(serving.url, place, b"x", 5, **clocks) == 201
        assert status(serving.url, place, b"x", 6, **{DELIVERY_HEADER: "x" * 60_000}) == 201
        assert status(serving.url, place, b"x", 7, **{DELIVERY_HEADER: "x" * 70_000}) == 431
        assert status(serving.url, place, b"x" * LIMITS.packed_bytes, 8) == 201
        assert status(serving.url, place, b"x" * (LIMITS.packed_bytes + 1), 9) == 413
        most = [server.memory_info().rss]
        database = open_database(url)
        deadline = time.monotonic() + 60
        left: int | None = None
        while left != 0 and time.monotonic() < deadline:
            time.sleep(0.2)
            most += [each.memory_info().rss for each in server.children()]
            with database.reading() as session:
                left = session.scalar(select(func.count()).where(StoredBatch.state == PENDING))
        assert left == 0
        with database.reading() as session:
            states = {row.seq: row.state for row in session.scalars(select(StoredBatch))}
        database.close()
        assert states == {1: ASSESSED, **dict.fromkeys((2, 3, 4, 5, 6, 8), QUARANTINED)}
        assert most[0] - before < 6 * LIMITS.packed_bytes
        assert max(most) < 300 * 2**20
