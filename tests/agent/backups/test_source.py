"""A set's tool runs in surroundings of its own; secrets go to it by a pipe and nowhere else."""

import os
from pathlib import Path

import pytest

from agent.secret import Secret
from checks.errors import TimedOut, ToolMissing
from tests.backup_sets import settings, source

GIVEN = settings(kind="restic", place="/repository")


def test_the_tool_sees_its_own_home_and_time_in_utc(tmp_path: Path) -> None:
    with source(GIVEN, tmp_path) as seen:
        text = seen.run("env", environment={"BORG_BASE_DIR": "/x"}).text
        lines = dict(line.split("=", 1) for line in text.splitlines())
        assert lines["TZ"] == "UTC"
        assert lines["BORG_BASE_DIR"] == "/x"
        assert lines["HOME"] == lines["XDG_CACHE_HOME"] == str(seen.cache)
        assert seen.cache.stat().st_mode & 0o777 == 0o700
        assert "PYTHONPATH" not in lines


def test_a_secret_is_read_from_a_pipe_and_is_in_no_variable_or_argument(tmp_path: Path) -> None:
    secret = Secret("correct horse battery staple")
    with source(GIVEN, tmp_path) as seen:
        output = seen.run(
            "sh",
            "-c",
            'cat "$RESTIC_PASSWORD_FILE"; cat "/dev/fd/$BORG_PASSPHRASE_FD"; env; '
            "tr '\\0' ' ' </proc/$$/cmdline",
            secrets={"RESTIC_PASSWORD_FILE": secret, "BORG_PASSPHRASE_FD": secret},
        )
    assert output.text.count(secret.reveal()) == 2
    assert output.text.startswith(f"{secret.reveal()}\n{secret.reveal()}\n")


def test_no_pipe_stays_open(tmp_path: Path) -> None:
    with source(GIVEN, tmp_path) as seen:
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted only
        for _ in range(5):
            seen.run("true", secrets={"A_FD": Secret("something")})
        with pytest.raises(ToolMissing):
            seen.run("no-such-tool", secrets={"A_FD": Secret("something")})
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - counted only


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a tool as somebody else")
def test_as_root_a_tool_runs_as_another_user_and_still_gets_its_secret(tmp_path: Path) -> None:
    with source(GIVEN, tmp_path) as seen:
        output = seen.run(
            "sh",
            "-c",
            'id -un; id -G; cat "$P_FILE"',
            secrets={"P_FILE": Secret("something")},
            user="nobody",
        )
    assert output.text.splitlines() == ["nobody", output.text.splitlines()[1], "something"]
    assert len(output.text.splitlines()[1].split()) == 1, "no group of root's"


def test_a_tool_that_hangs_is_ended_and_an_exit_code_is_only_told(tmp_path: Path) -> None:
    with source(GIVEN, tmp_path) as seen:
        assert seen.run("sh", "-c", "exit 3").exit_code == 3
        with pytest.raises(TimedOut):
            seen.run("sleep", "60", timeout_seconds=0.2)
