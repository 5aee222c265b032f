"""Oracle: restore points by the jobs of RMAN as the control file remembers them.

The catalogue alone: what it lists may have been deleted or damaged since, and nothing is proven of
it here. Written from Oracle's reference of V$RMAN_BACKUP_JOB_DETAILS; no Oracle has been asked yet
(docs/backups.md).
"""

from agent.backups.kind import Catalogue, KindModule, Source
from agent.backups.odbc import connected, rows
from checks.backup_sets import Form, PointState, RestorePoint
from checks.rman import DATABASE, JOBS, Job, jobs, zone_of

__all__ = ["KIND", "rows"]

_STATES = {
    "COMPLETED": PointState.COMPLETE,
    "COMPLETED WITH WARNINGS": PointState.COMPLETE,
    "RUNNING": PointState.GROWING,
    "RUNNING WITH WARNINGS": PointState.GROWING,
    "RUNNING WITH ERRORS": PointState.GROWING,
}
"""Every other status is a failure: FAILED, COMPLETED WITH ERRORS, and what is not known."""
NO_FULL = "no full backup before it"


def catalogue(source: Source) -> Catalogue:
    """List the jobs of RMAN. Raise a ProbeError where they can't be asked."""
    with connected(source) as ask:
        database = zone_of(ask(DATABASE))
        found = sorted(jobs(ask(JOBS), database.offset), key=lambda job: job.started_at)
    points: list[RestorePoint] = []
    last_full = NO_FULL
    for job in found:
        point = _point(job, database.name, last_full)
        if point is None:
            continue
        points.append(point)
        if point.form is Form.FULL and point.state is PointState.COMPLETE:
            last_full = point.id
    skipped = len(found) - len(points)
    return Catalogue(
        points=tuple(points),
        odd=(f"{skipped} jobs of other types than database and archived logs",) if skipped else (),
        listed_since=found[0].started_at if found else None,
        tool=f"Oracle {database.version}",
    )


def _point(job: Job, database: str, last_full: str) -> RestorePoint | None:
    form = job.form
    if form is None:
        return None
    return RestorePoint(
        id=job.id,
        object=database,
        started_at=job.started_at,
        ended_at=job.ended_at,
        form=form,
        state=_STATES.get(job.status, PointState.FAILED),
        bytes=job.bytes,
        base="" if form is Form.FULL else last_full,
        note="" if job.status == "COMPLETED" else job.status,
    )


KIND = KindModule(catalogue=catalogue)
