"""A backup set of the settings as a probe sees it: the real `checks.backup_sets.BackupSet`."""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import cast

from msgspec.structs import replace

from agent.backups import due
from agent.backups.budget import RunBudget
from agent.backups.kind import Catalogue, KindModule, OffsiteWay
from agent.backups.ledger import Ledger, SetLedger
from agent.backups.proving import Proving, Tell, prove, work
from agent.backups.settings import BackupSettings, declaration, size_bytes
from agent.backups.source import LocalSource
from agent.errors import SpoolError
from checks.api import Host
from checks.backup_sets import (
    MOST_POINTS,
    BackupFacts,
    Declaration,
    Level,
    Result,
)
from checks.errors import ProbeError, UnexpectedOutput, Unsupported

_SHARE_FOR_PROVING = 0.8
"""Of the deadline; the rest is for the listing and for a last step that takes longer."""
_WITHOUT_LIMIT = 2**60


def _hear_nothing(_point: str, _level: Level) -> None:
    """Tell nobody."""


class ConfiguredSet:
    """One entry of [backups]."""

    def __init__(
        self,
        name: str,
        settings: BackupSettings,
        host: Host,
        state: Path,
        *,
        seconds: float,
        full: bool = False,
        prove: bool = True,
        tell: Tell = _hear_nothing,
        way: OffsiteWay | None = None,
    ) -> None:
        """Name a set. `full`: prove everything whatever it costs; not `prove`: list only.

        `way`: how the offsite side is looked at; None: as the settings say.
        """
        self._name = name
        self._settings = settings
        self._host = host
        self._state = state
        self._seconds = seconds
        self._full = full
        self._prove = prove
        self._tell = tell
        self._way = way

    @property
    def declaration(self) -> Declaration:
        """Return what the settings say of it."""
        return declaration(self._name, self._settings)

    def look(self) -> BackupFacts:
        """List, prove what is due, return all that is known. Raise a ProbeError."""
        _be_idle()
        try:
            ledger = Ledger(self._state)
        except SpoolError as error:
            raise UnexpectedOutput("backups.sqlite", error.text.en) from error
        try:
            return self._look(ledger.of(self._name))
        except SpoolError as error:
            raise UnexpectedOutput("backups.sqlite", error.text.en) from error
        finally:
            ledger.close()

    def rows(self, query: str) -> Sequence[Mapping[str, object]]:
        """Return the rows of a reading query. Raise a ProbeError."""
        module = _kind_module(self._settings)
        ask = getattr(module, "rows", None)
        if ask is None:
            raise Unsupported(self._settings.kind.value, "this kind answers no query")
        ledger = Ledger(self._state)
        try:
            source = self._source(ledger.of(self._name))
            return cast("Sequence[Mapping[str, object]]", ask(source, query))
        finally:
            ledger.close()

    def _source(self, ledger: SetLedger) -> LocalSource:
        return LocalSource(self._name, self._settings, self._host, ledger, self._state)

    def _look(self, ledger: SetLedger) -> BackupFacts:
        source = self._source(ledger)
        kind: KindModule = _kind_module(self._settings).KIND
        way = self._way or _way(self._settings)
        # Before the listing: what came during it may be missing in it.
        looked_at = source.now()
        catalogue = _newest_first(kind.catalogue(source))
        offsite = way.look(source, kind, catalogue) if way is not None else None
        done = None
        if self._prove:
            budget = RunBudget(
                _WITHOUT_LIMIT if self._full else size_bytes(self._settings.budget),
                self._seconds * _SHARE_FOR_PROVING,
            )
            proving = Proving(source, ledger, kind, way, budget, self._full, self._tell)
            made = prove(proving, catalogue, offsite)
            ledger.forget([point.id for point in catalogue.points], source.now())
            # What has been hashed now is known by its digest; a file may have gone meanwhile.
            if kind.list_again:
                now = source.now()
                with suppress(ProbeError):
                    catalogue = _newest_first(kind.catalogue(source))
                    looked_at = now
            done = work(proving, catalogue, made)
        listed = catalogue.points[:MOST_POINTS]
        left_out = len(catalogue.points) - len(listed)
        since = catalogue.listed_since
        if left_out:
            since = max(listed[-1].started_at, since or listed[-1].started_at)
        present = {point.id: point.content for point in listed}
        known = due.newest_of(ledger.proofs(), listed)
        tries = [
            proof
            for proof in ledger.proofs()
            if proof.result is Result.UNPROVEN and (not proof.point or proof.point in present)
        ]
        return BackupFacts(
            declaration=self.declaration,
            looked_at=looked_at,
            points=listed,
            points_left_out=left_out,
            unmatched=catalogue.unmatched,
            odd=catalogue.odd,
            listed_since=since,
            locks=catalogue.locks,
            tool=catalogue.tool,
            encrypted=catalogue.encrypted,
            destination=catalogue.destination,
            offsite=offsite,
            proofs=(*known.values(), *tries),
            work=done,
        )


def _newest_first(catalogue: Catalogue) -> Catalogue:
    points = sorted(catalogue.points, key=lambda point: (point.started_at, point.id), reverse=True)
    return replace(catalogue, points=tuple(points))


def _kind_module(settings: BackupSettings) -> ModuleType:
    return importlib.import_module(f"agent.backups.kinds.{settings.kind.value}")


def _way(settings: BackupSettings) -> OffsiteWay | None:
    if settings.offsite is None:
        return None
    module = importlib.import_module(f"agent.backups.offsite.{settings.offsite.by.value}")
    return cast("OffsiteWay", module.WAY)


def _be_idle() -> None:
    """Take the disk only when nobody else wants it; the processor is nice already."""
    if sys.platform == "linux":
        import psutil

        process = psutil.Process(os.getpid())
        process.ionice(psutil.IOPRIO_CLASS_IDLE)
