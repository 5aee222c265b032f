"""The agent's own package runs anywhere, with any environment, and reads what the agent reads."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agent import VERSION
from tests.agent_package import unpacking
from tests.agent_package.unpacking import ROOT, run
from tests.unprivileged import NOBODY, open_folder

QUICK_SECONDS = 0.5
"""Three times the aim: the machine that tests run on has other things to do."""
STABLE = ("host.release", "host.mounts", "host.accounts", "host.certificates")


def from_source(*arguments: str) -> bytes:
    command = [sys.executable, "-m", "agent", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout


def by_check(lines: bytes) -> dict[str, Any]:
    return {each["check"]: each for each in map(json.loads, lines.splitlines())}


def said(executable: Path) -> str:
    result = run(executable, "--version")
    assert (result.returncode, result.stderr) == (0, b"")
    return result.stdout.decode()


def test_it_starts_without_an_environment_and_quickly(executable: Path) -> None:
    assert said(executable) == f"xunjian-agent {VERSION}\n"
    started = time.perf_counter()
    for _ in range(5):
        said(executable)
    assert (time.perf_counter() - started) / 5 < QUICK_SECONDS


def test_no_environment_and_no_folder_changes_it(executable: Path, tmp_path: Path) -> None:
    for name in ("agent.py", "sitecustomize.py", "usercustomize.py", "encodings.py", "os.py"):
        (tmp_path / name).write_text("raise SystemExit(99)\n", encoding="utf-8")
    (tmp_path / "libz.so.1").write_bytes(b"not a library")
    (tmp_path / "libcrypto.so.3").write_bytes(b"not a library")
    hostile = {
        "HOME": str(tmp_path),
        "LC_ALL": "POSIX",
        "LD_LIBRARY_PATH": str(tmp_path),
        "PYTHONHOME": str(tmp_path),
        "PYTHONINSPECT": "1",
        "PYTHONIOENCODING": "ascii",
        "PYTHONOPTIMIZE": "2",
        "PYTHONPATH": str(tmp_path),
        "PYTHONSTARTUP": str(tmp_path / "agent.py"),
        "PYTHONUTF8": "0",
        "PYTHONVERBOSE": "1",
    }
    result = run(executable, "check", "--list", environment=hostile, folder=tmp_path)
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout == run(executable, "check", "--list").stdout


def test_it_speaks_chinese_without_a_locale(executable: Path) -> None:
    helped = run(executable, "--help")
    assert (helped.returncode, helped.stderr) == (0, b"")
    assert "巡检" in helped.stdout.decode("utf-8")
    unknown = run(executable, "check", "没有这项")
    assert unknown.returncode == 2
    assert "没有这项" in unknown.stderr.decode("utf-8")


def test_it_has_the_checks_of_the_source_tree(executable: Path) -> None:
    listed = run(executable, "check", "--list", "--json")
    assert listed.stderr == b""
    assert by_check(listed.stdout) == by_check(from_source("check", "--list", "--json"))
    assert len(by_check(listed.stdout)) > 90


def test_it_reads_what_the_source_tree_reads(executable: Path) -> None:
    asked = ("check", "--json", "host.*")
    with ThreadPoolExecutor() as threads:  # one of the probes takes its time
        expected = threads.submit(from_source, *asked)
        read = run(executable, *asked)
    assert (read.returncode, read.stderr) == (0, b"")
    own, other = by_check(read.stdout), by_check(expected.result())
    assert sorted(own) == sorted(other)
    for check in other:
        assert own[check].get("failure") == other[check].get("failure")
    for check in STABLE:
        assert own[check]["facts"] == other[check]["facts"]


def test_it_writes_nothing_where_it_stands(executable: Path) -> None:
    def standing() -> dict[str, tuple[str, int]]:
        return {
            str(path): (
                hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
                path.stat().st_mtime_ns,
            )
            for path in [executable.parent, *executable.parent.rglob("*")]
        }

    before = standing()
    assert run(executable, "check", "--json", "host.release").returncode == 0
    assert standing() == before


def test_it_runs_from_a_folder_that_its_user_can_not_write(executable: Path) -> None:
    built = unpacking.FOLDER / f"xunjian-agent-{VERSION}-linux-x86_64.tar.gz"
    with open_folder() as folder:
        theirs = unpacking.unpack(built, folder / "read only")
        for path in [theirs.parent, *theirs.parent.rglob("*")]:
            path.chmod(0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444)
        unprivileged = {} if os.geteuid() != 0 else {"user": NOBODY, "group": NOBODY}
        result = subprocess.run(
            [str(theirs), "check", "--json", "host.release", "host.mounts"],
            env={},
            cwd="/",
            capture_output=True,
            check=True,
            extra_groups=[] if unprivileged else None,
            **unprivileged,
        )
        assert set(by_check(result.stdout)) == {"host.release", "host.mounts"}
        theirs.parent.chmod(0o755)


@pytest.mark.parametrize("name", ["a folder with spaces", "临时 目录/巡检", "%s:$HOME"])
def test_it_runs_from_a_folder_of_any_name(executable: Path, tmp_path: Path, name: str) -> None:
    built = unpacking.FOLDER / f"xunjian-agent-{VERSION}-linux-x86_64.tar.gz"
    there = unpacking.unpack(built, tmp_path / name)
    result = run(there, "check", "--json", "host.release", folder=tmp_path)
    assert (result.returncode, result.stderr) == (0, b"")
    assert set(by_check(result.stdout)) == {"host.release"}
    link = tmp_path / "link"
    link.symlink_to(there)
    assert said(link) == said(executable)


def test_what_is_left_out_says_so_in_one_sentence(executable: Path, tmp_path: Path) -> None:
    for language, words in (("zh-CN", "完整代理"), ("en", "whole agent")):
        result = run(executable, "export", "--lang", language, str(tmp_path / "bundle"))
        assert result.returncode == 2
        complaint = result.stderr.decode("utf-8")
        assert complaint.count("\n") == 1
        assert words in complaint


def test_scripts_of_grants_come_out_as_from_the_source_tree(executable: Path) -> None:
    asked = ("database", "grant-script", "mssql", "--version", "2022")
    assert run(executable, *asked).stdout == from_source(*asked)


def test_an_interruption_ends_it_and_all_that_it_started(executable: Path) -> None:
    started = subprocess.Popen(
        [str(executable), "check", "--json", "host.processor"],
        env={},
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + unpacking.MUCH_SECONDS
    while len(running(executable)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(running(executable)) == 2, "the probe runs in a child"
    started.send_signal(signal.SIGINT)
    output, complaint = started.communicate(timeout=10)
    assert started.returncode == 1
    assert output == b""
    assert complaint.decode("utf-8").count("\n") == 1
    assert running(executable) == []


def running(executable: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "exe").readlink() == executable:
                found.append(process.name)
        except OSError:
            continue
    return found
