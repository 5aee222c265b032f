"""From a side that can be reached to an OffsiteWay."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from agent.backups.kind import Budget, Catalogue, KindModule, OffsiteWay, Source
from agent.backups.offsite import looking, proving
from agent.backups.offsite.side import Side
from checks.backup_sets import Offsite, Proof, RestorePoint
from checks.errors import ProbeError

Reach = Callable[[Source], AbstractContextManager[Side]]
"""Opens the other side. Raises a ProbeError where it can't be reached."""


def way_by(reach: Reach, watch_seconds: float) -> OffsiteWay:
    """Return the way that looks at a side and proves its copies."""

    def look(source: Source, kind: KindModule, catalogue: Catalogue) -> Offsite:
        try:
            with reach(source) as side:
                return looking.look(source, kind, catalogue, side, watch_seconds=watch_seconds)
        except ProbeError as error:
            return looking.failed_look(source, error.failure())

    def prove(
        source: Source,
        kind: KindModule,
        catalogue: Catalogue,
        points: tuple[RestorePoint, ...],
        budget: Budget,
    ) -> tuple[Proof, ...]:
        with reach(source) as side:
            return proving.prove(source, kind, catalogue, points, budget, side)

    return OffsiteWay(look=look, prove=prove)
