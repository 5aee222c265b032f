"""What the spool had to let go, kept by class until a batch tells it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from agent.spool_database import SpoolDatabase
from wire.messages import Gap, Loss

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Return a moment as the spool keeps it: microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """Return the moment that the spool keeps as a number."""
    return _EPOCH + timedelta(microseconds=microseconds)


def merge(database: SpoolDatabase, gap: Gap) -> None:
    """Add a gap to that of its class, inside a transaction. Not known and some is not known."""
    before = database.execute("SELECT * FROM gaps WHERE loss = ?", gap.loss.value).fetchone()
    if before is not None:
        _, observations, batches, first_at, last_at = before
        unknown = observations is None or gap.observations is None
        gap = Gap(
            loss=gap.loss,
            observations=None if unknown else observations + gap.observations,
            batches=batches + gap.batches,
            first_at=min(moment(first_at), gap.first_at),
            last_at=max(moment(last_at), gap.last_at),
        )
    database.execute(
        "INSERT OR REPLACE INTO gaps VALUES (?, ?, ?, ?, ?)",
        *(gap.loss.value, gap.observations, gap.batches),
        *(microseconds(gap.first_at), microseconds(gap.last_at)),
    )


def merge_packed(database: SpoolDatabase, packed: bytes) -> None:
    """Add what a batch would have told that is not going to be handed over."""
    for gap in msgspec.json.decode(packed, type=tuple[Gap, ...]):
        merge(database, gap)


def pack(told: Sequence[Gap]) -> bytes:
    """Return gaps as they are kept with the batch that tells them."""
    return msgspec.json.encode(told)


def take(database: SpoolDatabase) -> tuple[Gap, ...]:
    """Return all gaps and leave none, inside the transaction that seals them."""
    taken = read(database.execute("SELECT * FROM gaps ORDER BY loss"))
    if taken:
        database.execute("DELETE FROM gaps")
    return taken


def waiting(database: SpoolDatabase) -> tuple[Gap, ...]:
    """Return the gaps that no batch tells yet."""
    return read(database.rows("SELECT * FROM gaps ORDER BY loss"))


def read(rows: Iterable[tuple[str, int | None, int, int, int]]) -> tuple[Gap, ...]:
    """Return the rows of the table as gaps."""
    return tuple(
        Gap(
            loss=Loss(loss),
            observations=observations,
            batches=batches,
            first_at=moment(first_at),
            last_at=moment(last_at),
        )
        for loss, observations, batches, first_at, last_at in rows
    )
