"""Errors in the kernel log and the journal, grouped by message; signs of failing hardware.

What leaves the host: the message with its numbers masked, cut to 200 characters, a count, and the
first and last time. Nothing else of a log line.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Host,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    info,
    limit,
    ok,
)
from checks.errors import NotPermitted, ProbeError, UnexpectedOutput
from checks.host._log_messages import (
    ERROR_PRIORITY,
    MOST_LINES,
    SIGNS,
    Group,
    Line,
    group,
    parse_journal,
    parse_ring_buffer,
    sign_of,
)
from checks.wording import count


class Facts(Struct, frozen=True):
    """What the logs of this host hold; the newest lines where there are too many."""

    journal: bool
    """False: there is no journal here, only the kernel's ring buffer of this boot was read."""
    truncated: bool
    groups: tuple[Group, ...]


def probe(host: Host) -> Facts:
    """Read the errors of the journal and the signs of failing hardware in the ring buffer.

    Raise NotPermitted where neither may be read, ToolMissing where neither command is there.
    """
    has_journal = bool(
        host.list("/var/log/journal/*/*.journal") or host.list("/run/log/journal/*/*.journal")
    )
    if not has_journal:
        lines = _ring_buffer(host)
        kept = [line for line in lines if line.priority <= ERROR_PRIORITY or sign_of(line.message)]
        return Facts(False, False, group(kept))
    lines = _journal(host)
    truncated = len(lines) >= MOST_LINES
    try:
        # Link losses and call traces are logged below "error"; the ring buffer has them cheaply.
        kept = [line for line in _ring_buffer(host) if line.priority > ERROR_PRIORITY]
        lines += [line for line in kept if sign_of(line.message)]
    except ProbeError:
        pass  # The journal alone answers the question; the ring buffer only adds to it.
    return Facts(True, truncated, group(lines))


def _journal(host: Host) -> list[Line]:
    command = ("journalctl", "-p", "3", "-o", "json", "-n", str(MOST_LINES), "--no-pager")
    window = "--since=-30days"
    fields = "--output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER"
    answer = host.run(*command, window, fields, exit_codes=(0, 1))
    if answer.exit_code and "output-fields" in answer.error_text:
        # systemd before 236, as in CentOS 7, gives all fields or none.
        answer = host.run(*command, window, exit_codes=(0, 1))
    if (
        "insufficient permissions" in answer.error_text
        or "not seeing messages" in answer.error_text
    ):
        raise NotPermitted("journal", "member of the group systemd-journal or adm needed")
    if answer.exit_code:
        raise UnexpectedOutput("journalctl", answer.error_text.strip()[:200])
    return parse_journal(answer.text)


def _ring_buffer(host: Host) -> list[Line]:
    answer = host.run("dmesg", "-r", exit_codes=(0, 1))
    if answer.exit_code:
        raise NotPermitted("dmesg", answer.error_text.strip()[:200])
    found = re.search(r"^btime (\d{1,12})$", host.read("/proc/stat"), re.M)
    if not found:
        raise UnexpectedOutput("/proc/stat", "no btime")
    return parse_ring_buffer(answer.text, datetime.fromtimestamp(int(found[1]), UTC))


class LogThresholds(Thresholds, frozen=True):
    """How far back the logs count."""

    window_days: Annotated[float, limit("d", "OWN 30 d, the time between two inspections")] = 30
    mention_other_errors: Annotated[int, limit("lines", "OWN: from here on worth reading")] = 100


def log_errors(facts: Facts, thresholds: LogThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge each sign of failing hardware, and mention a flood of other errors."""
    since = past.observed_at - timedelta(days=thresholds.window_days)
    recent = [one for one in facts.groups if one.last_at >= since]
    reference = _reference(facts, thresholds)
    for name, (title, state, _) in SIGNS.items():
        mine = [one for one in recent if sign_of(one.message) == name]
        number = count(sum(one.count for one in mine), "次", "times")
        if mine:
            yield Verdict(name, state, number, reference, _evidence(title, mine, past))
        elif facts.truncated:
            # What was written before the flood was not seen: no pass.
            yield info(name, number, reference, FLOODED)
        else:
            yield ok(name, number, reference)
    rest = [one for one in recent if sign_of(one.message) is None]
    total = sum(one.count for one in rest)
    if total >= thresholds.mention_other_errors:
        yield info("other", count(total, "次", "times"), reference, _evidence(OTHER, rest, past))
    else:
        yield ok("other", count(total, "次", "times"), reference)


def _reference(facts: Facts, thresholds: LogThresholds) -> Text:
    """Return what is wanted, and over how much of the logs that was looked for."""
    text = Text(
        f"近 {thresholds.window_days:.0f} 天 0 次", f"none in {thresholds.window_days:.0f} days"
    )
    if not facts.journal:
        return Text(
            f"{text.zh}（仅本次启动的内核日志）", f"{text.en} (kernel log of this boot only)"
        )
    if facts.truncated:
        return Text(
            f"{text.zh}（仅最新 {MOST_LINES} 行）", f"{text.en} (newest {MOST_LINES} lines only)"
        )
    return text


FLOODED = Text(
    f"错误日志过多，只检查了最新的 {MOST_LINES} 行，更早的情况不明。",
    f"Too many errors are logged: only the newest {MOST_LINES} lines were read.",
)
OTHER = Text("其他错误日志", "other errors logged")


def _evidence(title: Text, groups: list[Group], past: Past[Facts]) -> Text:
    most = max(groups, key=lambda one: one.count)
    newest = max(one.last_at for one in groups)
    fresh = Text("", "")
    if past.elapsed_seconds is not None:
        before = past.observed_at - timedelta(seconds=past.elapsed_seconds)
        number = sum(one.last_at > before for one in groups)
        fresh = Text(
            f"，其中 {number} 类在上次巡检后仍有发生",
            f", {number} of them since the last inspection",
        )
    return Text(
        "{title}：{kinds} 类共 {total} 次{fresh}，{first} 至 {last}；"
        "最多的一条（{n} 次，{source}）：{text}",
        "{title}: {kinds} kinds, {total} times{fresh}, {first} to {last}; the most frequent ({n}"
        " times, {source}): {text}",
    ).format(
        title=title,
        kinds=len(groups),
        total=sum(one.count for one in groups),
        fresh=fresh,
        first=f"{min(one.first_at for one in groups):%Y-%m-%d %H:%M}",
        last=f"{newest:%Y-%m-%d %H:%M}",
        n=most.count,
        source=most.source or "?",
        text=most.message,
    )


CHECK = Check(
    title=Text("内核与系统日志", "Kernel log and journal"),
    chapter=Chapter.HOST,
    facts=Facts,
    probe=probe,
    reads=(
        "journalctl -p 3 -o json -n 500 --since=-30days",
        "/var/log/journal/*/*.journal (names)",
        "/run/log/journal/*/*.journal (names)",
        "dmesg -r",
        "/proc/stat",
    ),
    privilege=Text(
        "systemd-journal 或 adm 组成员；读取 dmesg 可能需要 root",
        "member of the group systemd-journal or adm; dmesg may need root",
    ),
    agentless=True,
    rules=(
        Rule(
            "OS-LOG-001",
            Text("内核与硬件错误日志", "Errors of kernel and hardware"),
            why=Text(
                "内存、磁盘、网卡损坏前，内核日志往往最早出现征兆；"
                "及时处理可避免数据损坏和突然停机。",
                "The kernel log shows failing memory, disks and network cards first; acting on it"
                " avoids damaged data and sudden outages.",
            ),
            remedy=Text(
                "先确认有可用备份，再按类型处置：磁盘错误用 smartctl -a 检查并更换磁盘；"
                "文件系统错误安排停机执行 fsck 或 xfs_repair；内存与 MCE 错误联系硬件厂商更换部件；"
                "链路断开检查网线、光模块和交换机端口。"
                "原始日志用 journalctl -p 3 --since '-30 days' 和 dmesg -T 查看。",
                "Make sure of a backup first. Disk errors: smartctl -a, replace the disk. File"
                " system errors: fsck or xfs_repair in a maintenance window. Memory and MCE: have"
                " the vendor replace the part. Link down: cable, module, switch port. Read the log"
                " with journalctl -p 3 --since '-30 days' and dmesg -T.",
            ),
            priority=1,
            thresholds=LogThresholds,
            evaluate=log_errors,
        ),
    ),
)
