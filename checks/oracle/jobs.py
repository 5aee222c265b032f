"""Oracle: failed jobs of the scheduler and of DBMS_JOB, and the automatic statistics.

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
    critical,
    limit,
    ok,
    warning,
)
from checks.databases import Database
from checks.errors import part
from checks.judging import missing
from checks.wording import days

RUNS = """
SELECT owner AS owner, job_name AS name, COUNT(*) AS runs,
       SUM(CASE WHEN status = 'FAILED' THEN 1 ELSE 0 END) AS failed
FROM dba_scheduler_job_run_details
WHERE log_date > SYSTIMESTAMP - INTERVAL '7' DAY
GROUP BY owner, job_name
HAVING SUM(CASE WHEN status = 'FAILED' THEN 1 ELSE 0 END) > 0
"""
BROKEN = """
SELECT schema_user AS owner, TO_CHAR(job) AS name, broken AS broken, NVL(failures, 0) AS failures
FROM dba_jobs WHERE broken = 'Y' OR failures > 0
"""
STATISTICS = """
SELECT c.status AS status,
       (SELECT (CAST(SYS_EXTRACT_UTC(SYSTIMESTAMP) AS DATE)
                - CAST(SYS_EXTRACT_UTC(MAX(h.job_start_time)) AS DATE))
        FROM dba_autotask_job_history h
        WHERE h.client_name = c.client_name AND h.job_status = 'SUCCEEDED') AS days_ago
FROM dba_autotask_client c
WHERE c.client_name = 'auto optimizer stats collection'
"""
_MOST = 200


class RunRow(Struct, frozen=True):
    """One job that failed at least once within 7 days."""

    owner: str
    name: str
    runs: int
    failed: int


class BrokenRow(Struct, frozen=True):
    """One job of DBMS_JOB that fails."""

    owner: str
    name: str
    broken: str
    failures: int


class StatisticsRow(Struct, frozen=True):
    """The automatic statistics."""

    status: str
    days_ago: float | None = None
    """Since they last ended well; None: never, as far as is known."""


class Facts(Struct, frozen=True):
    """Jobs of one container."""

    failed: tuple[RunRow, ...] | Failure
    broken: tuple[BrokenRow, ...] | Failure
    statistics: tuple[StatisticsRow, ...] | Failure


def probe(database: Database) -> Facts:
    """Ask the data dictionary. Raise a ProbeError."""
    return Facts(
        part(lambda: database.rows(RUNS, RunRow)[:_MOST]),
        part(lambda: database.rows(BROKEN, BrokenRow)[:_MOST]),
        part(lambda: database.rows(STATISTICS, StatisticsRow)[:1]),
    )


class JobThresholds(Thresholds, frozen=True):
    """One failed job is too many (COH 0); statistics must be younger."""

    critical_statistics_days: Annotated[float, limit("d", "catalogue ORA-021: 8 d")] = 8


def jobs(facts: Facts, thresholds: JobThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge failed jobs and the age of the statistics."""
    fine = Text("无失败", "none failed")
    if isinstance(facts.failed, Failure):
        yield from missing(facts.failed, "scheduler")
    else:
        if not facts.failed:
            yield ok("scheduler", fine, fine)
        for run in facts.failed:
            name = f"{run.owner}.{run.name}"
            current = Text(f"{run.failed}/{run.runs} 次失败", f"{run.failed} of {run.runs} failed")
            message = Text(
                f"作业 {name} 7 天内执行 {run.runs} 次，失败 {run.failed} 次。",
                f"Job {name} failed {run.failed} of {run.runs} times within 7 days.",
            )
            yield warning(name, current, fine, message)
    if isinstance(facts.broken, Failure):
        yield from missing(facts.broken, "dbms_job")
    else:
        if not facts.broken:
            yield ok("dbms_job", fine, fine)
        for job in facts.broken:
            state = (
                Text("已停用（BROKEN）", "is broken")
                if job.broken == "Y"
                else Text("最近执行失败", "failed lately")
            )
            message = Text(
                "DBMS_JOB 作业 {name}（{owner}）{state}，连续失败 {failures} 次。",
                "Job {name} of {owner} {state}, {failures} failures in a row.",
            ).format(name=job.name, owner=job.owner, state=state, failures=job.failures)
            yield warning(f"dbms_job:{job.owner}.{job.name}", state, fine, message)
    yield from _statistics(facts.statistics, thresholds.critical_statistics_days)


def _statistics(found: tuple[StatisticsRow, ...] | Failure, most_days: float) -> Iterator[Verdict]:
    if isinstance(found, Failure):
        yield from missing(found, "statistics")
        return
    reference = Text("≤ {limit}", "≤ {limit}").format(limit=days(most_days))
    row = found[0] if found else StatisticsRow("DISABLED")
    age = row.days_ago
    if row.status == "ENABLED" and age is not None and age <= most_days:
        yield ok("statistics", days(age), reference)
        return
    current = Text("从未成功", "never") if age is None else days(age)
    message = Text(
        "自动统计信息收集（{status}）最近一次成功：{age}前。",
        "The automatic statistics ({status}) last ended well {age} ago.",
    )
    if age is None:
        message = Text(
            "自动统计信息收集（{status}）没有成功执行过的记录。",
            "There is no record that the automatic statistics ({status}) ever ended well.",
        )
    yield critical("statistics", current, reference, message.format(status=row.status, age=current))


CHECK = Check(
    title=Text("Oracle 作业", "Oracle jobs"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="oracle",
    reads=(
        "dba_scheduler_job_run_details, dba_jobs",
        "dba_autotask_client, dba_autotask_job_history",
    ),
    privilege=Text(
        "CREATE SESSION，以及对上述视图的 SELECT", "CREATE SESSION, and SELECT on these views"
    ),
    rules=(
        Rule(
            code="ORA-021",
            title=Text("作业失败与统计信息", "Failed jobs and statistics"),
            why=Text(
                "作业失败没人看到时，结转、清理和备份会悄悄停下；统计信息过旧会让执行计划变差。",
                "Where nobody sees failed jobs, closings, clean-ups and backups stop silently; old "
                "statistics make plans worse.",
            ),
            remedy=Text(
                "在 dba_scheduler_job_run_details.additional_info 中查看错误并修复；"
                "DBMS_AUTO_TASK_ADMIN.ENABLE 打开自动统计；若有意关闭，请确认另有收集计划。",
                "Read the error in dba_scheduler_job_run_details.additional_info and mend it; "
                "DBMS_AUTO_TASK_ADMIN.ENABLE turns the statistics on; where they are off on "
                "purpose, make sure that something else gathers them.",
            ),
            priority=2,
            thresholds=JobThresholds,
            evaluate=jobs,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
