"""Does a session hold together? Every signature, every line, and what binds them, each told apart.

Nothing of an earlier answer is kept: what the database holds now is what is looked at.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Text
from collector.enrolment.models import AgentKey, CollectorKey
from collector.grants.models import Engineer, GrantRow
from collector.sessions.models import RemoteSession
from collector.sessions.outcome import Outcome
from collector.sessions.points import CHANGED, Point, disclosed, judged
from collector.sessions.stored import find, opening_of, session_of
from collector.sessions.story import Story, story_of
from collector.sessions.verifying_record import beginning, chain, ending, parts
from collector.sessions.words import DENIALS
from wire.errors import WireError
from wire.grants import GRANT, Denial, Grant, Request, refusal
from wire.scopes import Scope
from wire.sessions import (
    LARGEST_PROOF_AGE_SECONDS,
    OPENING,
    PROOF,
    SESSION_KEY,
    Opening,
    Proof,
    SessionKey,
)
from wire.signing import key_id


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


def verified(session: Session, row: RemoteSession) -> Verified:
    """Look at all of a session."""
    story = story_of(session, row)
    engineer = session.get(Engineer, row.engineer_id)
    keys = {} if engineer is None else {engineer.id: engineer.public_key}
    opening = disclosed(row.opening, OPENING, Opening, keys)
    ours = {key.id: key.public_key for key in session.scalars(select(CollectorKey))}
    points = [_opening(row, opening)]
    if opening is not None:
        points += _permission(session, row, opening, ours)
        points.append(_session_keys(session, row, opening))
    points += parts(session, row, keys)
    points.append(chain(story))
    if story.lines:
        points += beginning(row, story, opening, ours)
    points.append(ending(row, story, keys))
    return Verified(tuple(points), story)


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
    return judged(_OPENING, same)


def _permission(
    session: Session, row: RemoteSession, opening: Opening, ours: Mapping[str, bytes]
) -> Iterator[Point]:
    kept = session.get(GrantRow, (row.customer_id, row.grant_id))
    grant = None if kept is None else disclosed(kept.envelope, GRANT, Grant, ours)
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
        yield judged(_GRANT, denial is None, DENIALS[denial] if denial else CHANGED)
        revoked = kept.revoked_at is not None and kept.revoked_at <= row.opened_at
        yield judged(_REVOCATION, not revoked, _when(kept.revoked_at))
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
    proof = disclosed(row.proof, PROOF, Proof, ours)
    if proof is None:
        return Point(_PROOF, Outcome.WRONG, CHANGED)
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
                return Point(_KEYS, Outcome.WRONG, CHANGED)
        except WireError:
            return Point(_KEYS, Outcome.WRONG, CHANGED)
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
    told = disclosed(key.statement, SESSION_KEY, SessionKey, signers)
    return told is not None and told.public_key == key.public_key


def _when(moment: datetime | None) -> Text:
    at = "" if moment is None else f"{moment:%Y-%m-%d %H:%M}Z"
    return Text(f"已于 {at} 撤销", f"revoked {at}")
