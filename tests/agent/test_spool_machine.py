"""S3: the spool against a plain model, through any order of what can happen to it."""

import shutil
import tempfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from msgspec.structs import replace

from agent.chain import MOST_REFUSALS
from agent.spool import Bounds, Place, Spool
from checks.api import Text
from tests.agent.spooling import (
    AGENT,
    INSPECTION,
    KEY,
    NOW,
    acknowledgement,
    failed,
    observation,
    random_facts,
)
from wire.batch import Opened, open_batch
from wire.messages import Gap, Loss

TINY = Bounds(largest_bytes=80_000)


class SpoolMachine(RuleBasedStateMachine):
    """Every observation put in is waiting, delivered once, or counted in one gap."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="xunjian-machine-"))
        self.generation = 0
        self.now = NOW
        self.put_in: set[int] = set()
        self.failures: set[int] = set()
        self.of_inspection: dict[str, list[int]] = {}
        self.under_way: str | None = None
        self.sealed: dict[str, list[tuple[str, str | None]]] = {}
        """By epoch, for each number: the digest of the batch and of the one before it."""
        self.order: list[Place] = []
        self.refusals: Counter[Place] = Counter()
        self.delivered: Counter[int] = Counter()
        self.told: list[Gap] = []

    @initialize(limits=st.sampled_from([Bounds(), TINY]))
    def begin(self, limits: Bounds) -> None:
        self.limits = limits
        self.open()

    def open(self) -> None:
        state = self.folder / str(self.generation)
        state.mkdir(exist_ok=True)
        self.spool = Spool(state, limits=self.limits, now=self.clock)
        assert self.spool.set_aside is None
        # What is tested here does not hang on the disk.
        self.spool._database.execute("PRAGMA synchronous = OFF")

    def clock(self) -> datetime:
        return self.now

    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.spool.close()
        shutil.rmtree(self.folder)

    @rule(days=st.sampled_from([0, 0, 1, 8, 40, -9000, 9000]))
    def open_inspection(self, days: int) -> None:
        if self.under_way is not None:
            return
        self.now += timedelta(days=days)
        self.under_way = f"inspection-{len(self.of_inspection)}"
        self.of_inspection[self.under_way] = []
        self.spool.open_inspection(replace(INSPECTION, id=self.under_way, started_at=self.now))

    @precondition(lambda self: self.under_way is not None)
    @rule(
        check=st.sampled_from(["host.a", "host.b"]),
        size=st.sampled_from([10, 5_000, 20_000]),
        fails=st.booleans(),
        times=st.integers(1, 6),
    )
    def add(self, check: str, size: int, fails: bool, times: int) -> None:
        assert self.under_way is not None
        for _ in range(times):
            number = len(self.put_in)
            made = (
                failed(check=check, at=self.now)
                if fails
                else observation(random_facts(size), check=check, at=self.now)
            )
            # The clock of the observation is its name: a split leaves it where facts go.
            self.spool.add(self.under_way, replace(made, monotonic_seconds=float(number)))
            self.put_in.add(number)
            self.failures |= {number} if fails else set()
            self.of_inspection[self.under_way].append(number)

    @precondition(lambda self: self.under_way is not None)
    @rule()
    def finish(self) -> None:
        assert self.under_way is not None
        self.spool.finish(
            replace(INSPECTION, id=self.under_way, started_at=self.now, finished_at=self.now)
        )
        self.under_way = None

    @rule()
    def seal_next(self) -> None:
        made = self.spool.seal_next(AGENT, KEY)
        self.learn(made)

    @rule(largest_bytes=st.sampled_from([500, 3_000, 12_000]))
    def split(self, largest_bytes: int) -> None:
        waiting = self.spool.pending()
        if not waiting:
            return
        before = self.waiting_numbers(waiting[0])
        made = self.spool.split(waiting[0], largest_bytes, AGENT, KEY)
        if made:
            assert waiting[0] not in self.spool.pending()
            self.order.remove(waiting[0])
            self.refusals.pop(waiting[0], None)
            new = self.learn(made)
            assert [number for place in new for number in self.waiting_numbers(place)] == before
            for place in new:
                assert len(self.spool.batch(place).batch.payload) <= largest_bytes

    @rule(right=st.sampled_from([True, True, False]))
    def acknowledge(self, right: bool) -> None:
        waiting = self.spool.pending()
        if not waiting:
            return
        fitting = acknowledgement(self.spool, waiting[0])
        if not right:
            assert not self.spool.acknowledge(replace(fitting, digest="f" * 64))
            assert not self.spool.acknowledge(replace(fitting, epoch="other"))
            return
        opened = self.opened(waiting[0])
        assert self.spool.acknowledge(fitting)
        assert not self.spool.acknowledge(fitting)
        self.delivered.update(int(entry.monotonic_seconds) for entry in opened.observations)
        self.told += opened.header.gaps
        self.order.remove(waiting[0])
        self.refusals.pop(waiting[0], None)

    @rule()
    def refuse(self) -> None:
        for place in self.spool.pending()[:1]:
            self.spool.refuse(place, Text("不", "no"))
            self.refusals[place] += 1

    @rule()
    def new_epoch(self) -> None:
        before = self.spool.epoch
        assert self.spool.new_epoch() not in {before, *self.sealed}

    @rule()
    def restart(self) -> None:
        self.spool.close()
        self.open()
        self.interrupted()

    @rule()
    def kill(self) -> None:
        """Go on with the files as they are, without what memory and a clean end would add."""
        before = self.folder / str(self.generation)
        self.generation += 1
        after = self.folder / str(self.generation)
        after.mkdir()
        for name in ("spool.db", "spool.db-wal"):
            if (before / name).exists():
                shutil.copy(before / name, after)
        self.spool.close()
        shutil.rmtree(before)
        self.open()
        self.interrupted()

    def interrupted(self) -> None:
        assert self.spool.finish_interrupted() == (self.under_way is not None)
        self.under_way = None

    def learn(self, made: int) -> list[Place]:
        """Note the batches just made, and hold them against the chain."""
        epoch = self.spool.epoch
        chain = self.sealed.setdefault(epoch, [])
        new = []
        for _ in range(made):
            place = Place(epoch, len(chain) + 1)
            header = self.opened(place).header
            assert (header.epoch, header.seq) == (epoch, place.seq)
            assert header.previous == (chain[-1][0] if chain else None)
            chain.append((self.spool.batch(place).batch.digest, header.previous))
            new.append(place)
        self.order += new
        return new

    def opened(self, place: Place) -> Opened:
        return open_batch(self.spool.batch(place).batch.payload)

    def waiting_numbers(self, place: Place) -> list[int]:
        return [int(entry.monotonic_seconds) for entry in self.opened(place).observations]

    def still_there(self) -> list[Place]:
        rows = self.spool._database.rows("SELECT epoch, seq FROM batches ORDER BY number")
        return [Place(epoch, seq) for epoch, seq in rows]

    @invariant()
    def nothing_is_lost_unseen_or_doubled(self) -> None:
        if not hasattr(self, "spool"):
            return
        there = self.still_there()
        counts = self.spool.counts()
        waiting = [number for place in there for number in self.waiting_numbers(place)]
        told = [*self.told, *self.spool.gaps()]
        told += [gap for place in there for gap in self.opened(place).header.gaps]
        lost = sum(gap.observations or 0 for gap in told)
        assert all(gap.observations is not None for gap in told)
        assert set(self.delivered.values()) <= {1}
        assert not set(waiting) & set(self.delivered)
        found = len(self.delivered) + len(waiting) + counts.observations
        assert found + lost == len(self.put_in)
        # A batch that is neither there nor handed over is counted: its number is missing.
        gone = sum(gap.batches for gap in told if gap.loss is not Loss.SPLIT)
        assert gone == len(set(self.order) - set(there))
        if self.limits is not TINY:
            assert {gap.loss for gap in told} <= {Loss.SPLIT, Loss.EXPIRED}

    @invariant()
    def what_waits_is_sent_in_order(self) -> None:
        if not hasattr(self, "spool"):
            return
        there = set(self.still_there())
        expected = [
            place
            for times in range(MOST_REFUSALS)
            for place in self.order
            if place in there and self.refusals[place] == times
        ]
        assert list(self.spool.pending()) == expected
        waits = bool(expected) or self.spool.counts().inspections > 0
        assert (self.folder / str(self.generation) / "waiting").exists() == waits

    @invariant()
    def the_newest_inspection_is_whole(self) -> None:
        if self.under_way is None:
            return
        rows = self.spool._database.rows(
            "SELECT count(*) FROM observations WHERE inspection = "
            "(SELECT max(number) FROM inspections)"
        )
        assert rows == [(len(self.of_inspection[self.under_way]),)]


def against_the_model(examples: int, steps: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call] # hypothesis does not say
        SpoolMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_spool_does_as_a_plain_model_says() -> None:
    against_the_model(200, 50)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_the_spool_does_as_a_plain_model_says_for_long() -> None:
    against_the_model(5000, 100)
