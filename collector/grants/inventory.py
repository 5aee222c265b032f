"""The SSH host keys that a host's installed agent tells of.

Never those of a remote session's facts: what a connection is trusted by must not come over it.
"""

import msgspec
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.orm import Session

from collector.customers.models import Agent, Host
from collector.grants.remote_agents import installed
from collector.intake.models import ASSESSED, StoredBatch
from wire.batch import open_batch
from wire.errors import WireError
from wire.host_keys import HostKey, read_keys
from wire.messages import Failure, Standing

CHECK = "host.inventory"
_MOST_BATCHES = 20
"""Looked through for the newest inventory: an inspection has a few. Own figure."""


class _Inventory(Struct, frozen=True):
    """What is of interest here in the facts of CHECK."""

    ssh_host_keys: tuple[str, ...] | Failure = ()


def told_keys(session: Session, host: Host) -> tuple[HostKey, ...]:
    """Return the keys in the newest inventory of a host's installed agent; none where it has no
    agent, or that does not tell any."""
    payloads = session.scalars(
        select(StoredBatch.payload)
        .join(
            Agent,
            (Agent.customer_id == StoredBatch.customer_id) & (Agent.id == StoredBatch.agent_id),
        )
        .where(
            StoredBatch.customer_id == host.customer_id,
            StoredBatch.state == ASSESSED,
            Agent.host_id == host.id,
            Agent.standing == Standing.ACTIVE.value,
            installed(),
        )
        .order_by(StoredBatch.received_at.desc(), StoredBatch.seq.desc())
        .limit(_MOST_BATCHES)
    )
    facts = next(filter(None, map(_inventory, payloads)), None)
    if facts is None or isinstance(facts.ssh_host_keys, Failure):
        return ()
    return read_keys("\n".join(facts.ssh_host_keys))


def _inventory(payload: bytes) -> _Inventory | None:
    try:
        opened = open_batch(payload)
        if opened.header.inspection.remote is not None:
            return None
        for each in opened.observations:
            if each.check == CHECK and isinstance(each.facts, msgspec.Raw):
                return msgspec.json.decode(each.facts, type=_Inventory)
    except (WireError, msgspec.MsgspecError):
        return None
    return None
