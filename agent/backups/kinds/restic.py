"""Repositories of restic: on this host, or wherever restic reaches."""

from agent.backups.kind import KindModule, Source
from agent.backups.restic import asking
from agent.backups.restic.comparing import copies, prove_copies
from agent.backups.restic.hashing import stored_files
from agent.backups.restic.listing import catalogue
from agent.backups.restic.restoring import restore
from agent.backups.restic.verifying import verify
from checks.backup_sets import RestorePoint
from checks.errors import NotPermitted


def artefacts(source: Source, _point: RestorePoint | None) -> tuple[str, ...]:
    """Return all files of the repository but its locks: a snapshot alone restores nothing."""
    folder = asking.own(source).folder
    if folder is None:
        return ()
    try:
        files = [folder / "config", *stored_files(folder)]
    except PermissionError as error:
        raise NotPermitted(str(error.filename)[:255]) from error
    return tuple(str(path.relative_to(folder)) for path in files)


KIND = KindModule(
    catalogue=catalogue,
    verify=verify,
    list_again=False,
    whole_set=True,
    restore=restore,
    restore_factor=0,
    copies=copies,
    prove_copies=prove_copies,
    artefacts=artefacts,
)
