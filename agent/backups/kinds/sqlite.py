"""Dated copies of SQLite databases in a folder: files of one format."""

from typing import cast

import msgspec

from agent.backups.kind import Budget, Catalogue, KindModule, Source
from agent.backups.kinds import files
from agent.backups.settings import BackupSettings
from checks.backup_sets import Proof, RestorePoint


class _AsFiles:
    """A source whose settings declare the format; everything else is that of the set."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.settings: BackupSettings = msgspec.structs.replace(source.settings, format="sqlite")

    def __getattr__(self, name: str) -> object:
        return getattr(self._source, name)


def _as_files(source: Source) -> Source:
    return cast("Source", _AsFiles(source))


def _catalogue(source: Source) -> Catalogue:
    return files.catalogue(_as_files(source))


def _verify(source: Source, point: RestorePoint | None, budget: Budget) -> tuple[Proof, ...]:
    return files.verify_point(_as_files(source), point, budget)


def _artefacts(source: Source, point: RestorePoint | None) -> tuple[str, ...]:
    return files.artefacts(_as_files(source), point)


KIND = KindModule(catalogue=_catalogue, verify=_verify, artefacts=_artefacts)
