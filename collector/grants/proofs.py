"""Whether a change may begin: is there a backup of the host that is proved good, and not older than
a day?

A backup that is merely there never counts. What counts (docs/decisions/0017-grants.md):

- an observation: a restore point of one of the host's own backup sets that was read to its end and
  found intact (the verified leg of the calendar, collector/backups/proven.py). Point and proof are
  at most LARGEST_PROOF_AGE_SECONDS old, the agent that told is trusted still, its newest look could
  be made, nothing newer in the set is at fault;
- a document that a person handed in, with the time of what it proves.

Nothing that was proved before a proof that failed counts: whatever the host's sets are, one of them
was found damaged after it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Text
from collector.backups import sentences
from collector.backups.known import Known, known_of
from collector.backups.models import BackupSet
from collector.grants.documents import documents_of
from collector.grants.observed import is_own, newest_failure, observed
from collector.grants.proved import LONGEST_SUBJECT, Proved
from wire.messages import WIRE_VERSION
from wire.sessions import Proof

_LOOKED_BACK = timedelta(days=3)
"""Of the evidence: more than what can still count. Own figure."""


@dataclass(frozen=True)
class Found:
    """What was found for a host."""

    best: Proved | None
    """The newest that counts."""
    lacking: tuple[Text, ...]
    """Why what else there is does not count, a sentence each."""


def proof_for(session: Session, customer_id: str, host_id: str, now: datetime) -> Proof | None:
    """Return the newest proof that a backup of a host is good, unsigned; None: there is none."""
    best = look_for(session, customer_id, host_id, now).best
    if best is None:
        return None
    return Proof(
        wire=WIRE_VERSION,
        customer_id=customer_id,
        host_id=host_id,
        proved_at=best.at,
        kind=best.kind,
        subject=best.subject[:LONGEST_SUBJECT],
        evidence=best.evidence,
        issued_at=now,
    )


def look_for(session: Session, customer_id: str, host_id: str, now: datetime) -> Found:
    """Return what proves a backup of a host good, and why the rest does not."""
    own = _own_sets(session, customer_id, host_id, now)
    failure = newest_failure(own)
    proved: list[Proved] = []
    lacking: list[Text] = []
    for each in own:
        told = observed(session, each, now)
        if isinstance(told, Proved):
            proved.append(told)
        else:
            lacking.append(told)
    proved += documents_of(session, customer_id, host_id, now)
    counting = [each for each in proved if failure is None or each.at > failure]
    if failure is not None and len(counting) < len(proved):
        zone = own[0].zone if own else "UTC"
        lacking.append(_failed_since(failure, zone))
    return Found(max(counting, key=lambda each: each.at, default=None), tuple(lacking))


def failed_at(session: Session, customer_id: str, host_id: str, now: datetime) -> datetime | None:
    """Return when a backup of a host was last found damaged; None: not in the last days."""
    return newest_failure(_own_sets(session, customer_id, host_id, now))


def _own_sets(session: Session, customer_id: str, host_id: str, now: datetime) -> list[Known]:
    rows = session.scalars(
        select(BackupSet)
        .where(BackupSet.customer_id == customer_id, BackupSet.host_id == host_id)
        .order_by(BackupSet.name)
    ).all()
    known = [known_of(session, row, (now - _LOOKED_BACK).date()) for row in rows]
    return [each for each in known if is_own(each)]


def _failed_since(at: datetime, zone: str) -> Text:
    when = sentences.clock(at, ZoneInfo(zone))
    return Text(
        f"{when} 有一次备份校验失败，此前的证明不再有效",
        f"a backup was found damaged at {when}; nothing that was proved before it counts",
    )
