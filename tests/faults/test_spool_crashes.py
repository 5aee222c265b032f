"""R2, R5, R6: the spool against crashes at every point, failing syncs, and full disks."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent import spool_file
from tests.agent.workbench import REPOSITORY
from tests.faults import upload_cycle
from tests.faults.upload_cycle import OBSERVATIONS, Collector
from wire.messages import Acknowledgement, Loss

KILLED = 9


class Points:
    """Counts the points where a crash could come, and crashes at one of them."""

    def __init__(self, crash_at: int) -> None:
        self.seen = 0
        self._crash_at = crash_at

    def __call__(self) -> None:
        self.seen += 1
        if self.seen == self._crash_at:
            os._exit(KILLED)


class Crashing(sqlite3.Connection):
    """A connection with a point before and after each statement that can change the file."""

    points: Points

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:  # type: ignore[override]
        # what is read can be crashed at, too, but nothing follows from it
        if statement.startswith("SELECT"):
            return super().execute(statement, *values)  # type: ignore[arg-type]
        self.points()
        cursor = super().execute(statement, *values)  # type: ignore[arg-type]
        self.points()
        return cursor

    def executescript(self, script: str) -> sqlite3.Cursor:
        self.points()
        cursor = super().executescript(script)
        self.points()
        return cursor


def crashing(folder: Path, crash_at: int) -> tuple[int, int]:
    """Run a cycle in a child that crashes at a point; return (its exit code, the points)."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            points = Points(crash_at)
            Crashing.points = points
            connect = sqlite3.connect
            spool_file.sqlite3.connect = (  # type: ignore[assignment] # in this child alone
                lambda *given, **named: connect(*given, **named, factory=Crashing)
            )
            collector = Collector(folder / "collector")

            def send(sealed: upload_cycle.Sealed) -> Acknowledgement:
                points()
                answer = collector(sealed)
                points()
                return answer

            with (folder / "kept").open("a", buffering=1) as record:
                upload_cycle.cycle(
                    folder / "state", "first", send, lambda *kept: print(*kept, file=record)
                )
            os.write(writing, str(points.seen).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(reading) as pipe:
        seen = pipe.read()
    return os.waitstatus_to_exitcode(status), int(seen or 0)


def assert_nothing_lost_or_doubled(folder: Path) -> None:
    """Make one more, undisturbed cycle and compare what arrived with what was durable."""
    upload_cycle.cycle(folder / "state", "last", Collector(folder / "collector"))
    stored = Collector(folder / "collector").observed()
    assert set(stored.values()) == {1}
    assert upload_cycle.kept(folder) <= set(stored)
    assert sum(name == "last" for name, _ in stored) == OBSERVATIONS
    assert not list((folder / "state").glob("*.damaged-*"))
    assert not (folder / "state" / "waiting").exists()


def fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "kept").touch()
    return folder


def test_a_crash_at_any_point_of_an_upload_cycle_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    code, points = crashing(fresh(tmp_path / "whole"), crash_at=0)
    assert code == 0
    assert points > 60
    for crash_at in range(1, points + 1):
        folder = fresh(tmp_path / "crashed")
        assert crashing(folder, crash_at) == (KILLED, 0)
        assert_nothing_lost_or_doubled(folder)


def traced(folder: Path, injection: str) -> "subprocess.CompletedProcess[str]":
    """Run a cycle in a process of its own with a fault injected into its system calls."""
    command = [sys.executable, "-m", "tests.faults.upload_cycle", str(folder), "first"]
    trace = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync,pwrite64"]
    return subprocess.run(
        [*trace, "-e", f"inject={injection}", *command],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def may_trace() -> bool:
    probe = ["strace", "-qq", "-o", "/dev/null", "true"]
    return (
        bool(shutil.which("strace")) and not subprocess.run(probe, capture_output=True).returncode
    )


needs_trace = pytest.mark.skipif(not may_trace(), reason="strace can't trace here")


@needs_trace
@pytest.mark.parametrize("number", range(1, 11))
def test_a_sync_that_fails_ends_in_no_loss_and_no_crash_loop(tmp_path: Path, number: int) -> None:
    ended = traced(tmp_path, f"fsync,fdatasync:error=EIO:when={number}")
    assert "Traceback" not in ended.stderr
    # Either the file was opened anew and all went on, or one sentence says what happened.
    assert (ended.returncode, ended.stdout) in ((0, "done\n"), (2, ""))
    assert len(ended.stderr.splitlines()) == (ended.returncode == 2)
    assert_nothing_lost_or_doubled(tmp_path)


@needs_trace
def test_syncs_that_always_fail_are_one_sentence_each_time(tmp_path: Path) -> None:
    for _ in range(3):
        ended = traced(tmp_path, "fsync,fdatasync:error=EIO")
        assert (ended.returncode, ended.stdout) == (2, "")
        assert len(ended.stderr.splitlines()) == 1
    assert_nothing_lost_or_doubled(tmp_path)


@needs_trace
@pytest.mark.faults
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("call", ["fdatasync", "pwrite64"])
def test_a_kill_at_any_sync_or_write_loses_and_doubles_nothing(tmp_path: Path, call: str) -> None:
    number = 1
    while True:
        folder = fresh(tmp_path / "killed")
        ended = traced(folder, f"{call}:signal=KILL:when={number}")
        assert_nothing_lost_or_doubled(folder)
        if ended.returncode == 0:
            break
        number += 1
    assert number > 10


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"mounting is refused here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path) -> None:
    with (folder / "filling").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return


def refusing(_sealed: upload_cycle.Sealed) -> Acknowledgement:
    raise ConnectionError


def attempt(action: Callable[[], object]) -> str:
    """Return what an attempt ended with."""
    try:
        action()
    except spool_file.SpoolError as error:
        return type(error).__name__
    except ConnectionError:
        return "kept"
    return "done"


def test_twenty_full_disks_lose_nothing_and_the_finding_gets_through(
    small_disk: Path, tmp_path: Path
) -> None:
    collector = Collector(tmp_path / "collector")
    state = small_disk / "state"
    kept: set[tuple[str, str]] = set()

    def cycle(name: str, send: Callable[[upload_cycle.Sealed], Acknowledgement]) -> str:
        return attempt(lambda: upload_cycle.cycle(state, name, send, lambda *pair: kept.add(pair)))

    for number in range(20):
        assert cycle(f"before-{number}", refusing) == "kept"
        assert (state / "ballast").exists()
        fill(small_disk)
        # The disk is full; the ballast makes room for what says so.
        assert cycle(f"full-{number}", collector) == "done"
        fill(small_disk)
        assert cycle(f"over-{number}", collector) == "SpoolFull"
        (small_disk / "filling").unlink()
        assert cycle(f"after-{number}", collector) == "done"
    stored = collector.observed()
    assert set(stored.values()) == {1}
    assert {(f"full-{number}", "host.c2") for number in range(20)} <= set(stored)
    let_go = collector.let_go()
    assert set(let_go) <= {Loss.OLDEST}
    assert len(kept - set(stored)) == let_go.total()
    assert not list(state.glob("*.damaged-*"))
