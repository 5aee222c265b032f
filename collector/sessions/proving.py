"""What a session for free work rests on: a backup of the host that is proved good."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from collector.enrolment.models import CollectorKey
from collector.grants.proofs import failed_at, proof_for
from wire import envelope
from wire.errors import WireError
from wire.sessions import LARGEST_PROOF_AGE_SECONDS, PROOF, Opening, Proof


def proof_of(session: Session, opening: Opening, at: datetime) -> Proof | None:
    """Return what the collector itself knows, else what the engineer brought; None: there is none.

    What he brought was signed here when it was true. It counts for its host as long as it is young,
    unless a backup was found damaged since: that he could not know of it makes it no better.
    """
    whose = (opening.customer_id, opening.host_id)
    known = proof_for(session, *whose, at)
    if known is not None:
        return known
    brought = _brought(session, opening)
    if brought is None:
        return None
    failure = failed_at(session, *whose, at)
    return brought if failure is None or failure < brought.proved_at else None


def _brought(session: Session, opening: Opening) -> Proof | None:
    if opening.proof is None:
        return None
    keys = {key.id: key.public_key for key in session.scalars(select(CollectorKey))}
    try:
        proof = envelope.disclose(opening.proof, PROOF, Proof, keys)
    except WireError:
        return None
    whose = (proof.customer_id, proof.host_id) == (opening.customer_id, opening.host_id)
    age = opening.opened_at - proof.proved_at
    young = timedelta(0) <= age <= timedelta(seconds=LARGEST_PROOF_AGE_SECONDS)
    return proof if keys and whose and young else None
