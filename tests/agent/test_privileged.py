"""What needs root comes word for word from the table, or it is a failure that says so."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import privileged
from agent.errors import AgentError
from agent.host import LocalHost
from agent.privileged import READINGS, reading_of
from agent.readings import read_all
from checks.api import Output
from checks.errors import NotPermitted, ProbeError
from checks.host import accounts
from tests.unprivileged import NOBODY, as_nobody, open_folder

NAMES = ("awk", "-F:", "length($2)<1{print$1}", "/etc/shadow")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make root's files")


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with open_folder() as made:
        monkeypatch.setattr(privileged, "FOLDER", made / "run")
        monkeypatch.setattr(privileged, "SUDO_MARK", made / "mark")
        (made / "run").mkdir()
        yield made / "run"


def test_the_table_holds_fixed_lines_of_absolute_paths() -> None:
    for reading in READINGS:
        assert reading.command[0].startswith("/usr/")
        assert not set("*?[]") & set("".join(reading.command)), "sudo would take it as a wildcard"
        assert reading.why.zh
    assert len({reading.name for reading in READINGS}) == len(READINGS)


def test_only_the_very_line_is_privileged() -> None:
    assert reading_of(NAMES) is reading_of(("/usr/bin/awk", *NAMES[1:]))
    assert reading_of(accounts.NAMES_ALONE) is not None
    for other in (
        ("awk",),
        (*NAMES, "/etc/gshadow"),
        ("/tmp/awk", *NAMES[1:]),
        ("awk", "-F:", 'BEGIN{system("id")}', "/etc/shadow"),
        ("dmesg", "-r", "-C"),
        ("dmesg", "-C"),
        ("cat", "/etc/shadow"),
        (),
    ):
        assert not other or reading_of(other) is None


@as_root
def test_without_the_right_it_is_a_failure_with_a_hint(folder: Path) -> None:
    with pytest.raises(NotPermitted, match="xunjian-agent install"):
        as_nobody(lambda: LocalHost().run(*NAMES))
    facts = as_nobody(lambda: accounts.probe(LocalHost()))
    assert not isinstance(facts.without_password, tuple)
    assert facts.without_password.reason.value == "permission"
    with pytest.raises(NotPermitted):
        as_nobody(lambda: LocalHost().read("/etc/shadow"))


@as_root
def test_what_the_service_read_is_used(folder: Path) -> None:
    assert read_all(folder) >= 1
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o640}
    for path in folder.iterdir():
        os.chown(path, 0, NOBODY)  # the folder's group, which is the agent's, in life
    facts = as_nobody(lambda: accounts.probe(LocalHost()))
    assert facts.without_password == accounts.probe(LocalHost()).without_password
    with pytest.raises(NotPermitted):
        as_nobody(lambda: LocalHost().read("/etc/shadow"))
    content = "".join(path.read_text() for path in folder.iterdir())
    hashes = [line.split(":")[1] for line in Path("/etc/shadow").read_text().splitlines()]
    assert not [one for one in hashes if len(one) > 4 and one in content]


@as_root
def test_what_is_old_or_not_of_root_is_not_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = READINGS[0]
    privileged.store(reading, Output("planted\n", 0), folder)
    place = folder / f"{reading.name}.json"
    place.chmod(0o644)
    assert as_nobody(lambda: LocalHost().run(*NAMES).text) == "planted\n"
    os.chown(place, NOBODY, NOBODY)
    with pytest.raises(NotPermitted, match="others than root"):
        as_nobody(lambda: LocalHost().run(*NAMES))
    os.chown(place, 0, 0)
    monkeypatch.setattr(privileged, "FRESH_SECONDS", 0)
    with pytest.raises(NotPermitted, match="xunjian-agent install"):
        as_nobody(lambda: LocalHost().run(*NAMES))
    place.unlink()
    place.symlink_to("/etc/shadow")
    with pytest.raises(ProbeError):
        as_nobody(lambda: LocalHost().run(*NAMES))


@as_root
def test_the_service_leaves_nothing_old_and_is_for_root_alone(folder: Path) -> None:
    privileged.store(READINGS[-1], Output("of yesterday", 0), folder)
    read_all(folder)
    assert not (folder / f"{READINGS[-1].name}.json").exists() or Path("/usr/bin/yum").exists()
    assert "runs it as root" in as_nobody(lambda: refusal(folder))
    folder.chmod(0o777)
    with pytest.raises(AgentError, match="not root's"):
        read_all(folder)


@as_root
def test_sudo_is_asked_for_the_line_only_where_the_rule_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def run_tool(path: str, command: tuple[str, ...], *_: float) -> Output:
        asked.append(command)
        return Output("", 1, "sudo: a password is required")

    monkeypatch.setattr(privileged, "run_tool", run_tool)
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    with pytest.raises(NotPermitted):
        LocalHost().run(*NAMES)
    privileged.SUDO_MARK.write_text("")
    with pytest.raises(NotPermitted, match="a password is required"):
        LocalHost().run(*NAMES)
    line = ("/usr/bin/awk", *NAMES[1:])
    assert asked == [line, ("sudo", "-n", "--", *line)]


def test_the_tests_have_sudo() -> None:
    assert subprocess.run(["sudo", "--version"], capture_output=True).returncode == 0


def refusal(folder: Path) -> str:
    try:
        read_all(folder)
    except AgentError as error:
        return error.text.en
    return ""


@as_root
def test_in_the_units_sandbox_mounts_are_those_of_the_host() -> None:
    """There every mount looks read-only: volumes would be left out, mounts be called broken."""
    script = (
        "import sys, msgspec, os\n"
        "from agent.host import LocalHost\n"
        "from checks.host import mounts, volumes\n"
        "host = LocalHost()\n"
        "read_only = ' ro,' in open('/proc/self/mounts').readline()\n"
        "parts = [volumes.probe(host).volumes, mounts.probe(host)]\n"
        "rows = [(one.mount_point, one.read_only) for one in parts[0]]\n"
        "print(read_only, msgspec.json.encode([rows, parts[1]]).decode())"
    )
    sealed = 'mount --make-rprivate / && mount -o remount,bind,ro / && exec "$@"'
    inside = ["unshare", "--mount", "sh", "-c", sealed, "sh"]
    if subprocess.run([*inside, "true"], capture_output=True).returncode:
        pytest.skip("this container may not mount")
    answers = [
        subprocess.run(
            [*before, sys.executable, "-c", script],
            env=os.environ | {"XUNJIAN_SANDBOX": "1"},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split(" ", 1)
        for before in ([], inside)
    ]
    assert [answer[0] for answer in answers] == ["False", "True"]
    assert answers[0][1] == answers[1][1]
