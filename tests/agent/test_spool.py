"""The spool: sealed just in time, chained, gone only when acknowledged; held, examined, marked."""

import os
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import UNSET, Raw
from msgspec.structs import replace

from agent.errors import SpoolBusy, SpoolError
from agent.pause import Pause, PauseReason
from agent.sealing import MOST_BYTES
from agent.spool import Place, Spool
from agent.spool_file import exclusive
from agent.status import look
from checks.api import Text
from tests.agent.spooling import (
    AGENT,
    INSPECTION,
    KEY,
    NOW,
    OBSERVATION,
    acknowledgement,
    deliver_all,
    inspected,
    opened,
    random_facts,
    sealed,
)
from wire import signing
from wire.batch import LIMITS
from wire.control import BATCH
from wire.messages import Cost, Loss, Observation, Reason


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with exclusive(tmp_path / "state"):
        yield tmp_path / "state"


@pytest.fixture
def spool(folder: Path) -> Iterator[Spool]:
    spool = Spool(folder, now=lambda: NOW)
    yield spool
    spool.close()


def places(spool: Spool, *numbers: int) -> list[Place]:
    return [Place(spool.epoch, seq) for seq in numbers]


def test_an_inspection_waits_unsealed_until_it_is_to_be_sent(spool: Spool) -> None:
    inspected(spool, "one", b"{}", b"[]")
    inspected(spool, "two", b"{}")
    assert spool.pending() == []
    counts = spool.counts()
    assert (counts.inspections, counts.observations, counts.batches) == (2, 3, 0)
    assert spool.seal_next(AGENT, KEY) == 1
    (batch,) = opened(spool)
    assert batch.header.inspection.id == "one"
    assert batch.header.inspection.finished_at is not None
    assert batch.header.sealed_at == NOW
    assert [bytes(entry.facts) for entry in batch.observations] == [b"{}", b"[]"]  # type: ignore[arg-type]
    assert spool.seal_next(AGENT, KEY) == 1
    assert spool.seal_next(AGENT, KEY) == 0
    assert spool.pending() == places(spool, 1, 2)


def test_a_batch_is_signed_by_the_key_it_was_sealed_with(spool: Spool) -> None:
    sealed(spool, "one", b"{}")
    batch = spool.batch(*places(spool, 1))
    assert (batch.agent, batch.key_id) == (AGENT, KEY.id)
    signing.verify(KEY.public, BATCH, batch.batch.payload, batch.signature)


def test_a_batch_goes_only_by_an_acknowledgement_that_fits(spool: Spool) -> None:
    sealed(spool, "one", b"{}")
    fitting = acknowledgement(spool, *places(spool, 1))
    for wrong in (
        replace(fitting, digest="0" * 64),
        replace(fitting, epoch="other"),
        replace(fitting, agent="other"),
        replace(fitting, seq=2),
    ):
        assert not spool.acknowledge(wrong)
        assert spool.pending() == places(spool, 1)
    assert spool.acknowledge(fitting)
    assert spool.pending() == []
    assert not spool.acknowledge(fitting)


def test_a_large_inspection_becomes_several_batches_below_the_limits(spool: Spool) -> None:
    size = MOST_BYTES // 3
    assert sealed(spool, "large", *[random_facts(size)] * 7) == 4
    batches = opened(spool)
    assert [len(batch.observations) for batch in batches] == [2, 2, 2, 1]
    assert [batch.header.part for batch in batches] == [1, 2, 3, 4]
    assert [batch.header.last for batch in batches] == [False, False, False, True]
    sent = [spool.batch(place).batch for place in spool.pending()]
    assert [batch.header.previous for batch in batches] == [
        None,
        *(batch.digest for batch in sent[:-1]),
    ]
    assert all(len(batch.payload) <= LIMITS.packed_bytes for batch in sent)


def test_many_small_observations_are_split_too(spool: Spool, folder: Path) -> None:
    spool.open_inspection(INSPECTION)
    spool.add(INSPECTION.id, OBSERVATION)
    with sqlite3.connect(folder / "spool.db") as connection:
        columns = "inspection, check_id, target, observed_at, failed, facts, size, line"
        connection.execute(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
            f"INSERT INTO observations ({columns}) SELECT {columns} FROM observations, n"
        )
    connection.close()
    spool.finish(INSPECTION)
    assert spool.seal_next(AGENT, KEY) == 2


def test_an_inspection_without_observations_is_a_batch_too(spool: Spool) -> None:
    assert sealed(spool, "empty") == 1
    assert opened(spool)[0].observations == ()


def test_an_inspection_cut_off_is_finished_as_interrupted(folder: Path) -> None:
    first = Spool(folder)
    first.open_inspection(INSPECTION)
    first.add(INSPECTION.id, OBSERVATION)
    first.add(INSPECTION.id, OBSERVATION)
    assert first.seal_next(AGENT, KEY) == 0
    first.close()
    second = Spool(folder)
    assert second.finish_interrupted() == 1
    assert second.finish_interrupted() == 0
    assert second.seal_next(AGENT, KEY) == 1
    (batch,) = opened(second)
    second.close()
    assert batch.header.inspection.finished_at is None
    assert batch.header.inspection.cost == Cost(1.0, 0.0, 2**20)
    assert len(batch.observations) == 2


def test_refused_batches_go_last_and_are_given_up_after_two(spool: Spool, folder: Path) -> None:
    for name in ("one", "two"):
        sealed(spool, name, b"{}")
    first, second = places(spool, 1, 2)
    spool.refuse(first, Text("不", "no"))
    assert spool.pending() == [second, first]
    spool.refuse(first, Text("不", "no"))
    assert spool.pending() == [second]
    spool.refuse(Place("other", 1), Text("不", "no"))
    status = look(None, folder, "en")
    assert status is not None
    assert [(entry.seq, entry.times, entry.why) for entry in status.refused] == [(1, 2, "no")]
    assert status.pending_batches == 2


def test_the_numbers_go_on_after_everything_was_acknowledged(folder: Path) -> None:
    spool = Spool(folder)
    sealed(spool, "one", b"{}")
    digest = spool.batch(*places(spool, 1)).batch.digest
    spool.acknowledge(acknowledgement(spool, *places(spool, 1)))
    spool.close()
    spool = Spool(folder)
    sealed(spool, "two", b"{}")
    assert spool.pending() == places(spool, 2)
    assert opened(spool)[0].header.previous == digest
    spool.close()


def test_a_new_epoch_begins_a_chain_and_leaves_the_old_one_sendable(spool: Spool) -> None:
    assert spool.head.seq == 0
    sealed(spool, "one", b"{}")
    old = spool.epoch
    assert spool.head == Place(old, 1)
    new = spool.new_epoch()
    assert spool.head == Place(new, 0)
    assert spool.epoch == new != old
    sealed(spool, "two", b"{}")
    assert spool.pending() == [Place(old, 1), Place(new, 1)]
    assert [batch.header.previous for batch in opened(spool)] == [None, None]
    assert [batch.header.epoch for batch in opened(spool)] == [old, new]
    for place in spool.pending():
        assert spool.acknowledge(acknowledgement(spool, place))


def test_a_batch_too_large_for_the_way_follows_in_smaller_ones(spool: Spool) -> None:
    facts = [random_facts(3000) for _ in range(8)]
    sealed(spool, "large", *facts)
    (place,) = spool.pending()
    before = spool.batch(place)
    made = spool.split(place, 8000, AGENT, KEY)
    assert made > 1
    assert spool.pending() == places(spool, *range(2, made + 2))
    batches = opened(spool)
    assert [bytes(e.facts) for batch in batches for e in batch.observations] == facts  # type: ignore[arg-type]
    assert batches[0].header.previous == before.batch.digest
    assert [batch.header.last for batch in batches] == [False] * (made - 1) + [True]
    told = [gap for batch in batches for gap in batch.header.gaps]
    assert [(gap.loss, gap.observations, gap.batches) for gap in told] == [(Loss.SPLIT, 0, 1)]
    for waiting in spool.pending():
        batch = spool.batch(waiting)
        assert len(batch.batch.payload) <= 8000
        signing.verify(KEY.public, BATCH, batch.batch.payload, batch.signature)


def test_an_observation_too_large_alone_says_so_instead_of_its_facts(spool: Spool) -> None:
    sealed(spool, "large", b"{}", random_facts(20_000))
    assert spool.split(*spool.pending(), 4000, AGENT, KEY) == 2
    small, large = (entry for batch in opened(spool) for entry in batch.observations)
    assert small.failure is None
    assert large.facts is UNSET
    assert large.failure is not None
    assert (large.failure.reason, large.failure.subject) == (Reason.ERROR, "too large")


def test_what_cannot_be_made_smaller_stays_as_it_is(spool: Spool) -> None:
    sealed(spool, "one", b"{}")
    for largest in (50, 10_000):
        assert spool.split(*places(spool, 1), largest, AGENT, KEY) == 0
    assert spool.split(Place("other", 7), 50, AGENT, KEY) == 0
    assert spool.pending() == places(spool, 1)


def test_the_marker_is_there_exactly_while_something_waits(spool: Spool, folder: Path) -> None:
    marker = folder / "waiting"
    assert not marker.exists()
    spool.open_inspection(INSPECTION)
    assert marker.exists()
    spool.finish(INSPECTION)
    spool.seal_next(AGENT, KEY)
    assert marker.exists()
    spool.acknowledge(acknowledgement(spool, *places(spool, 1)))
    assert not marker.exists()
    sealed(spool, "two", b"{}")
    for _ in range(2):
        assert marker.exists()
        spool.refuse(*places(spool, 2), Text("不", "no"))
    assert not marker.exists()


def test_the_marker_is_put_right_when_the_spool_is_opened(folder: Path) -> None:
    Spool(folder).close()
    (folder / "waiting").touch()
    spool = Spool(folder)
    assert not (folder / "waiting").exists()
    inspected(spool, "one", b"{}")
    spool.close()
    (folder / "waiting").unlink()
    Spool(folder).close()
    assert (folder / "waiting").exists()


def test_only_what_is_clean_is_ever_written(folder: Path) -> None:
    def clean(entry: Observation) -> Observation:
        return replace(entry, facts=Raw(b'{"a":"***"}'))

    spool = Spool(folder, clean=clean)
    inspected(spool, "one", b'{"a":"secret"}')
    spool.remember(OBSERVATION, "now")
    remembered = spool.remembered(OBSERVATION.check, "now")
    (batch,) = deliver_all(spool)
    spool.close()
    assert bytes(batch.observations[0].facts) == b'{"a":"***"}'  # type: ignore[arg-type]
    assert remembered is not None
    assert bytes(remembered.facts) == b'{"a":"***"}'  # type: ignore[arg-type]


def test_a_pause_is_kept_and_ends_whatever_the_clock_does(folder: Path) -> None:
    pause = Pause(
        began_at=NOW,
        began_monotonic_seconds=1000,
        boot_id="boot",
        seconds=600,
        reason=PauseReason.OVERLOADED,
        failures=3,
    )
    spool = Spool(folder)
    assert spool.pause() is None
    spool.set_pause(pause)
    spool.close()
    spool = Spool(folder)
    assert spool.pause() == pause
    spool.set_pause(None)
    assert spool.pause() is None
    spool.close()
    assert pause.remaining_seconds(NOW - timedelta(days=9000), 1100, "boot") == 500
    assert pause.remaining_seconds(NOW, 1600, "boot") == 0
    assert pause.remaining_seconds(NOW + timedelta(seconds=100), 5, "next") == 500
    assert pause.remaining_seconds(NOW - timedelta(seconds=1), 5, "next") == 0
    assert pause.remaining_seconds(NOW + timedelta(days=9000), 5, "next") == 0
    assert pause.reason.asked_for
    assert not PauseReason.UNREACHED.asked_for


def test_a_spool_of_a_newer_agent_is_left_alone(folder: Path) -> None:
    Spool(folder).close()
    connection = sqlite3.connect(folder / "spool.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SpoolError, match="newer agent"):
        Spool(folder)
    assert not list(folder.glob("*.damaged-*"))


def test_a_spool_before_signatures_is_set_aside_and_told(folder: Path) -> None:
    connection = sqlite3.connect(folder / "spool.db")
    connection.execute("CREATE TABLE batches (seq INTEGER PRIMARY KEY)")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    spool = Spool(folder)
    assert spool.set_aside is not None
    assert spool.set_aside.outdated
    assert Path(spool.set_aside.moved_to).exists()
    inspected(spool, "one", b"{}")
    (batch,) = deliver_all(spool)
    spool.close()
    assert [(gap.loss, gap.observations) for gap in batch.header.gaps] == [(Loss.DAMAGED, None)]
    spool = Spool(folder)
    assert spool.set_aside is None
    spool.close()


def test_rows_whose_bytes_are_damaged_are_counted_and_hold_up_nothing(folder: Path) -> None:
    spool = Spool(folder)
    for name in ("one", "two", "three"):
        inspected(spool, name, b"{}", b"[]")
    with sqlite3.connect(folder / "spool.db") as connection:
        connection.execute("UPDATE inspections SET message = x'00' WHERE id = 'one'")
        connection.execute("UPDATE observations SET line = x'00' WHERE number = 3")
    connection.close()
    delivered = deliver_all(spool)
    spool.close()
    assert [batch.header.inspection.id for batch in delivered] == ["two", "three"]
    assert [len(batch.observations) for batch in delivered] == [1, 2]
    told = [gap for batch in delivered for gap in batch.header.gaps]
    assert [(gap.loss, gap.observations) for gap in told] == [(Loss.DAMAGED, 3)]


def test_an_unreadable_inspection_under_way_is_no_crash_loop(folder: Path) -> None:
    spool = Spool(folder)
    spool.open_inspection(INSPECTION)
    spool.add(INSPECTION.id, OBSERVATION)
    spool.close()
    with sqlite3.connect(folder / "spool.db") as connection:
        connection.execute("UPDATE inspections SET message = x'00'")
    connection.close()
    spool = Spool(folder)
    assert spool.finish_interrupted() == 0
    assert [(gap.loss, gap.observations) for gap in spool.gaps()] == [(Loss.DAMAGED, 1)]
    assert spool.seal_next(AGENT, KEY) == 0
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
