"""Faults of restic's repositories: none may pass for a good backup, and no good one for bad."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checks.backup_sets import BackupFacts, Level, Result
from tests import restic_repository
from tests.backup_sets import look, settings
from tests.faults.backups.breaking import clone, cuts, flip, places, truncate
from tests.faults.backups.judging import Cases, Outcome, judge
from tests.restic_repository import Built, restic
from tests.unprivileged import NOBODY, as_nobody, open_folder


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return restic_repository.build(tmp_path_factory.mktemp("restic"))


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

    def files(self, kind: str) -> list[Path]:
        return sorted(path for path in (self.repository / kind).rglob("*") if path.is_file())

    def largest(self, kind: str = "data") -> Path:
        return max(self.files(kind), key=lambda path: path.stat().st_size)

    def restic(self, *arguments: str) -> str:
        return restic(self.built, self.repository, *arguments)

    def look(self, *, now: datetime | None = None, **given: Any) -> BackupFacts:
        chosen = settings(**_given(self.built) | {"place": self.repository} | given)
        return look(chosen, self.folder / "state", now=now)

    def judge(self, *, now: datetime | None = None, **given: Any) -> Outcome:
        return judge(lambda: self.look(now=now, **given), now=now)


def _given(built: Built) -> dict[str, Any]:
    return {
        "kind": "restic",
        "place": built.repository,
        "password": {"file": str(built.password)},
        # Whenever the tests run, what they have just made is in time.
        "schedule": {"window_start": "00:00", "deadline": "23:59", "time_zone": "UTC"},
        "minimum_size": "1 KiB",
    }


# Flips

_FLIPS = 20


@pytest.mark.parametrize("number", range(_FLIPS))
def test_a_flipped_byte_anywhere(case: Case, cases: Cases, number: int) -> None:
    files = [path for kind in ("data", "index", "snapshots", "keys") for path in case.files(kind)]
    which, offset = places([*files, case.repository / "config"], _FLIPS)[number]
    path = [*files, case.repository / "config"][which]
    flip(path, offset)
    cases.fault(f"flip of {path.name[:8]} at {offset}", case.judge())


@pytest.mark.parametrize("kind", ["data", "index", "snapshots", "keys", "config"])
def test_a_flipped_byte_in_each_kind_of_file(case: Case, cases: Cases, kind: str) -> None:
    path = case.repository / "config" if kind == "config" else case.largest(kind)
    flip(path, path.stat().st_size // 2)
    cases.fault(f"flip in {kind}", case.judge())


# Damage

DAMAGES: dict[str, Callable[[Case], object]] = {
    "no repository": lambda case: shutil.rmtree(case.repository),
    "no config": lambda case: (case.repository / "config").unlink(),
    "no keys": lambda case: [path.unlink() for path in case.files("keys")],
    "no packs": lambda case: [path.unlink() for path in case.files("data")],
    "no data folder": lambda case: shutil.rmtree(case.repository / "data"),
    "pack missing": lambda case: case.largest().unlink(),
    "small pack missing": lambda case: min(
        case.files("data"), key=lambda path: path.stat().st_size
    ).unlink(),
    "index missing": lambda case: case.largest("index").unlink(),
    "all of the index missing": lambda case: [path.unlink() for path in case.files("index")],
    "all snapshots missing": lambda case: [path.unlink() for path in case.files("snapshots")],
    "pack zeroed": lambda case: case.largest().write_bytes(bytes(case.largest().stat().st_size)),
    "pack with something behind it": lambda case: _append(case.largest()),
    "pack in the place of another": lambda case: shutil.copyfile(
        case.files("data")[0], case.files("data")[1]
    ),
    "index empty": lambda case: truncate(case.largest("index"), 0),
    "snapshot empty": lambda case: truncate(case.files("snapshots")[0], 0),
    "config empty": lambda case: truncate(case.repository / "config", 0),
    "pack is a folder": lambda case: _folder_in_place_of(case.largest()),
}


def _append(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"x")


def _folder_in_place_of(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("name", DAMAGES)
def test_damage(case: Case, cases: Cases, name: str) -> None:
    DAMAGES[name](case)
    cases.fault(name, case.judge())


@pytest.mark.parametrize("number", range(5))
def test_a_truncated_pack(case: Case, cases: Cases, number: int) -> None:
    pack = case.largest()
    length = cuts(pack.stat().st_size)[number]
    truncate(pack, length)
    cases.fault(f"pack cut to {length}", case.judge())


def test_an_empty_repository(case: Case, cases: Cases) -> None:
    for kind in ("data", "index", "snapshots"):
        for path in case.files(kind):
            path.unlink()
    cases.fault("empty repository", case.judge())


def test_damage_is_told_in_words_of_the_tool(case: Case) -> None:
    pack = case.largest()
    flip(pack, 100)
    facts = case.look()
    (proof,) = facts.proofs
    assert (proof.level, proof.result) == (Level.HASHED, Result.FAILED)
    assert pack.name in proof.detail


def test_damage_is_not_forgotten_by_a_later_look(case: Case, cases: Cases) -> None:
    flip(case.largest(), 100)
    case.look()
    cases.fault("flip, second look", case.judge())
    cases.fault("flip, second look, small budget", case.judge(budget="1 KiB"))


# What keeps from looking

HINDRANCES: dict[str, dict[str, Any]] = {
    "tool absent": {"command": "/usr/bin/xunjian-no-such/restic"},
    "no password": {"password": None},
    "password file absent": {"password": {"file": "/nonexistent/password"}},
    "budget too small": {"budget": "1 KiB"},
    "only of another host": {"hosts": ["elsewhere"]},
    "only with another tag": {"tags": ["elsewhere"]},
    "a server that is not there": {"place": "rest:http://127.0.0.1:9/"},
    "a scheme that is none": {"place": "nowhere:/x"},
}


@pytest.mark.parametrize("name", HINDRANCES)
def test_hindrance(case: Case, cases: Cases, name: str) -> None:
    cases.fault(name, case.judge(**HINDRANCES[name]))


def test_a_wrong_password(case: Case, cases: Cases) -> None:
    wrong = case.folder / "password"
    wrong.write_text("wrong horse")
    wrong.chmod(0o600)
    outcome = case.judge(password={"file": str(wrong)})
    cases.fault("wrong password", outcome)
    assert "no key found" in outcome.why


def test_a_tool_that_others_can_write(case: Case, cases: Cases) -> None:
    tool = case.folder / "restic"
    shutil.copyfile("/usr/bin/restic", tool)
    tool.chmod(0o777)
    cases.fault("writable tool", case.judge(command=str(tool)))


@pytest.mark.parametrize("closed", ["", "data", "snapshots", "keys", "config", "pack"])
def test_no_permission(built: Built, cases: Cases, closed: str) -> None:
    with open_folder() as folder:
        case = _of_nobody(built, folder)
        target = max((case / "data").rglob("*"), key=lambda path: path.stat().st_size)
        (target if closed == "pack" else case / closed).chmod(0)
        if os.geteuid() == 0:
            os.chown(target if closed == "pack" else case / closed, 0, 0)
        cases.fault(f"no permission: {closed}", _judged_by_nobody(built, folder, case))


def _of_nobody(built: Built, folder: Path) -> Path:
    """Return a copy of the repository that nobody owns, with a password beside it."""
    case = clone(built.repository, folder / "repository")
    shutil.copyfile(built.password, folder / "password")
    (folder / "password").chmod(0o600)
    (folder / "state").mkdir()
    if os.geteuid() == 0:
        for path in folder.rglob("*"):
            os.chown(path, NOBODY, NOBODY)
    return case


def _judged_by_nobody(built: Built, folder: Path, place: Path) -> Outcome:
    password = {"file": str(folder / "password")}
    given = settings(**_given(built) | {"place": place, "password": password})
    return as_nobody(lambda: judge(lambda: look(given, folder / "state")))


# Clocks


@pytest.mark.parametrize("days", [3, 8, 400])
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


def _offsite(built: Built, place: Path) -> dict[str, Any]:
    return {"offsite": {"by": "repository", "place": str(place)}}


def test_a_second_repository_that_is_equal(case: Case, cases: Cases, elsewhere: Path) -> None:
    there = clone(case.built.other, elsewhere / "other")
    cases.healthy("equal copy", case.judge(**_offsite(case.built, there)))


def test_a_second_repository_with_more(case: Case, cases: Cases, elsewhere: Path) -> None:
    there = clone(case.built.other, elsewhere / "other")
    restic(case.built, there, "backup", "--host", "db9", str(case.built.password))
    outcome = case.judge(**_offsite(case.built, there))
    cases.healthy("copy with more", outcome)
    assert outcome.facts is not None
    assert outcome.facts.offsite is not None
    assert outcome.facts.offsite.extra == 1


def _forget_newest(built: Built, there: Path) -> None:
    restic(built, there, "forget", "latest", "--prune")


OFFSITE_FAULTS: dict[str, Callable[[Built, Path], object]] = {
    "copy not made": lambda built, there: shutil.rmtree(there),
    "copy empty": lambda built, there: shutil.rmtree(there / "snapshots"),
    "copy without snapshots": lambda built, there: [
        path.unlink() for path in (there / "snapshots").iterdir()
    ],
    "newest not copied": _forget_newest,
    "copy with a flipped pack": lambda built, there: flip(_largest(there), 50),
    "copy with a cut pack": lambda built, there: truncate(_largest(there), 50),
    "copy without a pack": lambda built, there: _largest(there).unlink(),
    "copy without its index": lambda built, there: [
        path.unlink() for path in (there / "index").iterdir()
    ],
    "copy with a flipped config": lambda built, there: flip(there / "config", 20),
    "copy without keys": lambda built, there: shutil.rmtree(there / "keys"),
}


def _largest(there: Path) -> Path:
    files = [path for path in (there / "data").rglob("*") if path.is_file()]
    return max(files, key=lambda path: path.stat().st_size)


@pytest.mark.parametrize("name", OFFSITE_FAULTS)
def test_fault_of_the_copy(case: Case, cases: Cases, elsewhere: Path, name: str) -> None:
    there = clone(case.built.other, elsewhere / "other")
    OFFSITE_FAULTS[name](case.built, there)
    cases.fault(name, case.judge(**_offsite(case.built, there)))


def test_a_copy_of_something_else(case: Case, cases: Cases, elsewhere: Path) -> None:
    there = clone(case.built.other, elsewhere / "other")
    newest = case.look().points[0]
    restic(case.built, there, "forget", "latest", "--prune")
    moment = newest.started_at.strftime("%Y-%m-%d %H:%M:%S")
    restic(case.built, there, "backup", "--time", moment, str(case.built.password))
    cases.fault("different copy", case.judge(**_offsite(case.built, there)))


def test_a_copy_with_another_password(case: Case, cases: Cases, elsewhere: Path) -> None:
    there = clone(case.built.other, elsewhere / "other")
    wrong = case.folder / "password"
    wrong.write_text("wrong horse")
    wrong.chmod(0o600)
    offsite = _offsite(case.built, there)
    offsite["offsite"]["password"] = {"file": str(wrong)}
    cases.fault("copy with another password", case.judge(**offsite))


def test_a_copy_on_the_same_volume(case: Case, cases: Cases) -> None:
    there = clone(case.built.other, case.folder / "other")
    cases.fault("copy on the same volume", case.judge(**_offsite(case.built, there)))


# What is well


def _hold_a_lock(case: Case) -> None:
    """Leave the lock of a backup that runs: stopped in its middle, and its process killed."""
    process = subprocess.Popen(
        ["restic", "--repo", str(case.repository), "--no-cache", "backup", "--stdin"],
        env={"PATH": os.environ["PATH"], "RESTIC_PASSWORD_FILE": str(case.built.password)},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while not case.files("locks") and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert case.files("locks")


HEALTHY: dict[str, Callable[[Case], object]] = {
    "as it is": lambda case: None,
    "a lock in it": _hold_a_lock,
    "a damaged lock in it": lambda case: (case.repository / "locks" / ("ab" * 32)).write_bytes(b""),
    "one more backup": lambda case: case.restic("backup", str(case.built.data)),
    "an empty file backed up": lambda case: _backup_of(case, "empty", b""),
    "a Chinese name backed up": lambda case: _backup_of(case, "数据库 备份", b"x"),
    "a second key": lambda case: case.restic(
        "key", "add", "--new-password-file", str(case.built.password)
    ),
    "pruned": lambda case: case.restic("forget", "--keep-last", "1", "--prune"),
    "its index built again": lambda case: case.restic("rebuild-index", "--read-all-packs"),
    "a snapshot with tags": lambda case: case.restic("tag", "--add", "month", "latest"),
    "a foreign file in it": lambda case: (case.repository / "lost+found").mkdir(),
    "a foreign file beside its packs": lambda case: (
        case.repository / "data" / "README.txt"
    ).write_text("x"),
    "a temporary file of restic": lambda case: (
        case.files("data")[0].parent / (case.files("data")[0].name + "-tmp-1234")
    ).write_bytes(b"part"),
    "newer dates of its files": lambda case: [os.utime(path) for path in case.files("data")],
}


def _backup_of(case: Case, name: str, content: bytes) -> None:
    place = case.folder / name
    place.write_bytes(content)
    case.restic("backup", str(place), str(case.built.data))


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_repository(case: Case, cases: Cases, name: str) -> None:
    HEALTHY[name](case)
    cases.healthy(name, case.judge())


def test_a_second_look_reads_nothing_again(case: Case, cases: Cases) -> None:
    case.look()
    outcome = case.judge()
    cases.healthy("second look", outcome)
    assert outcome.facts is not None
    assert outcome.facts.work is not None
    assert outcome.facts.work.read_bytes == 0


@pytest.mark.parametrize("given", [{"hosts": ["db2"]}, {"tags": ["erp"], "rpo_hours": 50}])
def test_only_some_snapshots(case: Case, cases: Cases, given: dict[str, Any]) -> None:
    cases.healthy(f"only {given}", case.judge(**given))


def test_a_repository_that_is_read_by_nobody(built: Built, cases: Cases) -> None:
    with open_folder() as folder:
        place = _of_nobody(built, folder)
        cases.healthy("unprivileged", _judged_by_nobody(built, folder, place))


def test_a_test_restore(case: Case, cases: Cases) -> None:
    scratch = case.folder / "scratch"
    outcome = case.judge(scratch=str(scratch), restore_every_days=30)
    cases.healthy("restored", outcome)
    assert list(scratch.iterdir()) == []


def test_a_test_restore_of_a_damaged_pack(case: Case, cases: Cases) -> None:
    pack = case.largest()
    flip(pack, pack.stat().st_size // 2)
    given = {"scratch": str(case.folder / "scratch"), "restore_every_days": 30}
    cases.fault("restored from a damaged pack", case.judge(**given))


@pytest.mark.skipif(shutil.which("rclone") is None, reason="rclone is not installed")
def test_a_repository_elsewhere(case: Case, cases: Cases) -> None:
    place = f"rclone::local:{case.repository}"
    cases.healthy("remote, all read", case.judge(place=place))


@pytest.mark.skipif(shutil.which("rclone") is None, reason="rclone is not installed")
def test_a_damaged_repository_elsewhere(case: Case, cases: Cases) -> None:
    place = f"rclone::local:{case.repository}"
    pack = case.largest()
    flip(pack, pack.stat().st_size // 2)
    cases.fault("remote, flipped", case.judge(place=place))


def test_nothing_is_written_into_the_repository(case: Case) -> None:
    before = _state_of(case.repository)
    case.look(scratch=str(case.folder / "scratch"), restore_every_days=30)
    assert _state_of(case.repository) == before


def _state_of(folder: Path) -> list[tuple[str, int, int]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return sorted((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files)


def test_a_silent_server_is_not_waited_for_long(case: Case, cases: Cases) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        place = f"rest:http://127.0.0.1:{port}/"
        cases.fault("nobody listens", case.judge(place=place))
