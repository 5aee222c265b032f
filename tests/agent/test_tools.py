"""Nothing is executed that others than root could have put there: fakes are planted and refused.

The agent is a real user without rights here, as it is on a customer's host.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.host import LocalHost
from agent.tools import TOOL_FOLDERS, find_tool
from checks.errors import NotPermitted, ProbeError, ToolMissing, UnexpectedOutput
from tests.unprivileged import NOBODY, as_nobody, open_folder

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can plant root's files")


@pytest.fixture
def planted() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


def fake(path: Path, owner: int = 0, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ntouch {path}.was-run\necho fake\n")
    path.chmod(mode)
    os.chown(path, owner, owner)
    return path


def outcome(tool: str, folders: tuple[str, ...] = TOOL_FOLDERS) -> str:
    """Return what the unprivileged agent gets: what the tool printed, or the kind of refusal."""

    def run() -> str:
        try:
            return LocalHost(folders).run(tool).text.strip()
        except ProbeError as error:
            return f"{type(error).__name__}: {error.detail}"

    return as_nobody(run)


def test_the_agent_is_really_somebody_else_here() -> None:
    assert as_nobody(os.geteuid) == NOBODY
    with pytest.raises(PermissionError):
        as_nobody(lambda: Path("/etc/shadow").read_bytes())


def test_a_file_of_root_in_folders_of_root_is_executed(planted: Path) -> None:
    # Also below a sticky folder, /tmp: what root made there can't be replaced.
    tool = fake(planted / "bin" / "tool")
    assert outcome(str(tool)) == "fake"
    assert outcome("tool", (str(tool.parent),)) == "fake"


@pytest.mark.parametrize(
    ("owner", "mode"), [(NOBODY, 0o755), (0, 0o775), (0, 0o757), (1000, 0o755)]
)
def test_a_file_that_others_own_or_can_write_is_refused(
    planted: Path, owner: int, mode: int
) -> None:
    tool = fake(planted / "bin" / "sqlplus", owner, mode)
    assert outcome(str(tool)).startswith("NotPermitted: not used: others than root can write")
    assert outcome("sqlplus", (str(tool.parent),)).startswith("NotPermitted")
    with pytest.raises(NotPermitted):
        find_tool(str(tool))  # as root, too
    assert not Path(f"{tool}.was-run").exists()


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o1777])
def test_a_folder_around_it_that_others_can_write_is_refused(planted: Path, mode: int) -> None:
    tool = fake(planted / "outer" / "bin" / "tool")
    tool.parent.chmod(mode)
    assert outcome(str(tool)).startswith("NotPermitted")
    tool.parent.chmod(0o755)
    assert outcome(str(tool)) == "fake"
    if mode != 0o1777:
        tool.parent.parent.chmod(mode)
        assert outcome(str(tool)).startswith("NotPermitted")


def test_a_folder_of_somebody_else_is_refused(planted: Path) -> None:
    tool = fake(planted / "home" / "bin" / "tool")
    os.chown(planted / "home", NOBODY, NOBODY)
    assert outcome(str(tool)).startswith("NotPermitted")


def test_links_are_followed_as_the_system_does_and_each_must_be_roots(planted: Path) -> None:
    fake(planted / "bin" / "tool")
    mine = planted / "mine"
    mine.mkdir()
    os.chown(mine, NOBODY, NOBODY)
    good = planted / "good"
    good.symlink_to("bin/tool")
    assert outcome(str(good)) == "fake"
    # A link of root to a file of somebody else.
    fake(mine / "evil", NOBODY)
    (planted / "to-evil").symlink_to(mine / "evil")
    assert outcome(str(planted / "to-evil")).startswith("NotPermitted")
    # A link of somebody else to a file of root: he can turn it round at any time.
    (mine / "back").symlink_to(planted / "bin" / "tool")
    (planted / "to-back").symlink_to(mine / "back")
    assert outcome(str(planted / "to-back")).startswith("NotPermitted")
    # The same with a folder in the middle of the way.
    (mine / "folder").symlink_to(planted / "bin")
    (planted / "to-folder").symlink_to(mine / "folder")
    assert outcome(str(planted / "to-folder" / "tool")).startswith("NotPermitted")
    (planted / "round").symlink_to(planted / "round")
    assert outcome(str(planted / "round")).startswith("ToolMissing")


def test_path_and_libraries_of_the_environment_change_nothing(
    planted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(planted / "bin" / "uname")
    fake(planted / "bin" / "only-here")
    for name in ("PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "BASH_ENV", "ENV", "PYTHONPATH"):
        monkeypatch.setenv(name, str(planted / "bin"))
    assert outcome("uname") == "Linux"
    assert outcome("only-here").startswith("ToolMissing")
    seen = as_nobody(lambda: LocalHost().run("env").text)
    assert str(planted) not in seen
    assert {line.split("=")[0] for line in seen.splitlines()} == {"HOME", "LC_ALL", "PATH", "TERM"}
    with pytest.raises(UnexpectedOutput):
        find_tool("bin/uname")
    with pytest.raises(ToolMissing):
        find_tool("/no/such/tool")


def test_every_tool_that_our_checks_run_here_is_accepted() -> None:
    names = ("readlink", "stat", "dmesg", "dpkg-query", "apt-get", "awk", "journalctl")
    here = [name for name in names if any(Path(folder, name).exists() for folder in TOOL_FOLDERS)]
    assert len(here) >= 3
    assert as_nobody(lambda: [find_tool(name) for name in here])
    assert sys.platform == "linux"
