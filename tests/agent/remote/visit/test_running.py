"""A host that says what it should not: nothing of it is taken."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from agent import events
from agent.errors import CannotStart, RemoteError, Stopped
from agent.remote.lines import (
    LARGEST_LINE_BYTES,
    MARK,
    PROTOCOL,
    Begin,
    Done,
    Fetch,
    Hello,
    Refused,
    Stated,
    Told,
    Took,
    heard_from_workstation,
    packed,
)
from agent.remote.visit.channel import Channel
from agent.remote.visit.running import Conversation, Visited
from checks.errors import ProbeError, UnexpectedOutput
from tests.agent.remote.visit.hosts import Desk
from wire.batch import digest_of, open_batch, seal
from wire.control import BATCH
from wire.envelope import enclose
from wire.messages import WIRE_VERSION, Cost, Header, HostIdentity, Inspection
from wire.record import BatchFetched, SecretUsed
from wire.sessions import SESSION_KEY, Mode, SessionKey
from wire.signing import PrivateKey

KEY = PrivateKey(b"h" * 32)
OTHER = PrivateKey(b"o" * 32)


class Scripted:
    """A command that prints what it was given, whatever it hears."""

    def __init__(self, pieces: list[bytes], errors: bytes = b"", code: int = 0) -> None:
        self.pieces, self.errors, self.code = pieces, errors, code
        self.heard = bytearray()

    def start(self, command: str, *, subject: str) -> "Scripted":
        return self

    def send(self, content: bytes | memoryview) -> None:
        self.heard += content

    def end_input(self) -> None:
        pass

    def receive(self, timeout: float) -> bytes | None:
        return self.pieces.pop(0) if self.pieces else None

    def exit_code(self, timeout: float) -> int:
        return self.code

    def close(self) -> None:
        pass


def hello(**more: Any) -> bytes:
    fields = {"protocol": PROTOCOL, "version": "0.1.0", "system": "linux"}
    return packed(Hello(**(fields | {"public_key": KEY.public} | more)))


def stated(key: PrivateKey = KEY, **more: Any) -> bytes:
    fields = {"wire": WIRE_VERSION, "session": "session-1", "agent": "remote-erp-db"}
    statement = SessionKey(**(fields | {"public_key": KEY.public} | more))
    return packed(Stated(statement=enclose(statement, SESSION_KEY, key)))


def payload(desk: Desk, seq: int = 1, previous: str | None = None, **more: Any) -> bytes:
    now = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    inspection = Inspection(
        id="inspection-1",
        started_at=now,
        boot_id="boot",
        time_zone="UTC",
        host=HostIdentity("erp-db", "linux"),
        agent_version="0.1.0",
        checks_digest="0" * 64,
        planned=(),
        cost=Cost(0, 0, 0),
        remote=more.pop("remote", desk.order().remote),
    )
    fields: dict[str, Any] = {
        "wire": WIRE_VERSION,
        "agent": "remote-erp-db",
        "epoch": "epoch-1",
        "seq": seq,
        "inspection": inspection,
        "observations": 0,
        "sealed_at": now,
        "previous": previous,
    }
    return seal(Header(**(fields | more)), []).payload


def fetch(content: bytes, key: PrivateKey = KEY, **more: Any) -> bytes:
    fields = {"epoch": "epoch-1", "seq": 1, "payload": content, "key_id": key.id}
    return packed(Fetch(**(fields | {"signature": key.sign(BATCH, content)} | more)))


def done(batches: int) -> bytes:
    return packed(Done(inspection="inspection-1", collected=0, total=0, batches=batches))


def held(desk: Desk, *pieces: bytes, mode: Mode = Mode.PACKAGE, **more: Any) -> Visited:
    host = Scripted(list(pieces), **more)
    desk.host = host  # type: ignore[attr-defined] # for what the test looks at behind it
    visit = desk.visit(host)
    with Channel(host, "answer", "answer", desk.recorded.append) as channel:
        return Conversation(visit, channel, mode).hold()


def test_what_is_in_order_is_taken(desk: Desk) -> None:
    first = payload(desk)
    second = payload(desk, seq=2, previous=digest_of(first))
    told = Told(event=msgspec.Raw(msgspec.json.encode(events.PlanMade(3))))
    secret = Told(event=msgspec.Raw(msgspec.json.encode(events.SecretUsed("database erp"))))
    newer = Told(event=msgspec.Raw(b'{"event":"of a newer agent"}'))
    whole = b"".join(
        (
            b"welcome\nto this host\r\n\n",
            hello() + stated() + packed(told) + packed(secret) + packed(newer),
            fetch(first) + fetch(second, seq=2) + done(2),
        )
    )
    # In pieces that end anywhere.
    found = held(desk, *(whole[start : start + 97] for start in range(0, len(whole), 97)))
    assert found.batches == len(desk.kept) == len(desk.events(BatchFetched)) == 2
    assert desk.told == [events.PlanMade(3), events.SecretUsed("database erp")]
    assert desk.events(SecretUsed) == [SecretUsed("database erp")]
    said = desk.host.heard.splitlines()  # type: ignore[attr-defined]
    begin, *took = [heard_from_workstation(bytes(line)) for line in said]
    assert isinstance(begin, Begin)
    assert begin.order.remote.mode == "package"
    assert took == [
        Took(seq=1, digest=digest_of(first)),
        Took(seq=2, digest=digest_of(second)),
    ]


def wrong_batches(desk: Desk) -> dict[str, bytes]:
    good = payload(desk)
    remote = desk.order().remote
    return {
        "another key": fetch(good, OTHER),
        "another key's name": fetch(good, key_id=OTHER.id),
        "another signature": fetch(good, signature=OTHER.sign(BATCH, good)),
        "signature of another kind": fetch(good, signature=KEY.sign(SESSION_KEY, good)),
        "no signature": fetch(good, signature=b""),
        "another agent": fetch(payload(desk, agent="remote-other")),
        "another session": fetch(payload(desk, remote=replace(remote, session="session-2"))),
        "another grant": fetch(payload(desk, remote=replace(remote, grant="grant-2"))),
        "another person": fetch(payload(desk, remote=replace(remote, person="李工"))),
        "no remote inspection": fetch(payload(desk, remote=None)),
        "not the first": fetch(payload(desk, seq=2, previous="0" * 64), seq=2),
        "one before the first": fetch(payload(desk, previous="0" * 64)),
        "another number": fetch(good, seq=2),
        "another epoch": fetch(good, epoch="epoch-2"),
        "no gzip": fetch(b"not gzip"),
        "cut off": fetch(good[:-9]),
        "lines missing": fetch(payload(desk, observations=3)),
        "a line that is none": fetch(_with_line(desk, b'{"check":1}')),
        "another wire": fetch(payload(desk, wire="9.0")),
    }


def _with_line(desk: Desk, line: bytes) -> bytes:
    header = replace(open_batch(payload(desk)).header, observations=1)
    return seal(header, [line]).payload


def test_a_batch_that_is_not_of_this_visit_is_not_taken(desk: Desk) -> None:
    for name, content in wrong_batches(desk).items():
        with pytest.raises(RemoteError) as raised:
            held(desk, hello(), stated(), content, done(1))
        assert "不予接受" in raised.value.text.zh, name
        assert desk.kept == [], name
    assert desk.events(BatchFetched) == []


@pytest.mark.parametrize(
    "more",
    [{"epoch": "epoch-2"}, {"previous": "0" * 64}, {"previous": None}, {"seq": 3}, {"seq": 1}],
)
def test_a_chain_that_breaks_is_not_taken(desk: Desk, more: dict[str, Any]) -> None:
    first = payload(desk)
    fields = {"seq": 2, "previous": digest_of(first)} | more
    second = payload(desk, **fields)
    place = {"seq": fields["seq"], "epoch": fields.get("epoch", "epoch-1")}
    with pytest.raises(RemoteError):
        held(desk, hello(), stated(), fetch(first), fetch(second, **place), done(2))
    assert len(desk.kept) == 1


@pytest.mark.parametrize(
    "statement",
    [
        stated(OTHER),
        stated(session="session-2"),
        stated(agent="remote-other"),
        stated(public_key=OTHER.public),
        packed(Stated(statement=b"{}")),
        packed(Stated(statement=b"")),
    ],
)
def test_a_statement_that_is_not_the_hosts_is_not_signed(desk: Desk, statement: bytes) -> None:
    with pytest.raises(RemoteError):
        held(desk, hello(), statement, done(0))
    assert desk.statements == []


@pytest.mark.parametrize(
    ("pieces", "raised"),
    [
        ((), CannotStart),
        ((b"welcome\n",), CannotStart),
        ((hello(),), RemoteError),
        ((hello(protocol=2),), RemoteError),
        ((hello(forced=True),), RemoteError),
        ((packed(Refused(zh="不行", en="no")),), RemoteError),
        ((hello(), packed(Refused(zh="不行", en="no"))), RemoteError),
        ((hello(), hello()), ProbeError),
        ((hello(), b"Segmentation fault\n"), ProbeError),
        ((hello(), MARK + b"{\n"), ProbeError),
        ((hello(), MARK + b"[" * 10_000 + b"\n"), ProbeError),
        ((hello(), MARK + b'{"say":"begin"}\n'), ProbeError),
        ((MARK + b"\xff\n",), ProbeError),
        ((hello(), stated(), done(1)), RemoteError),
        ((b"x" * 65536,) * (LARGEST_LINE_BYTES // 65536 + 2), ProbeError),
        ((b"x" * 65535 + b"\n",) * 20, UnexpectedOutput),
    ],
    ids=range(16),
)
def test_what_is_no_conversation_ends_it(
    desk: Desk, pieces: tuple[bytes, ...], raised: type[Exception]
) -> None:
    with pytest.raises(raised):
        held(desk, *pieces)
    assert desk.kept == []


def test_how_it_ended_is_told(desk: Desk) -> None:
    with pytest.raises(RemoteError) as raised:
        held(desk, hello(), errors=b"Traceback\n  File\nMemoryError\n", code=137)
    assert "MemoryError, 137" in raised.value.text.zh
    assert "Traceback" not in raised.value.text.zh


def test_a_host_that_refuses_says_why(desk: Desk) -> None:
    with pytest.raises(RemoteError) as raised:
        held(desk, hello(), packed(Refused(zh="主机管理员已停用代理", en="off")))
    assert "主机管理员已停用代理" in raised.value.text.zh


def test_a_key_that_can_do_more_is_not_a_forced_command(desk: Desk) -> None:
    with pytest.raises(RemoteError):
        held(desk, hello(), done(0), mode=Mode.FORCED)


def test_signs_of_life_are_given_and_a_stop_is_heeded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agent.remote.visit import running

    monkeypatch.setattr(running, "HEARTBEAT_SECONDS", 0.0)

    class Silent(Scripted):
        beats = 0

        def receive(self, timeout: float) -> bytes | None:
            if self.pieces:
                return self.pieces.pop(0)
            self.beats += 1
            if self.beats == 5:
                desk.stop.set()
            return b""

    host = Silent([hello()])
    with (
        Channel(host, "answer", "answer", desk.recorded.append) as channel,
        pytest.raises(Stopped),
    ):
        Conversation(desk.visit(host), channel, Mode.PACKAGE).hold()
    assert host.heard.count(b"\n\n") >= 1
