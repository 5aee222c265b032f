"""The few readings that need root: a closed table of whole command lines, and the ways to them.

An agent that is not root gets what a line of the table prints in one of two ways
(docs/decisions/0011-privileged-readings.md):

- under systemd a service of its own runs the table as root shortly before (agent/readings.py) and
  leaves the output in /run/xunjian;
- elsewhere sudo runs the line, where `xunjian-agent install` wrote the rule.

No line takes an argument from outside, none has a wildcard, and none prints a password's hash.
"""

import os
import stat
import time
from pathlib import Path

import msgspec
from msgspec import Struct

from agent import redaction
from agent.tools import find_tool, run_tool
from checks.api import Output, Text
from checks.errors import NotPermitted, UnexpectedOutput

FOLDER = Path("/run/xunjian")
"""Where the service leaves what it read; only root writes there."""
SUDO_MARK = Path("/etc/xunjian/readings-by-sudo")
"""Written with the rule: without it sudo isn't asked, which would report the attempt."""
SUDO_SECONDS = 60
"""After this sudo ends the command: an ordinary user can't kill a process of root."""
FRESH_SECONDS = 15 * 60.0

_LARGEST_BYTES = 8 * 2**20
_HINT = (
    "this needs root: sudo xunjian-agent install makes the reading possible, without full rights"
)


class Reading(Struct, frozen=True):
    """One command line, and why it is in the table."""

    name: str
    """Name of its file in FOLDER."""
    command: tuple[str, ...]
    why: Text
    exit_codes: tuple[int, ...] = (0,)


_ADVISORIES = Text(
    "待安装的安全公告：软件源缓存属于 root", "pending advisories: the cache of packages is root's"
)

READINGS = (
    Reading(
        "accounts",
        ("/usr/bin/awk", "-F:", "length($2)<1{print$1}", "/etc/shadow"),
        Text(
            "密码为空的账户名（不输出任何密码散列）",
            "names of accounts with an empty password (no hash of any password is printed)",
        ),
    ),
    Reading("dmesg", ("/usr/bin/dmesg", "-r"), Text("内核日志", "the kernel's log")),
    Reading(
        "sshd",
        ("/usr/sbin/sshd", "-T"),
        Text("生效的 sshd 设置", "the settings of sshd that are in force"),
    ),
    Reading(
        "serial",
        ("/usr/bin/cat", "/sys/class/dmi/id/product_serial"),
        Text("主机序列号", "the serial number of the machine"),
    ),
    Reading("dnf", ("/usr/bin/dnf", "-C", "-q", "updateinfo", "list", "--security"), _ADVISORIES),
    Reading(
        "dnf-installed",
        ("/usr/bin/dnf", "-C", "-q", "updateinfo", "list", "--installed", "--security"),
        _ADVISORIES,
    ),
    Reading("yum", ("/usr/bin/yum", "-C", "-q", "updateinfo", "list", "security"), _ADVISORIES),
    Reading(
        "yum-installed",
        ("/usr/bin/yum", "-C", "-q", "updateinfo", "list", "installed", "security"),
        _ADVISORIES,
    ),
)


class Stored(Struct, frozen=True):
    """What a line of the table printed, and when, by the clock that nobody sets."""

    monotonic_seconds: float
    output: Output


def reading_of(command: tuple[str, ...]) -> Reading | None:
    """Return the line of the table that a probe's command is, word for word; None if none is."""
    for reading in READINGS:
        path = reading.command[0]
        if command[1:] == reading.command[1:] and command[0] in (path, Path(path).name):
            return reading
    return None


def run_reading(reading: Reading, timeout_seconds: float, limit_bytes: int) -> Output:
    """Return what the line prints for root, or for this user where that is enough.

    Raise NotPermitted, with what to do about it, where it is not; also ToolMissing and TimedOut.
    """
    tool = find_tool(reading.command[0])
    stored = _stored(reading)
    if stored is not None:
        return stored
    if SUDO_MARK.exists():
        command = ("sudo", "-n", "--", *reading.command)
        output = run_tool(find_tool("sudo"), command, timeout_seconds, limit_bytes)
    else:
        output = run_tool(tool, reading.command, timeout_seconds, limit_bytes)
    if output.exit_code not in reading.exit_codes:
        words = redaction.clean(output.error_text.strip())[:300]
        raise NotPermitted(" ".join(reading.command)[:200], f"{_HINT} ({words})")
    return output


def store(reading: Reading, output: Output, folder: Path = FOLDER) -> None:
    """Leave the output for the agent; the folder's group may read it."""
    content = msgspec.json.encode(Stored(time.monotonic(), output))
    place = folder / f"{reading.name}.json"
    draft = folder / f".{reading.name}.new"
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o640)
        group = folder.stat().st_gid
        if os.fstat(descriptor).st_gid != group:  # never in the unit, where chown is forbidden
            os.fchown(descriptor, -1, group)
        file.write(content)
    draft.replace(place)


def _stored(reading: Reading) -> Output | None:
    """Return what root's service left a few minutes ago in this boot; None if nothing."""
    try:
        descriptor = os.open(FOLDER / f"{reading.name}.json", os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if status.st_uid != 0 or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise NotPermitted(str(FOLDER), "not used: others than root can write it")
        content = file.read(_LARGEST_BYTES)
    try:
        stored = msgspec.json.decode(content, type=Stored)
    except msgspec.DecodeError as error:
        raise UnexpectedOutput(str(FOLDER / reading.name), str(error)) from error
    # /run does not outlive a boot, in which this clock only goes forward.
    age = time.monotonic() - stored.monotonic_seconds
    return stored.output if 0 <= age < FRESH_SECONDS else None
