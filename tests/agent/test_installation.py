"""Installing into a folder as into a host: every file, mode and owner; and away without a trace."""

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import main
from agent.installation import service
from agent.installation.steps import InstallationError
from agent.installation.sudoers import sudoers
from agent.installation.units import STATE
from agent.privileged import READINGS
from agent.settings import load
from agent.tools import demand_roots
from tests.unprivileged import as_nobody, open_folder

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root installs")

SERVICES = (
    "xunjian-agent.service",
    "xunjian-agent-deliver.service",
    "xunjian-privileged.service",
)


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a host with systemd, its journal's group, and sudo."""
    monkeypatch.setattr(service, "_demand_roots_code", lambda: None)
    with open_folder() as folder:
        for name in ("etc/sudoers.d", "etc/systemd/system", "usr/lib/systemd/system", "run"):
            (folder / name).mkdir(parents=True)
        (folder / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
        (folder / "etc/group").write_text("root:x:0:\nsystemd-journal:x:190:\n")
        yield folder


def listing(root: Path) -> dict[str, tuple[int, int, int, str]]:
    """Return mode, owner, group and content of everything, but for the backups of useradd."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name.endswith("-") or name == "etc/.pwd.lock":
            continue
        status = path.lstat()
        content = ""
        if path.is_symlink():
            content = str(path.readlink())
        elif path.is_file():
            content = path.read_text()
        found[name] = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, content)
    return found


def install(root: Path, *more: str) -> int:
    return main(["install", "--root", str(root), *more])


def uninstall(root: Path, *more: str) -> int:
    return main(["uninstall", "--root", str(root), *more])


def test_every_file_mode_and_owner(root: Path) -> None:
    before = listing(root)
    assert install(root, "--url", "https://巡检.example.com/x") == 0
    found = listing(root)
    user, group = service_user(root)
    made = {
        name: (oct(entry[0]), entry[1], entry[2])
        for name, entry in found.items()
        if name not in before
    }
    units = "etc/systemd/system"
    assert made == {
        "etc/xunjian": ("0o755", 0, 0),
        "etc/xunjian/agent.toml": ("0o644", 0, 0),
        f"{units}/xunjian-agent-deliver.service": ("0o644", 0, 0),
        f"{units}/xunjian-agent-deliver.timer": ("0o644", 0, 0),
        f"{units}/xunjian-agent.service": ("0o644", 0, 0),
        f"{units}/xunjian-agent.timer": ("0o644", 0, 0),
        f"{units}/xunjian-privileged.service": ("0o644", 0, 0),
        f"{units}/timers.target.wants": ("0o755", 0, 0),
        f"{units}/timers.target.wants/xunjian-agent-deliver.timer": ("0o777", 0, 0),
        f"{units}/timers.target.wants/xunjian-agent.timer": ("0o777", 0, 0),
        "var": ("0o755", 0, 0),
        "var/lib": ("0o755", 0, 0),
        "var/lib/xunjian": ("0o700", user, group),
    }
    assert user not in (0, 65534)
    assert "https://巡检.example.com/x" in found["etc/xunjian/agent.toml"][3]


def service_user(root: Path) -> tuple[int, int]:
    [line] = [
        line
        for line in (root / "etc/passwd").read_text().splitlines()
        if line.startswith("xunjian:")
    ]
    fields = line.split(":")
    assert fields[5:] == ["/var/lib/xunjian", "/usr/sbin/nologin"]
    return int(fields[2]), int(fields[3])


def test_again_changes_nothing_and_what_the_administrator_wrote_stays(root: Path) -> None:
    install(root, "--url", "https://inspection.example.com")
    settings = root / "etc/xunjian/agent.toml"
    settings.write_text("# mine\n")
    settings.chmod(0o600)
    (root / "etc/xunjian/veto.toml").write_text("off = true\n")
    (root / "etc/systemd/system/xunjian-agent.timer").write_text("changed by somebody")
    before = listing(root)
    assert install(root, "--url", "https://other.example.com") == 0
    after = listing(root)
    changed = [name for name in after if after[name] != before.get(name)]
    assert changed == ["etc/systemd/system/xunjian-agent.timer"]
    assert install(root) == 0
    assert listing(root) == after


def test_a_dry_run_says_all_and_does_nothing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = listing(root)
    assert install(root, "--dry-run", "--sudo", "--url", "https://x.example", "--lang", "en") == 0
    assert listing(root) == before
    output = capsys.readouterr().out
    for word in ("useradd", "agent.toml", "xunjian-agent.timer", "sudoers.d/xunjian", "systemctl"):
        assert word in output
    install(root)
    before = listing(root)
    assert uninstall(root, "--dry-run", "--purge") == 0
    assert listing(root) == before


def test_uninstall_purged_leaves_nothing_behind(root: Path) -> None:
    before = listing(root)
    install(root, "--sudo", "--url", "https://inspection.example.com")
    (root / "var/lib/xunjian/spool.db").write_text("data")
    (root / "etc/xunjian/veto.toml").write_text("off = true\n")
    assert uninstall(root, "--purge") == 0
    after = listing(root)
    # Folders that a host has anyway, but not our empty one.
    allowed = {"var", "var/lib", "etc/systemd/system/timers.target.wants"}
    assert {name: entry for name, entry in after.items() if name not in allowed} == before
    assert uninstall(root, "--purge") == 0


def test_uninstall_leaves_data_and_settings(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(root, "--sudo", "--url", "https://inspection.example.com")
    (root / "var/lib/xunjian/spool.db").write_text("data")
    assert uninstall(root) == 0
    assert "--purge" in capsys.readouterr().out
    left = listing(root)
    assert "var/lib/xunjian/spool.db" in left
    assert "etc/xunjian/agent.toml" in left
    assert [name for name in left if "systemd/system/" in name and "xunjian" in name] == []
    assert "etc/sudoers.d/xunjian" not in left
    assert "etc/xunjian/readings-by-sudo" not in left
    assert uninstall(root) == 0


def test_the_units_are_valid_and_closed(root: Path) -> None:
    install(root)
    folder = root / "etc/systemd/system"
    for name in SERVICES:
        unit = str(folder / name)
        verified = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True
        )
        assert [line for line in verified.stderr.splitlines() if "xunjian" in line] == []
        scored = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--threshold=25", unit],
            capture_output=True,
            text=True,
        )
        assert scored.returncode == 0, scored.stdout[-200:]
    for timer in service.TIMERS:
        verified = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(folder / timer)],
            capture_output=True,
            text=True,
        )
        assert [line for line in verified.stderr.splitlines() if "xunjian" in line] == []


def test_the_settings_that_are_written_are_read(root: Path) -> None:
    install(root)
    file = root / "etc/xunjian/agent.toml"
    assert not file.exists(), "without an address there is nothing to write"
    install(root, "--url", "https://inspection.example.com/x")
    settings = load(str(file))
    assert settings.collector.url == "https://inspection.example.com/x"
    assert settings.agent.state == STATE


def test_a_group_that_is_not_there_does_not_keep_the_service_from_starting(root: Path) -> None:
    (root / "etc/group").write_text("root:x:0:\n")
    install(root)
    unit = (root / "etc/systemd/system/xunjian-agent.service").read_text()
    assert "SupplementaryGroups" not in unit


def test_code_that_others_could_change_never_runs_as_root(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_folder() as folder:
        folder.chmod(0o777)
        (folder / "code").write_text("")
        monkeypatch.setattr(service, "_demand_roots_code", lambda: demand_roots(folder / "code"))
        assert install(root, "--lang", "en") == 0
    assert not (root / "etc/systemd/system/xunjian-privileged.service").exists()
    assert "others than root can write the files of the agent" in capsys.readouterr().out


def test_without_systemd_there_is_a_line_for_cron_and_the_rule_for_sudo(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(root / "usr")
    shutil.rmtree(root / "etc/systemd")
    assert install(root, "--lang", "en") == 0
    output = capsys.readouterr().out
    assert "cron" in output
    assert re.search(r"^0 2 \* \* \* xunjian /\S+.* run$", output, re.M)
    assert not (root / "etc/systemd").exists()
    rule = root / "etc/sudoers.d/xunjian"
    assert stat.S_IMODE(rule.stat().st_mode) == 0o440
    assert rule.read_text() == sudoers()
    assert (root / "etc/xunjian/readings-by-sudo").exists()


def test_the_rule_is_valid_and_means_the_table_word_for_word(tmp_path: Path) -> None:
    file = tmp_path / "xunjian"
    file.write_text(sudoers())
    checked = subprocess.run(
        ["visudo", "-c", "-s", "-f", str(file)], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr
    rule = sudoers()
    assert "ALL=(root) NOPASSWD: NOEXEC: XUNJIAN_READINGS" in rule
    meant = re.search(r"XUNJIAN_READINGS = (.*?)\nxunjian", rule, re.S)
    assert meant is not None
    lines = re.split(r"(?<!\\),", meant[1].replace("\\\n", ""))
    plain = [re.sub(r"\\(.)", r"\1", line).strip() for line in lines]
    assert plain == [" ".join(reading.command) for reading in READINGS]
    assert not re.search(r"(?<!\\)[*?\[]", rule), "no wildcards"


@pytest.fixture
def nobodys_rule() -> Iterator[None]:
    """Put the rule in force for a real user on this machine, and take it away."""
    file = Path("/etc/sudoers.d/xunjian-test")
    content = sudoers().replace("Defaults:xunjian", "Defaults:nobody")
    content = content.replace("\nxunjian ALL", "\nnobody ALL").replace("XUNJIAN_", "XUNJIAN_TEST_")
    file.write_text(content)
    file.chmod(0o440)
    try:
        yield
    finally:
        file.unlink()


def sudo(*command: str) -> tuple[int, str]:
    ended = subprocess.run(["sudo", "-n", "--", *command], capture_output=True, text=True, cwd="/")
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.usefixtures("nobodys_rule")
def test_sudo_runs_the_table_and_nothing_else() -> None:
    for reading in READINGS:
        if Path(reading.command[0]).exists():
            code, words = as_nobody(lambda line=reading.command: sudo(*line))
            assert "password is required" not in words, reading.command
            assert reading.name in ("serial", "sshd") or code in reading.exit_codes
    for other in (
        ("/usr/bin/id",),
        ("/usr/bin/dmesg",),
        ("/usr/bin/dmesg", "-C"),
        ("/usr/bin/dmesg", "-r", "-C"),
        ("/usr/bin/cat", "/etc/shadow"),
        ("/usr/bin/cat", "/sys/class/dmi/id/product_serial", "/etc/shadow"),
        ("/usr/bin/awk", "-F:", "{print}", "/etc/shadow"),
        ("/usr/bin/awk", "-F:", "length($2)<1{print$1}", "/etc/shadow", "/etc/gshadow"),
        ("/bin/sh", "-c", "id"),
    ):
        code, words = as_nobody(lambda line=other: sudo(*line))
        assert code != 0, other
        assert "password is required" in words, (other, words)


def test_an_ordinary_user_gets_one_sentence(root: Path) -> None:
    def attempt() -> str:
        try:
            service.prepare_install(root, None, by_sudo=False)
        except InstallationError as error:
            return error.text.zh
        return ""

    assert "root" in as_nobody(attempt)
    assert "\n" not in as_nobody(attempt)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--url", "ftp://x"],
        ["--url", 'https://x"\nstate = "/etc'],
        ["--root", "/no/such/folder"],
        ["--root", "relative"],
    ],
)
def test_what_cannot_be_meant_is_refused(
    root: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = listing(root)
    assert main(["install", "--root", str(root), *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert listing(root) == before


def test_a_link_in_place_of_a_file_is_not_followed(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (root / "etc/systemd/system/xunjian-agent.timer").symlink_to(victim)
    assert install(root) == 2
    assert "xunjian-agent.timer" in capsys.readouterr().err
    assert victim.read_text() == "mine"
