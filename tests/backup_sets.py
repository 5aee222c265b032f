"""Backup sets in tests: settings from a few words, their source, a whole look."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import time_machine

from agent.backups.kind import OffsiteWay
from agent.backups.ledger import Ledger
from agent.backups.settings import BackupSettings
from agent.backups.source import LocalSource
from agent.backups.subject import ConfiguredSet
from agent.host import LocalHost
from checks.backup_sets import BackupFacts

NAME = "erp"


def settings(**given: Any) -> BackupSettings:
    """Return the settings of a set as TOML would give them: `settings(kind="files", place=…)`."""
    plain = {
        name: str(value) if isinstance(value, Path) else value for name, value in given.items()
    }
    return msgspec.convert(plain, BackupSettings)


@contextmanager
def source(given: BackupSettings, state: Path) -> Iterator[LocalSource]:
    """Give the set as its kind sees it, with a ledger in the state folder."""
    ledger = Ledger(state)
    try:
        yield LocalSource(NAME, given, LocalHost(), ledger.of(NAME), state)
    finally:
        ledger.close()


def look(
    given: BackupSettings,
    state: Path,
    *,
    now: datetime | None = None,
    full: bool = False,
    seconds: float = 600,
    way: OffsiteWay | None = None,
) -> BackupFacts:
    """Look at a set as an inspection does, at another time if need be. Raise a ProbeError."""
    subject = ConfiguredSet(NAME, given, LocalHost(), state, seconds=seconds, full=full, way=way)
    if now is None:
        return subject.look()
    with time_machine.travel(now, tick=True):
        return subject.look()
