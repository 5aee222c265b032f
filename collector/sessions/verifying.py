"""Does a session hold together? Every signature, every line, and what binds them, each told apart.

Nothing of an earlier answer is kept: what the database holds now is what is looked at.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Text
from collector.enrolment.models import AgentKey, CollectorKey
from collector.grants.models import Engineer, GrantRow
from collector.sessions.models import RemoteSession
from collector.sessions.opening import find, opening_of, session_of
from collector.sessions.outcome import Outcome as Outcome
from collector.sessions.story import Story, stored_parts, story_of
from collector.sessions.words import DENIALS
from wire import envelope
from wire.envelope import Message
from wire.errors import BadSignature, WireError
from wire.grants import GRANT, Denial, Grant, Request, refusal
from wire.scopes import Scope
from wire.sessions import (
    CLOSING,
    LARGEST_PROOF_AGE_SECONDS,
    OPENED,
    OPENING,
    PROOF,
    RECORD,
    SESSION_KEY,
    Closing,
    Opened,
    Opening,
    Proof,
    SessionKey,
)
from wire.signing import key_id, verify

_NOTHING = Text("", "")


@dataclass(frozen=True)
class Point:
    """One thing that was looked at."""

    what: Text
    outcome: Outcome
    detail: Text = _NOTHING


@dataclass(frozen=True)
class Verified:
    """All that was looked at, and the record as far as it holds."""

    points: tuple[Point, ...]
    story: Story

    @property
    def outcome(self) -> Outcome:
        """Return the worst of it."""
        found = {point.outcome for point in self.points}
        for each in (Outcome.WRONG, Outcome.INCOMPLETE):
            if each in found:
                return each
        return Outcome.GOOD


_OPENING = Text("开启声明由工程师签名", "the engineer has signed the opening")
_GRANT = Text("授权由本采集端签名，覆盖该会话", "the grant is signed here and covers the session")
_REVOCATION = Text("会话开启时授权有效", "the grant was valid when the session was opened")
_PERMITTED = Text("采集端准许该会话", "the collector has permitted the session")
_PROOF = Text("变更前有已验证的备份", "a backup was proved good before the change")
_KEYS = Text("会话密钥的声明有效", "the statements of the session's keys are valid")
_PARTS = Text("记录各段的签名有效", "the engineer has signed each part of the record")
_CHAIN = Text("记录逐行相连", "the lines of the record form one chain")
_FIRST = Text("记录与开启声明一致", "the record begins with this opening")
_END = Text("结束声明由工程师签名，与记录一致", "the signed end is that of the record")
_CHANGED = Text("内容被改动或签名无效", "it was changed, or its signature is not valid")
_NONE_YET = Text("尚未收到", "it has not come yet")


def verified(session: Session, row: RemoteSession) -> Verified:
    """Look at all of a session."""
    story = story_of(session, row)
    engineer = session.get(Engineer, row.engineer_id)
    keys = {} if engineer is None else {engineer.id: engineer.public_key}
    opening = _disclosed(row.opening, OPENING, Opening, keys)
    ours = {key.id: key.public_key for key in session.scalars(select(CollectorKey))}
    points = [_opening(row, opening)]
    if opening is not None:
        points += _permission(session, row, opening, ours)
        points.append(_session_keys(session, row, opening))
    points += _parts(session, row, keys)
    points.append(_chain(story))
    if story.lines:
        points += _beginning(row, story, opening, ours)
    points.append(_ending(row, story, keys))
    return Verified(tuple(points), story)


def _disclosed(
    body: bytes, payload_type: str, model: type[Message], keys: Mapping[str, bytes]
) -> Message | None:
    """Return a message that all of these keys have signed, as it was written; None: it is not."""
    if not keys:
        return None
    try:
        signed = envelope.read(body)
        message = envelope.disclose(body, payload_type, model, keys)
    except WireError:
        return None
    # What signatures don't cover, such as spare bits in base64, was not written by us either.
    return message if msgspec.json.encode(signed) == body else None


def _point(what: Text, good: bool, why: Text = _CHANGED) -> Point:
    return Point(what, Outcome.GOOD) if good else Point(what, Outcome.WRONG, why)


def _opening(row: RemoteSession, opening: Opening | None) -> Point:
    same = opening is not None and (
        opening.session,
        opening.customer_id,
        opening.host_id,
        opening.grant,
        opening.key_id,
        opening.purpose.value,
        opening.opened_at,
    ) == (
        row.id,
        row.customer_id,
        row.host_id,
        row.grant_id,
        row.engineer_id,
        row.purpose,
        row.opened_at,
    )
    return _point(_OPENING, same)


def _permission(
    session: Session, row: RemoteSession, opening: Opening, ours: Mapping[str, bytes]
) -> Iterator[Point]:
    kept = session.get(GrantRow, (row.customer_id, row.grant_id))
    grant = None if kept is None else _disclosed(kept.envelope, GRANT, Grant, ours)
    if kept is None or grant is None:
        yield Point(_GRANT, Outcome.WRONG, DENIALS[Denial.UNKNOWN_GRANT])
    else:
        request = Request(
            host_id=opening.host_id,
            key_id=opening.key_id,
            scopes=opening.scopes,
            at=opening.opened_at,
        )
        denial = refusal(grant, request)
        yield _point(_GRANT, denial is None, DENIALS[denial] if denial else _CHANGED)
        revoked = kept.revoked_at is not None and kept.revoked_at <= row.opened_at
        yield _point(_REVOCATION, not revoked, _when(kept.revoked_at))
    yield _permitted(row)
    if Scope.CHANGE in opening.scopes:
        yield _proved(row, ours)


def _permitted(row: RemoteSession) -> Point:
    if row.denial is None:
        return Point(_PERMITTED, Outcome.GOOD)
    why = DENIALS[Denial(row.denial)]
    if row.accepted_by is None:
        return Point(_PERMITTED, Outcome.WRONG, why)
    by = row.accepted_by
    said = Text(f"{why.zh}；事后由 {by} 追认", f"{why.en}; taken in afterwards by {by}")
    return Point(_PERMITTED, Outcome.GOOD, said)


def _proved(row: RemoteSession, ours: Mapping[str, bytes]) -> Point:
    if row.proof is None:
        return Point(_PROOF, Outcome.WRONG, DENIALS[Denial.NO_PROOF])
    proof = _disclosed(row.proof, PROOF, Proof, ours)
    if proof is None:
        return Point(_PROOF, Outcome.WRONG, _CHANGED)
    age = (row.opened_at - proof.proved_at).total_seconds()
    good = (proof.customer_id, proof.host_id) == (row.customer_id, row.host_id)
    good = good and age <= LARGEST_PROOF_AGE_SECONDS
    if not good:
        return Point(_PROOF, Outcome.WRONG, DENIALS[Denial.NO_PROOF])
    return Point(_PROOF, Outcome.GOOD, Text.same(proof.subject))


def _session_keys(session: Session, row: RemoteSession, opening: Opening) -> Point:
    """Look at every key of the host's remote agent: did those sign that had to?

    All of them: a statement that was changed may say that it is another session's.
    """
    for key in session.scalars(
        select(AgentKey).where(
            AgentKey.customer_id == row.customer_id, AgentKey.agent_id == opening.agent
        )
    ):
        try:
            if not _stands(session, key):
                return Point(_KEYS, Outcome.WRONG, _CHANGED)
        except WireError:
            return Point(_KEYS, Outcome.WRONG, _CHANGED)
    return Point(_KEYS, Outcome.GOOD)


def _stands(session: Session, key: AgentKey) -> bool:
    """Return whether a key was stated by its session. Raise WireError."""
    name = session_of(key)
    row = None if name is None else find(session, name)
    if row is None or key.statement is None:
        return False
    opening = opening_of(row)
    if key.public_key == opening.public_key:
        return key.statement == row.opening
    signers = {key_id(opening.public_key): opening.public_key, key.id: key.public_key}
    told = _disclosed(key.statement, SESSION_KEY, SessionKey, signers)
    return told is not None and told.public_key == key.public_key


def _parts(session: Session, row: RemoteSession, keys: Mapping[str, bytes]) -> Iterator[Point]:
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


def _chain(story: Story) -> Point:
    if story.fault is not None:
        return Point(_CHAIN, Outcome.WRONG, story.fault)
    if not story.lines:
        return Point(_CHAIN, Outcome.INCOMPLETE, _NONE_YET)
    return Point(_CHAIN, Outcome.GOOD, Text(f"{story.lines} 行", f"{story.lines} lines"))


def _beginning(
    row: RemoteSession, story: Story, opening: Opening | None, ours: Mapping[str, bytes]
) -> Iterator[Point]:
    first = story.first
    if first is None or first.opening != row.opening:
        yield Point(_FIRST, Outcome.WRONG, _CHANGED)
        return
    grant = _disclosed(first.grant, GRANT, Grant, ours)
    if grant is None or opening is None or grant.id != opening.grant:
        yield Point(_FIRST, Outcome.WRONG, DENIALS[Denial.UNKNOWN_GRANT])
        return
    if first.answer is None:
        offline = Text("当时未询问采集端（离线）", "the collector was not asked (offline)")
        yield Point(_FIRST, Outcome.GOOD, offline)
        return
    answer = _disclosed(first.answer, OPENED, Opened, ours)
    digest = hashlib.sha256(envelope.read(row.opening).payload).hexdigest()
    if answer is None or answer.digest != digest:
        yield Point(_FIRST, Outcome.WRONG, _CHANGED)
    elif answer.denial is not None and story.connected:
        refused = Text("被拒绝后仍然连接", "it was refused, and somebody connected all the same")
        yield Point(_FIRST, Outcome.WRONG, refused)
    else:
        yield Point(_FIRST, Outcome.GOOD)


def _ending(row: RemoteSession, story: Story, keys: Mapping[str, bytes]) -> Point:
    if row.closing is None:
        return Point(_END, Outcome.INCOMPLETE, _NONE_YET)
    closing = _disclosed(row.closing, CLOSING, Closing, keys)
    if closing is None or closing.session != row.id:
        return Point(_END, Outcome.WRONG, _CHANGED)
    if (closing.ended_at, closing.ended[:32]) != (row.ended_at, row.ended):
        return Point(_END, Outcome.WRONG, _CHANGED)
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


def _when(moment: datetime | None) -> Text:
    at = "" if moment is None else f"{moment:%Y-%m-%d %H:%M}Z"
    return Text(f"已于 {at} 撤销", f"revoked {at}")


def _missing(part: int) -> Text:
    return Text(f"缺第 {part} 段", f"part {part} is missing")


def _part(part: int) -> Text:
    return Text(f"第 {part} 段被改动", f"part {part} was changed")
