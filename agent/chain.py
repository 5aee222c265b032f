"""The sealed batches: numbered without a hole in an epoch, each naming the one before by digest."""

import uuid
import zlib
from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from agent import bounds, gaps, sealing, spool_clock, unsealed
from agent.spool_database import SpoolDatabase
from checks.api import Text
from wire.batch import Batch, header_of
from wire.control import BATCH, Reach
from wire.messages import Acknowledgement, Gap, Inspection, Loss
from wire.signing import PrivateKey

MOST_REFUSALS = 2
"""A batch refused so often is a dead letter: kept and shown, but not sent again."""


class Place(Struct, frozen=True):
    """Where a sealed batch stands in the chains of this agent."""

    epoch: str
    seq: int


class Sealed(Struct, frozen=True):
    """A batch that waits for its acknowledgement."""

    agent: str
    epoch: str
    seq: int
    batch: Batch
    key_id: str
    signature: bytes
    """Over the packed bytes as BATCH."""


class Signer(Struct, frozen=True):
    """Whose batches are sealed, with which key, and when."""

    agent: str
    key: PrivateKey
    now: datetime


class _Origin(Struct, frozen=True):
    """What batches are made of, for the rows they are kept in."""

    inspection: str
    clock: float
    first_at: int
    last_at: int


def seal(database: SpoolDatabase, number: int, signer: Signer) -> int:
    """Turn the finished inspection of this number into batches; return how many.

    A row whose bytes are damaged is let go and counted; 0 if that is the inspection itself.
    """
    return database.write(lambda: _seal(database, number, signer))


def split(database: SpoolDatabase, place: Place, largest_bytes: int, signer: Signer) -> int:
    """Replace a batch by smaller ones at the end of the chain.

    Return how many; 0 where it can't be made smaller, and nothing was changed.
    """
    return database.write(lambda: _split(database, place, largest_bytes, signer))


def reach(database: SpoolDatabase, key_id: str) -> tuple[Reach, ...]:
    """Return how far a key has sealed what is still here, by epoch."""
    rows = database.rows(
        "SELECT epoch, max(seq) FROM batches WHERE key_id = ? GROUP BY epoch ORDER BY epoch", key_id
    )
    return tuple(Reach(epoch, seq) for epoch, seq in rows)


def pending(database: SpoolDatabase) -> Sequence[Place]:
    """Return the batches to be sent, oldest first, those refused once last."""
    rows = database.rows(
        "SELECT epoch, seq FROM batches WHERE refusals < ? ORDER BY refusals, number", MOST_REFUSALS
    )
    return [Place(epoch, seq) for epoch, seq in rows]


def batch(database: SpoolDatabase, place: Place) -> Sealed:
    """Return one batch that is in the spool."""
    ((agent, payload, digest, key_id, signature),) = database.rows(
        "SELECT agent, payload, digest, key_id, signature FROM batches WHERE epoch = ? AND seq = ?",
        *(place.epoch, place.seq),
    )
    return Sealed(agent, place.epoch, place.seq, Batch(payload, digest), key_id, signature)


def adopt(database: SpoolDatabase, sealed: Sealed) -> None:
    """Keep a batch that another chain made, in its own place; the same again changes nothing."""
    header = header_of(sealed.batch.payload)
    began_at = gaps.microseconds(header.inspection.started_at)

    def keep() -> None:
        database.execute(
            "INSERT OR IGNORE INTO batches (agent, epoch, seq, digest, key_id, signature, "
            "inspection, clock, observations, first_at, last_at, gaps, payload) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(sealed.agent, sealed.epoch, sealed.seq, sealed.batch.digest, sealed.key_id),
            *(sealed.signature, header.inspection.id, spool_clock.now(database)),
            *(header.observations, began_at, began_at, gaps.pack(header.gaps)),
            sealed.batch.payload,
        )

    database.write(keep)


def acknowledge(database: SpoolDatabase, answer: Acknowledgement) -> bool:
    """Delete the batch that the acknowledgement names by place and digest, if there is one."""
    fitting = "FROM batches WHERE agent = ? AND epoch = ? AND seq = ? AND digest = ?"
    named = (answer.agent, answer.epoch, answer.seq, answer.digest)
    if not database.rows(f"SELECT 1 {fitting}", *named):
        return False

    def delete() -> None:
        database.execute(f"DELETE {fitting}", *named)
        database.note("acknowledged_seq", str(answer.seq))
        database.note("acknowledged_at", answer.received_at.isoformat())
        database.note("standing", answer.standing.value)

    database.write(delete)
    return True


def refuse(database: SpoolDatabase, place: Place, why: Text) -> None:
    """Note that a batch was refused once more."""
    named = (place.epoch, place.seq)
    words = msgspec.json.encode((why.zh, why.en)).decode()
    rows = database.rows("SELECT refusals + 1 FROM batches WHERE epoch = ? AND seq = ?", *named)
    statement = "UPDATE batches SET refusals = ?, refused_why = ? WHERE epoch = ? AND seq = ?"
    if rows:
        database.write(lambda: database.execute(statement, rows[0][0], words, *named))


def epoch(database: SpoolDatabase) -> str:
    """Return the epoch that is sealed into now."""
    ((epoch,),) = database.rows("SELECT value FROM notes WHERE name = 'epoch'")
    return str(epoch)


def head(database: SpoolDatabase) -> Place:
    """Return the last place that was sealed in the epoch of now; number 0 for none."""
    rows = database.rows("SELECT value FROM notes WHERE name = 'next_seq'")
    return Place(epoch(database), int(rows[0][0]) - 1 if rows else 0)


def begin_epoch(database: SpoolDatabase) -> str:
    """Begin a new epoch for what is sealed from now on; return it."""
    epoch = str(uuid.uuid4())

    def begin() -> None:
        database.note("epoch", epoch)
        database.execute("DELETE FROM notes WHERE name IN ('next_seq', 'last_digest')")

    database.write(begin)
    return epoch


def _lines(database: SpoolDatabase, number: int) -> list[bytes]:
    """Return the lines of an inspection; let go those whose bytes are damaged."""
    lines, damaged = [], []
    rows = database.execute(
        "SELECT number, line FROM observations WHERE inspection = ? ORDER BY number", number
    )
    for observation, packed in rows.fetchall():
        try:
            lines.append(zlib.decompress(packed))
        except zlib.error:
            damaged.append(observation)
    bounds.let_go_observations(database, damaged, Loss.DAMAGED)
    return lines


def _end(database: SpoolDatabase, agent: str) -> sealing.Chain:
    epoch = database.noted("epoch")
    assert epoch is not None  # examined when the file was opened
    seq = int(database.noted("next_seq") or 1)
    return sealing.Chain(agent, epoch, seq, database.noted("last_digest"))


def _append(
    database: SpoolDatabase, made: Sequence[sealing.Part], origin: _Origin, signer: Signer
) -> None:
    for part in made:
        header, payload = part.header, part.batch.payload
        database.execute(
            "INSERT INTO batches (agent, epoch, seq, digest, key_id, signature, inspection, clock, "
            "observations, first_at, last_at, gaps, payload) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(header.agent, header.epoch, header.seq, part.batch.digest),
            *(signer.key.id, signer.key.sign(BATCH, payload), origin.inspection, origin.clock),
            *(header.observations, origin.first_at, origin.last_at, gaps.pack(header.gaps)),
            payload,
        )
        database.note("next_seq", str(header.seq + 1))
        database.note("last_digest", part.batch.digest)


def _seal(database: SpoolDatabase, number: int, signer: Signer) -> int:
    row = database.execute(
        "SELECT id, clock, message FROM inspections WHERE number = ?", number
    ).fetchone()
    if row is None:  # sealed by a transaction of which it was not known whether it stands
        return 1
    name, clock, message = row
    inspection = unsealed.unpacked(message, Inspection)
    if inspection is None:
        unsealed.let_go_unreadable(database, number)
        return 0
    lines = _lines(database, number)
    first_at, last_at = database.execute(
        "SELECT min(observed_at), max(observed_at) FROM observations WHERE inspection = ?", number
    ).fetchone()
    began_at = gaps.microseconds(inspection.started_at)
    origin = _Origin(name, clock, first_at or began_at, last_at or began_at)
    made = sealing.parts(
        _end(database, signer.agent),
        inspection,
        lines,
        sealed_at=signer.now,
        gaps=gaps.take(database),
    )
    database.execute("DELETE FROM observations WHERE inspection = ?", number)
    database.execute("DELETE FROM inspections WHERE number = ?", number)
    _append(database, made, origin, signer)
    return len(made)


def _split(database: SpoolDatabase, place: Place, largest_bytes: int, signer: Signer) -> int:
    row = database.execute(
        "SELECT payload, inspection, clock, first_at, last_at FROM batches "
        "WHERE epoch = ? AND seq = ?",
        *(place.epoch, place.seq),
    ).fetchone()
    if row is None:
        return 0
    payload, *rest = row
    origin = _Origin(*rest)
    moved = Gap(
        loss=Loss.SPLIT,
        observations=0,
        batches=1,
        first_at=gaps.moment(origin.first_at),
        last_at=gaps.moment(origin.last_at),
    )
    made = sealing.smaller(_end(database, signer.agent), payload, largest_bytes, moved)
    if made:
        named = (place.epoch, place.seq)
        database.execute("DELETE FROM batches WHERE epoch = ? AND seq = ?", *named)
        _append(database, made, origin, signer)
    return len(made)
