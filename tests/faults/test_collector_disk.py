"""R5, R6: the collector's SQLite on a full disk, and on one whose flushes fail."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from tests.faults.conftest import Note
from tests.faults.processes import Inspecting, Served, enrolled_agents, serving
from tests.faults.tally import tallied
from tests.faults.test_spool_crashes import needs_trace

FILLS = 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is refused here")
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


def events(agents: Sequence[Inspecting], kind: str) -> int:
    """Return how often the agents told of this."""
    wanted = f'"event":"{kind}"'
    return sum((agent.folder / "events").read_text().count(wanted) for agent in agents)


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def fill_again_and_again(tmp_path: Path, small_disk: Path, note: Note, fills: int) -> None:
    # The agents have a disk of their own.
    served = Served(small_disk, f"sqlite:///{small_disk}/collector.db")
    agents = enrolled_agents(served, 2, states=tmp_path)
    with serving(served):
        assert served.process is not None
        for agent in agents:
            agent.launch()
        try:
            for _ in range(fills):
                before = events(agents, "uploaded")
                wait_for(lambda: events(agents, "uploaded") > before + 5, "it goes on")  # noqa: B023
                fill(small_disk)
                before = events(agents, "paused")
                wait_for(lambda: events(agents, "paused") > before + 1, "it says no")  # noqa: B023
                # Whoever watches it is still told that it is there.
                assert served.process.poll() is None
                (small_disk / "filling").unlink()
            for agent in agents:
                agent.finish()
            assert [agent.ended() for agent in agents] == [0] * len(agents)
        finally:
            for agent in agents:
                agent.kill()
    told = served.log.read_text()
    assert "Traceback" not in told
    assert "the assessment ended" not in told
    assert told.count("listening") == 1
    kept = set[tuple[str, str]]().union(*(agent.kept() for agent in agents))
    found = tallied(served.database, kept)
    note(
        "R5 disk full, collector",
        served.database,
        batches=found.batches,
        faults=fills,
        lost=found.lost,
        duplicated=found.duplicated,
    )
    assert (found.lost, found.duplicated, found.integrity) == (0, 0, "ok")
    assert events(agents, "uploaded") == found.batches
    assert [agent.said() for agent in agents] == [""] * len(agents)
    held_up = "".join((agent.folder / "events").read_text() for agent in agents)
    assert re.findall(r'"reason":"([a-z_]+)"', held_up).count("overloaded") >= fills


@pytest.mark.timeout(600)
def test_a_collector_whose_disk_fills_again_and_again_loses_nothing(
    tmp_path: Path, small_disk: Path, note: Note
) -> None:
    fill_again_and_again(tmp_path, small_disk, note, FILLS)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_two_hundred_full_disks_of_a_collector_lose_nothing(
    tmp_path: Path, small_disk: Path, note: Note
) -> None:
    fill_again_and_again(tmp_path, small_disk, note, 200)


@needs_trace
@pytest.mark.timeout(600)
@pytest.mark.parametrize("failing", ["when=12", "when=15+3", "when=20+"])
def test_a_flush_that_fails_is_never_acknowledged(tmp_path: Path, note: Note, failing: str) -> None:
    """Flushes of the running server fail once, now and then, and for good."""
    assert shutil.which("strace")
    served = Served(tmp_path, f"sqlite:///{tmp_path}/collector.db")
    trace = ["strace", "-f", "-qq", "-o", str(tmp_path / "trace")]
    inject = ["-e", "trace=fsync,fdatasync", "-e", f"inject=fsync,fdatasync:error=EIO:{failing}"]
    agents = enrolled_agents(served, 2)
    served.around = [*trace, *inject, "-P", str(tmp_path / "collector.db-wal")]
    served.start()
    try:
        for agent in agents:
            agent.launch(60)
        wait_for(lambda: "INJECTED" in (tmp_path / "trace").read_text(), "a flush fails")
        wait_for(
            lambda: events(agents, "paused") > 0 or all(done(agent) for agent in agents),
            "it says no, or goes on",
        )
        if failing.endswith("+"):
            taken = events(agents, "uploaded")
            time.sleep(1)
            # Not one more is acknowledged while nothing becomes durable.
            assert events(agents, "uploaded") <= taken + 1
        assert psutil.Process(served.process.pid).children()  # type: ignore[union-attr] # started
    finally:
        served.stop()
    acknowledged = events(agents, "uploaded")
    assert tallied(served.database, ()).batches >= acknowledged
    served.around = ()
    with serving(served):
        assert [agent.ended() for agent in agents] == [0] * len(agents)
    assert "Traceback" not in served.log.read_text()
    kept = set[tuple[str, str]]().union(*(agent.kept() for agent in agents))
    found = tallied(served.database, kept)
    note(
        "R6 flush fails, collector",
        served.database,
        batches=found.batches,
        faults=(tmp_path / "trace").read_text().count("INJECTED"),
        lost=found.lost,
        duplicated=found.duplicated,
    )
    assert (found.lost, found.duplicated, found.integrity) == (0, 0, "ok")
    assert found.batches == 120


def done(agent: Inspecting) -> bool:
    """Tell whether an agent has ended."""
    return agent.process is not None and agent.process.poll() is not None
