"""Grants as they are kept: found, revoked, and asked whether a session may be opened.

The signature of a stored grant is checked each time it is read: what somebody wrote into the
database is no grant.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Text
from collector.customers.models import Agent, Customer
from collector.enrolment.models import CollectorKey
from collector.enrolment.record import Person, audit
from collector.errors import NotFound, Unusable
from collector.grants.models import Engineer, GrantRow
from collector.grants.proofs import proof_for
from collector.grants.remote_agents import is_remote
from wire import envelope
from wire.errors import WireError
from wire.grants import GRANT, Denial, Grant, Request, refusal
from wire.messages import Standing
from wire.scopes import Scope
from wire.sessions import Opening, Purpose

__all__ = [
    "LIVE",
    "KeptGrant",
    "denial_of",
    "find_grant",
    "grant_of",
    "grants_of",
    "proof_for",
    "revoke",
    "void_of",
]

LIVE = timedelta(hours=1)
"""An opening that is not older than this by the engineer's clock is one of now, and is judged by
the collector's clock, too; an older one was made without a network and is handed over later. Own
figure: more than an honest computer's clock is off."""
LONGEST_REASON = 1000


@dataclass(frozen=True)
class KeptGrant:
    """A grant whose signature is the collector's, and what became of it."""

    grant: Grant
    row: GrantRow

    def is_open(self, now: datetime) -> bool:
        """Return whether it permits anything now."""
        return self.row.revoked_at is None and now <= self.grant.not_after


def grant_of(session: Session, grant_id: str) -> KeptGrant | None:
    """Return a grant by its id; None: there is none that this collector has signed."""
    row = session.scalar(select(GrantRow).where(GrantRow.id == grant_id))
    return None if row is None else _kept(session, row)


def find_grant(session: Session, start: str) -> KeptGrant:
    """Return the one grant whose id begins so. Raise NotFound for none or several."""
    rows = session.scalars(
        select(GrantRow).where(GrantRow.id.startswith(start, autoescape=True))
    ).all()
    if len(rows) != 1 or not start:
        why = Text("没有", "No grant") if not rows else Text("不止一个", "More than one grant")
        raise NotFound(
            Text(
                f"{why.zh}编号以 {start!r} 开头的授权：请用 xunjian-collector grant list 查看。",
                f"{why.en} has an id that begins with {start!r}: see xunjian-collector grant list.",
            )
        )
    kept = _kept(session, rows[0])
    if kept is None:
        raise Unusable(
            Text(
                f"授权 {rows[0].id} 的签名不是本采集端的：数据库中的内容已被改动，不能使用。",
                f"The grant {rows[0].id} does not bear this collector's signature: it was changed "
                "in the database and can't be used.",
            )
        )
    return kept


def grants_of(session: Session, owner: Customer) -> list[KeptGrant]:
    """Return the grants of a customer, the newest first."""
    rows = session.scalars(
        select(GrantRow)
        .where(GrantRow.customer_id == owner.id)
        .order_by(GrantRow.granted_at.desc(), GrantRow.id)
    )
    found = (_kept(session, row) for row in rows)
    return [each for each in found if each is not None]


def void_of(session: Session, owner: Customer) -> list[str]:
    """Return the ids of what stands among a customer's grants and does not bear the collector's
    signature."""
    rows = session.scalars(
        select(GrantRow).where(GrantRow.customer_id == owner.id).order_by(GrantRow.id)
    )
    return [row.id for row in rows if _kept(session, row) is None]


def revoke(session: Session, kept: KeptGrant, why: str, person: Person, now: datetime) -> None:
    """Say that a grant permits nothing any more. Raise Unusable without a reason, or twice."""
    row = kept.row
    reason = why.strip()[:LONGEST_REASON]
    if not reason:
        raise Unusable(Text("请用 --why 写明原因。", "Say why with --why."))
    if row.revoked_at is not None:
        raise Unusable(
            Text(
                f"授权 {row.id} 早已撤销：{row.revoked_why}（{row.revoked_by}）。",
                f"The grant {row.id} is revoked already: {row.revoked_why} ({row.revoked_by}).",
            )
        )
    row.revoked_at, row.revoked_by, row.revoked_why = now, person, reason
    audit(
        session,
        row.customer_id,
        person,
        "grant.revoked",
        f"grant {row.id}",
        after={"why": reason},
        now=now,
    )


def denial_of(session: Session, opening: Opening, now: datetime) -> Denial | None:
    """Return why a session is not permitted; None: it is. Whether a change has its proof is asked
    apart (proof_for).

    What counts is the moment at which it was opened, by the engineer's clock: one that was made
    without a network and is handed over later is judged as of then. One of now (LIVE) is judged
    by the collector's clock, too.
    """
    moments = [opening.opened_at]
    if opening.opened_at > now - LIVE:
        moments.append(now)
    latest = max(moments)
    engineer = session.get(Engineer, opening.key_id)
    if engineer is None or _has_ended(engineer.removed_at, latest):
        return Denial.UNKNOWN_PERSON
    kept = grant_of(session, opening.grant)
    if kept is None or kept.grant.customer_id != opening.customer_id:
        return Denial.UNKNOWN_GRANT
    if _has_ended(kept.row.revoked_at, latest):
        return Denial.REVOKED
    for at in moments:
        request = Request(
            host_id=opening.host_id, key_id=opening.key_id, scopes=opening.scopes, at=at
        )
        denial = refusal(kept.grant, request)
        if denial is not None:
            return denial
    if opening.purpose is Purpose.SHELL and Scope.CHANGE not in opening.scopes:
        return Denial.SCOPE_MISSING
    return _denial_of_agent(session, kept.grant, opening)


def _has_ended(ended_at: datetime | None, at: datetime) -> bool:
    return ended_at is not None and at >= ended_at


def _denial_of_agent(session: Session, grant: Grant, opening: Opening) -> Denial | None:
    """Return why the agent is not the one that the grant names for the host and that is trusted."""
    named = {(host.host_id, host.agent) for host in grant.hosts}
    agent = session.get(Agent, (opening.customer_id, opening.agent))
    is_its = agent is not None and agent.host_id == opening.host_id and is_remote(agent)
    if agent is None or not is_its or (opening.host_id, opening.agent) not in named:
        return Denial.NO_SUCH_HOST
    return None if agent.standing == Standing.ACTIVE.value else Denial.REVOKED


def _kept(session: Session, row: GrantRow) -> KeptGrant | None:
    keys = {key.id: key.public_key for key in session.scalars(select(CollectorKey))}
    try:
        grant = envelope.disclose(row.envelope, GRANT, Grant, keys)
    except WireError:
        return None
    if not keys or (grant.id, grant.customer_id) != (row.id, row.customer_id):
        return None
    return KeptGrant(grant, row)
