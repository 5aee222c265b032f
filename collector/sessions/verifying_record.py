"""Does the record of a session hold together, from its first line to its signed end?"""

import hashlib
from collections.abc import Iterator, Mapping

from sqlalchemy.orm import Session

from checks.api import Text
from collector.sessions.models import RemoteSession
from collector.sessions.outcome import Outcome
from collector.sessions.points import CHANGED, Point, disclosed
from collector.sessions.story import Story, stored_parts
from collector.sessions.words import DENIALS
from wire import envelope
from wire.errors import BadSignature
from wire.grants import GRANT, Denial, Grant
from wire.sessions import CLOSING, OPENED, RECORD, Closing, Opened, Opening
from wire.signing import verify

_PARTS = Text("记录各段的签名有效", "the engineer has signed each part of the record")
_CHAIN = Text("记录逐行相连", "the lines of the record form one chain")
_FIRST = Text("记录与开启声明一致", "the record begins with this opening")
_END = Text("结束声明由工程师签名，与记录一致", "the signed end is that of the record")
_NONE_YET = Text("尚未收到", "it has not come yet")


def parts(session: Session, row: RemoteSession, keys: Mapping[str, bytes]) -> Iterator[Point]:
    """Look at each part: is it there, and signed by the engineer?"""
    public_key = keys.get(row.engineer_id, b"")
    expected = 1
    for part in stored_parts(session, row):
        if part.number != expected:
            yield Point(_PARTS, Outcome.INCOMPLETE, _missing(expected))
            return
        expected += 1
        try:
            verify(public_key, RECORD, part.payload, part.signature)
        except BadSignature:
            yield Point(_PARTS, Outcome.WRONG, _part(part.number))
            return
        if hashlib.sha256(part.payload).hexdigest() != part.digest:
            yield Point(_PARTS, Outcome.WRONG, _part(part.number))
            return
    if expected == 1:
        yield Point(_PARTS, Outcome.INCOMPLETE, _NONE_YET)
        return
    count = expected - 1
    yield Point(_PARTS, Outcome.GOOD, Text(f"{count} 段", f"{count} parts"))


def chain(story: Story) -> Point:
    """Look whether every line follows the one before."""
    if story.fault is not None:
        return Point(_CHAIN, Outcome.WRONG, story.fault)
    if not story.lines:
        return Point(_CHAIN, Outcome.INCOMPLETE, _NONE_YET)
    return Point(_CHAIN, Outcome.GOOD, Text(f"{story.lines} 行", f"{story.lines} lines"))


def beginning(
    row: RemoteSession, story: Story, opening: Opening | None, ours: Mapping[str, bytes]
) -> Iterator[Point]:
    """Look whether the record is of this opening and this grant, and what the collector said."""
    first = story.first
    if first is None or first.opening != row.opening:
        yield Point(_FIRST, Outcome.WRONG, CHANGED)
        return
    grant = disclosed(first.grant, GRANT, Grant, ours)
    if grant is None or opening is None or grant.id != opening.grant:
        yield Point(_FIRST, Outcome.WRONG, DENIALS[Denial.UNKNOWN_GRANT])
        return
    if first.answer is None:
        offline = Text("当时未询问采集端（离线）", "the collector was not asked (offline)")
        yield Point(_FIRST, Outcome.GOOD, offline)
        return
    answer = disclosed(first.answer, OPENED, Opened, ours)
    digest = hashlib.sha256(envelope.read(row.opening).payload).hexdigest()
    if answer is None or answer.digest != digest:
        yield Point(_FIRST, Outcome.WRONG, CHANGED)
    elif answer.denial is not None and story.connected:
        refused = Text("被拒绝后仍然连接", "it was refused, and somebody connected all the same")
        yield Point(_FIRST, Outcome.WRONG, refused)
    else:
        yield Point(_FIRST, Outcome.GOOD)


def ending(row: RemoteSession, story: Story, keys: Mapping[str, bytes]) -> Point:
    """Look whether the signed end is that of the record."""
    if row.closing is None:
        return Point(_END, Outcome.INCOMPLETE, _NONE_YET)
    closing = disclosed(row.closing, CLOSING, Closing, keys)
    if closing is None or closing.session != row.id:
        return Point(_END, Outcome.WRONG, CHANGED)
    if (closing.ended_at, closing.ended[:32]) != (row.ended_at, row.ended):
        return Point(_END, Outcome.WRONG, CHANGED)
    if story.fault is None and story.lines < closing.lines:
        told = Text(
            f"应有 {closing.lines} 行，收到 {story.lines} 行",
            f"{story.lines} of {closing.lines} lines have come",
        )
        return Point(_END, Outcome.INCOMPLETE, told)
    if (story.lines, story.head) != (closing.lines, closing.head):
        return Point(_END, Outcome.WRONG, Text("末行或行数不符", "last line or count differ"))
    if story.ended is None or story.ended.how[:32] != row.ended:
        return Point(_END, Outcome.WRONG, Text("记录没有结束", "the record does not end so"))
    return Point(_END, Outcome.GOOD)


def _missing(part: int) -> Text:
    return Text(f"缺第 {part} 段", f"part {part} is missing")


def _part(part: int) -> Text:
    return Text(f"第 {part} 段被改动", f"part {part} was changed")
