"""The real host: what it reads, and what it refuses in the words of checks.errors."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.host import LocalHost
from checks.errors import NotPermitted, TimedOut, ToolMissing, UnexpectedOutput, Unreachable

HOST = LocalHost()


def test_files_are_read_up_to_the_limit_with_odd_bytes_replaced(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"abc\xff\0def")
    assert HOST.read(str(file)) == "abc\N{REPLACEMENT CHARACTER}\0def"
    assert HOST.read_bytes(str(file), limit_bytes=2) == b"ab"
    assert HOST.read_bytes(str(file), limit_bytes=0) == b""


def test_procfs_is_read_though_it_says_that_it_is_empty() -> None:
    assert HOST.read("/proc/self/mounts")
    assert len(HOST.read_bytes("/proc/kallsyms", limit_bytes=3000)) == 3000


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null", "/proc/self", "/no/such/file", "/\0"])
def test_what_is_no_regular_file_is_refused_at_once(path: str) -> None:
    with pytest.raises(UnexpectedOutput):
        HOST.read(path)


def test_a_fifo_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UnexpectedOutput, match="not a regular file"):
        HOST.read(str(tmp_path / "fifo"))


def test_what_the_system_answers_becomes_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        13: NotPermitted,
        5: Unreachable,
        116: Unreachable,
        110: TimedOut,
        40: UnexpectedOutput,
    }
    for number, kind in answers.items():

        def refuse(*_: object, number: int = number, **__: object) -> None:
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patch:
            patch.setattr(os, "open", refuse)
            with pytest.raises(kind) as caught:
                HOST.read("/proc/self/mounts")
            assert caught.value.subject == "/proc/self/mounts"


def test_existence_age_and_lists(tmp_path: Path) -> None:
    (tmp_path / "b.conf").write_text("")
    (tmp_path / "a.conf").write_text("")
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    os.utime(tmp_path / "a.conf", (86400, 86400))
    assert HOST.exists(str(tmp_path / "a.conf"))
    assert not HOST.exists(str(tmp_path / "gone"))
    assert not HOST.exists(str(tmp_path / "a.conf" / "below"))
    assert HOST.modified_at(str(tmp_path / "a.conf")) == datetime(1970, 1, 2, tzinfo=UTC)
    assert HOST.list(f"{tmp_path}/*.conf") == (f"{tmp_path}/a.conf", f"{tmp_path}/b.conf")
    assert HOST.list(f"{tmp_path}/*/*.conf") == ()
    assert HOST.list(f"{tmp_path}/absent/*") == ()
    assert HOST.list(f"{tmp_path}/a.conf") == (f"{tmp_path}/a.conf",)
    with pytest.raises(UnexpectedOutput, match="no such file"):
        HOST.modified_at(str(tmp_path / "absent"))


def test_a_folder_that_may_not_be_listed_is_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, _mode: str(path) != str(tmp_path))
    with pytest.raises(NotPermitted):
        HOST.list(f"{tmp_path}/*")


def test_a_tool_sees_a_bare_environment_and_no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/tmp")
    monkeypatch.setenv("SECRET", "canary")
    lines = HOST.run("env").text.splitlines()
    assert sorted(line.partition("=")[0] for line in lines) == ["HOME", "LC_ALL", "PATH", "TERM"]
    assert HOST.run("cat").text == ""
    assert HOST.run("pwd").text == "/\n"


def test_a_tool_is_not_looked_for_in_the_users_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "only-here"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing):
        HOST.run("only-here")
    with pytest.raises(UnexpectedOutput):
        HOST.run("./only-here")
    with pytest.raises(ToolMissing):
        HOST.run("/no/such/tool")


def test_output_exit_code_and_errors_are_told_apart() -> None:
    output = HOST.run("sh", "-c", "echo out; echo err >&2; exit 3", exit_codes=(0, 3))
    assert (output.text, output.error_text, output.exit_code) == ("out\n", "err\n", 3)
    with pytest.raises(UnexpectedOutput, match="exit code 3: err"):
        HOST.run("sh", "-c", "echo err >&2; exit 3")


def test_no_shell_reads_the_arguments() -> None:
    assert HOST.run("echo", "$(id)", "; true", "*").text == "$(id) ; true *\n"


def test_a_child_that_keeps_the_output_open_does_not_outlive_the_call() -> None:
    began = time.monotonic()
    with pytest.raises(TimedOut):
        HOST.run("sh", "-c", "sleep 4323 & echo done", timeout_seconds=0.3)
    assert time.monotonic() - began < 2
    with pytest.raises(UnexpectedOutput, match="exit code 1"):
        HOST.run("pgrep", "-f", "^sleep 4323")


def test_a_limit_of_output_is_exact() -> None:
    assert len(HOST.run("head", "-c", "1000", "/dev/zero", limit_bytes=1000).text) == 1000
    with pytest.raises(UnexpectedOutput, match="more than 999 bytes"):
        HOST.run("head", "-c", "1000", "/dev/zero", limit_bytes=999)
