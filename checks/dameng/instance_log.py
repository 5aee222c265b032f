"""达梦 DM8: errors of the instance's log within a week, counted by level; their texts stay there.

V$INSTANCE_LOG_HISTORY shows the log (dm_<instance>_<yyyymm>.log) without a look at files. Older
builds lack it. Core files lie where the system puts them: left out.

From documentation and public scripts (views of DM8); no DM8 has run these queries for us yet.
"""

from collections.abc import Iterator

from checks.api import (
    Chapter,
    Check,
    Owner,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    ok,
    warning,
)
from checks.databases import Database
from checks.wording import count, duration

ERRORS = """
SELECT LEVEL$ AS "level", COUNT(*) AS "times",
       MIN((SYSDATE - LOG_TIME) * 86400) AS "last_seconds"
FROM V$INSTANCE_LOG_HISTORY
WHERE LEVEL$ IN ('ERROR', 'FATAL') AND LOG_TIME > SYSDATE - 7
GROUP BY LEVEL$
"""


class ErrorRow(Struct, frozen=True):
    """Lines of one level within 7 days."""

    level: str
    times: int
    last_seconds: float


class Facts(Struct, frozen=True):
    """What the log counts."""

    errors: tuple[ErrorRow, ...]


def probe(database: Database) -> Facts:
    """Ask for the log. Raise a ProbeError."""
    return Facts(database.rows(ERRORS, ErrorRow)[:10])


class StateThresholds(Thresholds, frozen=True):
    """Nothing to set: any ERROR is worth a look, any FATAL is one too many."""


def errors(facts: Facts, _thresholds: StateThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge ERROR and FATAL."""
    none = Text("7 天内无", "none within 7 days")
    for row in facts.errors:
        message = Text(
            "实例日志 7 天内有 {times} 条 {level}，最近一条在 {age}前。",
            "The log has {times} lines of {level} within 7 days, the last {age} ago.",
        ).format(times=row.times, level=row.level, age=duration(row.last_seconds))
        state = critical if row.level == "FATAL" else warning
        yield state(row.level, count(row.times, "条", "lines"), none, message)
    if not facts.errors:
        yield ok("", none, none)


CHECK = Check(
    title=Text("达梦实例日志", "DM8 log of the instance"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="dameng",
    reads=("V$INSTANCE_LOG_HISTORY",),
    privilege=Text("角色 VTI（V$ 视图）", "the role VTI (V$ views)"),
    rules=(
        Rule(
            code="DM-009",
            title=Text("达梦实例日志错误", "Errors of the log"),
            why=Text(
                "ERROR 和 FATAL 是故障的先兆，放着不看往往要到停机才发现。",
                "ERROR and FATAL come before failures; unread, they are found when all stands.",
            ),
            remedy=Text(
                "在 DM_HOME/log 下查看 dm_实例名_年月.log 的前后文，按错误码处理；"
                "FATAL 或有 core 文件时保留现场并联系达梦支持。",
                "Read what stands around them in dm_<instance>_<yyyymm>.log of DM_HOME/log; for "
                "FATAL or core files keep everything and ask the vendor's support.",
            ),
            priority=2,
            thresholds=StateThresholds,
            evaluate=errors,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
