"""What was observed is there, whatever happens to the agent, the disk and the network."""

import contextlib
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.workbench import (
    Site,
    accepting_without_answer,
    answering,
    collecting,
)
from wire.messages import Loss


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    site.checks({"sample.one": "pass", "sample.two": "pass"})
    return site


def interrupted(site: Site, number: int) -> str:
    """Run until two checks are done and the third hangs, then send a signal; return the errors."""
    site.checks(
        {"sample.one": "pass", "sample.two": "pass", "sample.hang": "time.sleep(600)"},
    )
    process = site.start("run", "--json", "--settings", str(site.configure()), "--only", "sample")
    try:
        assert process.stdout is not None
        while '"done":2' not in process.stdout.readline():
            pass
        process.send_signal(number)
        return process.communicate(timeout=10)[1]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_agent_that_is_ended_half_way_loses_nothing_that_was_done(
    site: Site, number: int
) -> None:
    errors = interrupted(site, number)
    assert "Traceback" not in errors
    site.checks({"sample.one": "pass", "sample.two": "pass"})
    with collecting() as collector:
        site.url = collector.url
        site.configure()
        assert site.run().exit_code == 0
        assert site.run().exit_code == 0
    first, second, third = collector.batches()
    assert first.header.inspection.finished_at is None
    assert sorted(entry.check for entry in first.observations) == ["sample.one", "sample.two"]
    assert len(first.header.inspection.planned) == 3
    assert first.header.inspection.cost.wall_seconds >= 0
    assert first.header.inspection.cost.cpu_seconds > 0
    assert second.header.inspection.finished_at is not None
    assert third.header.inspection.finished_at is not None
    assert [seq for _, seq in collector.requests] == [1, 2, 3]


def test_an_answer_lost_after_the_commit_sends_the_same_batch_again(site: Site) -> None:
    with collecting(accepting_without_answer) as collector:
        site.url = collector.url
        finished = site.run()
    assert finished.exit_code == 0
    assert [seq for _, seq in collector.requests] == [1, 1]
    assert finished.events("uploaded") == [{"event": "uploaded", "seq": 1, "duplicate": True}]
    assert len(collector.stored) == 1


OTHERS_ACK = (
    b'{"wire":"1.0","agent":"agent-1","epoch":"e","seq":1,"digest":"' + b"0" * 64 + b'",'
    b'"received_at":"2026-11-21T08:00:00Z","duplicate":false}'
)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>Please sign in</html>"),
        (200, b""),
        (200, b"{}"),
        (200, OTHERS_ACK),
        (200, b"[" * 60_000),
        (204, b""),
        (301, b"<html>moved</html>"),
        (302, b""),
    ],
)
def test_a_captive_portal_deletes_nothing(site: Site, status: int, body: bytes) -> None:
    headers = {"Location": "http://127.0.0.1:9/login"} if status in (301, 302) else {}
    with collecting(answering(status, body, **headers)) as collector:
        site.url = collector.url
        finished = site.run("--lang", "en")
        assert finished.exit_code == 1
        assert "not the collector's acknowledgement" in finished.events("kept")[0]["why"]
        assert len(collector.requests) == 1
        assert site.status()["pending_batches"] == 1
        assert site.run().exit_code == 0
    assert sorted(seq for _, seq in collector.stored) == [1, 2]


def test_an_overloaded_collector_is_asked_again_and_then_left_in_peace(site: Site) -> None:
    with collecting(answering(503, b"", Retry_After="0"), answering(500)) as collector:
        site.url = collector.url
        assert site.run().exit_code == 0
        assert len(collector.requests) == 3
        collector.reactions.append(answering(429, b"", Retry_After="3600"))
        refused = site.run("--lang", "en")
        assert refused.exit_code == 1
        assert "can't take it now (429)" in refused.events("kept")[0]["why"]
        assert len(collector.requests) == 4


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_of_the_agent_keeps_all_and_stops(site: Site, status: int) -> None:
    site.run()
    with collecting(answering(status)) as collector:
        site.url = collector.url
        site.configure()
        finished = site.run()
    assert finished.exit_code == 1
    assert len(collector.requests) == 1
    assert [event["seq"] for event in finished.events("kept")] == [1]
    status = site.status()
    assert status["refused"] == []
    # Nothing is sealed for a collector that takes nothing.
    assert (status["pending_batches"], status["unsealed_inspections"]) == (1, 1)


def test_a_host_name_and_a_certificate_that_fail_are_named_as_such(site: Site) -> None:
    site.url = "https://no-such-host.invalid"
    finished = site.run("--lang", "en")
    assert finished.events("kept")[0]["why"].startswith("DNS: ")
    with collecting() as collector:
        site.url = collector.url.replace("http:", "https:")
        site.configure()
        finished = site.run("--lang", "en")
    assert finished.exit_code == 1
    assert finished.events("kept")[0]["why"].startswith("TLS: ")
    assert "SSL" in finished.events("kept")[0]["why"]


@pytest.mark.parametrize("damage", [b"not a database at all" * 400, b"\0" * 8192, "middle"])
def test_a_damaged_spool_is_moved_aside_and_said(site: Site, damage: bytes | str) -> None:
    site.run()
    spool = site.state / "spool.db"
    with sqlite3.connect(spool) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    first = site.status()["epoch"]
    content = bytearray(spool.read_bytes())
    if isinstance(damage, str):
        content[4096:] = os.urandom(len(content) - 4096)
        damage = bytes(content)
    spool.write_bytes(damage)
    with collecting() as collector:
        site.url = collector.url
        site.configure()
        finished = site.run()
        assert finished.exit_code == 0, finished.errors
        moved_to = Path(finished.events("spool_damaged")[0]["moved_to"])
        assert moved_to.read_bytes() == damage
        assert site.run().events("spool_damaged") == []
    status = site.status()
    assert status["epoch"] != first
    assert status["damaged"] == str(moved_to)
    first_batch, second = sorted(collector.batches(), key=lambda batch: batch.header.seq)
    assert (first_batch.header.seq, second.header.seq) == (1, 2)
    told = [(gap.loss, gap.observations) for gap in first_batch.header.gaps]
    assert (told, second.header.gaps) == ([(Loss.DAMAGED, None)], ())


def test_a_spool_from_before_signatures_is_set_aside_with_its_own_sentence(site: Site) -> None:
    site.state.mkdir()
    with sqlite3.connect(site.state / "spool.db") as connection:
        connection.execute("CREATE TABLE batches (seq INTEGER PRIMARY KEY)")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    settings = str(site.configure())
    finished = site.agent("run", "--settings", settings, "--only", "sample", "--lang", "en")
    assert "did not sign yet" in finished.output + finished.errors
    assert finished.exit_code == 1
    (moved,) = site.state.glob("spool.db.outdated-*")
    assert moved.exists()
    shown = site.agent("status", "--settings", settings, "--lang", "en").output
    assert str(moved) in shown


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
    with (folder / "filling").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)


def test_on_a_full_disk_the_ballast_makes_room_for_the_finding(
    site: Site, small_disk: Path
) -> None:
    class OnSmallDisk(Site):
        @property
        def state(self) -> Path:
            return small_disk / "state"

    site = OnSmallDisk(site.folder)
    site.run()  # lays the ballast by; its batch waits
    assert (site.state / "ballast").stat().st_blocks * 512 >= 2**20
    fill(small_disk)
    with collecting() as collector:
        site.url = collector.url
        site.configure()
        finished = site.run()
        assert finished.exit_code == 0, finished.errors
        assert sorted(seq for _, seq in collector.stored) == [1, 2]
        # Without ballast and room: a sentence, nothing lost, no crash loop.
        fill(small_disk)
        finished = site.run("--lang", "en")
        assert finished.exit_code == 2
        assert "the disk of" in finished.errors
        assert len(finished.errors.splitlines()) == 1
        (small_disk / "filling").unlink()
        assert site.run().exit_code == 0
    assert (site.state / "ballast").exists()
    assert site.status()["damaged"] is None


def test_a_state_folder_that_cannot_be_used_is_one_sentence(site: Site) -> None:
    site.state.write_text("a file stands where the folder should be")
    finished = site.run("--lang", "en")
    assert finished.exit_code == 2
    assert len(finished.errors.splitlines()) == 1
    assert str(site.state) in finished.errors
