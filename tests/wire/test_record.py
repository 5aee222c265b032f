"""The chain of a record: every change is found, by the chain or by the signed Closing."""

import base64
import io
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wire import envelope, record
from wire.errors import Damaged, Unreadable, WireError
from wire.messages import WIRE_VERSION
from wire.record import (
    LARGEST_LINE_BYTES,
    BatchFetched,
    CommandEnded,
    CommandRun,
    Connected,
    Ended,
    Event,
    FileMoved,
    Line,
    Noted,
    Received,
    Resized,
    SecretUsed,
    Sent,
    SessionOpened,
)
from wire.sessions import CLOSING, Closing
from wire.signing import PrivateKey

AT = datetime(2026, 11, 22, 8, 0, 0, tzinfo=UTC)
ENGINEER = PrivateKey(b"e" * 32)
CHANGES = 1000

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
number = st.integers(0, 2**53)
digest = st.binary(min_size=32, max_size=32).map(bytes.hex)
data = st.binary(max_size=300)
EVENTS = st.one_of(
    st.builds(SessionOpened, data, data, st.none() | data, st.none() | data),
    st.builds(Connected, text, text, text, text, text, st.lists(text, max_size=3).map(tuple)),
    st.builds(CommandRun, text),
    st.builds(CommandEnded, st.none() | st.integers(-1, 255), number, digest, number),
    st.builds(FileMoved, text, text, number, digest),
    st.builds(BatchFetched, number, number, digest, digest),
    st.builds(SecretUsed, text),
    st.builds(Sent, data),
    st.builds(Received, data),
    st.builds(Resized, number, number),
    st.builds(Noted, text),
    st.builds(Ended, text, text, st.none() | st.integers(-1, 255)),
)


def chained(events: list[Event]) -> list[bytes]:
    lines: list[bytes] = []
    previous = ""
    for place, event in enumerate(events):
        at = AT + timedelta(seconds=place)
        lines.append(record.packed(Line(place + 1, at, place * 1.0, event, previous)))
        previous = record.digest_of(lines[-1])
    return lines


def closed(lines: list[bytes]) -> bytes:
    message = Closing(
        wire=WIRE_VERSION,
        session="s1",
        lines=len(lines),
        head=record.digest_of(lines[-1]),
        ended_at=AT,
        ended="completed",
    )
    return envelope.enclose(message, CLOSING, ENGINEER)


def verify(content: bytes, closing: bytes) -> list[Event]:
    """Return the events of a record that is as it was closed. Raise WireError."""
    said = envelope.disclose(closing, CLOSING, Closing, {ENGINEER.id: ENGINEER.public})
    lines = [(line, head) for line, head in record.read(io.BytesIO(content))]
    if not content.endswith(b"\n"):
        raise Damaged("cut")
    if (len(lines), lines[-1][1] if lines else "") != (said.lines, said.head):
        raise Damaged("not the record that was closed")
    return [line.event for line, _ in lines]


@given(st.lists(EVENTS, min_size=1, max_size=20))
@settings(max_examples=200, deadline=None)
def test_what_was_chained_is_read_again(events: list[Event]) -> None:
    lines = chained(events)
    assert verify(b"".join(lines), closed(lines)) == events


def session(chance: random.Random) -> list[bytes]:
    events: list[Event] = [SessionOpened(b"{}", b"{}"), Resized(80, 24)]
    for _ in range(chance.randrange(20, 60)):
        piece = chance.randbytes(chance.randrange(1, 400))
        events.append(chance.choice([Sent, Received])(piece))
    return chained([*events, Noted("巡检"), Ended("completed", exit_code=0)])


def flip(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def cut(content: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(content))
    return content[:start] + content[start + chance.randrange(1, 2000) :]


def insert(content: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(content) + 1)
    return content[:place] + chance.randbytes(chance.randrange(1, 50)) + content[place:]


def drop_last_lines(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    return b"".join(lines[: chance.randrange(len(lines))])


def drop_line(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    del lines[chance.randrange(len(lines))]
    return b"".join(lines)


def repeat_line(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    place = chance.randrange(len(lines))
    lines.insert(place, lines[place])
    return b"".join(lines)


def swap_lines(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    one, other = chance.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines)


def forge(content: bytes, chance: random.Random) -> bytes:
    """Change the bytes that were sent, and chain all lines behind them anew."""
    lines = [line for line, _ in record.read(io.BytesIO(content))]
    events = [line.event for line in lines]
    places = [place for place, event in enumerate(events) if isinstance(event, Sent | Received)]
    place = chance.choice(places)
    events[place] = Sent(b"another command\r")
    return b"".join(chained(events))


CHANGED: list[Callable[[bytes, random.Random], bytes]] = [
    flip,
    cut,
    insert,
    drop_last_lines,
    drop_line,
    repeat_line,
    swap_lines,
    forge,
]


def test_each_of_a_thousand_changes_is_found() -> None:
    chance = random.Random(6)
    lines: list[bytes] = []
    found = 0
    for turn in range(CHANGES):
        if turn % 50 == 0:
            lines = session(chance)
            whole, closing = b"".join(lines), closed(lines)
            verify(whole, closing)
        changed = chance.choice(CHANGED)(whole, chance)
        assert changed != whole
        try:
            verify(changed, closing)
        except WireError:
            found += 1
    assert found == CHANGES


def test_each_of_a_thousand_flips_is_found() -> None:
    chance = random.Random(1000)
    lines = session(chance)
    whole, closing = b"".join(lines), closed(lines)
    for _ in range(CHANGES):
        with pytest.raises(WireError):
            verify(flip(whole, chance), closing)


def test_a_closing_counts_only_as_the_engineer_signed_it() -> None:
    chance = random.Random(2)
    lines = session(chance)
    whole = b"".join(lines)
    said = envelope.read(closed(lines))
    shorter = b"".join(lines[:-1])
    another = Closing(
        wire=WIRE_VERSION,
        session="s1",
        lines=len(lines) - 1,
        head=record.digest_of(lines[-2]),
        ended_at=AT,
        ended="completed",
    )
    for forged in (
        envelope.enclose(another, CLOSING, PrivateKey(b"f" * 32)),
        closed(lines).replace(
            base64.b64encode(said.payload),
            base64.b64encode(said.payload.replace(b"completed", b"forgotten")),
        ),
    ):
        for content in (whole, shorter):
            with pytest.raises(WireError):
                verify(content, forged)


def test_a_record_says_where_it_is_broken() -> None:
    lines = chained([Noted(str(place)) for place in range(5)])
    lines[2] = lines[2].replace(b'"2"', b'"9"')
    read = record.read(lines)
    assert [next(read)[0].number for _ in range(3)] == [1, 2, 3]
    with pytest.raises(Damaged, match="Line 4"):
        next(read)


@pytest.mark.parametrize(
    "content",
    [
        b"\n",
        b"{}\n",
        b"[" * 100_000,
        b'{"number":1}\n',
        b"\xff\xfe\n",
        b"x" * (LARGEST_LINE_BYTES + 1),
        (
            b'{"number":1,"at":"2026-11-22T08:00:00","elapsed":0,"event":{"kind":"noted","text":""},'
            b'"previous":""}\n'
        ),
        (
            b'{"number":1,"at":"2026-11-22T08:00:00Z","elapsed":0,"event":{"kind":"other"},'
            b'"previous":""}\n'
        ),
    ],
    ids=["empty", "no fields", "deep", "cut", "not utf-8", "long", "no zone", "unknown event"],
)
def test_what_is_no_line_is_told(content: bytes) -> None:
    with pytest.raises(Unreadable, match="Line 1 of the record"):
        list(record.read([content]))
