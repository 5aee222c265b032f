"""R3, R8, R11: whatever the network does, each batch arrives once, and none is let go before."""

import ctypes
import random
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent import attempts, connecting, transport
from agent.errors import Stage
from agent.events import BatchDead, BatchKept, BatchUploaded
from agent.secret import SecretSource
from agent.settings import Collector
from tests.agent.handing_over import Sender, stored_once
from tests.agent.workbench import AGENT, Answer, FakeCollector, answering, collecting
from tests.network import Line, Way, proxying, relaying
from wire.batch import unpack

BATCHES = 100
SEED = 20261121
MOST_ROUNDS = 60

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET, sched.h


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scale everything that waits, so that a hundred faults take seconds."""
    monkeypatch.setattr(attempts, "FIRST_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(attempts, "NEXT_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(transport, "SILENCE_SECONDS", 0.15)
    monkeypatch.setattr(transport, "EXCHANGE_SECONDS", 3.0)
    monkeypatch.setattr(connecting, "CONNECT_SECONDS", 2.0)


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder in memory where there is such a place: it is the network that is bad here."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def collector() -> Iterator[FakeCollector]:
    with collecting() as collector:
        yield collector


def to_the_end(sender: Sender, collector: FakeCollector, inspections: int) -> int:
    """Deliver until nothing waits; nothing is lost in between. Return the rounds it took."""
    for rounds in range(1, MOST_ROUNDS + 1):
        sender.deliver()
        # What is stored and not acknowledged yet counts twice here, never less than once.
        assert len(collector.stored) + sender.waiting() >= inspections
        if sender.waiting() == 0:
            return rounds
    raise AssertionError(f"{sender.waiting()} wait after {MOST_ROUNDS} rounds")


def each(*faults: Callable[[random.Random], Line]) -> Callable[[int], Line]:
    """Every connection gets one of these faults, so that no one carries all batches."""
    dice = random.Random(SEED)
    return lambda _number: dice.choice(faults)(dice)


def cut(ending: str) -> Callable[[int], Line]:
    """Cut anywhere in the first few requests or answers of each connection."""
    return each(
        lambda dice: Line(to_server=Way(cut_after=dice.randrange(12_000)), ending=ending),
        lambda dice: Line(to_client=Way(cut_after=dice.randrange(6_000)), ending=ending),
    )


LINES = {
    "closed": cut("close"),
    "reset": cut("reset"),
    "half-open": cut("silence"),
    "half-closed": cut("half"),
    "corrupted": each(
        lambda dice: Line(to_server=Way(corrupt_at=dice.randrange(12_000))),
        lambda dice: Line(to_client=Way(corrupt_at=dice.randrange(6_000))),
    ),
    # Both scaled by about 20: 64 kbit/s, and 2 s in each direction.
    "narrow": lambda _number: Line(to_server=Way(bytes_per_second=160_000)),
    "far": lambda _number: Line(Way(delay_seconds=0.01), Way(delay_seconds=0.01)),
}


@pytest.mark.parametrize("fault", LINES)
def test_a_bad_line_loses_and_doubles_nothing(
    state: Path, collector: FakeCollector, fault: str
) -> None:
    collector.strict = True
    port = int(collector.url.rpartition(":")[2])
    with relaying(port, LINES[fault]) as relay:
        sender = Sender(state, Collector(f"http://127.0.0.1:{relay.port}")).holding(BATCHES)
        to_the_end(sender, collector, BATCHES)
        sender.spool.close()
    if fault in ("closed", "reset", "half-open", "half-closed"):
        assert len(relay.connections) > 10  # there was something to survive
    assert stored_once(collector, BATCHES)
    assert fault == "corrupted" or collector.unsigned == []


@pytest.mark.parametrize("fault", ["dns", "proxy password", "captive portal", "refused"])
def test_who_reaches_nobody_keeps_everything_as_it_is(
    tmp_path: Path, state: Path, collector: FakeCollector, fault: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    secret.chmod(0o600)
    with (
        collecting(*[answering(200, b"<html>sign in</html>")] * 500) as portal,
        proxying("user:right") as proxy,
    ):
        source = SecretSource(file=str(secret))
        way, stage = {
            "dns": (Collector("http://no-such-host.invalid"), "DNS: "),
            "proxy password": (Collector(collector.url, None, proxy.url, "user", source), "proxy"),
            "captive portal": (Collector(portal.url), "HTTP: "),
            "refused": (Collector("http://127.0.0.1:9"), "TCP: "),
        }[fault]
        sender = Sender(state, way).holding(BATCHES)
        before = sender.spool.counts()
        kept = []
        for _ in range(5):
            assert not sender.deliver()
            kept.append([sender.spool.batch(place) for place in sender.spool.pending()])
        # One inspection was sealed to be sent; it is the same each time, the others are untouched.
        assert kept == [kept[0]] * 5
        after = sender.spool.counts()
        assert (after.inspections + after.batches, len(kept[0])) == (before.inspections, 1)
        assert all(event.why.startswith(stage) for event in sender.told(BatchKept))
        assert collector.stored == portal.stored == {}
        repaired = Sender(state / "other", Collector(collector.url))
        repaired.spool.close()
        repaired.spool = sender.spool
        assert to_the_end(repaired, collector, BATCHES) == 1
        repaired.spool.close()
    assert stored_once(collector, BATCHES)


def losing_answers(collector: FakeCollector, chance: float) -> None:
    """Commit each batch, then lose so many of the answers."""
    dice = random.Random(SEED)

    def take(path: str, body: bytes) -> Answer | None:
        epoch, seq = path.split("/")[5], int(path.split("/")[7])
        collector.requests.append((epoch, seq))
        answer = collector.accept(AGENT, epoch, seq, body)
        return None if dice.random() < chance else answer

    collector.take = take  # type: ignore[method-assign] # it stores, and says so sometimes


@pytest.mark.parametrize(
    ("inspections", "chance"),
    [
        (200, 0.3),
        pytest.param(2000, 0.3, marks=pytest.mark.faults),
        pytest.param(500, 0.9, marks=pytest.mark.faults),
    ],
)
def test_answers_lost_after_the_commit_lose_and_double_nothing(
    state: Path,
    collector: FakeCollector,
    monkeypatch: pytest.MonkeyPatch,
    inspections: int,
    chance: float,
) -> None:
    monkeypatch.setattr("tests.faults.test_network.MOST_ROUNDS", 10_000)
    losing_answers(collector, chance)
    sender = Sender(state, Collector(collector.url)).holding(inspections)
    to_the_end(sender, collector, inspections)
    assert stored_once(collector, inspections)
    assert len(collector.requests) > inspections * (1 + chance / 2)
    assert len(sender.told(BatchUploaded)) == inspections
    sender.spool.close()


def test_poison_delays_the_others_by_no_cycle(state: Path, collector: FakeCollector) -> None:
    poison = {f'"inspection-{number}"'.encode() for number in range(1, BATCHES, 10)}
    good = collector.take

    def take(path: str, body: bytes) -> Answer | None:
        if any(name in unpack(body) for name in poison):
            collector.requests.append((path.split("/")[5], int(path.split("/")[7])))
            return 422, {}, b'{"detail": "poison"}'
        return good(path, body)

    collector.take = take  # type: ignore[method-assign] # it can't digest everything
    sender = Sender(state, Collector(collector.url)).holding(BATCHES)
    sender.deliver()
    assert len(sender.told(BatchUploaded)) == BATCHES - len(poison)
    sender.deliver()
    assert len(sender.told(BatchDead)) == len(poison)
    sender.deliver()
    times = [collector.requests.count(place) for place in set(collector.requests)]
    assert sorted(set(times)) == [1, 2]
    assert times.count(2) == len(poison)
    assert sender.waiting() == len(poison)
    sender.spool.close()


def in_a_network_of_its_own(action: Callable[[], None]) -> None:
    """Run in a thread that has a network namespace of its own; skip where that is refused."""
    outcome: list[BaseException] = []

    def run() -> None:
        try:
            if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK):
                pytest.skip("a network namespace is refused here")
            for command in ("ip link set lo up", "iptables -L -n"):
                done = subprocess.run(command.split(), capture_output=True, text=True)
                if done.returncode:
                    pytest.skip(f"{command}: {done.stderr.strip()}")
            action()
        except BaseException as error:  # noqa: BLE001 - it is raised again, in the test's thread
            outcome.append(error)

    for tool in ("ip", "iptables"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if outcome:
        raise outcome[0]


DROP = "-A INPUT -p tcp -m statistic --mode random --probability {chance} -j DROP"
RESET = (
    "-A INPUT -p tcp --dport {port} -m statistic --mode random --probability {chance} "
    "-j REJECT --reject-with tcp-reset"
)


@pytest.mark.parametrize(
    ("rule", "chance"),
    [
        (DROP, 0.01),
        (DROP, 0.05),
        (RESET, 0.1),
        pytest.param(DROP, 0.2, marks=pytest.mark.faults),
    ],
    ids=["loss 1 %", "loss 5 %", "resets 10 %", "loss 20 %"],
)
def test_packets_that_are_lost_or_answered_by_a_reset(
    state: Path, monkeypatch: pytest.MonkeyPatch, rule: str, chance: float
) -> None:
    monkeypatch.setattr(transport, "SILENCE_SECONDS", 2.0)
    monkeypatch.setattr(transport, "EXCHANGE_SECONDS", 10.0)

    def deliver() -> None:
        with collecting() as collector:
            port = collector.url.rpartition(":")[2]
            command = "iptables " + rule.format(port=port, chance=chance)
            subprocess.run(command.split(), check=True, capture_output=True)
            sender = Sender(state, Collector(collector.url)).holding(BATCHES)
            to_the_end(sender, collector, BATCHES)
            sender.spool.close()
            assert stored_once(collector, BATCHES)
            assert collector.unsigned == []

    in_a_network_of_its_own(deliver)


def test_a_stage_is_told_by_its_name() -> None:
    assert {stage.value for stage in Stage} == {
        *("dns", "tcp", "proxy", "tls", "tls_chain", "tls_time", "tls_name", "http")
    }
