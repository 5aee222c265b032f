"""The reaction table (security-reliability §3.4): one situation for each row, and its pauses."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent import attempts, backoff, enrolment, identity
from agent.events import (
    BatchDead,
    BatchKept,
    BatchSplit,
    BatchUploaded,
    DeliveryPaused,
    EpochForked,
)
from agent.pause import PauseReason
from agent.settings import Collector
from tests.agent.handing_over import Sender, stored_once
from tests.agent.spooling import random_facts
from tests.agent.workbench import (
    AGENT,
    Answer,
    FakeCollector,
    Reaction,
    Site,
    accepting_without_answer,
    answering,
    collecting,
)
from wire.batch import digest_of, open_batch, unpack
from wire.control import RefusalKind
from wire.messages import Reason
from wire.signing import PrivateKey

HOUR, DAY = 3600.0, 86400.0


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "FIRST_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(attempts, "NEXT_WAIT_SECONDS", 0.0)


@pytest.fixture
def collector() -> Iterator[FakeCollector]:
    with collecting() as collector:
        yield collector
        assert collector.unsigned == []


@pytest.fixture
def sender(tmp_path: Path, collector: FakeCollector) -> Iterator[Sender]:
    sender = Sender(tmp_path, Collector(collector.url))
    yield sender
    sender.spool.close()


def accepting(
    *, key: PrivateKey | None = None, seq: int = 0, body: bytes | None = None
) -> Reaction:
    """Acknowledge as the real one, but for what is named here."""

    def react(collector: FakeCollector, number: int, payload: bytes) -> Answer:
        other = FakeCollector()
        other.key = key or collector.key
        epoch = collector.requests[-1][0]
        return other.accept(AGENT, epoch, number + seq, payload if body is None else body)

    return react


def test_what_is_acknowledged_leaves_the_spool(collector: FakeCollector, sender: Sender) -> None:
    assert sender.holding(3).deliver()
    assert stored_once(collector, 3)
    assert sender.waiting() == 0
    assert sender.told(BatchUploaded) == [BatchUploaded(seq, False) for seq in (1, 2, 3)]
    assert sender.spool.pause() is None


def test_an_answer_lost_after_the_commit_is_asked_for_again(
    collector: FakeCollector, sender: Sender
) -> None:
    collector.reactions.append(accepting_without_answer)
    assert sender.holding(1).deliver()
    assert collector.requests[0] == collector.requests[1]
    assert sender.told(BatchUploaded) == [BatchUploaded(1, True)]
    assert stored_once(collector, 1)


def test_the_clocks_of_the_host_go_with_each_batch(
    collector: FakeCollector, sender: Sender
) -> None:
    began = datetime.now(UTC)
    sender.holding(2).deliver()
    first, second = collector.deliveries
    assert began <= first.wall <= second.wall <= datetime.now(UTC)
    assert 0 < first.monotonic_seconds <= second.monotonic_seconds
    assert first.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert first.synchronised in (True, False, None)
    assert [told.digest for told in collector.deliveries] == [
        digest_of(payload) for _, payload in sorted(collector.stored.items())
    ]


def unsigned_acknowledgement(collector: FakeCollector, seq: int, body: bytes) -> Answer:
    _, _, envelope = FakeCollector().accept(AGENT, collector.requests[-1][0], seq, body)
    return 201, {}, base64.b64decode(json.loads(envelope)["payload"])


@pytest.mark.parametrize(
    "reaction",
    [
        answering(200, b"<html>Please sign in</html>"),
        answering(200),
        answering(204),
        answering(302, Location="http://127.0.0.1:9/login"),
        answering(404),
        answering(409, b'{"detail": "another batch stands there"}'),
        answering(200, b"[" * 60_000),
        unsigned_acknowledgement,
        accepting(key=PrivateKey(b"x" * 32)),
        accepting(body=b"another batch"),
        accepting(seq=1),
    ],
    ids=range(11),
)
def test_nothing_leaves_without_the_collectors_signed_acknowledgement(
    collector: FakeCollector, sender: Sender, reaction: Reaction
) -> None:
    collector.reactions.append(reaction)
    assert not sender.holding(2).deliver()
    assert len(collector.requests) == 1
    assert sender.waiting() == 2
    pause = sender.spool.pause()
    assert pause is not None
    assert (pause.reason, pause.failures) == (PauseReason.UNREACHED, 1)
    assert sender.deliver()
    assert stored_once(collector, 2)
    assert sender.spool.pause() is None


def held(sender: Sender, reason: PauseReason, least: float, most: float) -> None:
    """The agent stopped at once, keeps all, and comes again within these seconds."""
    pause = sender.spool.pause()
    assert pause is not None
    assert pause.reason is reason
    assert least <= pause.seconds <= most
    assert pause.reason.asked_for
    (told,) = sender.told(DeliveryPaused)
    assert told.reason == reason.value
    assert sender.told(BatchUploaded) == []
    sender.restart()
    assert not sender.deliver(now=False)
    assert not sender.after_inspection()
    assert sender.told(BatchUploaded) == []
    assert sender.deliver(now=True)


@pytest.mark.parametrize("status", [401, 403])
def test_an_unsigned_401_or_403_keeps_all_for_an_hour(
    collector: FakeCollector, sender: Sender, status: int
) -> None:
    collector.reactions.append(answering(status, b'{"detail": "who are you?"}'))
    assert not sender.holding(2).deliver()
    assert len(collector.requests) == 1
    assert "who are you?" in sender.told(BatchKept)[0].why
    held(sender, PauseReason.UNKNOWN_KEY, HOUR, 1.3 * HOUR)
    assert stored_once(collector, 2)


def test_a_signed_refusal_keeps_all_for_a_day(collector: FakeCollector, sender: Sender) -> None:
    collector.reactions.append(
        lambda collector, seq, body: collector.refuse(body, RefusalKind.REVOKED)
    )
    assert not sender.holding(2).deliver()
    assert len(collector.requests) == 1
    assert "revoked" in sender.told(BatchKept)[0].why
    held(sender, PauseReason.REFUSED, DAY, 1.3 * DAY)
    assert stored_once(collector, 2)


@pytest.mark.parametrize("case", ["another digest", "another key", "no base64"])
def test_a_refusal_that_is_not_of_this_batch_counts_as_unsigned(
    collector: FakeCollector, sender: Sender, case: str
) -> None:
    def refuse(collector: FakeCollector, _seq: int, body: bytes) -> Answer:
        other = FakeCollector()
        if case == "another key":
            other.key = PrivateKey(b"x" * 32)
        status, headers, problem = other.refuse(b"" if case == "another digest" else body)
        return status, headers, problem.replace(b'":"', b'":"!') if "64" in case else problem

    collector.reactions.append(refuse)
    assert not sender.holding(1).deliver()
    held(sender, PauseReason.UNKNOWN_KEY, HOUR, 1.3 * HOUR)
    assert stored_once(collector, 1)


def test_a_fork_is_stored_beside_and_followed_by_a_new_epoch(
    collector: FakeCollector, sender: Sender
) -> None:
    collector.reactions.append(
        lambda collector, seq, body: collector.accept(
            AGENT, collector.requests[-1][0], seq, body, forked=True
        )
    )
    before = sender.spool.epoch
    assert sender.holding(2).deliver()
    (forked,) = sender.told(EpochForked)
    assert (forked.seq, forked.epoch) == (1, sender.spool.epoch)
    assert collector.requests == [(before, 1), (sender.spool.epoch, 1)]
    assert before != sender.spool.epoch
    assert sorted(batch.header.inspection.id for batch in collector.batches()) == [
        "inspection-1",
        "inspection-2",
    ]


def refusing_beyond(limit: int, *, tell: bool) -> Reaction:
    def react(collector: FakeCollector, seq: int, body: bytes) -> Answer:
        collector.reactions.append(react)
        if len(body) <= limit:
            return collector.accept(AGENT, collector.requests[-1][0], seq, body)
        told = json.dumps({"limit_bytes": limit} if tell else {"detail": "too large"})
        return 413, {}, told.encode()

    return react


@pytest.mark.parametrize("tell", [True, False])
def test_what_is_too_large_is_split(collector: FakeCollector, sender: Sender, tell: bool) -> None:
    collector.reactions.append(refusing_beyond(400_000, tell=tell))
    facts = [random_facts(150_000) for _ in range(8)]
    assert sender.holding(1, *facts).deliver()
    assert sender.told(BatchSplit)
    arrived = [entry for batch in collector.batches() for entry in batch.observations]
    assert sorted(bytes(entry.facts) for entry in arrived) == sorted(facts)  # type: ignore[arg-type] # none is UNSET
    assert sender.waiting() == 0


def test_a_single_observation_that_is_too_large_is_flagged(
    collector: FakeCollector, sender: Sender
) -> None:
    collector.reactions.append(refusing_beyond(300_000, tell=True))
    assert sender.holding(1, random_facts(1_200_000), b'{"a":1}').deliver()
    arrived = [entry for batch in collector.batches() for entry in batch.observations]
    assert sorted(entry.failure is None for entry in arrived) == [False, True]
    assert {entry.failure.reason for entry in arrived if entry.failure} == {Reason.ERROR}


def test_a_proxy_that_answers_413_to_everything_wears_nothing_down(
    collector: FakeCollector, sender: Sender
) -> None:
    collector.reactions.append(refusing_beyond(0, tell=True))
    facts = [random_facts(150_000) for _ in range(8)]
    assert not sender.holding(1, *facts).deliver()
    kept = [
        entry
        for place in sender.spool.pending()
        for entry in open_batch(sender.spool.batch(place).batch.payload).observations
    ]
    assert sorted(bytes(entry.facts) for entry in kept) == sorted(facts)  # type: ignore[arg-type] # none is UNSET


@pytest.mark.parametrize("status", [400, 415, 422])
def test_a_batch_refused_twice_is_a_dead_letter_and_holds_up_no_other(
    collector: FakeCollector, sender: Sender, status: int
) -> None:
    def poisoned(collector: FakeCollector, seq: int, body: bytes) -> Answer:
        collector.reactions.append(poisoned)
        if b"inspection-2" in unpack(body):
            return status, {}, b'{"detail": "it makes no sense"}'
        return collector.accept(AGENT, collector.requests[-1][0], seq, body)

    collector.reactions.append(poisoned)
    assert not sender.holding(3).deliver(now=False)
    assert [event.seq for event in sender.told(BatchUploaded)] == [1, 3]
    assert "it makes no sense" in sender.told(BatchKept)[0].why
    assert sender.told(BatchDead) == []
    assert sender.spool.pause() is None
    # Only the bad one is left: that the collector is there is asked for.
    assert not sender.deliver(now=False)
    assert [event.seq for event in sender.told(BatchDead)] == [2]
    assert len(collector.asked_time) == 1
    assert sender.deliver()
    assert [seq for _, seq in collector.requests].count(2) == 2
    assert sender.waiting() == 1


def test_refusals_of_who_is_not_the_collector_do_not_count(
    collector: FakeCollector, sender: Sender
) -> None:
    genuine = collector.tell_time
    collector.tell_time = lambda path: (400, {}, b"")  # type: ignore[method-assign] # a portal
    for failures in range(1, 5):
        collector.reactions.extend([answering(400)] * 2)
        assert not (sender.holding(2) if failures == 1 else sender).deliver()
        pause = sender.spool.pause()
        assert pause is not None
        assert (pause.reason, pause.failures) == (PauseReason.UNREACHED, failures)
    assert sender.told(BatchDead) == []
    collector.tell_time = genuine  # type: ignore[method-assign] # it is the collector again
    assert sender.deliver()
    assert stored_once(collector, 2)


def test_an_agent_that_is_too_old_waits_for_a_day(collector: FakeCollector, sender: Sender) -> None:
    collector.reactions.append(answering(426))
    assert not sender.holding(1).deliver()
    assert "upgrade the agent" in sender.told(BatchKept)[0].why
    held(sender, PauseReason.OUTDATED, DAY, 1.3 * DAY)


def test_retry_after_is_obeyed_as_a_number_and_as_a_date(
    collector: FakeCollector, sender: Sender
) -> None:
    # The collector's clock is years off ours: only the distance counts.
    date = datetime(2031, 5, 1, 8, tzinfo=UTC)
    later = format_datetime(date + timedelta(minutes=10), usegmt=True)
    for reaction, seconds in (
        (answering(429, Retry_After="600"), 600),
        (answering(503, Retry_After=later, Date=format_datetime(date, usegmt=True)), 600),
        (answering(429, Retry_After="99999999"), DAY),
    ):
        collector.reactions.append(reaction)
        sender.events.clear()
        assert not sender.holding(1).deliver()
        held(sender, PauseReason.OVERLOADED, seconds, 1.3 * seconds)
    assert stored_once(collector, 3)


def test_a_short_wait_is_waited_out(collector: FakeCollector, sender: Sender) -> None:
    collector.reactions.extend([answering(503, Retry_After="0"), answering(429, Retry_After="0")])
    assert sender.holding(1).deliver()
    assert len(collector.requests) == 3
    assert sender.spool.pause() is None


@pytest.mark.parametrize(
    "reaction",
    [
        answering(500),
        answering(502, b"<html>bad gateway</html>"),
        answering(408),
        answering(503),
        answering(429, Retry_After="soon"),
        lambda *_: None,
    ],
    ids=["500", "502", "408", "503", "no number", "cut"],
)
def test_other_failures_are_tried_a_few_times_and_then_backed_off(
    collector: FakeCollector, sender: Sender, reaction: Reaction
) -> None:
    sender.holding(1)
    for failures in range(1, 4):
        collector.reactions.extend([reaction] * attempts.ATTEMPTS)
        assert not sender.after_inspection()  # does not keep to its own back-off
        assert len(collector.requests) == failures * attempts.ATTEMPTS
        sender.restart()
        pause = sender.spool.pause()
        assert pause is not None
        assert (pause.reason, pause.failures) == (PauseReason.UNREACHED, failures)
        assert 0 <= pause.seconds <= 5 * 2**failures
    sender.spool.set_pause(replace(pause, seconds=60))
    assert not sender.deliver(now=False)
    assert len(collector.requests) == 3 * attempts.ATTEMPTS
    sender.spool.set_pause(
        replace(pause, seconds=60, boot_id="another", began_at=datetime(2020, 1, 1, tzinfo=UTC))
    )
    assert sender.deliver(now=False)
    assert stored_once(collector, 1)


def test_the_own_back_off_is_full_jitter_up_to_an_hour() -> None:
    for failures in range(200):
        waits = [backoff.own_seconds(failures) for _ in range(50)]
        longest = min(HOUR, 5 * 2**failures)
        assert all(0 <= wait <= longest for wait in waits)
        assert max(waits) > longest / 2 > min(waits)


def test_the_same_reason_is_told_once_a_day(collector: FakeCollector, sender: Sender) -> None:
    sender.holding(1)
    for _ in range(5):
        collector.reactions.append(answering(404))
        sender.deliver(now=False)
        pause = sender.spool.pause()
        assert pause is not None
        sender.spool.set_pause(replace(pause, seconds=0))
    assert len(sender.told(BatchKept)) == len(sender.told(DeliveryPaused)) == 1
    pause = sender.spool.pause()
    assert pause is not None
    assert pause.told_at is not None
    sender.spool.set_pause(replace(pause, seconds=0, told_at=pause.told_at - timedelta(days=1)))
    collector.reactions.append(answering(404))
    sender.deliver(now=False)
    assert len(sender.told(BatchKept)) == 2
    collector.reactions.append(answering(401))
    sender.deliver()
    assert len(sender.told(BatchKept)) == 3


def test_nothing_is_asked_for_where_nothing_waits(collector: FakeCollector, sender: Sender) -> None:
    assert sender.deliver(now=False)
    assert collector.requests == []


def test_deliver_hands_over_without_an_inspection(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.checks({"sample.one": "pass"})
    assert site.run().exit_code == 1
    assert (site.state / "waiting").exists()
    with collecting() as collector:
        site.url = collector.url
        site.configure()
        paused = site.deliver()
        handed_over = site.deliver("--now") if paused.exit_code else paused
        assert handed_over.exit_code == 0, handed_over.errors
        assert len(collector.batches()) == 1
        assert not (site.state / "waiting").exists()
        assert site.deliver().exit_code == 0
        assert collector.unsigned == []
        site.url = "http://127.0.0.1:9"
        site.configure()
        site.run()
        shown = site.agent("status", "--settings", str(site.folder / "agent.toml"), "--lang", "en")
        assert "nothing is sent until" in shown.output
        assert "TCP: no connection" in shown.output


def test_a_new_key_is_announced_before_anything_that_it_has_signed(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.checks({"sample.one": "pass"})
    site.configure()
    enrolment.rotation(site.state, ())
    new = identity.load(site.state).key
    with collecting() as collector:
        site.url = collector.url
        site.configure()
        genuine = collector.rotate
        for refuse in (
            lambda path, body: (500, {}, b""),
            lambda path, body: (200, {}, b"<html>sign in</html>"),
            lambda path, body: None,
        ):
            collector.rotate = refuse  # type: ignore[method-assign] # it is not confirmed
            kept = site.run("--lang", "en")
            assert kept.exit_code == 1
            assert kept.events("paused")
            assert collector.requests == []
            assert identity.load(site.state).rotation is not None
        collector.rotate = genuine  # type: ignore[method-assign]
        assert site.deliver("--now").exit_code == 0
        assert collector.rotations == [f"/v1/agents/{AGENT}/keys"]
        known = identity.load(site.state)
        assert (known.rotation, known.key.id) == (None, new.id)
        assert len(collector.batches()) == 3
        assert site.run().exit_code == 0
        assert len(collector.rotations) == 1
