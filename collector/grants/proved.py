"""Something that proves a backup good, whatever kind of proof it is."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from wire.sessions import LARGEST_PROOF_AGE_SECONDS

OBSERVATION, UPLOADED = "observation", "uploaded"
"""Kinds of proofs."""
YOUNG = timedelta(seconds=LARGEST_PROOF_AGE_SECONDS)
LONGEST_SUBJECT = 2000


@dataclass(frozen=True)
class Proved:
    """Something that proves a backup good."""

    at: datetime
    kind: str
    subject: str
    evidence: str
