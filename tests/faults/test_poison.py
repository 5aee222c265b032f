"""R11: batches that can't be read don't hold up the others; they are kept, and shown."""

import gzip
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import select

from agent import identity
from agent.host import LocalHost
from agent.spool import Place, Spool
from agent.spool_file import NAME, exclusive
from collector.database import open_database
from collector.intake.models import ASSESSED, PENDING, QUARANTINED, StoredBatch
from tests.faults.agent_process import inspect
from tests.faults.conftest import Note
from tests.faults.processes import CUSTOMER, Inspecting, Served, enrolled_agents, serving
from tests.faults.test_collector_disk import wait_for
from tests.faults.test_crash_points import cycle
from tests.journeys.command import collector
from wire.batch import digest_of
from wire.control import BATCH

BATCHES = 60
EVERY = 10
POISONS = (
    os.urandom(300),
    gzip.compress(os.urandom(300)),
    gzip.compress(b"[" * 100_000),
    gzip.compress(b'{"wire":"9.9"}\n'),
    gzip.compress(b"\n" * 2**27),
    gzip.compress(b'{"wire":"1.1"}\n')[:-9],
)


def poisoned(agent: Inspecting) -> int:
    """Fill the spool of an agent with sealed batches, one in EVERY of them unreadable."""
    known = identity.load(agent.state)
    host = LocalHost()
    with exclusive(agent.state), agent.record.open("a") as record:

        def kept(name: str, check: str) -> None:
            record.write(f"{name} {check}\n")

        with closing(Spool(agent.state)) as spool:
            for number in range(1, BATCHES + 1):
                inspect(spool, host, _unrecorded if number % EVERY == 0 else kept)
                assert spool.seal_next(known.agent, known.key) == 1
            places = [place for place in spool.pending() if place.seq % EVERY == 0]
        with sqlite3.connect(agent.state / NAME) as database:
            for number, place in enumerate(places):
                _spoil(database, place, POISONS[number % len(POISONS)], known)
        database.close()
    return len(places)


def _unrecorded(_name: str, _check: str) -> None:
    pass


def _spoil(
    database: sqlite3.Connection, place: Place, payload: bytes, known: identity.Identity
) -> None:
    database.execute(
        "UPDATE batches SET payload = ?, digest = ?, signature = ? WHERE epoch = ? AND seq = ?",
        (
            payload,
            digest_of(payload),
            known.key.sign(BATCH, payload),
            place.epoch,
            place.seq,
        ),
    )


def test_one_unreadable_batch_in_ten_holds_up_no_other(
    tmp_path: Path, url: str, note: Note
) -> None:
    served = Served(tmp_path, url)
    (agent,) = enrolled_agents(served, 1)
    spoilt = poisoned(agent)
    assert spoilt == BATCHES // EVERY
    with serving(served):
        # One attempt: all is taken, for nothing inside a batch is looked at on the way in.
        cycle(agent, inspections=1)
        wait_for(lambda: states(url).count(PENDING) == 0, "all is assessed")
    found = states(url)
    assert found.count(QUARANTINED) == spoilt
    assert found.count(ASSESSED) == BATCHES - spoilt + 1
    shown = collector(
        tmp_path,
        *("quarantine", "--customer", CUSTOMER, "--data", str(tmp_path), "--json"),
        XUNJIAN_DATABASE_URL=url,
    )
    # Readings of a check that the collector does not know are shown there, too.
    spoilt_digests = {digest_of(payload) for payload in POISONS}
    entries = [entry for entry in json.loads(shown.stdout) if entry["batch"] in spoilt_digests]
    assert len(entries) == spoilt
    assert {entry["agent"] for entry in entries} == {agent.agent}
    assert all(entry["reason"] for entry in entries)
    assert "Traceback" not in served.log.read_text()
    note("R11 poison 10 %", url, batches=BATCHES, faults=spoilt)


def states(url: str) -> list[str]:
    database = open_database(url)
    try:
        with database.reading() as session:
            return list(session.scalars(select(StoredBatch.state)))
    finally:
        database.close()
