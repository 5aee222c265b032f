"""What answers at a host: shells of several makes, Windows, forced commands, something else."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.errors import Stopped
from agent.remote.lines import PROTOCOL, Hello, packed
from agent.remote.visit import Kind, by_package, survey
from agent.remote.visit.channel import in_shell
from agent.remote.visit.survey import Survey
from checks.errors import UnexpectedOutput
from tests.agent.remote.visit.hosts import Desk, demand_clean, local_line
from tests.agent.remote.visit.hosts import packed as brought
from wire.record import CommandRun

SHELLS = {
    "dash": "dash",
    "bash": "bash --posix",
    "busybox": "busybox sh",
    "ksh": "ksh",
    "zsh": "zsh",
}


def shell_named_sh(folder: Path, script: str) -> str:
    """Return a PATH on which `sh` is something else."""
    folder.mkdir(exist_ok=True)
    (folder / "sh").write_text(script)
    (folder / "sh").chmod(0o755)
    return f"{folder}:/usr/bin:/bin:/usr/sbin:/sbin"


@pytest.mark.parametrize("name", SHELLS)
def test_every_posix_shell_surveys_guards_and_runs(
    desk: Desk, there: Path, tmp_path: Path, name: str
) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    path = shell_named_sh(tmp_path / "bin", f'#!/bin/sh\nexec {SHELLS[name]} "$@"\n')
    with local_line(PATH=path) as line:
        found = survey(line, desk.recorded.append)
        assert found.kind is Kind.POSIX
        assert found.tools == {"tar", "gzip", "mkdir", "rm", "cat", "sleep", "grep"}
        assert found.glibc[0].isdecimal()
        visit = desk.visit(line)
        done = by_package(visit, brought(desk.folder), replace(found, temporary_folder=str(there)))
        assert (done.batches, done.left) == (1, "")
        demand_clean(there, 0)


def test_a_temporary_folder_without_programs_is_passed_by(
    desk: Desk, mounted: Callable[[str], Path]
) -> None:
    there = mounted("size=16m,mode=0777,noexec")
    with local_line(HOME=str(there)) as line:
        assert survey(line, desk.recorded.append).executable


def said(tmp_path: Path, script: str) -> Survey:
    path = shell_named_sh(tmp_path / "bin", f"#!/bin/dash\n{script}")
    with local_line(PATH=path) as line:
        return survey(line, lambda _event: None)


def test_windows_by_its_own_command(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "cmd.exe").write_text(
        "#!/bin/dash\necho 'Microsoft Windows [10.0.20348]'\n"
    )
    (tmp_path / "bin" / "cmd.exe").chmod(0o755)
    complaint = "echo \"'sh' is not recognized as an internal or external command,\" >&2; exit 1"
    assert said(tmp_path, complaint).kind is Kind.WINDOWS


def test_windows_that_has_a_posix_shell(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uname").write_text("#!/bin/dash\necho MINGW64_NT-10.0-20348\n")
    (tmp_path / "bin" / "uname").chmod(0o755)
    assert said(tmp_path, 'exec dash "$@"').kind is Kind.WINDOWS


def test_what_only_repeats_the_command_is_no_shell(tmp_path: Path) -> None:
    found = said(tmp_path, 'printf "unknown: %s\\n" "$@"; printf "%s" "$2" | tr ";" "\\n"')
    assert found.kind is Kind.UNKNOWN
    assert found.words.startswith("unknown")


def test_a_forced_command_that_greets_first(tmp_path: Path) -> None:
    hello = Hello(protocol=PROTOCOL, version="0.1.0", system="linux", public_key=b"k" * 32)
    (tmp_path / "hello").write_bytes(b"welcome\n" + packed(hello))
    assert said(tmp_path, f"cat {tmp_path}/hello; cat >/dev/null").kind is Kind.FORCED


def test_a_greeting_without_an_end_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(UnexpectedOutput):
        said(tmp_path, "tr '\\0' x </dev/zero")


def test_a_survey_is_recorded_before_it_is_run_and_can_be_stopped(desk: Desk) -> None:
    desk.stop.set()
    with local_line() as line, pytest.raises(Stopped):
        survey(line, desk.recorded.append, desk.stop)
    (run,) = desk.events(CommandRun)
    assert run.command.startswith("sh -c ")


def test_a_script_is_one_line_for_every_shell() -> None:
    command = in_shell("a='b';\n  echo \"$a\";\n")
    assert "\n" not in command
