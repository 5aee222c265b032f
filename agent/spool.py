"""The spool: everything that has been observed and not yet acknowledged, durable, in SQLite.

An observation is on disk before the next one is taken in. `seal` turns the observations of one
inspection into batches; a batch leaves only through an acknowledgement that repeats its digest.
The epoch is a UUID made with the spool: a new file is a new epoch.

A damaged file is moved aside, never deleted, and a new one takes its place. More than 64 MiB of
sealed batches is not kept: the oldest are dropped, counted, and the count is shown. That is the
last resort; thinning by what a batch is worth (security-reliability §3.6) comes with the next
issue.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from agent import spool_file
from agent.sealing import parts
from checks.api import Text
from wire.batch import Batch
from wire.messages import Acknowledgement, Cost, Inspection, Observation

Value = TypeVar("Value")

LARGEST_SPOOL_BYTES = 64 * 2**20
MOST_REFUSALS = 2
"""A batch refused so often is kept and shown, but not sent again."""


class Sealed(Struct, frozen=True):
    """A batch that waits for its acknowledgement."""

    agent: str
    epoch: str
    seq: int
    batch: Batch


class Spool:
    """The open spool of a folder that is held by `spool_file.exclusive`.

    Every method that writes raises SpoolFull or SpoolError, and nothing else, when it can't.
    """

    def __init__(self, folder: Path, *, largest_bytes: int = LARGEST_SPOOL_BYTES) -> None:
        self._folder = folder
        self._largest_bytes = largest_bytes
        self._connection, self.damaged = spool_file.opened(folder)
        if self.damaged is not None:
            moved_to = self.damaged
            self._write(lambda: self._note("damaged", moved_to))
        spool_file.load_ballast(folder)
        ((self.epoch,),) = self._rows("SELECT value FROM notes WHERE name = 'epoch'")

    def close(self) -> None:
        """Close the file. What was committed is there."""
        self._connection.close()

    def open_inspection(self, agent: str, inspection: Inspection) -> None:
        """Note that an inspection begins: it can be sealed even if it never comes to its end."""
        row = (inspection.id, agent, msgspec.json.encode(inspection))
        self._write(lambda: self._execute("INSERT INTO inspections VALUES (?, ?, ?)", *row))

    def add(self, inspection_id: str, observation: Observation) -> None:
        """Keep one observation. It is durable when this returns."""
        row = (inspection_id, msgspec.json.encode(observation))
        self._write(
            lambda: self._execute("INSERT INTO observations (inspection, line) VALUES (?, ?)", *row)
        )

    def remember(self, observation: Observation, circumstances: str) -> None:
        """Keep an observation beyond its upload, in place of an earlier one of its check."""
        row = (observation.check, circumstances, msgspec.json.encode(observation))
        self._write(
            lambda: self._execute("INSERT OR REPLACE INTO remembered VALUES (?, ?, ?)", *row)
        )

    def remembered(self, check_id: str, circumstances: str) -> Observation | None:
        """Return what was remembered of a check under just these circumstances; None if nothing."""
        rows = self._rows(
            "SELECT line FROM remembered WHERE check_id = ? AND circumstances = ?",
            *(check_id, circumstances),
        )
        try:
            return msgspec.json.decode(rows[0][0], type=Observation) if rows else None
        except msgspec.DecodeError:
            return None  # It can be read again: no reason to call the spool damaged.

    def seal(self, agent: str, inspection: Inspection) -> int:
        """Turn an inspection and its observations into batches; return how many."""
        return self._write(lambda: self._seal(agent, inspection))

    def seal_interrupted(self) -> int:
        """Seal the inspections that never came to their end; return the number of batches."""
        total = 0
        for agent, message in self._rows("SELECT agent, message FROM inspections"):
            inspection = msgspec.json.decode(message, type=Inspection)
            cost = self._cost_so_far(inspection)
            total += self.seal(agent, msgspec.structs.replace(inspection, cost=cost))
        return total

    def pending(self) -> Sequence[int]:
        """Return the numbers of the batches to be sent, oldest first, refused ones last."""
        rows = self._rows(
            "SELECT seq FROM batches WHERE refusals < ? ORDER BY refusals, seq", MOST_REFUSALS
        )
        return [seq for (seq,) in rows]

    def batch(self, seq: int) -> Sealed:
        """Return one batch that is in the spool."""
        ((agent, payload, digest),) = self._rows(
            "SELECT agent, payload, digest FROM batches WHERE seq = ?", seq
        )
        return Sealed(agent, self.epoch, seq, Batch(payload, digest))

    def acknowledge(self, answer: Acknowledgement) -> bool:
        """Delete the batch that the acknowledgement names by number and digest.

        Return whether there was one. An answer that does not fit deletes nothing.
        """
        if answer.epoch != self.epoch:
            return False

        def delete() -> bool:
            deleted = self._execute(
                "DELETE FROM batches WHERE seq = ? AND digest = ? AND agent = ?",
                *(answer.seq, answer.digest, answer.agent),
            )
            if deleted.rowcount:
                self._note("acknowledged_seq", str(answer.seq))
                self._note("acknowledged_at", answer.received_at.isoformat())
            return deleted.rowcount == 1

        return self._write(delete)

    def left_behind(self) -> dict[str, str]:
        """Return the processes that could not be killed, by check (see agent/runner.py)."""
        rows = self._rows("SELECT value FROM notes WHERE name = 'left_behind'")
        return msgspec.json.decode(rows[0][0], type=dict[str, str]) if rows else {}

    def leave_behind(self, check_id: str, process: str) -> None:
        """Note a process that could not be killed, in place of an earlier one of its check."""
        noted = msgspec.json.encode(self.left_behind() | {check_id: process}).decode()
        self._write(lambda: self._note("left_behind", noted))

    def refuse(self, seq: int, why: Text) -> None:
        """Note that the collector refused a batch. It is kept."""
        words = msgspec.json.encode((why.zh, why.en)).decode()
        statement = "UPDATE batches SET refusals = refusals + 1, refused_why = ? WHERE seq = ?"
        self._write(lambda: self._execute(statement, words, seq))

    def _seal(self, agent: str, inspection: Inspection) -> int:
        lines = self._execute(
            "SELECT line FROM observations WHERE inspection = ? ORDER BY number", inspection.id
        )
        made = parts(
            agent=agent,
            epoch=self.epoch,
            seq=int(self._noted("next_seq") or 1),
            previous=self._noted("last_digest"),
            inspection=inspection,
            lines=[line for (line,) in lines],
        )
        for seq, batch, count in made:
            self._execute(
                "INSERT INTO batches (seq, agent, payload, digest, observations) "
                "VALUES (?, ?, ?, ?, ?)",
                *(seq, agent, batch.payload, batch.digest, count),
            )
            self._note("next_seq", str(seq + 1))
            self._note("last_digest", batch.digest)
        self._execute("DELETE FROM observations WHERE inspection = ?", inspection.id)
        self._execute("DELETE FROM inspections WHERE id = ?", inspection.id)
        self._drop_beyond_bound()
        return len(made)

    def _drop_beyond_bound(self) -> None:
        """Drop the oldest batches while there is more than the spool may hold; count them."""
        rows = self._execute(
            "SELECT seq, observations, length(payload) FROM batches ORDER BY seq DESC"
        ).fetchall()
        kept = 0
        for seq, observations, size in rows:
            kept += size
            # The newest batch always stays, however large.
            if kept > self._largest_bytes and seq != rows[0][0]:
                self._execute("DELETE FROM batches WHERE seq = ?", seq)
                self._count("dropped_batches", 1)
                self._count("dropped_observations", observations)

    def _cost_so_far(self, inspection: Inspection) -> Cost:
        """Return the cost of an interrupted inspection, as far as its observations tell."""
        lines = self._rows("SELECT line FROM observations WHERE inspection = ?", inspection.id)
        read = [msgspec.json.decode(line, type=Observation) for (line,) in lines]
        # What was read before it began has cost another inspection.
        seen = [entry for entry in read if entry.observed_at >= inspection.started_at]
        last = max((entry.observed_at for entry in seen), default=inspection.started_at)
        return Cost(
            sum(entry.cost.cpu_seconds for entry in seen),
            max(0.0, (last - inspection.started_at).total_seconds()),
            max((entry.cost.peak_memory_bytes for entry in seen), default=0),
        )

    def _execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        return self._connection.execute(statement, values)

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Read outside of a transaction."""
        try:
            return self._execute(statement, *values).fetchall()
        except sqlite3.Error as error:
            raise spool_file.fault(self._folder, error) from error

    def _write(self, action: Callable[[], Value]) -> Value:
        return spool_file.write(self._connection, self._folder, action)

    def _noted(self, name: str) -> str | None:
        row = self._execute("SELECT value FROM notes WHERE name = ?", name).fetchone()
        return None if row is None else str(row[0])

    def _note(self, name: str, value: str) -> None:
        self._execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", name, value)

    def _count(self, name: str, more: int) -> None:
        self._note(name, str(int(self._noted(name) or 0) + more))
