"""Copies that an agent on the offsite server reports: there is nothing to look at from here.

That agent has a set of the role `offsite`, whose restore points carry their digests; the collector
joins the two.
"""

from agent.backups.kind import Budget, Catalogue, KindModule, OffsiteWay, Source
from agent.backups.offsite.looking import offsite_settings
from agent.backups.settings import shown_offsite
from checks.backup_sets import Offsite, OffsiteBy, Proof, RestorePoint


def _look(source: Source, _kind: KindModule, _catalogue: Catalogue) -> Offsite:
    """Return a look without copies: the collector has them from the other agent."""
    place = shown_offsite(offsite_settings(source))
    return Offsite(by=OffsiteBy.AGENT, place=place, looked_at=source.now())


def _prove(
    _source: Source,
    _kind: KindModule,
    _catalogue: Catalogue,
    _points: tuple[RestorePoint, ...],
    _budget: Budget,
) -> tuple[Proof, ...]:
    return ()


WAY = OffsiteWay(look=_look, prove=_prove)
