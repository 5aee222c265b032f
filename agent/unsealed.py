"""Inspections that are not sealed yet: their observations as rows, packed one by one."""

import hashlib
import zlib
from datetime import datetime
from functools import partial
from typing import TypeVar

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from agent import bounds, gaps, spool_clock
from agent.bounds import Bounds
from agent.spool_database import SpoolDatabase
from wire.batch import encode_line
from wire.messages import Cost, Inspection, Loss, Observation

Message = TypeVar("Message", bound=Struct)

_ROW_BYTES = 200
"""Of an observation beside its line; rounded up."""
_INSERT = "INSERT OR REPLACE INTO observations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"


def begin(database: SpoolDatabase, inspection: Inspection, now: datetime) -> int:
    """Note that an inspection begins; return its number in the spool."""
    number = _next(database, "inspections")
    message = zlib.compress(msgspec.json.encode(inspection))

    def insert() -> None:
        clock = spool_clock.advance(database, now)
        database.execute(
            "INSERT OR REPLACE INTO inspections VALUES (?, ?, ?, 0, ?)",
            *(number, inspection.id, clock, message),
        )

    database.write(insert)
    return number


def add(database: SpoolDatabase, limits: Bounds, inspection: int, observation: Observation) -> None:
    """Keep one observation of the inspection of this number, durable when this returns."""
    line = zlib.compress(encode_line(observation))
    bounds.make_room(database, limits, len(line) + _ROW_BYTES)
    facts = b"" if observation.facts is UNSET else bytes(observation.facts)
    row = (
        *(_next(database, "observations"), inspection, observation.check),
        f"{observation.target.kind}/{observation.target.name}",
        gaps.microseconds(observation.observed_at),
        observation.failure is not None,
        hashlib.blake2b(facts, digest_size=16).digest(),
        *(len(line), line),
    )
    database.write(lambda: database.execute(_INSERT, *row))


def finish(database: SpoolDatabase, number: int, inspection: Inspection) -> None:
    """Note that an inspection has ended, as `inspection` says."""
    message = zlib.compress(msgspec.json.encode(inspection))
    statement = "UPDATE inspections SET finished = 1, message = ? WHERE number = ?"
    database.write(lambda: database.execute(statement, message, number))


def finish_interrupted(database: SpoolDatabase) -> int:
    """Finish the inspections that never came to their end; return how many."""
    finished = 0
    for number, message in database.rows(
        "SELECT number, message FROM inspections WHERE NOT finished"
    ):
        inspection = unpacked(message, Inspection)
        if inspection is None:
            database.write(partial(let_go_unreadable, database, number))
            continue
        finish(
            database, number, replace(inspection, cost=_cost_so_far(database, number, inspection))
        )
        finished += 1
    return finished


def oldest_finished(database: SpoolDatabase) -> int | None:
    """Return the number of the inspection to be sealed next."""
    rows = database.rows("SELECT number FROM inspections WHERE finished ORDER BY number LIMIT 1")
    return rows[0][0] if rows else None


def let_go_unreadable(database: SpoolDatabase, number: int) -> None:
    """Let go an inspection whose row is damaged, in a transaction."""
    rows = database.execute(
        "SELECT number FROM observations WHERE inspection = ?", number
    ).fetchall()
    bounds.let_go_observations(database, [row for (row,) in rows], Loss.DAMAGED)
    database.execute("DELETE FROM inspections WHERE number = ?", number)


def unpacked(packed: bytes, kind: type[Message]) -> Message | None:
    """Return a message of the spool; None if its bytes are damaged."""
    try:
        return msgspec.json.decode(zlib.decompress(packed), type=kind)
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _next(database: SpoolDatabase, table: str) -> int:
    # Only names of this module come here.
    ((number,),) = database.rows(f"SELECT coalesce(max(number), 0) + 1 FROM {table}")  # noqa: S608
    return int(number)


def _cost_so_far(database: SpoolDatabase, number: int, inspection: Inspection) -> Cost:
    """Return the cost of an interrupted inspection, as far as its observations tell."""
    lines = database.rows("SELECT line FROM observations WHERE inspection = ?", number)
    read = [unpacked(line, Observation) for (line,) in lines]
    # What was read before it began has cost another inspection.
    seen = [
        entry for entry in read if entry is not None and entry.observed_at >= inspection.started_at
    ]
    last = max((entry.observed_at for entry in seen), default=inspection.started_at)
    return Cost(
        sum(entry.cost.cpu_seconds for entry in seen),
        max(0.0, (last - inspection.started_at).total_seconds()),
        max((entry.cost.peak_memory_bytes for entry in seen), default=0),
    )
