"""Oracle: how often redo logs switch, and the state of their groups and members.

From the reference (11.2 to 23ai); no Oracle has run these queries for us yet.
"""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    info,
    limit,
    ok,
    warning,
)
from checks.databases import Database
from checks.errors import part
from checks.judging import judged, missing
from checks.wording import duration, listing

SWITCHES = """
SELECT thread# AS thread, TO_CHAR(first_time, 'YYYY-MM-DD HH24') AS hour, COUNT(*) AS switches
FROM v$log_history WHERE first_time > SYSDATE - 1
GROUP BY thread#, TO_CHAR(first_time, 'YYYY-MM-DD HH24')
"""
GROUPS = "SELECT thread# AS thread, members AS members, bytes AS bytes FROM v$log"
BROKEN = "SELECT member AS name FROM v$logfile WHERE status IN ('INVALID', 'DELETED')"
_LEAST_GROUPS = 3


class HourRow(Struct, frozen=True):
    """One hour of one thread."""

    thread: int
    hour: str
    """By the server's clock."""
    switches: int


class GroupRow(Struct, frozen=True):
    """One group of redo logs."""

    thread: int
    members: int
    bytes: int


class MemberRow(Struct, frozen=True):
    """A file of a group that can't be used."""

    name: str


class Facts(Struct, frozen=True):
    """Redo of one database."""

    switches: tuple[HourRow, ...] | Failure
    groups: tuple[GroupRow, ...] | Failure
    broken: tuple[MemberRow, ...] | Failure


def probe(database: Database) -> Facts:
    """Ask the control file. Raise a ProbeError."""
    return Facts(
        part(lambda: database.rows(SWITCHES, HourRow)[:500]),
        part(lambda: database.rows(GROUPS, GroupRow)[:200]),
        part(lambda: database.rows(BROKEN, MemberRow)[:50]),
    )


class RedoThresholds(Thresholds, frozen=True):
    """Of the mean time between two switches in the busiest hour of a day."""

    warning_seconds: Annotated[float, limit("s", "COH switch-interval 600")] = 600
    critical_seconds: Annotated[float, limit("s", "COH switch-interval 60")] = 60


def redo(facts: Facts, thresholds: RedoThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the busiest hour, the number of groups, and members that can't be used."""
    if isinstance(facts.switches, Failure):
        yield from missing(facts.switches, "switches")
    elif not facts.switches:
        none = Text("24 小时内没有切换", "no switch in 24 h")
        yield ok("switches", none, none)
    else:
        worst = max(facts.switches, key=lambda row: row.switches)
        message = Text(
            f"最忙的一小时（{worst.hour} 时，线程 {worst.thread}）切换了 {worst.switches} 次。",
            f"In the busiest hour ({worst.hour}, thread {worst.thread}) logs switched "
            f"{worst.switches} times.",
        )
        yield judged(
            "switches",
            3600 / max(1, worst.switches),
            thresholds.warning_seconds,
            thresholds.critical_seconds,
            show=duration,
            message=message,
            lower_is_worse=True,
        )
    yield _groups(facts.groups)
    yield _members(facts.broken)


def _groups(groups: tuple[GroupRow, ...] | Failure) -> Verdict:
    if isinstance(groups, Failure):
        return missing(groups, "groups")[0]
    threads: dict[int, int] = {}
    for group in groups:
        threads[group.thread] = threads.get(group.thread, 0) + 1
    few = [f"{thread}: {number}" for thread, number in threads.items() if number < _LEAST_GROUPS]
    current = Text(f"{len(groups)} 组", f"{len(groups)} groups")
    reference = Text("每线程 ≥ 3 组", "≥ 3 groups a thread")
    if not few:
        return ok("groups", current, reference)
    message = Text(
        f"重做日志组少于 3 组（线程: 组数 {listing(few)}），切换时容易等待。",
        f"A thread has fewer than 3 groups of redo logs ({listing(few)}): switches have to wait.",
    )
    return info("groups", current, reference, message)


def _members(broken: tuple[MemberRow, ...] | Failure) -> Verdict:
    if isinstance(broken, Failure):
        return missing(broken, "members")[0]
    fine = Text("全部可用", "all usable")
    if not broken:
        return ok("members", fine, fine)
    names = listing([row.name for row in broken])
    message = Text(
        f"重做日志成员不可用：{names}。", f"Members of redo logs can't be used: {names}."
    )
    return warning("members", Text(f"{len(broken)} 个", f"{len(broken)}"), fine, message)


CHECK = Check(
    title=Text("Oracle 重做日志", "Oracle redo logs"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="oracle",
    reads=("v$log_history, v$log, v$logfile",),
    privilege=Text(
        "CREATE SESSION，以及对上述视图（V_$…）的 SELECT",
        "CREATE SESSION, and SELECT on these views (V_$…)",
    ),
    rules=(
        Rule(
            code="ORA-013",
            title=Text("重做日志切换与日志组", "Redo switches, groups and members"),
            why=Text(
                "日志太小会频繁切换，检查点跟不上时所有提交都要等待；成员损坏则失去一份保护。",
                "Small logs switch often, and all commits wait when checkpoints can't keep up; a "
                "broken member is one copy less.",
            ),
            remedy=Text(
                "新建更大的日志组（使高峰期 15 至 20 分钟切换一次），切换后删除旧组；"
                "损坏的成员先 DROP LOGFILE MEMBER 再添加。",
                "Add larger groups (a switch each 15 to 20 minutes at peak times), switch and drop "
                "the old ones; drop broken members and add them anew.",
            ),
            priority=2,
            thresholds=RedoThresholds,
            evaluate=redo,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
