"""MSSQL-060: is there anything that checks the databases, rebuilds indexes, updates statistics?"""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Failure,
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    info,
    limit,
    not_run,
    ok,
    warning,
)
from checks.mssql._job_facts import Facts, Purpose
from checks.mssql._job_rules import SUCCEEDED
from checks.wording import listing


class MaintenanceThresholds(Thresholds, frozen=True):
    """How far back a run counts."""

    window_days: Annotated[float, limit("d", "catalogue MSSQL-060: 30 d")] = 30


_DUTIES = {
    "checkdb": (Text("完整性检查（CHECKDB）", "integrity checks (CHECKDB)"), ("DBCC_CHECKDB",)),
    "indexes": (Text("索引维护", "index maintenance"), ("ALTER_INDEX",)),
    "statistics": (Text("统计信息更新", "updates of statistics"), ("UPDATE_STATISTICS",)),
}


def maintenance(
    facts: Facts, thresholds: MaintenanceThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge for each duty whether a job, a plan or a script did it lately."""
    seconds = thresholds.window_days * 86400
    reference = Text(
        f"{thresholds.window_days:g} 天内成功执行过",
        f"done within {thresholds.window_days:g} days",
    )
    purposes = () if isinstance(facts.purposes, Failure) else facts.purposes
    commands = () if isinstance(facts.commands, Failure) else facts.commands
    done = {
        job.name
        for job in facts.jobs
        if job.enabled
        and job.last_status == SUCCEEDED
        and job.last_age_seconds is not None
        and job.last_age_seconds <= seconds
    }
    for name, (title, types) in _DUTIES.items():
        by = [each.name for each in purposes if each.name in done and _serves(each, name)]
        plans = [each.name for each in purposes if each.name in done and each.is_plan]
        if any(each.command_type in types and each.age_seconds <= seconds for each in commands):
            by.append("CommandLog")
        refused = [each for each in (facts.purposes, facts.commands) if isinstance(each, Failure)]
        if by:
            yield ok(name, Text.same(listing(by, 3)), reference)
        elif plans:
            message = Text(
                "有维护计划在运行（{plans}），但从作业看不出它做什么：请确认其中包含{title}。",
                "Maintenance plans run ({plans}), but their jobs don't tell what they do: make "
                "sure that {title} are among it.",
            ).format(plans=listing(plans, 3), title=title)
            yield info(name, Text("维护计划", "a maintenance plan"), reference, message)
        elif refused:
            yield not_run(name, refused[0])
        else:
            message = Text(
                "{days:g} 天内没有成功执行过{title}的作业、维护计划或脚本。",
                "No job, plan or script for {title} has succeeded in {days:g} days.",
            ).format(days=thresholds.window_days, title=title)
            yield warning(name, Text("未发现", "none found"), reference, message)


def _serves(purpose: Purpose, duty: str) -> bool:
    """Return whether a job does a duty by what its steps say."""
    own = {"checkdb": purpose.checks, "indexes": purpose.rebuilds, "statistics": purpose.counts}
    # Rebuilding an index updates its statistics, too.
    return own[duty] or (duty == "statistics" and purpose.rebuilds)


MAINTENANCE = Rule(
    code="MSSQL-060",
    title=Text("数据库维护计划", "Maintenance exists"),
    why=Text(
        "没有定期的完整性检查、索引维护和统计信息更新，损坏会迟迟不被发现，系统会一天天变慢。",
        "Without integrity checks, index maintenance and fresh statistics damage stays hidden and "
        "everything grows slower day by day.",
    ),
    remedy=Text(
        "部署维护计划或 Ola Hallengren 的维护脚本：每周 DBCC CHECKDB、按碎片维护索引、"
        "更新统计信息，"
        "安排在业务低谷；Express 版用 Windows 任务计划加 sqlcmd 执行。",
        "Set up a maintenance plan or Ola Hallengren's scripts: CHECKDB every week, indexes by "
        "their fragmentation, statistics, all in quiet hours; with Express use the task scheduler "
        "of Windows and sqlcmd.",
    ),
    priority=2,
    thresholds=MaintenanceThresholds,
    evaluate=maintenance,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
