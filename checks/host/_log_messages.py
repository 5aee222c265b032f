"""Log lines of journal and kernel: read, masked, grouped, and the signs of failing hardware."""

import re
from datetime import UTC, datetime, timedelta

import msgspec

from checks.api import State, Struct, Text
from checks.errors import UnexpectedOutput

MOST_LINES = 500
MOST_GROUPS = 100
MOST_CHARACTERS = 200
ERROR_PRIORITY = 3

# Substrings, in lower case: compiled expressions would cost more than the whole reading.
SIGNS: dict[str, tuple[Text, State, tuple[str, ...]]] = {
    "hardware_error": (
        Text("硬件错误（MCE、内存、PCIe）", "hardware errors (MCE, memory, PCIe)"),
        State.CRITICAL,
        (
            "[hardware error]",
            "machine check exception",
            "machine check events logged",
            "uncorrected error",
            "uncorrectable error",
        ),
    ),
    "file_system": (
        Text("文件系统错误", "file system errors"),
        State.CRITICAL,
        (
            "ext2-fs error",
            "ext3-fs error",
            "ext4-fs error",
            "metadata i/o error",
            "xfs_do_force_shutdown",
            "metadata corruption detected",
            "corruption of in-memory data",
            "btrfs error",
            "btrfs critical",
            "remounting filesystem read-only",
        ),
    ),
    "io_error": (
        Text("磁盘读写错误", "disk I/O errors"),
        State.CRITICAL,
        ("i/o error", "medium error", "critical target error", "failed command: "),
    ),
    "out_of_memory": (
        Text("内存耗尽，进程被杀", "out of memory, a process was killed"),
        State.WARNING,
        ("out of memory", "oom-kill", "invoked oom-killer"),
    ),
    "call_trace": (
        Text(
            "内核异常（Call Trace、挂起、锁死）", "kernel faults (call trace, hung task, lock-up)"
        ),
        State.WARNING,
        ("call trace:", "bug: ", "oops: ", "soft lockup", "hard lockup", "blocked for more than"),
    ),
    "link_down": (
        Text("网卡链路断开", "network link down"),
        State.WARNING,
        ("link is down", "link down", "netdev watchdog", "transmit timed out", "carrier lost"),
    ),
}
# Floppy and optical drives complain about absent media; nothing fails there.
HARMLESS = ("dev fd", "dev sr")


class Group(Struct, frozen=True):
    """Log lines that are the same but for their numbers."""

    message: str
    source: str
    """`kernel`, or the program that wrote it."""
    priority: int
    """Of syslog: 0 emergency … 3 error … 6 information; the gravest of the group."""
    count: int
    first_at: datetime
    last_at: datetime


class Line(Struct, frozen=True):
    """One log line before it is grouped."""

    at: datetime
    priority: int
    source: str
    message: str


class _Entry(Struct):
    """The fields of `journalctl -o json` that are read; a binary message is a list of bytes."""

    realtime: str = msgspec.field(name="__REALTIME_TIMESTAMP")
    message: str | list[int | str] | None = msgspec.field(name="MESSAGE", default=None)
    priority: str = msgspec.field(name="PRIORITY", default="3")
    identifier: str | list[str] = msgspec.field(name="SYSLOG_IDENTIFIER", default="")


_decoder = msgspec.json.Decoder(_Entry)


def parse_journal(text: str) -> list[Line]:
    """Read `journalctl -o json`; a line that is cut off at the end of the output is left out."""
    lines: list[Line] = []
    rows = text.split("\n")
    for number, row in enumerate(rows):
        if not row.strip():
            continue
        try:
            entry = _decoder.decode(row)
            at = datetime.fromtimestamp(int(entry.realtime) / 1e6, UTC)
            priority = int(entry.priority)
        except (msgspec.MsgspecError, ValueError, OverflowError, OSError) as error:
            if number == len(rows) - 1:
                break
            raise UnexpectedOutput("journalctl", str(error)[:200]) from error
        message, identifier = entry.message, entry.identifier
        if isinstance(message, list):
            message = bytes(
                byte for byte in message if isinstance(byte, int) and 0 <= byte < 256
            ).decode("utf-8", "replace")
        if isinstance(identifier, list):
            identifier = identifier[0] if identifier else ""
        lines.append(Line(at, priority, identifier[:64], message or ""))
    return lines


_RAW = re.compile(r"<(\d{1,4})>\[ *(\d{1,10}\.\d{1,9})\] (.*)", re.ASCII)


def parse_ring_buffer(text: str, booted_at: datetime) -> list[Line]:
    """Read `dmesg -r`: `<3>[ 12.345678] message`, seconds since the boot. Other lines are left."""
    lines = []
    for row in text.splitlines():
        found = _RAW.match(row)
        if found:
            at = booted_at + timedelta(seconds=float(found[2]))
            lines.append(Line(at, int(found[1]) & 7, "kernel", found[3]))
    return lines


def sign_of(message: str) -> str | None:
    """Return the name of the first of SIGNS that the message shows."""
    lowered = message.lower()
    if any(text in lowered for text in HARMLESS):
        return None
    for name, (_, _, texts) in SIGNS.items():
        if any(text in lowered for text in texts):
            return name
    return None


def mask(message: str) -> str:
    """Return the message with its numbers, addresses and quoted values masked, cut to size."""
    message = re.sub(r"\b0x[0-9a-fA-F]+\b|\b(?=\w*\d)[0-9a-fA-F]{8,}\b", "#", message[:1000])
    message = re.sub(r"\"[^\"]*\"|'[^']*'", "'…'", message)
    # One digit behind a letter stays: EXT4-fs, sda1, eth0 say where to look.
    return re.sub(r"(?<![A-Za-z])\d+|\d{2,}", "#", " ".join(message.split()))[:MOST_CHARACTERS]


def group(lines: list[Line]) -> tuple[Group, ...]:
    """Return the lines grouped by source and masked message: signs of hardware, then the many."""
    found: dict[tuple[str, str], Group] = {}
    for line in lines:
        key = (line.source, mask(line.message))
        old = found.get(key) or Group(key[1], line.source, line.priority, 0, line.at, line.at)
        found[key] = Group(
            old.message,
            old.source,
            min(old.priority, line.priority),
            old.count + 1,
            min(old.first_at, line.at),
            max(old.last_at, line.at),
        )
    ordered = sorted(found.values(), key=lambda one: (sign_of(one.message) is None, -one.count))
    return tuple(ordered[:MOST_GROUPS])
