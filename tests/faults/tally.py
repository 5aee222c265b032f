"""What arrived at a collector, counted beside what its agents had on disk."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select, text

from collector.database import Database, open_database
from collector.intake.models import StoredBatch
from wire.batch import digest_of, open_batch

Observed = tuple[str, str]
"""(inspection, check)"""


@dataclass(frozen=True)
class Tally:
    """The count after a run; `lost` and `duplicated` are observations."""

    batches: int
    observations: int
    lost: int
    duplicated: int
    integrity: str


def tallied(database_url: str, kept: Iterable[Observed]) -> Tally:
    """Count; every batch is read, its digest and its chain are checked."""
    database = open_database(database_url)
    try:
        stored: Counter[Observed] = Counter()
        chains: dict[tuple[str, str, str], dict[int, tuple[str, str | None]]] = defaultdict(dict)
        with database.reading() as session:
            rows = session.execute(
                select(
                    StoredBatch.agent_id,
                    StoredBatch.epoch,
                    StoredBatch.branch,
                    StoredBatch.seq,
                    StoredBatch.digest,
                    StoredBatch.payload,
                )
            )
            for agent, epoch, branch, seq, digest, payload in rows:
                assert digest_of(payload) == digest
                opened = open_batch(payload)
                header = opened.header
                assert not opened.rejected
                assert (header.agent, header.epoch, header.seq) == (agent, epoch, seq)
                stored.update((header.inspection.id, each.check) for each in opened.observations)
                chains[agent, epoch, branch][seq] = (digest, header.previous)
        # A branch of a fork begins where the other one stands.
        for (_, _, branch), chain in chains.items():
            if not branch:
                _demand_whole(chain)
        return Tally(
            batches=sum(len(chain) for chain in chains.values()),
            observations=stored.total(),
            lost=len(set(kept) - set(stored)),
            duplicated=sum(times - 1 for times in stored.values()),
            integrity=integrity(database),
        )
    finally:
        database.close()


def _demand_whole(chain: dict[int, tuple[str, str | None]]) -> None:
    """Return if no number is missing and each batch names the one before."""
    assert sorted(chain) == list(range(1, len(chain) + 1))
    previous = None
    for seq in sorted(chain):
        digest, named = chain[seq]
        assert named == previous
        previous = digest


def stored_batches(database: Database) -> int:
    """Return how many batches are stored."""
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(StoredBatch)) or 0


def integrity(database: Database) -> str:
    """Return `ok` where the database finds nothing wrong with its own file or its indexes."""
    with database.reading() as session:
        if not database.is_postgresql:
            verdicts = session.execute(text("PRAGMA integrity_check")).scalars().all()
            broken = session.execute(text("PRAGMA foreign_key_check")).all()
            return "; ".join(map(str, [*verdicts, *broken]))
        # Every page of every table, with its values, is read.
        tables = session.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).scalars()
        for table in tables.all():
            session.execute(text(f'SELECT count(entry::text) FROM "{table}" AS entry')).scalar()
    return "ok"
