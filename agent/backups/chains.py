"""Incremental folders of mariabackup, each linked with the one that it needs."""

from contextlib import suppress
from pathlib import Path

import msgspec

from agent.backups.content_dates import Chain, chain_of
from agent.backups.listing import Entry
from checks.backup_sets import Form, PointState, RestorePoint

Listed = tuple[RestorePoint, Entry]


def linked(points: list[Listed], place: str) -> list[Listed]:
    """Return the points with form and base; one whose base is not there, or not whole, FAILED."""
    chains: dict[str, Chain] = {}
    for point, entry in points:
        if entry.is_folder:
            with suppress(OSError):
                chain = chain_of(str(Path(place, entry.path)))
                if chain is not None:
                    chains[point.id] = chain
    done: dict[str, RestorePoint] = {}
    for point, _ in sorted(points, key=lambda each: each[0].started_at):
        done[point.id] = _linked(point, chains, done)
    return [(done[point.id], entry) for point, entry in points]


def _linked(
    point: RestorePoint, chains: dict[str, Chain], before: dict[str, RestorePoint]
) -> RestorePoint:
    chain = chains.get(point.id)
    if chain is None or chain.from_lsn == 0:
        return point
    base = _base(point, chain, chains, before)
    if base is None:
        return msgspec.structs.replace(
            point,
            form=Form.INCREMENTAL,
            state=_unless_growing(point),
            note=_joined(f"there is no backup that ends at LSN {chain.from_lsn}", point.note),
        )
    if base.state is PointState.FAILED:
        return msgspec.structs.replace(
            point,
            form=Form.INCREMENTAL,
            base=base.id,
            state=_unless_growing(point),
            note=_joined(f"{base.id}, which it needs, is not whole", point.note),
        )
    return msgspec.structs.replace(point, form=Form.INCREMENTAL, base=base.id)


def _base(
    point: RestorePoint,
    chain: Chain,
    chains: dict[str, Chain],
    before: dict[str, RestorePoint],
) -> RestorePoint | None:
    """Return the newest earlier restore point of the same object that ends where this begins."""
    fitting = [
        each
        for name, each in before.items()
        if each.object == point.object and name in chains and chains[name].to_lsn == chain.from_lsn
    ]
    return fitting[-1] if fitting else None


def _unless_growing(point: RestorePoint) -> PointState:
    return point.state if point.state is PointState.GROWING else PointState.FAILED


def _joined(*sentences: str) -> str:
    return "; ".join(filter(None, sentences))[:2000]
