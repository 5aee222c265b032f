"""What the spool holds and what became of what it held, read beside a run that is under way."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from agent import gaps
from agent.identity import Identity
from agent.messages import spoken
from agent.pause import Pause
from agent.spool_file import fault, read_only
from checks.api import Text
from wire.messages import Gap


class RefusedBatch(Struct, frozen=True):
    """A batch that the collector refused, how often, and its last words."""

    seq: int
    times: int
    why: str
    epoch: str


class Status(Struct, frozen=True):
    """The state of the spool; the field names are those of `xunjian-agent status --json`."""

    agent: str
    enrolled_as: str | None
    """Customer, site and host, as the collector calls them."""
    standing: str | None
    """What the collector said of this agent last: wire.messages.Standing."""
    epoch: str
    unsealed_inspections: int
    unsealed_observations: int
    pending_batches: int
    pending_bytes: int
    last_acknowledged_seq: int | None
    last_acknowledged_at: str | None
    paused_until: str | None
    """By the clock of this host, as far as it can be told."""
    paused_why: str | None
    failures: int
    """Attempts to hand over in a row that failed."""
    damaged: str | None
    """Where a spool was moved to that could not be used, the last time that happened."""
    gaps: tuple[Gap, ...]
    """What was let go and is not told to the collector yet."""
    refused: tuple[RefusedBatch, ...]


def look(known: Identity | None, folder: Path, language: str) -> Status | None:
    """Return the status of a state folder; None if there is no spool. Raise SpoolError."""
    opened = read_only(folder)
    if opened is None:
        return None
    with opened as connection:
        try:
            return _read(known, connection, language)
        except sqlite3.Error as error:
            raise fault(folder, error) from error


def _read(known: Identity | None, connection: sqlite3.Connection, language: str) -> Status:
    notes: dict[str, str] = dict(connection.execute("SELECT name, value FROM notes").fetchall())
    (inspections,) = connection.execute("SELECT count(*) FROM inspections").fetchone()
    (unsealed,) = connection.execute("SELECT count(*) FROM observations").fetchone()
    count, size = connection.execute(
        "SELECT count(*), coalesce(sum(length(payload)), 0) FROM batches"
    ).fetchone()
    refused = connection.execute(
        "SELECT seq, refusals, refused_why, epoch FROM batches WHERE refusals > 0 ORDER BY number"
    )
    acknowledged = notes.get("acknowledged_seq")
    pause = _pause(notes.get("pause"))
    return Status(
        agent=known.agent if known else "",
        enrolled_as=f"{known.customer} / {known.site} / {known.host}" if known else None,
        standing=notes.get("standing"),
        epoch=notes.get("epoch", ""),
        unsealed_inspections=inspections,
        unsealed_observations=unsealed,
        pending_batches=count,
        pending_bytes=size,
        last_acknowledged_seq=None if acknowledged is None else int(acknowledged),
        last_acknowledged_at=notes.get("acknowledged_at"),
        paused_until=None if pause is None else _end(pause),
        paused_why=None if pause is None else spoken(Text(*pause.why), language),
        failures=0 if pause is None else pause.failures,
        damaged=notes.get("damaged"),
        gaps=gaps.read(connection.execute("SELECT * FROM gaps ORDER BY loss")),
        refused=tuple(
            RefusedBatch(seq, times, spoken(Text(*msgspec.json.decode(why)), language), epoch)
            for seq, times, why, epoch in refused
        ),
    )


def _pause(noted: str | None) -> Pause | None:
    try:
        return None if noted is None else msgspec.json.decode(noted, type=Pause)
    except msgspec.DecodeError:
        return None


def _end(pause: Pause) -> str:
    return (pause.began_at + timedelta(seconds=pause.seconds)).isoformat(timespec="seconds")
