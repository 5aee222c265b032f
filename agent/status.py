"""What the spool holds and what became of what it held, read beside a run that is under way."""

import sqlite3
from pathlib import Path

import msgspec
from msgspec import Struct

from agent.messages import spoken
from agent.spool_file import fault, read_only
from checks.api import Text


class RefusedBatch(Struct, frozen=True):
    """A batch that the collector refused, how often, and its last words."""

    seq: int
    times: int
    why: str


class Status(Struct, frozen=True):
    """The state of the spool; the field names are those of `xunjian-agent status --json`."""

    agent: str
    epoch: str
    unsealed_observations: int
    pending_batches: int
    pending_bytes: int
    last_acknowledged_seq: int | None
    last_acknowledged_at: str | None
    dropped_batches: int
    dropped_observations: int
    damaged: str | None
    """Where a damaged spool was moved to, the last time that happened."""
    refused: tuple[RefusedBatch, ...]


def look(agent: str, folder: Path, language: str) -> Status | None:
    """Return the status of a state folder; None if there is no spool. Raise SpoolError."""
    opened = read_only(folder)
    if opened is None:
        return None
    with opened as connection:
        try:
            return _read(agent, connection, language)
        except sqlite3.Error as error:
            raise fault(folder, error) from error


def _read(agent: str, connection: sqlite3.Connection, language: str) -> Status:
    notes: dict[str, str] = dict(connection.execute("SELECT name, value FROM notes").fetchall())
    (unsealed,) = connection.execute("SELECT count(*) FROM observations").fetchone()
    count, size = connection.execute(
        "SELECT count(*), coalesce(sum(length(payload)), 0) FROM batches"
    ).fetchone()
    refused = connection.execute(
        "SELECT seq, refusals, refused_why FROM batches WHERE refusals > 0 ORDER BY seq"
    )
    acknowledged = notes.get("acknowledged_seq")
    return Status(
        agent=agent,
        epoch=notes.get("epoch", ""),
        unsealed_observations=unsealed,
        pending_batches=count,
        pending_bytes=size,
        last_acknowledged_seq=None if acknowledged is None else int(acknowledged),
        last_acknowledged_at=notes.get("acknowledged_at"),
        dropped_batches=int(notes.get("dropped_batches", "0")),
        dropped_observations=int(notes.get("dropped_observations", "0")),
        damaged=notes.get("damaged"),
        refused=tuple(
            RefusedBatch(seq, times, spoken(Text(*msgspec.json.decode(why)), language))
            for seq, times, why in refused
        ),
    )
