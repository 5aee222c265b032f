"""The spool: chained batches below the limits, gone only when acknowledged, bounded."""

import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import Raw
from msgspec.structs import replace

from agent.errors import SpoolBusy, SpoolError
from agent.sealing import MOST_BYTES
from agent.spool import Spool
from agent.spool_file import exclusive
from agent.status import look
from checks.api import Text
from wire.batch import LIMITS, open_batch
from wire.messages import (
    WIRE_VERSION,
    Acknowledgement,
    Cost,
    HostIdentity,
    Inspection,
    Observation,
    Planned,
    Standing,
)

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
INSPECTION = Inspection(
    id="inspection-1",
    started_at=NOW,
    boot_id="boot",
    time_zone="Asia/Shanghai",
    host=HostIdentity("erp", "linux"),
    agent_version="0",
    checks_digest="0" * 64,
    planned=(Planned("host.volumes"),),
    cost=Cost(0, 0, 0),
)
OBSERVATION = Observation(
    check="host.volumes",
    observed_at=NOW,
    monotonic_seconds=1,
    cost=Cost(0.5, 1, 2**20),
    facts=Raw(b'{"a":1}'),
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with exclusive(tmp_path / "state"):
        yield tmp_path / "state"


@pytest.fixture
def spool(folder: Path) -> Iterator[Spool]:
    spool = Spool(folder)
    yield spool
    spool.close()


def sealed(spool: Spool, name: str, *facts: bytes) -> int:
    inspection = replace(INSPECTION, id=name)
    spool.open_inspection("agent-1", inspection)
    for entry in facts:
        spool.add(name, replace(OBSERVATION, facts=Raw(entry)))
    return spool.seal("agent-1", replace(inspection, finished_at=NOW))


def random_facts(size: int) -> bytes:
    return b'{"a":"' + os.urandom(size // 2).hex().encode() + b'"}'


def acknowledgement(spool: Spool, seq: int) -> Acknowledgement:
    waiting = spool.batch(seq)
    return Acknowledgement(
        wire=WIRE_VERSION,
        agent=waiting.agent,
        epoch=waiting.epoch,
        seq=seq,
        digest=waiting.batch.digest,
        received_at=NOW,
        server_time=NOW,
        standing=Standing.ACTIVE,
        duplicate=False,
    )


def test_a_batch_goes_only_by_an_acknowledgement_that_fits(spool: Spool) -> None:
    sealed(spool, "one", b"{}")
    fitting = acknowledgement(spool, 1)
    for wrong in (
        replace(fitting, digest="0" * 64),
        replace(fitting, epoch="other"),
        replace(fitting, agent="other"),
        replace(fitting, seq=2),
    ):
        assert not spool.acknowledge(wrong)
        assert spool.pending() == [1]
    assert spool.acknowledge(fitting)
    assert spool.pending() == []
    assert not spool.acknowledge(fitting)


def test_a_large_inspection_becomes_several_batches_below_the_limits(spool: Spool) -> None:
    size = MOST_BYTES // 3
    assert sealed(spool, "large", *[random_facts(size)] * 7) == 4
    opened = [open_batch(spool.batch(seq).batch.payload) for seq in spool.pending()]
    assert [len(batch.observations) for batch in opened] == [2, 2, 2, 1]
    assert [batch.header.part for batch in opened] == [1, 2, 3, 4]
    assert [batch.header.last for batch in opened] == [False, False, False, True]
    digests = [spool.batch(seq).batch.digest for seq in spool.pending()]
    assert [batch.header.previous for batch in opened] == [None, *digests[:-1]]
    for seq in spool.pending():
        assert len(spool.batch(seq).batch.payload) <= LIMITS.packed_bytes


def test_many_small_observations_are_split_too(spool: Spool) -> None:
    spool.open_inspection("agent-1", INSPECTION)
    line = (INSPECTION.id, b"{}")
    with sqlite3.connect(spool._folder / "spool.db") as connection:
        connection.executemany(
            "INSERT INTO observations (inspection, line) VALUES (?, ?)", [line] * 5001
        )
    connection.close()
    assert spool.seal("agent-1", INSPECTION) == 2


def test_an_inspection_without_observations_is_a_batch_too(spool: Spool) -> None:
    assert sealed(spool, "empty") == 1
    assert open_batch(spool.batch(1).batch.payload).observations == ()


def test_an_inspection_cut_off_is_sealed_as_interrupted(folder: Path) -> None:
    first = Spool(folder)
    first.open_inspection("agent-1", INSPECTION)
    first.add(INSPECTION.id, OBSERVATION)
    first.add(INSPECTION.id, OBSERVATION)
    first.close()
    second = Spool(folder)
    assert second.seal_interrupted() == 1
    assert second.seal_interrupted() == 0
    opened = open_batch(second.batch(1).batch.payload)
    second.close()
    assert opened.header.inspection.finished_at is None
    assert opened.header.inspection.cost == Cost(1.0, 0.0, 2**20)
    assert len(opened.observations) == 2


def test_beyond_the_bound_the_oldest_go_and_are_counted(folder: Path) -> None:
    spool = Spool(folder, largest_bytes=30_000)
    for number in range(5):
        sealed(spool, f"inspection-{number}", random_facts(20_000), b"{}")
    pending = spool.pending()
    spool.close()
    assert pending[-1] == 5
    dropped = 5 - len(pending)
    assert 0 < dropped < 5
    assert pending == list(range(dropped + 1, 6))
    status = look("agent-1", folder, "en")
    assert status is not None
    assert (status.dropped_batches, status.dropped_observations) == (dropped, 2 * dropped)
    assert status.pending_bytes <= 30_000


def test_the_newest_batch_stays_however_large(folder: Path) -> None:
    spool = Spool(folder, largest_bytes=10)
    sealed(spool, "one", b"{}")
    sealed(spool, "two", b"{}")
    assert spool.pending() == [2]
    spool.close()


def test_refused_batches_go_last_and_are_given_up_after_two(spool: Spool) -> None:
    for name in ("one", "two"):
        sealed(spool, name, b"{}")
    spool.refuse(1, Text("不", "no"))
    assert spool.pending() == [2, 1]
    spool.refuse(1, Text("不", "no"))
    assert spool.pending() == [2]
    status = look("agent-1", spool._folder, "en")
    assert status is not None
    assert [(entry.seq, entry.times, entry.why) for entry in status.refused] == [(1, 2, "no")]
    assert status.pending_batches == 2


def test_the_numbers_go_on_after_everything_was_acknowledged(folder: Path) -> None:
    spool = Spool(folder)
    sealed(spool, "one", b"{}")
    digest = spool.batch(1).batch.digest
    spool.acknowledge(acknowledgement(spool, 1))
    spool.close()
    spool = Spool(folder)
    sealed(spool, "two", b"{}")
    assert spool.pending() == [2]
    assert open_batch(spool.batch(2).batch.payload).header.previous == digest
    spool.close()


def test_a_spool_of_a_newer_agent_is_left_alone(folder: Path) -> None:
    Spool(folder).close()
    connection = sqlite3.connect(folder / "spool.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SpoolError, match="newer agent"):
        Spool(folder)
    assert not list(folder.glob("*.damaged-*"))


def test_an_unreadable_inspection_counts_as_damage_not_as_a_crash_loop(folder: Path) -> None:
    Spool(folder).close()
    with sqlite3.connect(folder / "spool.db") as connection:
        connection.execute("INSERT INTO inspections VALUES ('x', 'agent-1', '{}')")
    connection.close()
    spool = Spool(folder)
    assert spool.damaged is not None
    assert Path(spool.damaged).exists()
    assert spool.seal_interrupted() == 0
    spool.close()


def test_a_second_process_is_kept_out(folder: Path) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            with exclusive(folder):
                os._exit(0)
        except SpoolBusy:
            os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
