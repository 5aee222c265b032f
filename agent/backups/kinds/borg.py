"""Repositories of BorgBackup 1.x: on this host, or behind SSH."""

from agent.backups.borg import asking
from agent.backups.borg.comparing import copies, prove_copies
from agent.backups.borg.listing import catalogue
from agent.backups.borg.restoring import restore
from agent.backups.borg.verifying import verify
from agent.backups.kind import KindModule, Source
from checks.backup_sets import RestorePoint
from checks.errors import NotPermitted


def artefacts(source: Source, _point: RestorePoint | None) -> tuple[str, ...]:
    """Return all files of the repository but its locks: an archive alone restores nothing."""
    folder = asking.own(source).folder
    if folder is None:
        return ()
    try:
        found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    except PermissionError as error:
        raise NotPermitted(str(error.filename)[:255]) from error
    return tuple(sorted(str(path) for path in found if not path.parts[0].startswith("lock.")))


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
