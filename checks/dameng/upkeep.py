"""达梦 DM8: failed jobs, invalid objects, tables with old statistics.

Instances may lack the schema SYSJOB: then there are no jobs.

From documentation and public scripts (views of DM8); no DM8 has run these queries for us yet.
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
from checks.judging import missing
from checks.wording import count, listing

JOBS = """
SELECT NAME AS "name", COUNT(*) AS "failed"
FROM SYSJOB.SYSJOBHISTORIES2
WHERE ERRCODE <> 0 AND START_TIME > SYSDATE - 7
GROUP BY NAME
"""
INVALID = """
SELECT OWNER AS "name", COUNT(*) AS "failed"
FROM DBA_OBJECTS WHERE STATUS = 'INVALID' AND OWNER NOT IN ('SYS', 'SYSJOB', 'CTISYS')
GROUP BY OWNER
"""
STALE = """
SELECT OWNER AS "name", COUNT(*) AS "failed"
FROM DBA_TABLES
WHERE OWNER NOT LIKE 'SYS%' AND OWNER <> 'CTISYS'
  AND (LAST_ANALYZED IS NULL OR LAST_ANALYZED < SYSDATE - 90)
GROUP BY OWNER
"""
_MOST = 100


class CountRow(Struct, frozen=True):
    """How many of one job or schema."""

    name: str
    failed: int


class Facts(Struct, frozen=True):
    """What wants upkeep."""

    jobs: tuple[CountRow, ...] | Failure
    invalid: tuple[CountRow, ...] | Failure
    stale: tuple[CountRow, ...] | Failure


def probe(database: Database) -> Facts:
    """Ask the data dictionary. Raise a ProbeError."""
    return Facts(
        part(lambda: database.rows(JOBS, CountRow)[:_MOST]),
        part(lambda: _wanted(database, INVALID)),
        part(lambda: _wanted(database, STALE)),
    )


def _wanted(database: Database, query: str) -> tuple[CountRow, ...]:
    rows = [row for row in database.rows(query, CountRow) if not database.excluded(row.name)]
    return tuple(sorted(rows, key=lambda row: -row.failed)[:_MOST])


class UpkeepThresholds(Thresholds, frozen=True):
    """One failed job is too many; objects and statistics by number."""

    warning_invalid: Annotated[int, limit("objects", "DBC 20, as ORA-012")] = 20


def upkeep(facts: Facts, thresholds: UpkeepThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge jobs and invalid objects; tell old statistics."""
    fine = Text("无失败", "none failed")
    if isinstance(facts.jobs, Failure):
        yield from missing(facts.jobs, "jobs")
    else:
        if not facts.jobs:
            yield ok("jobs", fine, fine)
        for job in facts.jobs:
            message = Text(
                f"作业 {job.name} 7 天内失败 {job.failed} 次。",
                f"Job {job.name} failed {job.failed} times within 7 days.",
            )
            yield warning(f"job:{job.name}", count(job.failed, "次", "times"), fine, message)
    if isinstance(facts.invalid, Failure):
        yield from missing(facts.invalid, "invalid")
    else:
        total = sum(row.failed for row in facts.invalid)
        current = count(total, "个", "objects")
        wanted = Text.same(f"< {thresholds.warning_invalid}")
        if total < thresholds.warning_invalid:
            yield ok("invalid", current, wanted)
        else:
            shown = listing([f"{row.name} {row.failed}" for row in facts.invalid])
            message = Text(
                f"有 {total} 个无效对象：{shown}。", f"{total} objects are invalid: {shown}."
            )
            yield warning("invalid", current, wanted, message)
    yield from _stale(facts.stale)


def _stale(found: tuple[CountRow, ...] | Failure) -> Iterator[Verdict]:
    if isinstance(found, Failure):
        yield from missing(found, "statistics")
        return
    total = sum(row.failed for row in found)
    current, wanted = count(total, "张表", "tables"), Text("90 天内更新", "within 90 days")
    if not total:
        yield ok("statistics", current, wanted)
        return
    shown = listing([f"{row.name} {row.failed}" for row in found])
    message = Text(
        f"{total} 张表从未收集或 90 天未更新统计信息：{shown}。",
        f"{total} tables have no statistics of the last 90 days: {shown}.",
    )
    yield info("statistics", current, wanted, message)


CHECK = Check(
    title=Text("达梦作业、对象与统计信息", "DM8 jobs, objects and statistics"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="dameng",
    reads=("SYSJOB.SYSJOBHISTORIES2, DBA_OBJECTS, DBA_TABLES",),
    privilege=Text(
        "SYSJOB.SYSJOBHISTORIES2、DBA_OBJECTS、DBA_TABLES 的 SELECT",
        "SELECT on SYSJOB.SYSJOBHISTORIES2, DBA_OBJECTS and DBA_TABLES",
    ),
    rules=(
        Rule(
            code="DM-013",
            title=Text("达梦作业与对象维护", "Jobs, invalid objects, statistics"),
            why=Text(
                "作业失败没人看到时备份和清理会悄悄停下；统计信息过旧使语句变慢。",
                "Unseen failures stop backups and clean-ups silently; old statistics slow queries.",
            ),
            remedy=Text(
                "在 SYSJOB.SYSSTEPHISTORIES2 中查看失败步骤的错误并修复；"
                "DBMS_STATS.GATHER_SCHEMA_STATS 在业务低谷收集统计信息。",
                "Read the error of the failed step in SYSJOB.SYSSTEPHISTORIES2 and mend it; "
                "gather statistics by DBMS_STATS.GATHER_SCHEMA_STATS at a quiet time.",
            ),
            priority=3,
            thresholds=UpkeepThresholds,
            evaluate=upkeep,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
