"""A visit by package to this host, through a shell of its own."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.errors import CannotStart, RemoteError, Stopped
from agent.events import CheckStarted, PackageSent
from agent.remote.visit import guard
from agent.remote.visit.guard import Guard
from tests.agent.remote.visit import hosts
from tests.agent.remote.visit.hosts import Desk, demand_clean, local_line, packed, starter, visited
from tests.agent.workbench import plug_in
from wire import envelope
from wire.batch import open_batch
from wire.record import BatchFetched, CommandEnded, CommandRun, FileMoved
from wire.sessions import SESSION_KEY, SessionKey
from wire.signing import key_id


def test_a_visit_brings_runs_fetches_and_leaves_nothing(desk: Desk, there: Path) -> None:
    package = packed(desk.folder)
    with local_line() as line:
        found = visited(line, desk, package, there)
    demand_clean(there, 0)
    assert (found.collected, found.total, found.batches, found.left) == (2, 2, 1, "")
    (sealed,) = desk.kept
    batch = open_batch(sealed.batch.payload)
    assert {entry.check for entry in batch.observations} == set(hosts.LIGHT)
    assert all(entry.failure is None for entry in batch.observations)
    remote = batch.header.inspection.remote
    assert remote is not None
    assert (remote.session, remote.mode) == ("session-1", "package")
    assert batch.header.inspection.id == found.inspection
    assert batch.header.agent == "remote-erp-db"
    assert desk.pending() == 1
    (statement,) = desk.statements
    said = envelope.opened(envelope.read(statement), SESSION_KEY, SessionKey)
    keys = {sealed.key_id: said.public_key, hosts.SESSION_KEY.id: hosts.SESSION_KEY.public}
    envelope.check(envelope.read(statement), keys)
    assert sealed.key_id == key_id(said.public_key)
    (moved,) = desk.events(FileMoved)
    assert (moved.direction, moved.bytes, moved.digest) == ("to", package.bytes, package.sha256)
    (fetched,) = desk.events(BatchFetched)
    assert fetched.digest == sealed.batch.digest
    assert len(desk.events(CommandRun)) == 4
    assert [event.exit_code for event in desk.events(CommandEnded)] == [0] * 4
    assert [event for event in desk.told if isinstance(event, PackageSent)][-1].sent == (
        package.bytes
    )


def test_each_visit_has_a_key_of_its_own(desk: Desk, there: Path) -> None:
    package = packed(desk.folder)
    with local_line() as line:
        visited(line, desk, package, there)
        visited(line, desk, package, there)
    first, second = desk.kept
    assert first.key_id != second.key_id
    assert first.epoch != second.epoch
    assert desk.pending() == 2


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"machine": "aarch64"}, "aarch64"),
        ({"system": "aix"}, "aix"),
        ({"glibc": "99.1"}, "99.1"),
        ({"bytes": 2**50}, "MiB"),
    ],
)
def test_a_host_that_the_package_is_not_for_is_left_alone(
    desk: Desk, there: Path, more: dict[str, object], words: str
) -> None:
    package = packed(desk.folder, **more)
    with local_line() as line, pytest.raises(CannotStart) as raised:
        visited(line, desk, package, there)
    assert words in raised.value.text.zh
    assert [command.subject for command in line.commands] == ["survey"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("#!/bin/sh\necho xunjian-agent 0.0.0\n", "0.0.0"),
        ("#!/bin/sh\necho 'version GLIBC_2.99 not found' >&2\nexit 1\n", "GLIBC_2.99"),
        ("#!/nowhere/sh\n", "not found"),
        ("#!/bin/sh\nkill -ILL $$\n", "Illegal instruction"),
        ("#!/bin/sh\nexit 0\n", "没有启动"),
    ],
)
def test_what_does_not_start_is_taken_away_again(
    desk: Desk, there: Path, script: str, words: str
) -> None:
    package = packed(desk.folder, script)
    with local_line() as line, pytest.raises(CannotStart) as raised:
        visited(line, desk, package, there)
    demand_clean(there, 0)
    assert words in raised.value.text.zh


def test_a_damaged_archive_can_not_start(desk: Desk, there: Path) -> None:
    package = packed(desk.folder)
    package.path.write_bytes(package.path.read_bytes()[:-5000])
    with local_line() as line, pytest.raises(CannotStart) as raised:
        visited(line, desk, package, there)
    demand_clean(there, 0)
    assert "解开" in raised.value.text.zh


@pytest.mark.parametrize("missing", ["tar", "gzip"])
def test_a_host_without_its_tools(desk: Desk, tmp_path: Path, missing: str) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "tar", "gzip", "mkdir", "rm", "cat", "sleep", "grep", "uname", "id", "df"):
        if name != missing:
            (tools / name).symlink_to(f"/bin/{name}")
    with local_line(PATH=str(tools)) as line, pytest.raises(CannotStart) as raised:
        visited(line, desk, packed(desk.folder), tmp_path)
    assert missing in raised.value.text.zh


def test_a_full_disk_can_not_start(desk: Desk, mounted: Callable[[str], Path]) -> None:
    there = mounted("size=200k,mode=0777")
    with local_line() as line, pytest.raises(CannotStart) as raised:
        visited(line, desk, packed(desk.folder), there)
    demand_clean(there, 0)
    assert "Wrote only" in raised.value.text.zh or "No space left" in raised.value.text.zh


def test_a_disk_that_fills_up_during_the_run_is_told(
    desk: Desk, mounted: Callable[[str], Path]
) -> None:
    there = mounted("size=420k,mode=0777")
    with local_line() as line, pytest.raises(RemoteError) as raised:
        visited(line, desk, packed(desk.folder), there)
    demand_clean(there, 0)
    assert "已满" in raised.value.text.zh
    assert desk.kept == []


def test_programs_that_may_not_run_there(desk: Desk, mounted: Callable[[str], Path]) -> None:
    there = mounted("size=16m,mode=0777,noexec")
    with local_line() as line, pytest.raises(CannotStart) as raised:
        visited(line, desk, packed(desk.folder), there)
    demand_clean(there, 0)
    assert "Permission denied" in raised.value.text.zh


def test_a_folder_that_can_not_be_written(desk: Desk, tmp_path: Path) -> None:
    with local_line() as line, pytest.raises(CannotStart) as raised:
        visited(line, desk, packed(desk.folder), tmp_path / "missing")
    assert "missing" in raised.value.text.zh


@pytest.mark.parametrize("moment", range(12))
def test_stopped_at_any_moment_it_cleans_up(desk: Desk, there: Path, moment: int) -> None:
    """After so many events of any kind, in a visit that has about twice as many."""
    left = [moment * 2]

    def count(keep: Callable[[object], None]) -> Callable[[object], None]:
        def counted(event: object) -> None:
            keep(event)
            left[0] -= 1
            if left[0] < 0:
                desk.stop.set()

        return counted

    package = packed(desk.folder)
    with local_line() as line:
        began = time.monotonic()
        try:
            found = visited(
                line,
                desk,
                package,
                there,
                record=count(desk.recorded.append),
                report=count(desk.told.append),
            )
            assert found.batches == desk.pending() == 1
        except Stopped:
            assert moment < 12
        assert time.monotonic() - began < 10
    demand_clean(there, 0)


def test_stopped_while_a_probe_hangs(desk: Desk, there: Path, tmp_path: Path) -> None:
    hanging = 'subprocess.run(["/bin/sleep", "1000.25"])'
    plug_in(
        tmp_path / "plugins", {"sample.hangs": hanging}, {"sample.hangs": "deadline_seconds=90"}
    )
    package = packed(desk.folder, starter(tmp_path / "plugins"))

    def started(event: object) -> None:
        if isinstance(event, CheckStarted):
            threading.Timer(0.5, desk.stop.set).start()

    order = desk.order(patterns=("sample",))
    with local_line() as line:
        with pytest.raises(Stopped):
            visited(line, desk, package, there, order=order, report=started)
        demand_clean(there, 0)
        hosts.demand_nobody("1000.25")


def test_a_hanging_probe_is_killed_by_its_deadline(desk: Desk, there: Path, tmp_path: Path) -> None:
    bodies = {"sample.hangs": "time.sleep(1000)", "sample.good": "pass"}
    plug_in(tmp_path / "plugins", bodies, {"sample.hangs": "deadline_seconds=1"})
    package = packed(desk.folder, starter(tmp_path / "plugins"))
    with local_line() as line:
        found = visited(line, desk, package, there, order=desk.order(patterns=("sample",)))
    demand_clean(there, 0)
    assert (found.collected, found.total) == (1, 2)
    reasons = {
        entry.check: entry.failure.reason.value if entry.failure else None
        for entry in open_batch(desk.kept[0].batch.payload).observations
    }
    assert reasons == {"sample.hangs": "timeout", "sample.good": None}


@pytest.mark.parametrize("hang", ["time.sleep(1000)", "subprocess.run(['/bin/sleep', '1000.75'])"])
def test_a_killed_agent_is_told_and_nothing_of_it_stays(
    desk: Desk, there: Path, tmp_path: Path, hang: str
) -> None:
    body = f"os.kill(os.getppid(), 9); {hang}"
    plug_in(tmp_path / "plugins", {"sample.kills": body})
    package = packed(desk.folder, starter(tmp_path / "plugins"))
    order = desk.order(patterns=("sample",))
    with local_line() as line, pytest.raises(RemoteError) as raised:
        visited(line, desk, package, there, order=order)
    demand_clean(there, 0)
    hosts.demand_nobody("1000.75")
    assert "意外结束" in raised.value.text.zh


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_killed_guard_leaves_nothing_either(
    desk: Desk, there: Path, tmp_path: Path, number: signal.Signals
) -> None:
    plug_in(tmp_path / "plugins", {"sample.slow": "time.sleep(2)"})
    package = packed(desk.folder, starter(tmp_path / "plugins"))
    order = desk.order(patterns=("sample",))
    killed = []

    def started(event: object) -> None:
        if isinstance(event, CheckStarted) and not killed:
            (found,) = there.glob(".xunjian-*/guard")
            killed.append(int(found.read_text().split()[0]))
            os.kill(killed[0], number)

    with local_line() as line:
        if number == signal.SIGKILL:
            found = visited(line, desk, package, there, report=started, order=order)
            assert (found.collected, found.left) == (1, "")
            assert line.commands[-1].subject == "cleaning"
        else:
            with pytest.raises(RemoteError, match="before its time"):
                visited(line, desk, package, there, report=started, order=order)
        demand_clean(there, 0)


def test_the_guard_has_a_time_limit_of_its_own(
    desk: Desk, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "BRING_SECONDS", 1)
    with local_line() as line, Guard(line, str(there), desk.recorded.append) as held:
        assert Path(held.folder).is_dir()
        assert Path(held.folder).stat().st_mode & 0o777 == 0o700
        demand_clean(there, 3)
    assert held.left == ""


def test_a_guard_whose_workstation_dies_cleans_up(desk: Desk, there: Path) -> None:
    with local_line() as line:
        held = Guard(line, str(there), desk.recorded.append)
        (Path(held.folder) / "x").mkdir()
        line.commands[0].close()
        demand_clean(there, 2)


def test_a_folder_that_stays_is_told(desk: Desk, mounted: Callable[[str], Path]) -> None:
    there = mounted("size=16m,mode=0777")
    with local_line() as line:
        with Guard(line, str(there), desk.recorded.append) as held:
            hosts.busy(Path(held.folder))
        assert held.left == held.folder
        hosts.free(Path(held.folder))
    assert held.folder in str(desk.recorded)


def test_a_record_that_is_lost_ends_the_visit_and_cleans(desk: Desk, there: Path) -> None:
    from agent.errors import RecordLost
    from checks.api import Text

    left = [random.Random(6).randrange(3, 8)]

    def lose(_event: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise RecordLost(Text.same("record"))

    with local_line() as line, pytest.raises(RecordLost):
        visited(line, desk, packed(desk.folder), there, record=lose)
    demand_clean(there, 2)
