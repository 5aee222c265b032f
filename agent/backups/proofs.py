"""The two proofs of one pass over a restore point: STRUCTURE and HASHED."""

from agent.backups.formats.format import Structure
from agent.backups.kind import Source, unproven
from checks.backup_sets import Level, Proof, RestorePoint, Result
from wire.messages import Failure, Reason

CHANGED = Failure(Reason.ERROR, "changed", "it changed while it was read: still being written")


def neither(source: Source, point: RestorePoint, failure: Failure) -> tuple[Proof, ...]:
    """Return that neither could be made."""
    at = source.now()
    return tuple(
        unproven(point.id, level, at, "", failure) for level in (Level.STRUCTURE, Level.HASHED)
    )


def of_structure(
    source: Source,
    point: RestorePoint,
    structure: Structure,
    digest: str,
    read_bytes: int,
    seconds: float,
) -> Proof:
    """Return the proof of level STRUCTURE; one that says something names the bytes it is of."""
    return Proof(
        point=point.id,
        level=Level.STRUCTURE,
        result=structure.result,
        at=source.now(),
        method=structure.method[:255],
        digest=digest if structure.result is not Result.UNPROVEN else "",
        bytes_read=read_bytes,
        seconds=seconds,
        coverage=structure.coverage,
        detail=structure.detail[:2000],
        failure=structure.failure,
    )
