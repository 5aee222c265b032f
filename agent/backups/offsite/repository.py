"""Copies in a second repository of the same tool: the kind knows how to compare the two."""

from agent.backups.kind import Budget, Catalogue, KindModule, OffsiteWay, Source
from agent.backups.offsite.looking import failed_look
from checks.backup_sets import Offsite, Proof, RestorePoint
from checks.errors import ProbeError, Unsupported


def _look(source: Source, kind: KindModule, catalogue: Catalogue) -> Offsite:
    try:
        if kind.copies is None:
            raise _none(source)
        return kind.copies(source, catalogue)
    except ProbeError as error:
        return failed_look(source, error.failure())


def _prove(
    source: Source,
    kind: KindModule,
    catalogue: Catalogue,
    _points: tuple[RestorePoint, ...],
    budget: Budget,
) -> tuple[Proof, ...]:
    """Raise Unsupported for a kind that can't prove copies."""
    if kind.prove_copies is None:
        raise _none(source)
    return kind.prove_copies(source, catalogue, budget)


def _none(source: Source) -> Unsupported:
    kind = source.settings.kind.value
    return Unsupported(
        f"offsite by repository for {kind}",
        f"{kind} has no second repository to compare: use sftp, folder or agent",
    )


WAY = OffsiteWay(look=_look, prove=_prove)
