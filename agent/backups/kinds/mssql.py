"""SQL Server: restore points by its backup history in msdb, and their files where they are here.

Listed are full and differential backups and the newest log backup of each database, made by this
very instance, of the database that has the name today. A row is not a file: where the agent runs
on the server's machine each file is looked for and read as its proof; over the network nothing can
be proven of them, and that is said.

Tested with recorded rows and a server of our own that speaks the protocol; no real SQL Server has
been asked yet (docs/backups.md).
"""

from datetime import timedelta

from agent.backups.kind import Budget, Catalogue, KindModule, Source
from agent.backups.odbc import Ask, connected, rows
from agent.backups.sql_server_files import here, prove_files, seen
from agent.backups.sql_server_points import Listing, listing
from checks.backup_sets import MOST_POINTS, Proof, RestorePoint
from checks.msdb import DATABASES, HISTORY, LISTED_DAYS, SERVER, backup_sets, present, server_of

__all__ = ["KIND", "rows"]


def catalogue(source: Source) -> Catalogue:
    """List what msdb says. Raise a ProbeError where it can't be asked."""
    with connected(source) as ask:
        found = _listed(source, ask)
    known = found.sets[:MOST_POINTS]
    points = found.points[:MOST_POINTS]
    if here(found.server):
        points = tuple(seen(source, one, point) for one, point in zip(known, points, strict=True))
    since = source.now() - timedelta(days=LISTED_DAYS)
    if found.server.history_from is not None:
        since = max(since, found.server.history_from)
    return Catalogue(
        points=points,
        odd=found.odd,
        listed_since=since,
        tool=f"SQL Server {found.server.version}",
        encrypted=any(one.encrypted for one in known) if known else None,
    )


def verify(source: Source, _point: RestorePoint | None, budget: Budget) -> tuple[Proof, ...]:
    """Read the files of all restore points that are due, the newest first."""
    with connected(source) as ask:
        found = _listed(source, ask)
    return prove_files(source, found.server, found.sets, budget)


def _listed(source: Source, ask: Ask) -> Listing:
    server = server_of(ask(SERVER))
    databases = present(ask(DATABASES))
    return listing(backup_sets(ask(HISTORY), server), databases, server, source.settings.objects)


KIND = KindModule(catalogue=catalogue, verify=verify, whole_set=True)
