"""What a person will look for in the report is there."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pypdf import PdfReader

from tests.journeys.command import inspect

pytestmark = pytest.mark.journey


@pytest.fixture
def full_volume(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "账套数据"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is refused here")
    try:
        (place / "data").write_bytes(bytes(8 * 2**20 - 4096))
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_filled_volume_is_critical_in_both_reports(full_volume: Path, tmp_path: Path) -> None:
    done = inspect(tmp_path, "--only", "host.volumes")
    found = [row for row in done["findings"] if row["object"] == str(full_volume)]
    assert [(row["code"], row["state"], row["severity"]) for row in found] == [
        ("OS-DSK-001", "critical", 1)
    ]
    html = (tmp_path / "var/here/report/report.html").read_text(encoding="utf-8")
    pdf = "".join(
        page.extract_text() for page in PdfReader(tmp_path / "var/here/report/report.pdf").pages
    )
    assert "账套数据" in html
    assert "账套数据" in pdf.replace("\n", "").replace("​", "")


def test_an_agent_killed_half_way_loses_nothing_that_was_done(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "collector", "inspect-here", "--only", "host.*"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as job:
        agent = _agent_that_has_observed(tmp_path, job)
        agent.send_signal(signal.SIGKILL)
        _, said = job.communicate(timeout=60)
    assert job.returncode == 2
    assert "Traceback" not in said
    done = inspect(tmp_path, "--only", "host.uptime")
    with sqlite3.connect(tmp_path / "var/here/collector.db") as connection:
        interrupted = connection.execute(
            "SELECT planned, collected FROM inspection WHERE finished_at IS NULL"
        ).fetchall()
    connection.close()
    assert len(interrupted) == 1
    planned, collected = interrupted[0]
    assert 0 < collected < planned
    assert done["collected"] == 1


def _agent_that_has_observed(folder: Path, job: subprocess.Popen[str]) -> psutil.Process:
    """Wait until the agent has some observations in its spool, and return its process."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        children = [
            child for child in psutil.Process(job.pid).children() if "agent" in child.cmdline()
        ]
        spools = list(folder.glob("var/here/agents/*/state/*.db*"))
        if children and spools and _observed(spools) > 2:
            return children[0]
        time.sleep(0.05)
    raise AssertionError("the agent has observed nothing")


def _observed(spools: list[Path]) -> int:
    for spool in spools:
        if spool.name.endswith(".db"):
            connection = sqlite3.connect(f"file:{spool}?mode=ro", uri=True)
            try:
                return int(connection.execute("SELECT count(*) FROM observations").fetchone()[0])
            except sqlite3.OperationalError:
                return 0
            finally:
                connection.close()
    return 0


def test_ctrl_c_ends_with_a_sentence_and_the_next_run_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "collector", "inspect-here", "--only", "host.*"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as job:
        _agent_that_has_observed(tmp_path, job)
        os.killpg(job.pid, signal.SIGINT)
        _, said = job.communicate(timeout=60)
    assert job.returncode == 130
    assert "Traceback" not in said
    assert "已中断" in said
    inspect(tmp_path, "--only", "host.uptime")
    with sqlite3.connect(tmp_path / "var/here/collector.db") as connection:
        count = connection.execute("SELECT count(*) FROM inspection").fetchone()
    connection.close()
    assert count == (2,)
