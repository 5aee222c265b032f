"""Every benchmark still runs, in its tiny mode. What it measures is not looked at: no time is a
condition of a test."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.processes import measure
from bench.server import SERVERS, facts
from checks.discovery import discover

ROOT = Path(__file__).parents[2]
NAMES = {
    "agent": "agent run, light checks: CPU",
    "intake": "uploads a second, SQLite",
    "assessment": "verdicts a second a core, judging",
    "report": "report as PDF, one server",
    "backup_files": "hashing 8 MiB",
    "offsite": "entries on both sides listed and joined, 300",
    "calendar": "backup calendar, 1,000 sets × 365 days",
    "databases": "PostgreSQL, 50 tables: P1 checks, the server's processor",
}


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_runs(name: str) -> None:
    result = bench(name, "--tiny", "--json")
    assert result.returncode == 0, result.stderr
    figures: list[dict[str, Any]] = json.loads(result.stdout)["figures"]
    assert figures[0]["what"] == NAMES[name]
    # The kernel counts a server's processor in hundredths of a second: a tiny run may take none.
    least = 0 if name == "databases" else 1e-9
    assert all(figure["value"] >= least for figure in figures)


def test_an_unknown_benchmark_is_refused_with_the_names_there_are() -> None:
    result = bench("speed")
    assert result.returncode == 2
    assert (
        "agent, intake, assessment, report, backup_files, offsite, calendar, databases"
        in result.stderr
    )
    assert "Traceback" not in result.stderr


def test_the_made_up_server_has_facts_for_every_check_of_debian() -> None:
    elsewhere = {"patch.dnf"}
    checks = discover().checks
    probed = {
        name
        for name, check in checks.items()
        if check.probe is not None and check.target == "host" and "linux" in check.systems
    }
    for server in SERVERS:
        made = facts(server, 200)
        assert set(made) == probed - elsewhere
        for name, read in made.items():
            discover().checks[name].decoder.decode(json.dumps(read))


def test_the_processor_time_of_children_counts() -> None:
    busy = "import time\nwhile time.process_time() < 0.2: pass"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    assert measure([sys.executable, "-c", child]).cpu_seconds >= 0.2


def test_a_command_that_fails_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        measure([sys.executable, "-c", "raise SystemExit(3)"])
