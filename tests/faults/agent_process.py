"""An agent that inspects without a pause: real spool, identity and delivery, tiny readings.

    python -m tests.faults.agent_process SETTINGS RECORD [INSPECTIONS]

Each observation that is durable in the spool becomes a line `inspection check` of RECORD. It goes
on until INSPECTIONS are made or the file RECORD.stop is there, then it hands over what is left and
ends with 0. Events go to stdout as of `xunjian-agent run --json`.
"""

import os
import random
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Raw
from msgspec.structs import replace

from agent import delivery, identity, surroundings
from agent.console import Console
from agent.delivery import Situation
from agent.errors import AgentError
from agent.host import LocalHost
from agent.settings import load
from agent.spool import Spool
from agent.spool_file import exclusive
from checks.api import Host
from tests.agent.spooling import INSPECTION, OBSERVATION
from wire.messages import Inspection, Observation, Planned

CHECKS = ("fault.c0", "fault.c1", "fault.c2")
_MOST_AT_ONCE = 8
"""Inspections between two deliveries, at most: so several batches go over one connection."""

Kept = Callable[[str, str], None]


def inspect(spool: Spool, host: Host, kept: Kept) -> str:
    """Make one inspection; tell `kept` of each observation once it is durable. Return its id."""
    inspection = opening(host)
    spool.open_inspection(inspection)
    for check in CHECKS:
        spool.add(inspection.id, reading(check))
        kept(inspection.id, check)
    spool.finish(replace(inspection, finished_at=datetime.now(UTC)))
    return inspection.id


def opening(host: Host) -> Inspection:
    """Return a new inspection of this host, as it begins."""
    return replace(
        INSPECTION,
        id=uuid.uuid4().hex,
        started_at=datetime.now(UTC),
        boot_id=surroundings.boot_id(host),
        planned=tuple(Planned(check) for check in CHECKS),
    )


def reading(check: str) -> Observation:
    """Return an observation of now."""
    return replace(
        OBSERVATION,
        check=check,
        observed_at=datetime.now(UTC),
        monotonic_seconds=time.monotonic(),
        facts=Raw(b'{"value":%d}' % random.randrange(2**32)),
    )


def main(settings_path: str, record_path: str, inspections: int | None) -> int:
    """Inspect and hand over, until told to end."""
    settings = load(settings_path)
    state = Path(settings.agent.state)
    host = LocalHost()
    stop = Path(f"{record_path}.stop")
    report = Console("en").json
    left = inspections
    with (
        exclusive(state),
        closing(Spool(state)) as spool,
        Path(record_path).open("a", buffering=1) as record,
    ):
        if spool.set_aside is not None:
            sys.stderr.write(f"set aside: {spool.set_aside}\n")
        spool.finish_interrupted()
        known = identity.load(state)
        situation = Situation(settings, known, spool, host, report, "en")

        def kept(inspection: str, check: str) -> None:
            record.write(f"{inspection} {check}\n")

        while not stop.exists() and left != 0:
            for _ in range(random.randint(1, min(_MOST_AT_ONCE, left or _MOST_AT_ONCE))):
                inspect(spool, host, kept)
                left = None if left is None else left - 1
            delivery.due(situation, now=True)
        while not delivery.due(situation, now=True):
            time.sleep(0.2)
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    given = sys.argv[1:]
    try:
        sys.exit(main(given[0], given[1], int(given[2]) if given[2:] else None))
    except AgentError as error:
        sys.stderr.write(f"{error.text.en}\n")
        sys.exit(2)
