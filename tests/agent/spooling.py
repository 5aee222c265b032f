"""What the tests of the spool share: small inspections, acknowledgements, the files' size."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import UNSET, Raw
from msgspec.structs import replace

from agent.spool import Place, Spool
from wire.batch import Opened, open_batch
from wire.messages import (
    WIRE_VERSION,
    Acknowledgement,
    Cost,
    Failure,
    HostIdentity,
    Inspection,
    Observation,
    Planned,
    Reason,
    Standing,
)
from wire.signing import PrivateKey

AGENT = "agent-1"
KEY = PrivateKey(b"k" * 32)
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
INSPECTION = Inspection(
    id="inspection-1",
    started_at=NOW,
    boot_id="boot",
    time_zone="Asia/Shanghai",
    host=HostIdentity("erp", "linux"),
    agent_version="0",
    checks_digest="0" * 64,
    planned=(Planned("host.volumes"),),
    cost=Cost(0, 0, 0),
)
OBSERVATION = Observation(
    check="host.volumes",
    observed_at=NOW,
    monotonic_seconds=1,
    cost=Cost(0.5, 1, 2**20),
    facts=Raw(b'{"a":1}'),
)


def observation(
    facts: bytes = b'{"a":1}', *, check: str = "host.volumes", at: datetime = NOW
) -> Observation:
    """Return one that succeeded."""
    return replace(OBSERVATION, facts=Raw(facts), check=check, observed_at=at)


def failed(*, check: str = "host.volumes", at: datetime = NOW) -> Observation:
    """Return one that failed."""
    failure = Failure(Reason.TIMEOUT)
    return replace(OBSERVATION, facts=UNSET, failure=failure, check=check, observed_at=at)


def inspected(
    spool: Spool, name: str, *observations: Observation | bytes, at: datetime = NOW
) -> None:
    """Put a whole inspection into the spool; bytes are facts."""
    inspection = replace(INSPECTION, id=name, started_at=at)
    spool.open_inspection(inspection)
    for each in observations:
        spool.add(name, each if isinstance(each, Observation) else observation(each, at=at))
    spool.finish(replace(inspection, finished_at=at + timedelta(seconds=10)))


def sealed(spool: Spool, name: str, *observations: Observation | bytes) -> int:
    """Put an inspection into the spool and seal the oldest; return the number of batches."""
    inspected(spool, name, *observations)
    return spool.seal_next(AGENT, KEY)


def opened(spool: Spool) -> list[Opened]:
    """Return the batches that wait, read."""
    return [open_batch(spool.batch(place).batch.payload) for place in spool.pending()]


def random_facts(size: int) -> bytes:
    return b'{"a":"' + os.urandom(size // 2).hex().encode() + b'"}'


def acknowledgement(spool: Spool, place: Place) -> Acknowledgement:
    waiting = spool.batch(place)
    return Acknowledgement(
        wire=WIRE_VERSION,
        agent=waiting.agent,
        epoch=waiting.epoch,
        seq=waiting.seq,
        digest=waiting.batch.digest,
        received_at=NOW,
        server_time=NOW,
        standing=Standing.ACTIVE,
    )


def deliver_all(spool: Spool) -> list[Opened]:
    """Seal, read and acknowledge all that waits, as a collector that takes everything."""
    delivered = []
    while True:
        for place in spool.pending():
            delivered.append(open_batch(spool.batch(place).batch.payload))
            assert spool.acknowledge(acknowledgement(spool, place))
        if not spool.seal_next(AGENT, KEY):
            return delivered


def size_on_disk(folder: Path) -> int:
    """Return the bytes of the spool's database and its log."""
    return sum(path.stat().st_size for path in folder.glob("spool.db*"))
