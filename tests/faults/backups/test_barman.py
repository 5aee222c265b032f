"""Faults of barman's servers: none may pass for a good backup, and no good one for bad."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.backup_sets import BackupFacts, PointState, Result
from tests.backup_sets import look, settings
from tests.barman_server import SERVER, Built, barman_server, configure
from tests.faults.backups.breaking import clone, cuts, flip, places, truncate
from tests.faults.backups.judging import Cases, Outcome, judge
from tests.unprivileged import as_nobody


@pytest.fixture(scope="session")
def built() -> Iterator[Built]:
    with barman_server() as made:
        yield made


@pytest.fixture(scope="session")
def caches(built: Built) -> Path:
    """What the agent has learnt of the backups, so that each case needs not ask for it again."""
    state = built.server.folder / "state"
    file = configure(built.server, built.server.folder / "barman.conf", built.home)
    look(settings(**_given(file)), state)
    return state / "backup-caches"


@pytest.fixture
def case(built: Built, caches: Path) -> Iterator["Case"]:
    # Not pytest's own folder: barman's user could not get into it.
    folder = Path(tempfile.mkdtemp(prefix="xunjian-"))
    folder.chmod(0o755)
    yield Case(built, caches, folder)
    shutil.rmtree(folder)


class Case:
    """A copy of barman's folder with the newest backup alone, and a state of its own."""

    def __init__(self, built: Built, caches: Path, folder: Path) -> None:
        self.built = built
        self.folder = folder
        self.home = clone(built.home, folder / "home")
        self.configuration = configure(built.server, folder / "barman.conf", self.home)
        shutil.copytree(caches, folder / "state" / "backup-caches")
        for place in self.backups()[:-1]:
            shutil.rmtree(place)

    def backups(self) -> list[Path]:
        return sorted((self.home / SERVER / "base").iterdir())

    @property
    def newest(self) -> Path:
        return self.backups()[-1]

    def files(self) -> list[Path]:
        found = (self.newest / "data").rglob("*")
        # pg_verifybackup does not look at the settings that recovery writes.
        return sorted(
            path
            for path in found
            if path.is_file() and path.stat().st_size and path.name != "postgresql.auto.conf"
        )

    def wal(self) -> list[Path]:
        """Return the segments from the one in which the newest backup starts."""
        found = sorted(
            path for path in (self.home / SERVER / "wals").glob("*/*") if len(path.name) == 24
        )
        info = (self.newest / "backup.info").read_text()
        first = next(
            line.partition("=")[2] for line in info.splitlines() if line.startswith("begin_wal=")
        )
        return [path for path in found if path.name >= first]

    def look(self, *, now: datetime | None = None, **given: Any) -> BackupFacts:
        chosen = settings(**_given(self.configuration) | given)
        return look(chosen, self.folder / "state", now=now)

    def judge(self, *, now: datetime | None = None, **given: Any) -> Outcome:
        return judge(lambda: self.look(now=now, **given), now=now)


def _given(configuration: Path) -> dict[str, Any]:
    return {
        "kind": "barman",
        "place": SERVER,
        "configuration": configuration,
        # Whenever the tests run, what they have just made is in time.
        "schedule": {"window_start": "00:00", "deadline": "23:59", "time_zone": "UTC"},
        "minimum_size": "1 KiB",
    }


_FLIPS = 20


@pytest.mark.parametrize("number", range(_FLIPS))
def test_a_flipped_byte_anywhere(case: Case, cases: Cases, number: int) -> None:
    files = case.files()
    which, offset = places(files, _FLIPS)[number]
    flip(files[which], offset)
    cases.fault(f"flip of {files[which].name} at {offset}", case.judge())


@pytest.mark.parametrize("number", range(5))
def test_a_truncated_segment(case: Case, cases: Cases, number: int) -> None:
    segment = case.wal()[0]
    length = cuts(segment.stat().st_size)[number]
    truncate(segment, length)
    cases.fault(f"segment cut to {length}", case.judge())


def _of_backup(case: Case, old: str, new: str) -> None:
    place = case.newest / "backup.info"
    place.write_text(place.read_text().replace(old, new))


DAMAGES: dict[str, Callable[[Case], object]] = {
    "no backups": lambda case: shutil.rmtree(case.newest),
    "all deleted": lambda case: shutil.rmtree(case.home / SERVER),
    "data folder moved away": lambda case: (case.newest / "data").rename(case.folder / "data"),
    "backup.info missing": lambda case: (case.newest / "backup.info").unlink(),
    "backup.info cut": lambda case: truncate(case.newest / "backup.info", 100),
    "manifest missing": lambda case: (case.newest / "data" / "backup_manifest").unlink(),
    "manifest flipped": lambda case: flip(case.newest / "data" / "backup_manifest", 5000),
    "a file missing": lambda case: (case.newest / "data" / "global" / "pg_control").unlink(),
    "a file cut": lambda case: truncate(max(case.files(), key=lambda path: path.stat().st_size), 9),
    "a file more": lambda case: (case.newest / "data" / "base" / "x").write_bytes(b"x"),
    "failed by its own word": lambda case: _of_backup(case, "status=DONE", "status=FAILED"),
    "never finished": lambda case: _of_backup(case, "status=DONE", "status=STARTED"),
    "segment that it needs missing": lambda case: case.wal()[0].unlink(),
    "all segments missing": lambda case: [path.unlink() for path in case.wal()],
    "first record of its WAL flipped": lambda case: flip(case.wal()[0], 110),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage(case: Case, cases: Cases, name: str) -> None:
    DAMAGES[name](case)
    cases.fault(name, case.judge())


def test_a_moved_data_folder_is_seen_in_the_listing(case: Case) -> None:
    (case.newest / "data").rename(case.folder / "data")
    (point,) = case.look().points
    assert point.state is PointState.GONE


def test_damage_is_told_in_words_of_the_tool(case: Case) -> None:
    truncate(case.newest / "data" / "PG_VERSION", 1)
    (proof,) = case.look().proofs
    assert proof.result is Result.FAILED
    assert '"PG_VERSION" has size 1 on disk but size 3 in the manifest' in proof.detail


HINDRANCES: dict[str, dict[str, Any]] = {
    "tool absent": {"command": "/usr/bin/xunjian-no-such/barman"},
    "no such server": {"place": "crm"},
    "no settings": {"configuration": "/nonexistent/barman.conf"},
    "budget too small": {"budget": "1 KiB"},
}


@pytest.mark.parametrize("name", HINDRANCES)
def test_hindrance(case: Case, cases: Cases, name: str) -> None:
    cases.fault(name, case.judge(**HINDRANCES[name]))


def test_another_user(case: Case, cases: Cases) -> None:
    state = case.folder / "other"
    state.mkdir()
    state.chmod(0o777)
    chosen = settings(**_given(case.configuration))
    cases.fault("another user", as_nobody(lambda: judge(lambda: look(chosen, state))))


@pytest.mark.parametrize("closed", ["base", "base/*/data/base", "wals/0*"])
def test_no_permission(case: Case, cases: Cases, closed: str) -> None:
    (target,) = (case.home / SERVER).glob(closed)
    if os.geteuid() == 0:
        os.chown(target, 0, 0)
    target.chmod(0)
    outcome = case.judge()
    target.chmod(0o755)
    if closed == "wals/0*" and os.geteuid() == 0:
        # Read by us, and root may.
        cases.healthy(f"no permission, for others than root: {closed}", outcome)
    else:
        cases.fault(f"no permission: {closed}", outcome)


@pytest.mark.parametrize("days", [3, 400])
def test_a_stale_backup(case: Case, cases: Cases, days: int) -> None:
    cases.fault(f"{days} days old", case.judge(now=datetime.now(UTC) + timedelta(days=days)))


def test_a_clock_that_is_a_day_behind(case: Case, cases: Cases) -> None:
    outcome = case.judge(now=datetime.now(UTC) - timedelta(days=1))
    cases.fault("dated in the future", outcome)


def test_a_clock_that_is_a_day_ahead(case: Case, cases: Cases) -> None:
    cases.healthy("24 h old", case.judge(now=datetime.now(UTC) + timedelta(hours=24)))


HEALTHY: dict[str, Callable[[Case], object]] = {
    "as it is": lambda case: None,
    "a foreign file": lambda case: (case.home / SERVER / "notes.txt").write_text("x"),
    "no WAL from before the backup": lambda case: [
        path.unlink()
        for path in case.wal()[0].parent.iterdir()
        if len(path.name) == 24 and path.name < case.wal()[0].name
    ],
    "no history file": lambda case: [
        path.unlink() for path in case.wal()[0].parent.glob("*.backup")
    ],
    "no register of WAL": lambda case: (case.home / SERVER / "wals" / "xlog.db").write_text(""),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_server(case: Case, cases: Cases, name: str) -> None:
    HEALTHY[name](case)
    cases.healthy(name, case.judge())


def test_a_setting_that_barman_ignores_is_shown(case: Case, cases: Cases) -> None:
    configure(case.built.server, case.configuration, case.home, "last_backup_minimum_size = 1 MB")
    outcome = case.judge()
    cases.healthy("mistyped setting", outcome)
    assert outcome.facts is not None
    assert "last_backup_minimum_size" in outcome.facts.odd[0]


def test_both_backups(built: Built, cases: Cases) -> None:
    state = built.server.folder / "both"
    chosen = settings(**_given(built.server.folder / "barman.conf"))
    outcome = judge(lambda: look(chosen, state))
    cases.healthy("two backups", outcome)
    assert outcome.facts is not None
    assert len(outcome.facts.points) == 2
