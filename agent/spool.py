"""The spool: everything that has been observed and not yet acknowledged, durable, in SQLite.

An observation is on disk before the next one is taken in. A finished inspection waits unsealed: it
gets its number, its place in the chain and its signature just before it is sent (`seal_next`), so
that what has to be let go for want of room (agent/bounds.py) was never at the collector. A sealed
batch leaves only through an acknowledgement that repeats its digest.

The epoch is a UUID made with the spool: a new file is a new epoch. A damaged file is moved aside,
never deleted, and a new one takes its place.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from agent import bounds, chain, disk_room, gaps, spool_notes, unsealed
from agent.bounds import Bounds
from agent.chain import MOST_REFUSALS, Place, Sealed, Signer
from agent.pause import Pause
from agent.spool_database import SpoolDatabase
from checks.api import Text
from wire.control import Reach
from wire.messages import Acknowledgement, Gap, Inspection, Loss, Observation
from wire.signing import PrivateKey

__all__ = ["MOST_REFUSALS", "WAITING", "Bounds", "Counts", "Place", "Sealed", "Spool"]

WAITING = "waiting"
"""Marker file in the state folder while something waits; for systemd, the agent never reads it."""


class Counts(Struct, frozen=True):
    """What waits in the spool."""

    inspections: int
    """Not sealed yet, one under way included."""
    observations: int
    """Of those inspections."""
    batches: int
    """Sealed and not acknowledged, dead letters included."""
    bytes: int
    """Of the sealed batches and of the observations that are not sealed, packed."""


class Spool:
    """The open spool of a folder that is held by `spool_file.exclusive`.

    Every method that writes raises SpoolFull or SpoolError, and nothing else, when it can't.
    `clean` is asked what may be kept of each observation: nothing else of it is ever written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        limits: Bounds | None = None,
        clean: Callable[[Observation], Observation] = lambda observation: observation,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._limits = limits or Bounds()
        self._clean = clean
        self._now = now
        self._numbers: dict[str, int] = {}
        self._database = SpoolDatabase(folder)
        self.set_aside = self._database.set_aside
        if self.set_aside is not None:
            self._tell_of_damage(self.set_aside.moved_to)
        disk_room.load_ballast(folder)
        self._mark()

    @property
    def epoch(self) -> str:
        """The epoch that is sealed into now."""
        return chain.epoch(self._database)

    @property
    def head(self) -> Place:
        """The last batch that was sealed in this epoch; number 0 while there is none."""
        return chain.head(self._database)

    def close(self) -> None:
        """Close the file. What was committed is there."""
        try:
            self._database.give_back()
        finally:
            self._database.close()

    def open_inspection(self, inspection: Inspection) -> None:
        """Note that an inspection begins: it can be sealed even if it never comes to its end."""
        self._numbers[inspection.id] = unsealed.begin(self._database, inspection, self._now())
        self._mark()
        bounds.keep(self._database, self._limits)

    def add(self, inspection_id: str, observation: Observation) -> None:
        """Keep one observation. It is durable when this returns."""
        number = self._numbers[inspection_id]
        unsealed.add(self._database, self._limits, number, self._clean(observation))

    def finish(self, inspection: Inspection) -> None:
        """Note that an inspection of this run came to its end; it waits to be sealed."""
        unsealed.finish(self._database, self._numbers[inspection.id], inspection)

    def finish_interrupted(self) -> int:
        """Finish the inspections that never came to their end; return how many."""
        return unsealed.finish_interrupted(self._database)

    def seal_next(self, agent: str, key: PrivateKey) -> int:
        """Seal the oldest finished inspection; return the number of batches, 0 if none waits."""
        signer = Signer(agent, key, self._now())
        made = 0
        while not made and (number := unsealed.oldest_finished(self._database)) is not None:
            made = chain.seal(self._database, number, signer)
        self._mark()
        return made

    def adopt(self, sealed: Sealed) -> None:
        """Keep a batch that was sealed elsewhere: fetched from a host in a remote session.

        Whose it is, and that its signature holds, has been proved before. The same batch again
        changes nothing.
        """
        chain.adopt(self._database, sealed)
        self._mark()

    def pending(self) -> Sequence[Place]:
        """Return the batches to be sent, oldest first, those refused once last."""
        return chain.pending(self._database)

    def reach(self, key_id: str) -> tuple[Reach, ...]:
        """Return how far a key has sealed what is not acknowledged yet, by epoch."""
        return chain.reach(self._database, key_id)

    def batch(self, place: Place) -> Sealed:
        """Return one batch that is in the spool."""
        return chain.batch(self._database, place)

    def acknowledge(self, answer: Acknowledgement) -> bool:
        """Delete the batch that the acknowledgement names by place and digest.

        Return whether there was one. An answer that does not fit deletes nothing. Whose answer it
        is has been proved before: only one from the collector's signed envelope may come here.
        """
        deleted = chain.acknowledge(self._database, answer)
        self._mark()
        return deleted

    def new_epoch(self) -> str:
        """Begin a new epoch for what is sealed from now on; return it.

        What was sealed before stays as it is and can be sent as before.
        """
        return chain.begin_epoch(self._database)

    def refuse(self, place: Place, why: Text) -> None:
        """Note that the collector refused a batch. It is kept; see MOST_REFUSALS."""
        chain.refuse(self._database, place, why)
        self._mark()

    def split(self, place: Place, largest_bytes: int, agent: str, key: PrivateKey) -> int:
        """Replace a batch by smaller ones at the end of the chain, each of at most largest_bytes.

        Return how many; 0 where it can't be made smaller, and nothing was changed. An observation
        that is too large alone loses its facts and carries a Failure that says so.
        """
        return chain.split(self._database, place, largest_bytes, Signer(agent, key, self._now()))

    def counts(self) -> Counts:
        """Return what waits."""
        ((inspections,),) = self._database.rows("SELECT count(*) FROM inspections")
        ((observations, loose),) = self._database.rows(
            "SELECT count(*), coalesce(sum(size), 0) FROM observations"
        )
        ((batches, sealed),) = self._database.rows(
            "SELECT count(*), coalesce(sum(length(payload)), 0) FROM batches"
        )
        return Counts(inspections, observations, batches, loose + sealed)

    def gaps(self) -> tuple[Gap, ...]:
        """Return what was let go and is not told by a batch yet."""
        return gaps.waiting(self._database)

    def pause(self) -> Pause | None:
        """Return the pause that was set last; it may be over."""
        return spool_notes.pause(self._database)

    def set_pause(self, pause: Pause | None) -> None:
        """Keep a pause between attempts to hand over, or none."""
        spool_notes.set_pause(self._database, pause)

    def remember(self, observation: Observation, circumstances: str) -> None:
        """Keep an observation beyond its upload, in place of an earlier one of its check."""
        spool_notes.remember(self._database, self._clean(observation), circumstances)

    def remembered(self, check_id: str, circumstances: str) -> Observation | None:
        """Return what was remembered of a check under just these circumstances; None if nothing."""
        return spool_notes.remembered(self._database, check_id, circumstances)

    def left_behind(self) -> dict[str, str]:
        """Return the processes that could not be killed, by check (see agent/runner.py)."""
        return spool_notes.left_behind(self._database)

    def leave_behind(self, check_id: str, process: str) -> None:
        """Note a process that could not be killed, in place of an earlier one of its check."""
        spool_notes.leave_behind(self._database, check_id, process)

    def _tell_of_damage(self, moved_to: str) -> None:
        now = self._now()
        gap = Gap(loss=Loss.DAMAGED, observations=None, first_at=now, last_at=now)

        def tell() -> None:
            self._database.note("damaged", moved_to)
            gaps.merge(self._database, gap)

        self._database.write(tell)

    def _mark(self) -> None:
        """Lay down the marker while something waits, and take it away otherwise."""
        marker = self._database.folder / WAITING
        waits = self._database.rows(
            "SELECT EXISTS (SELECT 1 FROM inspections) "
            "OR EXISTS (SELECT 1 FROM batches WHERE refusals < ?)",
            MOST_REFUSALS,
        )[0][0]
        # On a full disk there is none until the next time: the agent itself does not need it.
        with suppress(OSError):
            if waits:
                marker.touch(mode=0o600)
            else:
                marker.unlink(missing_ok=True)
