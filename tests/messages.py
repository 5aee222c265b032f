"""Build wire messages for tests: a batch in two words."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from wire.batch import Batch, encode_line, seal
from wire.messages import (
    WIRE_VERSION,
    Cost,
    Failure,
    Header,
    HostIdentity,
    Inspection,
    Observation,
    Planned,
    Reason,
    Target,
)

START = datetime(2026, 11, 21, 8, tzinfo=UTC)
COST = Cost(0.01, 0.02, 10 * 2**20)


def observation(
    check: str,
    facts: dict[str, Any] | None = None,
    *,
    at: datetime = START,
    failure: Reason | None = None,
    subject: str = "",
    target: str = "",
    version: int = 1,
) -> Observation:
    """Return an observation with facts, or with a failure."""
    return Observation(
        check=check,
        version=version,
        target=Target(name=target) if target else Target(),
        observed_at=at,
        monotonic_seconds=max(1.0, 1000.0 + (at - START).total_seconds()),
        cost=COST,
        facts=msgspec.UNSET if facts is None else msgspec.Raw(msgspec.json.encode(facts)),
        failure=None if failure is None else Failure(failure, subject),
    )


def inspection(
    *observations: Observation,
    id: str = "inspection-1",
    at: datetime = START,
    boot_id: str = "boot-1",
    finished: bool = True,
) -> Inspection:
    """Return the inspection that made these observations."""
    return Inspection(
        id=id,
        started_at=at,
        finished_at=at + timedelta(seconds=10) if finished else None,
        boot_id=boot_id,
        time_zone="Asia/Shanghai",
        host=HostIdentity("erp-db", "linux", "machine-1"),
        agent_version="0.1.0",
        checks_digest="0" * 64,
        planned=tuple(Planned(each.check, each.target) for each in observations),
        cost=COST,
    )


def header(
    count: int,
    of: Inspection | None = None,
    *,
    agent: str = "agent-1",
    epoch: str = "epoch-1",
    seq: int = 1,
    part: int = 1,
    last: bool = True,
) -> Header:
    """Return a header for `count` lines."""
    return Header(
        wire=WIRE_VERSION,
        agent=agent,
        epoch=epoch,
        seq=seq,
        inspection=of or inspection(),
        part=part,
        last=last,
        observations=count,
    )


def batch_of(
    *observations: Observation,
    agent: str = "agent-1",
    epoch: str = "epoch-1",
    seq: int = 1,
    of: Inspection | None = None,
    part: int = 1,
    last: bool = True,
) -> Batch:
    """Return the sealed batch of these observations."""
    head = header(
        len(observations),
        of or inspection(*observations),
        agent=agent,
        epoch=epoch,
        seq=seq,
        part=part,
        last=last,
    )
    return seal(head, [encode_line(each) for each in observations])
