"""The bounds of the spool: its size, its age, and the room that is left on the disk.

Whatever goes is counted in the transaction in which it goes (agent/gaps.py).
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from msgspec import Struct

from agent import disk_room, gaps, spool_clock, thinning
from agent.spool_database import SpoolDatabase
from wire.messages import Gap, Loss

LARGEST_BYTES = 64 * 2**20
OLDEST_DAYS = 400

_ROWS_AT_ONCE = 500
_BY_READING = (Loss.THINNED, Loss.UNCHANGED, Loss.OLDEST)
_BATCHES_BY_WORTH = (
    "SELECT number FROM batches WHERE inspection IS NOT ? ORDER BY refusals > 1 DESC, number"
)


class Bounds(Struct, frozen=True):
    """How much the spool may hold."""

    largest_bytes: int = LARGEST_BYTES
    """Of the file with its log."""
    oldest_days: float = OLDEST_DAYS

    @property
    def content_bytes(self) -> int:
        """Leave an eighth for the log, which takes the largest transaction a second time."""
        return self.largest_bytes - self.largest_bytes // 8


def keep(database: SpoolDatabase, bounds: Bounds) -> None:
    """Let go what is too old or too much, and more where the disk has too little room left.

    For the disk's sake neither failures nor sealed batches go. Raise SpoolError.
    """
    _expire(database, spool_clock.now(database) - bounds.oldest_days * thinning.DAY_SECONDS)
    make_room(database, bounds)
    missing = disk_room.missing_bytes(database.folder)
    if missing:
        _shrink(database, max(0, database.content_bytes() - missing), _BY_READING)
        database.give_back(at_once=True)


def make_room(database: SpoolDatabase, bounds: Bounds, needed_bytes: int = 0) -> None:
    """Make so much room within the bound. The newest inspection stays, however large."""
    if database.content_bytes() + needed_bytes <= bounds.content_bytes:
        return
    # Somewhat more than needed, so that not every observation looks through all others.
    target = bounds.content_bytes - bounds.content_bytes // 16 - needed_bytes
    _shrink(database, target, (*_BY_READING, Loss.LAST_RESORT))
    database.give_back()


def let_go_batch(database: SpoolDatabase, number: int, loss: Loss) -> None:
    """Delete one batch and count it, inside a transaction."""
    row = database.execute(
        "SELECT observations, first_at, last_at, gaps FROM batches WHERE number = ?", number
    ).fetchone()
    if row is None:
        return
    observations, first_at, last_at, told = row
    gaps.merge_packed(database, told)
    gaps.merge(database, _gap(loss, observations, first_at, last_at, batches=1))
    database.execute("DELETE FROM batches WHERE number = ?", number)


def let_go_observations(
    database: SpoolDatabase, numbers: Sequence[int], loss: Loss, *, counted: bool = True
) -> None:
    """Delete observations and count them, and inspections that end up with none; in a transaction.

    An inspection under way stays, and so does the newest.
    """
    marks = ",".join("?" * len(numbers))
    observations, first_at, last_at = database.execute(
        # marks are question marks
        f"SELECT count(*), min(observed_at), max(observed_at) FROM observations WHERE number IN ({marks})",  # noqa: S608, E501
        *numbers,
    ).fetchone()
    if not observations:
        return
    gaps.merge(database, _gap(loss, observations if counted else None, first_at, last_at))
    inspections = database.execute(
        f"SELECT DISTINCT inspection FROM observations WHERE number IN ({marks})",  # noqa: S608
        *numbers,
    ).fetchall()
    database.execute(f"DELETE FROM observations WHERE number IN ({marks})", *numbers)  # noqa: S608
    for (inspection,) in inspections:
        database.execute(
            "DELETE FROM inspections WHERE number = ?1 AND finished "
            "AND number < (SELECT max(number) FROM inspections) "
            "AND NOT EXISTS (SELECT 1 FROM observations WHERE inspection = ?1)",
            inspection,
        )


def _gap(
    loss: Loss, observations: int | None, first_at: int, last_at: int, batches: int = 0
) -> Gap:
    return Gap(
        loss=loss,
        observations=observations,
        batches=batches,
        first_at=gaps.moment(first_at),
        last_at=gaps.moment(last_at),
    )


def _expire(database: SpoolDatabase, before: float) -> None:
    """Let go what is older than `before`, by the spool's clock; the newest inspection stays."""
    for (number,) in database.rows("SELECT number FROM batches WHERE clock < ?", before):
        database.write(partial(let_go_batch, database, number, Loss.EXPIRED))
    while (inspection := _oldest(database, before)) is not None:
        sizes = _sizes(database, "inspection = ?", inspection)
        for some in _chunks(sizes, lambda: LARGEST_BYTES):
            database.write(partial(let_go_observations, database, some, Loss.EXPIRED))
        # One that never had an observation has nothing to count.
        database.write(
            partial(database.execute, "DELETE FROM inspections WHERE number = ?", inspection)
        )


def _oldest(database: SpoolDatabase, before: float) -> int | None:
    """Return the oldest inspection that is older than `before` and not the newest."""
    rows = database.rows("SELECT number, clock FROM inspections ORDER BY number LIMIT 2")
    return rows[0][0] if len(rows) == 2 and rows[0][1] < before else None


def _shrink(database: SpoolDatabase, target: int, steps: Sequence[Loss]) -> None:
    """Let go step by step until the content is not above the target, or nothing may go."""

    def excess() -> int:
        return database.content_bytes() - target

    for loss in steps:
        if excess() <= 0:
            return
        if loss is Loss.LAST_RESORT:
            # Batches are older than what is not sealed yet; dead letters go before the others.
            batches = database.rows(_BATCHES_BY_WORTH, _newest_sealed(database))
            for (number,) in batches:
                if excess() <= 0:
                    return
                database.write(partial(let_go_batch, database, number, loss))
            chosen = _sizes(database, "inspection < (SELECT max(number) FROM inspections)")
        else:
            chosen = thinning.choose(loss, _readings(database), spool_clock.now(database))
        for some in _chunks(chosen, excess):
            database.write(partial(let_go_observations, database, some, loss))


def _newest_sealed(database: SpoolDatabase) -> str | None:
    """Return the inspection whose batches must stay: the newest, unless a newer one is unsealed."""
    if database.rows("SELECT 1 FROM inspections LIMIT 1"):
        return None
    rows = database.rows("SELECT inspection FROM batches ORDER BY number DESC LIMIT 1")
    return rows[0][0] if rows else None


def _readings(database: SpoolDatabase) -> Iterator[thinning.Reading]:
    rows = database.execute(
        "SELECT o.number, check_id, target, failed, facts, size, clock FROM observations o "
        "JOIN inspections i ON i.number = o.inspection "
        "WHERE inspection < (SELECT max(number) FROM inspections) "
        "ORDER BY check_id, target, o.number"
    )
    for number, check_id, target, failed, facts, size, clock in rows:
        yield thinning.Reading(number, check_id, target, bool(failed), facts, size, clock)


def _sizes(database: SpoolDatabase, where: str, *values: object) -> Sequence[tuple[int, int]]:
    """Return number and size of the observations that a condition of this module names."""
    statement = f"SELECT number, size FROM observations WHERE {where} ORDER BY number"  # noqa: S608 # see above
    return database.rows(statement, *values)


def _chunks(
    chosen: Sequence[tuple[int, int]], excess: Callable[[], int]
) -> Iterator[Sequence[int]]:
    """Yield the numbers of some observations at a time, while there is an excess of bytes.

    `chosen` are numbers and sizes.
    """
    some: list[int] = []
    size = 0
    wanted = excess()
    for number, bytes_ in chosen:
        if wanted <= 0:
            return
        some.append(number)
        size += bytes_
        if size >= wanted or len(some) == _ROWS_AT_ONCE:
            yield some
            some, size, wanted = [], 0, excess()
    if some:
        yield some
