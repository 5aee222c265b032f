"""A small, good backup set here and its copies on another side, for tests of the offsite leg."""

import gzip
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from agent.backups.kind import OffsiteWay
from agent.backups.offsite import folder, sftp
from agent.backups.offsite.same_host import ThisHost
from agent.ssh.connection import Limits
from checks.backup_sets import BackupFacts
from scripts.openssh import OpenSsh
from tests import backup_sets

IMPATIENT = Limits(connect=2, greeting=2, sign_in=2, request=2, silence=0.5)
WATCH_SECONDS = 0.15
DAYS = 4
AGE = timedelta(hours=6)
"""Of the newest dump, at the time of the test."""
OTHER_BOOT = "00000000-1111-2222-3333-444444444444"


@dataclass
class Copies:
    """A set and its copies; what a test changes is only this one's."""

    here: Path
    there: Path
    """The folder of the copies, as this host sees it."""
    state: Path
    offsite: dict[str, Any]
    way: Callable[..., OffsiteWay]
    this_host: ThisHost
    given: dict[str, Any] = field(default_factory=dict)
    limits: Limits | None = None

    def look(self, **more: Any) -> BackupFacts:
        """Look at it as an inspection does."""
        changed: dict[str, Any] = {"watch_seconds": WATCH_SECONDS, "this_host": self.this_host}
        if self.limits is not None:
            changed["limits"] = self.limits
        return backup_sets.look(
            backup_sets.settings(**self.settings()), self.state, way=self.way(**changed), **more
        )

    def settings(self) -> dict[str, Any]:
        """Return the settings of the set, as TOML would have them."""
        now = datetime.now(UTC)
        schedule = {
            "window_start": f"{now - AGE - timedelta(hours=1):%H:%M}",
            "deadline": f"{now - timedelta(hours=4):%H:%M}",
            "grace_minutes": 0,
            "time_zone": "UTC",
        }
        return {
            "kind": "files",
            "place": self.here,
            "pattern": "**/*.sql.gz",
            "schedule": schedule,
            "offsite": {"hours": 1, **self.offsite},
            **self.given,
        }

    def dumps(self) -> list[Path]:
        """Return the dumps here, the newest first, as paths below the place."""
        found = [path.relative_to(self.here) for path in self.here.rglob("*") if path.is_file()]
        return sorted(found, key=lambda path: (self.here / path).stat().st_mtime, reverse=True)

    @property
    def newest(self) -> Path:
        """The copy of the newest dump."""
        return self.there / self.dumps()[0]

    def copy(self) -> None:
        """Copy everything as rsync -a does: with dates and modes for all to read."""
        shutil.copytree(self.here, self.there, dirs_exist_ok=True, symlinks=True)
        readable(self.there)


def readable(folder_: Path) -> None:
    """Let everybody read a folder: the servers of the tests are `nobody`."""
    for path in (folder_, *folder_.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)


def elsewhere(folder_: Path) -> ThisHost:
    """Return another host to be on."""
    keys = folder_ / "no-keys"
    keys.mkdir(exist_ok=True)
    boot = folder_ / "boot_id"
    boot.write_text(f"{OTHER_BOOT}\n")
    return ThisHost(keys=keys, boot_id=boot, addresses=frozenset({"192.0.2.1"}))


def dump(day: datetime, seed: int, rows: int = 300) -> bytes:
    """Return a dump of MariaDB that ended at a time, always the same for the same seed."""
    noise = random.Random(seed)
    lines = ["-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB", "CREATE TABLE a (x TEXT);"]
    lines += [f"INSERT INTO a VALUES ('{noise.randbytes(48).hex()}');" for _ in range(rows)]
    lines.append(f"-- Dump completed on {day:%Y-%m-%d %H:%M:%S}")
    return gzip.compress("\n".join(lines).encode() + b"\n", mtime=0)


def write_set(
    here: Path, name: Callable[[datetime], str] = lambda day: f"erp_{day:%Y-%m-%d}.sql.gz"
) -> None:
    """Write a dump for each of the last days."""
    newest = datetime.now(UTC) - AGE
    for age in range(DAYS):
        day = newest - timedelta(days=age)
        path = here / name(day)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dump(day, age))
        os.utime(path, (day.timestamp(), day.timestamp()))


@contextmanager
def over_ssh(running: OpenSsh, folder_: Path) -> Iterator[Copies]:
    """Give a set whose copies lie on a server."""
    name = f"copies-{uuid4().hex}"
    there = running.folder / name
    there.mkdir()
    offsite = {
        "by": "sftp",
        "host": "127.0.0.1",
        "port": running.port,
        "user": running.user,
        "host_key": running.host_key,
        "key": {"file": str(running.key)},
        "place": running.there(name),
        "shell": running.shell,
    }
    try:
        yield _copies(folder_, there, offsite, sftp.way)
    finally:
        shutil.rmtree(there, ignore_errors=True)


@contextmanager
def in_folder(volume: Path, folder_: Path) -> Iterator[Copies]:
    """Give a set whose copies lie in a folder of another volume."""
    there = volume / f"copies-{uuid4().hex}"
    there.mkdir()
    try:
        yield _copies(folder_, there, {"by": "folder", "place": str(there)}, folder.way)
    finally:
        shutil.rmtree(there, ignore_errors=True)


def _copies(
    folder_: Path, there: Path, offsite: dict[str, Any], way: Callable[..., OffsiteWay]
) -> Copies:
    here = folder_ / "here"
    here.mkdir()
    return Copies(here, there, folder_ / "state", offsite, way, elsewhere(folder_))


def changed(copies: Copies, **offsite: Any) -> Copies:
    """Return the set with other settings of its offsite leg."""
    return replace(copies, offsite=copies.offsite | offsite)
