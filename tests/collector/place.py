"""Where a test's uploads belong."""

from dataclasses import dataclass
from datetime import datetime

from collector.intake.service import Upload
from tests.messages import START
from wire.batch import digest_of
from wire.control import BATCH
from wire.signing import PrivateKey


@dataclass(frozen=True)
class Place:
    customer_id: str
    host_id: str
    agent: str
    key: PrivateKey


def uploaded(
    place: Place,
    payload: bytes,
    *,
    seq: int = 1,
    epoch: str = "epoch-1",
    at: datetime = START,
    delivery: str | None = None,
) -> Upload:
    """Return a batch as the collector receives it, signed."""
    signature = place.key.sign(BATCH, payload)
    return Upload(
        place.agent,
        epoch,
        seq,
        payload,
        digest_of(payload),
        at,
        place.key.id,
        signature,
        delivery=delivery,
    )
