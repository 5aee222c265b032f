"""Install the agent as a service of a host, and take it away again without a trace.

`root` is `/` for this host, or the folder of another system (as with `systemctl --root`).
"""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

import agent
import checks
import wire
from agent.installation import texts
from agent.installation.steps import (
    Command,
    InstallationError,
    MakeFolder,
    Remove,
    Step,
    WriteFile,
)
from agent.installation.sudoers import sudoers
from agent.installation.units import STATE, TIMERS, USER, units
from agent.privileged import SUDO_MARK
from agent.tools import demand_roots, find_tool, run_tool
from checks.api import Text
from checks.errors import ProbeError, ToolMissing

SETTINGS = "/etc/xunjian/agent.toml"
UNITS = "/etc/systemd/system"
SUDOERS = "/etc/sudoers.d/xunjian"

_UNIT_NAMES = (
    "xunjian-privileged.service",
    "xunjian-agent.service",
    "xunjian-agent-deliver.service",
    *TIMERS,
)
_USEFUL_GROUPS = ("systemd-journal",)
_EXAMPLE = """\
# 巡检代理的设置 / settings of the inspection agent
# 说明 / documentation: docs/agent-administration.md

[collector]
url = "{url}"
# ca_file = "/etc/xunjian/ca.pem"

[run]
# interval_hours = 24    # 与 xunjian-agent.timer 一致 / as the timer is set
"""


class Preparation(Struct, frozen=True):
    """What is going to be done, and what to tell the administrator afterwards."""

    steps: tuple[Step, ...]
    remarks: tuple[Text, ...]


def prepare_install(root: Path, url: str | None, *, by_sudo: bool) -> Preparation:
    """Return the steps that install. Raise InstallationError where they can't be taken."""
    _demand(root)
    if url is not None and not re.fullmatch(r"https?://[^\s\"'\\/?#]+[^\s\"'\\?#]*", url):
        raise InstallationError(texts.BAD_URL)
    remarks: list[Text] = []
    systemd = _has_systemd(root)
    privileged = systemd
    if privileged:
        try:
            _demand_roots_code()
        except ProbeError as error:
            privileged = False
            remarks.append(texts.NOT_PRIVILEGED.format(detail=error.detail))
    steps: list[Step] = [*_user(root)]
    steps.append(MakeFolder(_at(root, STATE), 0o700, USER))
    steps.append(MakeFolder(_at(root, SETTINGS).parent, 0o755))
    if url is not None:
        example = _EXAMPLE.format(url=url)
        steps.append(WriteFile(_at(root, SETTINGS), example, 0o644, keep=True))
    if systemd:
        groups = tuple(name for name in _USEFUL_GROUPS if _has_line(root, "etc/group", name))
        for name, content in units(_started_by(), groups, privileged=privileged):
            steps.append(WriteFile(_at(root, UNITS) / name, content, 0o644))
        steps += _systemctl(root, "enable", *TIMERS)
        if root == Path("/"):
            steps.append(Command(("systemctl", "daemon-reload")))
            steps.append(Command(("systemctl", "start", *TIMERS)))
    else:
        remarks += [texts.NO_SYSTEMD, *(Text.same(line) for line in cron_lines())]
    if by_sudo or not systemd:
        steps += _sudo_rule(root, remarks)
    configured = url is not None or _at(root, SETTINGS).exists()
    done = texts.INSTALLED if configured else texts.INSTALLED_WITHOUT_URL
    remarks.append(done.format(settings=SETTINGS, user=USER))
    return Preparation(tuple(steps), tuple(remarks))


def prepare_uninstall(root: Path, *, purge: bool) -> Preparation:
    """Return the steps that take away what is there. Raise InstallationError as above."""
    _demand(root)
    steps: list[Step] = []
    present = [name for name in _UNIT_NAMES if (_at(root, UNITS) / name).exists()]
    if present:
        steps += _systemctl(root, "disable", *(name for name in present if name in TIMERS))
        if root == Path("/"):
            steps.append(Command(("systemctl", "stop", *present), may_fail=True))
    places = [*(_at(root, UNITS) / name for name in _UNIT_NAMES)]
    places += [_at(root, SUDOERS), _at(root, str(SUDO_MARK)), _at(root, "/run/xunjian")]
    if purge:
        places += [_at(root, STATE), _at(root, SETTINGS).parent]
    steps += [Remove(place) for place in places if place.exists() or place.is_symlink()]
    if present and root == Path("/"):
        steps.append(Command(("systemctl", "daemon-reload")))
    if purge and _has_line(root, "etc/passwd", USER):
        steps.append(Command(("userdel", *_prefix(root), USER)))
    if purge and _has_line(root, "etc/group", USER):
        # userdel takes the group along, but not everywhere.
        steps.append(Command(("groupdel", *_prefix(root), USER), may_fail=True))
    remarks = [texts.UNINSTALLED]
    settings = _at(root, SETTINGS).parent
    if not purge and (_at(root, STATE).exists() or settings.exists()):
        remarks.append(texts.DATA_STAY.format(state=STATE, settings=str(Path(SETTINGS).parent)))
    return Preparation(tuple(steps), tuple(remarks))


def cron_lines() -> Iterator[str]:
    """Yield the lines of /etc/cron.d for a host without systemd."""
    started_by = _started_by()
    yield f"0 2 * * * {USER} {started_by} run"
    yield f"*/10 * * * * {USER} test -e {STATE}/waiting && {started_by} deliver"


def _demand(root: Path) -> None:
    if sys.platform != "linux":
        raise InstallationError(texts.NOT_LINUX)
    if os.geteuid() != 0:
        raise InstallationError(texts.NOT_ROOT)
    if not root.is_absolute() or not root.is_dir():
        raise InstallationError(texts.ROOT_MISSING.format(root=str(root)))


def _demand_roots_code() -> None:
    """Raise a ProbeError if others than root could change what a service of root's runs."""
    packages = [Path(str(package.__file__)) for package in (agent, checks, wire)]
    for path in (Path(sys.executable), *packages, *map(Path, _started_by().split(" ")[:1])):
        demand_roots(path)


def _started_by() -> str:
    """Return the command that starts this very installation of the agent."""
    script = Path(sys.executable).with_name("xunjian-agent")
    return str(script) if script.is_file() else f"{sys.executable} -I -m agent"


def _user(root: Path) -> Iterator[Step]:
    if not _has_line(root, "etc/passwd", USER):
        options = ("--system", "--no-create-home", "--user-group", "--home-dir", STATE)
        shell = ("--shell", "/usr/sbin/nologin")
        yield Command(("useradd", *_prefix(root), *options, *shell, USER))


def _sudo_rule(root: Path, remarks: list[Text]) -> Iterator[Step]:
    if not _at(root, SUDOERS).parent.is_dir():
        remarks.append(texts.NO_SUDO)
        return
    content = sudoers()
    _demand_valid(content)
    yield WriteFile(_at(root, SUDOERS), content, 0o440)
    yield WriteFile(_at(root, str(SUDO_MARK)), f"{SUDOERS}\n", 0o644)


def _demand_valid(content: str) -> None:
    """Raise InstallationError for a rule that visudo refuses: a broken one would break sudo."""
    with tempfile.TemporaryDirectory(prefix="xunjian-") as folder:
        draft = Path(folder, "xunjian")
        draft.write_text(content, encoding="utf-8")
        draft.chmod(0o440)
        try:
            output = run_tool(find_tool("visudo"), ("visudo", "-c", "-f", str(draft)), 10, 2**16)
        except ToolMissing as error:
            raise InstallationError(texts.TOOL_MISSING.format(tool="visudo")) from error
        except ProbeError as error:
            raise InstallationError(texts.BAD_SUDOERS.format(detail=str(error))) from error
    if output.exit_code != 0:
        detail = (output.error_text + output.text).strip()[:300]
        raise InstallationError(texts.BAD_SUDOERS.format(detail=detail))


def _systemctl(root: Path, verb: str, *names: str) -> Iterator[Step]:
    if names:
        place = () if root == Path("/") else (f"--root={root}",)
        yield Command(("systemctl", *place, verb, *names))


def _has_systemd(root: Path) -> bool:
    if root == Path("/"):
        return Path("/run/systemd/system").is_dir()
    return any((root / place).is_dir() for place in ("usr/lib/systemd", "lib/systemd"))


def _has_line(root: Path, table: str, name: str) -> bool:
    try:
        lines = (root / table).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(line.startswith(f"{name}:") for line in lines)


def _prefix(root: Path) -> tuple[str, ...]:
    return () if root == Path("/") else ("--prefix", str(root))


def _at(root: Path, path: str) -> Path:
    return root / path.lstrip("/")
