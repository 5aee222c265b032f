"""Faults of borg's repositories: none may pass for a good backup, and no good one for bad."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.backup_sets import BackupFacts, Level, Result
from tests import borg_repository
from tests.backup_sets import look, settings
from tests.borg_repository import Built, borg, create
from tests.faults.backups.breaking import clone, cuts, flip, places, truncate
from tests.faults.backups.judging import Cases, Outcome, judge
from tests.unprivileged import NOBODY, as_nobody, open_folder


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return borg_repository.build(tmp_path_factory.mktemp("borg"))


@pytest.fixture(scope="session")
def caches(built: Built) -> Path:
    """What the agent has learnt of the sizes, so that each case needs not ask for it again."""
    state = built.folder / "state"
    look(settings(**_given(built)), state)
    return state / "backup-caches"


@pytest.fixture
def case(built: Built, caches: Path, tmp_path: Path) -> "Case":
    return Case(built, caches, tmp_path)


class Case:
    """A copy of the repository and a state of its own."""

    def __init__(self, built: Built, caches: Path, folder: Path) -> None:
        self.built = built
        self.folder = folder
        self.repository = clone(built.repository, folder / "repository")
        shutil.copytree(caches, folder / "state" / "backup-caches")

    def segments(self) -> list[Path]:
        """Return the files with content: those of 17 bytes are commits, and no loss."""
        files = (self.repository / "data").rglob("*")
        return sorted(path for path in files if path.is_file() and path.stat().st_size > 50)

    def largest(self) -> Path:
        return max(self.segments(), key=lambda path: path.stat().st_size)

    def look(self, *, now: datetime | None = None, **given: Any) -> BackupFacts:
        chosen = settings(**_given(self.built) | {"place": self.repository} | given)
        return look(chosen, self.folder / "state", now=now)

    def judge(self, *, now: datetime | None = None, **given: Any) -> Outcome:
        return judge(lambda: self.look(now=now, **given), now=now)


def _given(built: Built) -> dict[str, Any]:
    return {
        "kind": "borg",
        "place": built.repository,
        "password": {"file": str(built.password)},
        # Whenever the tests run, what they have just made is in time.
        "schedule": {"window_start": "00:00", "deadline": "23:59", "time_zone": "UTC"},
        "minimum_size": "1 KiB",
    }


# index.N, hints.N and integrity.N are no content: borg builds them again from the segments. nonce
# is read by backups only. Flips there are harmless; they are among the healthy cases.

_FLIPS = 20


@pytest.mark.parametrize("number", range(_FLIPS))
def test_a_flipped_byte_anywhere(case: Case, cases: Cases, number: int) -> None:
    files = case.segments()
    which, offset = places(files, _FLIPS)[number]
    flip(files[which], offset)
    cases.fault(f"flip of segment {files[which].name} at {offset}", case.judge())


@pytest.mark.parametrize("number", range(5))
def test_a_truncated_segment(case: Case, cases: Cases, number: int) -> None:
    segment = case.largest()
    length = cuts(segment.stat().st_size)[number]
    truncate(segment, length)
    cases.fault(f"segment cut to {length}", case.judge())


def _key_flipped(case: Case) -> None:
    config = case.repository / "config"
    flip(config, config.read_bytes().index(b"key = ") + 40)


DAMAGES: dict[str, Callable[[Case], object]] = {
    "no repository": lambda case: shutil.rmtree(case.repository),
    "no config": lambda case: (case.repository / "config").unlink(),
    "config empty": lambda case: truncate(case.repository / "config", 0),
    "key flipped": _key_flipped,
    "no data folder": lambda case: shutil.rmtree(case.repository / "data"),
    "no segments": lambda case: [path.unlink() for path in case.segments()],
    "segment missing": lambda case: case.largest().unlink(),
    # Of the largest: small ones hold what later segments have replaced, and are no loss.
    "another segment missing": lambda case: sorted(
        case.segments(), key=lambda path: path.stat().st_size
    )[-2].unlink(),
    "segment zeroed": lambda case: case.largest().write_bytes(bytes(case.largest().stat().st_size)),
    "segment in the place of another": lambda case: shutil.copyfile(
        case.segments()[0], case.largest()
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage(case: Case, cases: Cases, name: str) -> None:
    DAMAGES[name](case)
    cases.fault(name, case.judge())


def test_damage_is_told_in_words_of_the_tool(case: Case) -> None:
    segment = case.largest()
    flip(segment, segment.stat().st_size // 2)
    facts = case.look()
    (proof,) = facts.proofs
    assert (proof.level, proof.result) == (Level.STRUCTURE, Result.FAILED)
    assert f"[segment {segment.name}, offset" in proof.detail


def test_an_empty_repository(case: Case, cases: Cases) -> None:
    place = case.folder / "empty"
    borg(case.built, "init", "--encryption", "repokey-blake2", str(place))
    cases.fault("empty repository", case.judge(place=place))


def test_only_what_an_interrupted_backup_left(case: Case, cases: Cases) -> None:
    place = case.folder / "interrupted"
    borg(case.built, "init", "--encryption", "repokey-blake2", str(place))
    create(case.built, "erp-1.checkpoint", place)
    outcome = case.judge(place=place)
    cases.fault("checkpoint only", outcome)
    assert outcome.facts is not None
    assert outcome.facts.points == ()
    assert "erp-1.checkpoint" in outcome.facts.odd[0]


def test_damage_while_a_backup_runs_is_no_damage_yet(case: Case, cases: Cases) -> None:
    flip(case.largest(), 500)
    _lock(case)
    outcome = case.judge()
    cases.fault("flip and lock", outcome)
    assert outcome.facts is not None
    (proof,) = outcome.facts.proofs
    assert proof.result is Result.UNPROVEN
    assert proof.failure is not None
    assert "locked" in proof.failure.detail


# What keeps from looking

HINDRANCES: dict[str, dict[str, Any]] = {
    "tool absent": {"command": "/usr/bin/xunjian-no-such/borg"},
    "no password": {"password": None},
    "password file absent": {"password": {"file": "/nonexistent/password"}},
    "only of another host": {"hosts": ["elsewhere"]},
}


@pytest.mark.parametrize("name", HINDRANCES)
def test_hindrance(case: Case, cases: Cases, name: str) -> None:
    cases.fault(name, case.judge(**HINDRANCES[name]))


def test_a_budget_that_is_too_small(case: Case, cases: Cases) -> None:
    outcome = case.judge(budget="1 KiB")
    cases.fault("budget too small", outcome)
    assert outcome.facts is not None
    assert [proof.result for proof in outcome.facts.proofs] == [Result.SAMPLED]


def test_a_wrong_password(case: Case, cases: Cases) -> None:
    wrong = case.folder / "password"
    wrong.write_text("wrong horse")
    wrong.chmod(0o600)
    outcome = case.judge(password={"file": str(wrong)})
    cases.fault("wrong password", outcome)
    assert "incorrect" in outcome.why


@pytest.mark.parametrize("closed", ["", "data", "config", "segment"])
def test_no_permission(built: Built, cases: Cases, closed: str) -> None:
    with open_folder() as folder:
        place = _of_nobody(built, folder)
        segment = max((place / "data").rglob("*"), key=lambda path: path.stat().st_size)
        target = segment if closed == "segment" else place / closed
        target.chmod(0)
        if os.geteuid() == 0:
            os.chown(target, 0, 0)
        cases.fault(f"no permission: {closed}", _judged_by_nobody(built, folder, place))


def _of_nobody(built: Built, folder: Path) -> Path:
    """Return a copy of the repository that nobody owns, with a password beside it."""
    place = clone(built.repository, folder / "repository")
    shutil.copyfile(built.password, folder / "password")
    (folder / "password").chmod(0o600)
    (folder / "state").mkdir()
    if os.geteuid() == 0:
        for path in folder.rglob("*"):
            os.chown(path, NOBODY, NOBODY)
    return place


def _judged_by_nobody(built: Built, folder: Path, place: Path) -> Outcome:
    password = {"file": str(folder / "password")}
    given = settings(**_given(built) | {"place": place, "password": password})
    return as_nobody(lambda: judge(lambda: look(given, folder / "state")))


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


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """Give a folder on another volume than the tests' own."""
    volume = Path("/dev/shm")
    if not os.access(volume, os.W_OK) or volume.stat().st_dev == Path("/tmp").stat().st_dev:
        pytest.skip("there is no second volume")
    folder = Path(tempfile.mkdtemp(prefix="xunjian-", dir=volume))
    yield folder
    shutil.rmtree(folder)


def _offsite(place: Path) -> dict[str, Any]:
    return {"offsite": {"by": "repository", "place": str(place)}}


def _segment(there: Path) -> Path:
    files = [path for path in (there / "data").rglob("*") if path.is_file()]
    return max(files, key=lambda path: path.stat().st_size)


def test_a_mirror(case: Case, cases: Cases, elsewhere: Path) -> None:
    there = clone(case.built.repository, elsewhere / "mirror")
    cases.healthy("mirror", case.judge(**_offsite(there)))


OFFSITE_FAULTS: dict[str, Callable[[Path], object]] = {
    "mirror missing": shutil.rmtree,
    "mirror with a flipped segment": lambda there: flip(_segment(there), 5000),
    "mirror with a cut segment": lambda there: truncate(_segment(there), 5000),
    "mirror without a segment": lambda there: _segment(there).unlink(),
    "mirror without config": lambda there: (there / "config").unlink(),
}


@pytest.mark.parametrize("name", OFFSITE_FAULTS)
def test_fault_of_the_mirror(case: Case, cases: Cases, elsewhere: Path, name: str) -> None:
    there = clone(case.built.repository, elsewhere / "mirror")
    OFFSITE_FAULTS[name](there)
    cases.fault(name, case.judge(**_offsite(there)))


def test_a_mirror_that_is_older(case: Case, cases: Cases, elsewhere: Path) -> None:
    there = clone(case.built.repository, elsewhere / "mirror")
    borg(case.built, "delete", f"{there}::erp-3")
    cases.fault("older mirror", case.judge(**_offsite(there)))


def test_a_mirror_with_another_archive_of_the_name(
    case: Case, cases: Cases, elsewhere: Path
) -> None:
    there = clone(case.built.repository, elsewhere / "mirror")
    borg(case.built, "delete", f"{there}::erp-3")
    create(case.built, "erp-3", there)
    cases.fault("different mirror", case.judge(**_offsite(there)))


def test_a_second_repository_that_is_no_mirror(case: Case, cases: Cases, elsewhere: Path) -> None:
    there = elsewhere / "other"
    borg(case.built, "init", "--encryption", "repokey-blake2", str(there))
    create(case.built, "erp-3", there)
    cases.fault("no mirror", case.judge(**_offsite(there)))


def test_a_mirror_on_the_same_volume(case: Case, cases: Cases) -> None:
    there = clone(case.built.repository, case.folder / "mirror")
    cases.fault("mirror on the same volume", case.judge(**_offsite(there)))


# What is well


def _lock(case: Case) -> None:
    """Lay the lock of a backup that runs on another host."""
    lock = case.repository / "lock.exclusive"
    lock.mkdir()
    (lock / "db1@52230011.4242-0").write_bytes(b"")


def _flip_state(case: Case, name: str) -> None:
    (path,) = case.repository.glob(name)
    flip(path, path.stat().st_size // 2)


HEALTHY: dict[str, Callable[[Case], object]] = {
    "as it is": lambda case: None,
    "a lock in it": _lock,
    "one more archive": lambda case: create(case.built, "erp-4", case.repository),
    "a checkpoint in it": lambda case: create(case.built, "x.checkpoint", case.repository),
    "compacted": lambda case: borg(case.built, "compact", str(case.repository)),
    "an archive deleted": lambda case: borg(case.built, "delete", f"{case.repository}::erp-1"),
    "its index flipped": lambda case: _flip_state(case, "index.*"),
    "its hints flipped": lambda case: _flip_state(case, "hints.*"),
    "its index missing": lambda case: [path.unlink() for path in case.repository.glob("index.*")],
    "a foreign file in it": lambda case: (case.repository / "notes.txt").write_text("x"),
    "an empty file backed up": lambda case: _empty(case),
}


def _empty(case: Case) -> None:
    (case.folder / "空").write_bytes(b"")
    place = f"{case.repository}::erp-4"
    borg(case.built, "create", place, str(case.folder / "空"), str(case.built.data))


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_repository(case: Case, cases: Cases, name: str) -> None:
    HEALTHY[name](case)
    cases.healthy(name, case.judge())


def test_a_lock_is_shown_and_stays(case: Case) -> None:
    _lock(case)
    facts = case.look()
    assert [lock.held_by for lock in facts.locks] == ["db1@52230011.4242-0"]
    assert (case.repository / "lock.exclusive" / "db1@52230011.4242-0").exists()


def test_a_repository_without_encryption(case: Case, cases: Cases) -> None:
    place = case.folder / "plain"
    borg(case.built, "init", "--encryption", "none", str(place))
    create(case.built, "erp-1", place)
    cases.healthy("not encrypted", case.judge(place=place, password=None))


def test_a_repository_that_is_read_by_nobody(built: Built, cases: Cases) -> None:
    with open_folder() as folder:
        place = _of_nobody(built, folder)
        cases.healthy("unprivileged", _judged_by_nobody(built, folder, place))


def test_a_test_restore(case: Case, cases: Cases) -> None:
    scratch = case.folder / "scratch"
    outcome = case.judge(scratch=str(scratch), restore_every_days=30)
    cases.healthy("restored", outcome)
    assert list(scratch.iterdir()) == []


def test_nothing_is_written_into_the_repository(case: Case) -> None:
    before = _state_of(case.repository)
    case.look(scratch=str(case.folder / "scratch"), restore_every_days=30)
    assert _state_of(case.repository) == before
    flip(case.largest(), 700)
    before = _state_of(case.repository)
    case.look()
    assert _state_of(case.repository) == before


def _state_of(folder: Path) -> list[tuple[str, int, int, int]]:
    found = [(path, path.stat()) for path in folder.rglob("*")]
    return sorted(
        (str(path), status.st_size, status.st_mtime_ns, status.st_ino) for path, status in found
    )
