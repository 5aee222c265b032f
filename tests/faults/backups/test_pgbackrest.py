"""Faults of pgBackRest's repositories: none may pass for a good backup, no good one for bad."""

import gzip
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.backup_sets import BackupFacts, Level, Result
from tests.backup_sets import look, settings
from tests.faults.backups.breaking import clone, cuts, flip, places, truncate
from tests.faults.backups.judging import Cases, Outcome, judge
from tests.pgbackrest_stanza import STANZA, Built, configure, stanza
from tests.unprivileged import NOBODY, as_nobody


@pytest.fixture(scope="session")
def built() -> Iterator[Built]:
    with stanza() as made:
        yield made


@pytest.fixture
def case(built: Built) -> Iterator["Case"]:
    # Not pytest's own folder: the owner of the repositories could not get into it.
    folder = Path(tempfile.mkdtemp(prefix="xunjian-"))
    folder.chmod(0o755)
    there = Path(tempfile.mkdtemp(prefix="xunjian-", dir="/dev/shm"))
    there.chmod(0o755)
    yield Case(built, folder, there)
    shutil.rmtree(folder)
    shutil.rmtree(there)


class Case:
    """Copies of both repositories, on two volumes, and a state of its own."""

    def __init__(self, built: Built, folder: Path, there: Path) -> None:
        self.built = built
        self.folder = folder
        self.first = clone(built.first, folder / "first")
        self.second = there / "second"
        self.configuration = configure(
            built.server, folder / "pgbackrest.conf", self.first, self.second
        )

    def with_copy(self) -> dict[str, Any]:
        clone(self.built.second, self.second)
        return {"offsite": {"by": "repository"}}

    def labels(self) -> list[str]:
        return sorted(path.name for path in _backups(self.first).glob("2*"))

    def files(self) -> list[Path]:
        """Return the files with content, of backups and archive."""
        data = [path for path in _backups(self.first).rglob("pg_data/**/*") if path.is_file()]
        return sorted(data) + _wal(self.first)

    def look(self, *, now: datetime | None = None, **given: Any) -> BackupFacts:
        return look(self.settings(**given), self.folder / "state", now=now)

    def settings(self, **given: Any) -> Any:
        usual = {
            "kind": "pgbackrest",
            "place": STANZA,
            "configuration": self.configuration,
            # Whenever the tests run, what they have just made is in time.
            "schedule": {"window_start": "00:00", "deadline": "23:59", "time_zone": "UTC"},
            "minimum_size": "1 KiB",
        }
        return settings(**usual | given)

    def judge(self, *, now: datetime | None = None, **given: Any) -> Outcome:
        return judge(lambda: self.look(now=now, **given), now=now)


def _backups(repository: Path) -> Path:
    return repository / "backup" / STANZA


def _wal(repository: Path) -> list[Path]:
    found = (repository / "archive" / STANZA).rglob("*-*.gz")
    return sorted(path for path in found if path.is_file())


# backup.info, archive.info and each manifest have a copy beside them that is used where one is
# damaged, and the history of manifests is for people: flips there lose nothing, and are among the
# healthy cases.

_FLIPS = 20


@pytest.mark.parametrize("number", range(_FLIPS))
def test_a_flipped_byte_anywhere(case: Case, cases: Cases, number: int) -> None:
    files = case.files()
    which, offset = places(files, _FLIPS)[number]
    # A byte of gzip's own header (time, system) is no content.
    offset = _flip_content(files[which], max(offset, 12))
    cases.fault(f"flip of {files[which].name} at {offset}", case.judge())


def _flip_content(path: Path, offset: int) -> int:
    """Flip the first byte from there on that changes what the file holds, and return where.

    In a run of zeros deflate may copy from one place as well as from another: such a flip gives
    the very same segment (seen at 3 of 170 places), and is no damage.
    """
    content = gzip.decompress(path.read_bytes())
    while True:
        flip(path, offset)
        try:
            if gzip.decompress(path.read_bytes()) != content:
                return offset
        except (zlib.error, EOFError, gzip.BadGzipFile):
            return offset
        flip(path, offset)
        offset += 1


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("kind", ["segment", "file"])
def test_truncated(case: Case, cases: Cases, kind: str, number: int) -> None:
    chosen = _wal(case.first) if kind == "segment" else case.files()[:-9]
    path = max(chosen, key=lambda path: path.stat().st_size)
    length = cuts(path.stat().st_size)[number]
    truncate(path, length)
    cases.fault(f"{kind} cut to {length}", case.judge())


def _both(place: Path, change: Callable[[Path], object]) -> None:
    for path in (place, place.with_name(f"{place.name}.copy")):
        change(path)


def _flip_middle(path: Path) -> None:
    flip(path, path.stat().st_size // 2)


def _newest(case: Case) -> Path:
    return _backups(case.first) / case.labels()[-1]


DAMAGES: dict[str, Callable[[Case], object]] = {
    "no repository": lambda case: shutil.rmtree(case.first),
    "repository empty": lambda case: [shutil.rmtree(path) for path in case.first.iterdir()],
    "no backups at all": lambda case: shutil.rmtree(_backups(case.first)),
    "full backup deleted": lambda case: shutil.rmtree(_backups(case.first) / case.labels()[0]),
    "newest backup deleted": lambda case: shutil.rmtree(_newest(case)),
    "manifest flipped with its copy": lambda case: _both(
        _newest(case) / "backup.manifest", _flip_middle
    ),
    "manifest missing with its copy": lambda case: _both(
        _newest(case) / "backup.manifest", Path.unlink
    ),
    "backup.info flipped with its copy": lambda case: _both(
        _backups(case.first) / "backup.info", _flip_middle
    ),
    "backup.info missing with its copy": lambda case: _both(
        _backups(case.first) / "backup.info", Path.unlink
    ),
    "archive.info flipped with its copy": lambda case: _both(
        case.first / "archive" / STANZA / "archive.info", _flip_middle
    ),
    "a file missing": lambda case: case.files()[0].unlink(),
    "first segment of the backup missing": lambda case: _wal_of_newest(case).unlink(),
    "a segment in the middle missing": lambda case: _wal(case.first)[-2].unlink(),
    "all segments missing": lambda case: [path.unlink() for path in _wal(case.first)],
    "a segment in the place of another": lambda case: shutil.copyfile(
        _wal(case.first)[0], _wal_of_newest(case)
    ),
}


def _wal_of_newest(case: Case) -> Path:
    """Return the segment in which the newest backup started: its history file names it."""
    history = max((case.first / "archive" / STANZA).rglob("*.backup"))
    return next(path for path in _wal(case.first) if path.name.startswith(history.name[:24]))


@pytest.mark.parametrize("name", DAMAGES)
def test_damage(case: Case, cases: Cases, name: str) -> None:
    DAMAGES[name](case)
    cases.fault(name, case.judge())


def test_damage_is_told_with_the_file(case: Case) -> None:
    path = case.files()[0]
    flip(path, path.stat().st_size // 2)
    failed = [proof for proof in case.look().proofs if proof.result is Result.FAILED]
    # The incremental backup builds on the file, too.
    assert {proof.point for proof in failed} == {"", *case.labels()}
    assert all(path.name in proof.detail for proof in failed)


# What keeps from looking

HINDRANCES: dict[str, dict[str, Any]] = {
    "tool absent": {"command": "/usr/bin/xunjian-no-such/pgbackrest"},
    "no such stanza": {"place": "crm"},
    "no settings": {"configuration": "/nonexistent/pgbackrest.conf"},
    "budget too small": {"budget": "1 KiB"},
}


@pytest.mark.parametrize("name", HINDRANCES)
def test_hindrance(case: Case, cases: Cases, name: str) -> None:
    cases.fault(name, case.judge(**HINDRANCES[name]))


@pytest.mark.parametrize("closed", ["", "backup", "archive", "file"])
def test_no_permission(case: Case, cases: Cases, closed: str) -> None:
    state = case.folder / "state"
    state.mkdir()
    target = case.files()[0] if closed == "file" else case.first / closed
    if os.geteuid() == 0:
        for path in [state, case.first, *case.first.rglob("*")]:
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        os.chown(target, 0, 0)
    target.chmod(0)
    chosen = case.settings()
    outcome = as_nobody(lambda: judge(lambda: look(chosen, state)))
    cases.fault(f"no permission: {closed}", outcome)
    if outcome.facts is not None:
        assert {proof.result for proof in outcome.facts.proofs} == {Result.UNPROVEN}


# Clocks


@pytest.mark.parametrize("days", [3, 400])
def test_a_stale_backup(case: Case, cases: Cases, days: int) -> None:
    cases.fault(f"{days} days old", case.judge(now=datetime.now(UTC) + timedelta(days=days)))


def test_a_clock_that_is_a_day_behind(case: Case, cases: Cases) -> None:
    outcome = case.judge(now=datetime.now(UTC) - timedelta(days=1))
    cases.fault("dated in the future", outcome)


def test_a_clock_that_is_a_day_ahead(case: Case, cases: Cases) -> None:
    cases.healthy("24 h old", case.judge(now=datetime.now(UTC) + timedelta(hours=24)))


# The second repository

OFFSITE_FAULTS: dict[str, Callable[[Case], object]] = {
    "second missing": lambda case: shutil.rmtree(case.second),
    "second without backups": lambda case: shutil.rmtree(_backups(case.second)),
    "second without its backup": lambda case: [
        shutil.rmtree(path) for path in _backups(case.second).glob("2*F")
    ],
    "second without WAL": lambda case: [path.unlink() for path in _wal(case.second)],
    "second is older": lambda case: _end_before_the_first_backup(case),
    "second with a flipped file": lambda case: _flip_middle(
        next(path for path in sorted(_backups(case.second).rglob("1255.gz")))
    ),
    "second with a cut segment": lambda case: truncate(_wal(case.second)[-4], 100),
}


def _end_before_the_first_backup(case: Case) -> None:
    """Leave the second repository its own backup, which is the oldest, and no later WAL."""
    histories = sorted((case.first / "archive" / STANZA).rglob("*.backup"))
    for path in _wal(case.second):
        if path.name[:24] >= histories[1].name[:24]:
            path.unlink()


@pytest.mark.parametrize("name", OFFSITE_FAULTS)
def test_fault_of_the_second(case: Case, cases: Cases, name: str) -> None:
    given = case.with_copy()
    OFFSITE_FAULTS[name](case)
    cases.fault(name, case.judge(**given))


def test_a_second_on_the_same_volume(case: Case, cases: Cases) -> None:
    case.second = case.folder / "second"
    configure(case.built.server, case.configuration, case.first, case.second)
    cases.fault("second on the same volume", case.judge(**case.with_copy()))


def test_a_second_that_is_not_there_by_the_settings(case: Case, cases: Cases) -> None:
    cases.fault("no repo7", case.judge(offsite={"by": "repository", "place": "7"}))


# What is well

HEALTHY: dict[str, Callable[[Case], object]] = {
    "as it is": lambda case: None,
    "manifest flipped, its copy whole": lambda case: _flip_middle(
        _newest(case) / "backup.manifest"
    ),
    "backup.info flipped, its copy whole": lambda case: _flip_middle(
        _backups(case.first) / "backup.info"
    ),
    "archive.info missing, its copy whole": lambda case: (
        case.first / "archive" / STANZA / "archive.info"
    ).unlink(),
    "no history of manifests": lambda case: shutil.rmtree(_backups(case.first) / "backup.history"),
    "no history file of a backup": lambda case: max(
        (case.first / "archive" / STANZA).rglob("*.backup")
    ).unlink(),
    "a foreign file in it": lambda case: (case.first / "notes.txt").write_text("x"),
    "no WAL from before the first backup": lambda case: _wal(case.first)[0].unlink(),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_stanza(case: Case, cases: Cases, name: str) -> None:
    HEALTHY[name](case)
    cases.healthy(name, case.judge())


def test_a_second_repository(case: Case, cases: Cases) -> None:
    cases.healthy("second repository", case.judge(**case.with_copy()))


def test_a_test_restore(case: Case, cases: Cases) -> None:
    scratch = case.folder / "scratch"
    outcome = case.judge(scratch=str(scratch), restore_every_days=30)
    cases.healthy("restored", outcome)
    assert list(scratch.iterdir()) == []
    assert outcome.facts is not None
    (proof,) = [proof for proof in outcome.facts.proofs if proof.level is Level.RESTORED]
    assert {entry.name: entry.actual for entry in proof.evidence}["tables"] == "1"


def test_a_test_restore_without_wal(case: Case, cases: Cases) -> None:
    _wal_of_newest(case).unlink()
    given = {"scratch": str(case.folder / "scratch"), "restore_every_days": 30}
    cases.fault("restored without WAL", case.judge(**given))
