"""The bounds of the spool: what goes first, what stays, and that all that goes is counted."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent import disk_room, messages
from agent.bounds import Bounds
from agent.spool import Place, Spool
from agent.spool_file import exclusive
from agent.status import look
from agent.thinning import DAY_SECONDS, LARGE_BYTES, Reading, choose
from checks.api import Text
from tests.agent.spooling import (
    AGENT,
    KEY,
    NOW,
    deliver_all,
    failed,
    inspected,
    observation,
    random_facts,
    sealed,
    size_on_disk,
)
from wire.batch import Opened
from wire.messages import Gap, Loss


class Clock:
    """A wall clock that the test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with exclusive(tmp_path / "state"):
        yield tmp_path / "state"


def file_size(folder: Path) -> int:
    """Return the size of the database alone: the least log is larger than these small bounds."""
    return (folder / "spool.db").stat().st_size


def told(delivered: Iterable[Opened]) -> list[Gap]:
    return [gap for batch in delivered for gap in batch.header.gaps]


def lost(gaps: Iterable[Gap]) -> Counter[Loss]:
    counted: Counter[Loss] = Counter()
    for gap in gaps:
        assert gap.observations is not None
        counted[gap.loss] += gap.observations
    return counted


def checks(delivered: Iterable[Opened]) -> Counter[str]:
    return Counter(entry.check for batch in delivered for entry in batch.observations)


def reading(
    number: int, day: float, *, outcome: str = "ok", facts: str = "", **more: str
) -> Reading:
    check = more.get("check", "c")
    size = LARGE_BYTES if "large" in facts else 10
    return Reading(number, check, "", outcome != "ok", facts.encode(), size, day * DAY_SECONDS)


def chosen(loss: Loss, *readings: Reading, today: float = 100) -> list[int]:
    return [number for number, _ in choose(loss, readings, today * DAY_SECONDS)]


def test_one_a_day_stays_of_what_is_older_than_thirty_days() -> None:
    old = [reading(number, 10 + number / 4) for number in range(12)]
    young = [reading(number, 80 + number / 4) for number in range(12, 16)]
    assert chosen(Loss.THINNED, *old, *young) == [1, 2, 3, 5, 6, 7, 9, 10, 11]


def test_an_outcome_that_changes_and_a_failure_never_go_before_the_last_resort() -> None:
    outcomes = ("ok", "ok", "no", "no", "ok", "ok", "ok", "no", "ok")
    series = [reading(number, 10, outcome=outcome) for number, outcome in enumerate(outcomes)]
    for loss in (Loss.THINNED, Loss.UNCHANGED, Loss.OLDEST):
        assert set(chosen(loss, *series)) <= {1, 5, 6}
    assert chosen(Loss.OLDEST, *series) == [1, 5, 6]


def test_large_readings_go_only_while_they_say_the_same_as_the_one_that_stays() -> None:
    facts = ("large 1", "large 1", "large 2", "large 2", "large 1", "small", "small")
    series = [reading(number, 99, facts=each) for number, each in enumerate(facts)]
    assert chosen(Loss.UNCHANGED, *series) == [1, 3]


def test_each_check_and_target_is_a_series_of_its_own_and_the_oldest_go_first() -> None:
    series = [
        *(reading(number, 99, check="a") for number in (1, 4, 6)),
        *(reading(number, 99, check="b") for number in (2, 3, 5)),
    ]
    assert chosen(Loss.OLDEST, *series) == [3, 4, 5, 6]


def test_what_the_agent_cannot_tell_apart_is_no_step_of_choosing() -> None:
    with pytest.raises(ValueError, match="not a step"):
        chosen(Loss.LAST_RESORT, reading(1, 1), reading(2, 1))


def test_beyond_the_bound_the_oldest_that_succeeded_go_and_are_counted(folder: Path) -> None:
    spool = Spool(folder, limits=Bounds(largest_bytes=400_000))
    for number in range(60):
        when = NOW + timedelta(minutes=number)
        inspected(
            spool,
            f"inspection-{number}",
            observation(random_facts(20_000), at=when),
            failed(check="host.bad", at=when),
            at=when,
        )
        assert file_size(folder) <= 400_000
    gaps = spool.gaps()
    delivered = deliver_all(spool)
    spool.close()
    assert [gap.loss for gap in gaps] == [Loss.OLDEST]
    assert told(delivered) == list(gaps)
    kept = checks(delivered)
    assert kept["host.bad"] == 60
    assert 0 < kept["host.volumes"] < 60
    assert kept["host.volumes"] + lost(gaps)[Loss.OLDEST] == 60
    assert gaps[0].first_at == NOW + timedelta(minutes=1)  # the first of a series stays
    newest = delivered[-1]
    assert newest.header.inspection.id == "inspection-59"
    assert len(newest.observations) == 2


def test_failures_and_sealed_batches_go_last_the_oldest_first(folder: Path) -> None:
    spool = Spool(folder, limits=Bounds(largest_bytes=300_000))
    for number in range(4):
        sealed(spool, f"sealed-{number}", random_facts(40_000))
    spool.refuse(Place(spool.epoch, 3), Text("不", "no"))
    spool.refuse(Place(spool.epoch, 3), Text("不", "no"))
    for number in range(12):
        inspected(spool, f"open-{number}", *(failed(check=f"host.f{n}") for n in range(60)))
        assert file_size(folder) <= 300_000
    gaps = spool.gaps()
    delivered = deliver_all(spool)
    spool.close()
    assert [gap.loss for gap in gaps] == [Loss.LAST_RESORT]
    # The dead letter first, then the oldest; what is left are the newest.
    assert gaps[0].batches >= 2
    kept = [batch.header.inspection.id for batch in delivered]
    everything = [f"sealed-{n}" for n in (0, 1, 3)] + [f"open-{n}" for n in range(12)]
    assert kept == everything[-len(kept) :]
    assert kept[-1] == "open-11"
    assert sum(checks(delivered).values()) + lost(gaps)[Loss.LAST_RESORT] == 4 + 12 * 60


def test_the_newest_inspection_stays_however_large(folder: Path) -> None:
    spool = Spool(folder, limits=Bounds(largest_bytes=50_000))
    inspected(spool, "one", b"{}")
    inspected(spool, "two", random_facts(200_000), b"{}")
    (batch,) = deliver_all(spool)
    assert batch.header.inspection.id == "two"
    assert len(batch.observations) == 2
    assert sealed(spool, "three", random_facts(200_000)) == 1
    spool.close()
    spool = Spool(folder, limits=Bounds(largest_bytes=50_000))
    assert len(spool.pending()) == 1
    spool.close()


def test_the_gaps_that_a_batch_was_to_tell_are_told_by_another_if_it_goes(folder: Path) -> None:
    spool = Spool(folder, limits=Bounds(largest_bytes=250_000))
    for number in range(20):
        inspected(spool, f"a-{number}", random_facts(20_000))
    assert spool.gaps()
    spool.seal_next(AGENT, KEY)
    assert spool.gaps() == ()
    for number in range(20):
        inspected(spool, f"b-{number}", failed(), random_facts(40_000))
    gaps = spool.gaps()
    delivered = deliver_all(spool)
    spool.close()
    assert {Loss.OLDEST, Loss.LAST_RESORT} <= {gap.loss for gap in gaps}
    assert sum(checks(delivered).values()) + lost(gaps).total() == 20 + 40


def test_after_four_hundred_days_everything_goes_but_the_newest(folder: Path) -> None:
    clock = Clock()
    spool = Spool(folder, now=clock)
    sealed(spool, "sealed", b"{}")
    inspected(spool, "empty")
    for day in range(0, 420, 7):
        clock.now = NOW + timedelta(days=day)
        inspected(spool, f"day-{day}", observation(at=clock.now), failed(at=clock.now))
    gaps = spool.gaps()
    delivered = deliver_all(spool)
    spool.close()
    (gap,) = gaps
    assert (gap.loss, gap.observations, gap.batches) == (Loss.EXPIRED, 1 + 2 * 2, 1)
    assert (gap.first_at, gap.last_at) == (NOW, NOW + timedelta(days=7))
    assert delivered[0].header.inspection.id == "day-14"


@pytest.mark.parametrize("jump", [timedelta(days=-3000), timedelta(days=9000)])
def test_a_clock_that_jumps_by_years_expires_nothing(folder: Path, jump: timedelta) -> None:
    clock = Clock()
    spool = Spool(folder, now=clock)
    for number in range(10):
        clock.now += timedelta(hours=1) + (jump if number % 2 else -jump)
        inspected(spool, f"inspection-{number}", b"{}")
    assert spool.gaps() == ()
    assert spool.counts().observations == 10
    spool.close()


def test_below_the_floor_of_the_disk_the_spool_shrinks_but_no_failure_goes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(folder)
    sealed(spool, "sealed", random_facts(20_000))
    for number in range(40):
        inspected(spool, f"inspection-{number}", failed(check="host.bad"), random_facts(20_000))
    spool.close()
    spool = Spool(folder)
    before = size_on_disk(folder)
    monkeypatch.setattr(disk_room, "FLOOR_SHARE", 1.0)
    monkeypatch.setattr(disk_room, "FLOOR_BYTES", 2**62)
    inspected(spool, "newest", random_facts(20_000))
    gaps = spool.gaps()
    spool.close()
    assert size_on_disk(folder) < before / 3
    monkeypatch.undo()
    spool = Spool(folder)
    delivered = deliver_all(spool)
    spool.close()
    kept = checks(delivered)
    assert [gap.loss for gap in gaps] == [Loss.OLDEST]
    assert kept["host.bad"] == 40
    assert kept["host.volumes"] + lost(gaps)[Loss.OLDEST] == 42
    assert delivered[0].header.inspection.id == "sealed"
    assert delivered[-1].header.inspection.id == "newest"


def test_status_tells_what_was_let_go(folder: Path) -> None:
    spool = Spool(folder, limits=Bounds(largest_bytes=100_000))
    for number in range(10):
        inspected(spool, f"inspection-{number}", random_facts(20_000))
    gaps = spool.gaps()
    spool.close()
    status = look(None, folder, "en")
    assert status is not None
    assert gaps
    assert status.gaps == gaps
    assert set(messages.LOSSES) == {loss.value for loss in Loss}


def test_room_is_given_back_once_all_is_delivered(folder: Path) -> None:
    spool = Spool(folder)
    for number in range(20):
        inspected(spool, f"inspection-{number}", random_facts(200_000))
    deliver_all(spool)
    spool.close()
    assert size_on_disk(folder) < 2**20


def a_year(folder: Path, limits: Bounds, small_checks: int) -> tuple[set[Loss], int]:
    """Inspect once an hour for a year without a collector, then hand all over.

    Return what had to be let go, and the largest size on the way.
    """
    clock = Clock()
    spool = Spool(folder, limits=limits, now=clock)
    spool._database.execute("PRAGMA synchronous = OFF")  # what is counted here does not hang on it
    inventory = os.urandom(3000).hex().encode()
    put_in = failures = largest = 0
    for hour in range(365 * 24):
        at = clock.now = NOW + timedelta(hours=hour)
        entries = [
            observation(b'{"list":"%d %s"}' % (hour // 200, inventory), check="patch.list", at=at)
        ]
        for number in range(small_checks):
            if number == 0 and hour % 97 < 5:
                entries.append(failed(check="host.c0", at=at))
                failures += 1
                continue
            facts = b'{"n":%d,"pad":"%s"}' % (hour, os.urandom(250).hex().encode())
            entries.append(observation(facts, check=f"host.c{number}", at=at))
        inspected(spool, f"hour-{hour}", *entries, at=at)
        put_in += len(entries)
        largest = max(largest, size_on_disk(folder))
    gaps = spool.gaps()
    delivered = deliver_all(spool)
    spool.close()
    kept = [entry for batch in delivered for entry in batch.observations]
    assert len(kept) + lost(gaps).total() == put_in
    assert sum(entry.failure is not None for entry in kept) == failures
    assert told(delivered) == list(gaps)
    return {gap.loss for gap in gaps}, largest


def test_a_year_without_a_collector_in_a_small_spool(folder: Path) -> None:
    losses, largest = a_year(folder, Bounds(largest_bytes=6 * 2**20), small_checks=1)
    assert losses == {Loss.THINNED, Loss.UNCHANGED}
    assert largest <= 6 * 2**20


@pytest.mark.faults
@pytest.mark.timeout(1200)
def test_a_year_without_a_collector(folder: Path) -> None:
    losses, largest = a_year(folder, Bounds(), small_checks=12)
    assert Loss.THINNED in losses
    assert Loss.LAST_RESORT not in losses
    assert largest <= 64 * 2**20
