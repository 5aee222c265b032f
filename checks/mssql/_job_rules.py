"""MSSQL-036 and 037: jobs that fail or were switched off, and whether anybody is told."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Failure,
    Owner,
    Past,
    Rule,
    State,
    Text,
    Thresholds,
    Verdict,
    critical,
    grade,
    info,
    limit,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.judging import missing
from checks.mssql._job_facts import Facts, Job, Purpose
from checks.wording import count, duration, listing
from wire.messages import Reason

FAILED, SUCCEEDED, RETRIED, CANCELLED = 0, 1, 2, 3
NO_AGENT = Text("{edition} 没有 SQL Server 代理。", "{edition} has no SQL Server Agent.")
_SEVERITIES = range(19, 26)
_ERRORS = (823, 824, 825)


class JobThresholds(Thresholds, frozen=True):
    """Failures of the last seven days; a last run that failed is critical by itself."""

    warning_failures: Annotated[int, limit("failures in 7 d", "DASH 10080 min; CMH 1")] = 1
    critical_failures: Annotated[int, limit("failures in 7 d", "CMH 5")] = 5
    forgotten_days: Annotated[float, limit("d", "OWN: nobody runs it any more")] = 60


class NotificationThresholds(Thresholds, frozen=True):
    """Nothing to set: somebody is told, or nobody is."""


_LAST = {
    FAILED: Text("上次失败", "last run failed"),
    SUCCEEDED: Text("上次成功", "last run succeeded"),
    RETRIED: Text("正在重试", "being tried again"),
    CANCELLED: Text("上次被取消", "last run cancelled"),
}
_RUNNING = Text("运行中", "running")
_REFERENCE = Text("上次成功，7 天内无失败", "last run succeeded, no failure in 7 d")
_NO_RUN = Text(
    "没有运行记录：从未运行，或历史已被清除。", "No run is on record: never run, or purged."
)
_DISABLED = Text("已停用", "disabled")


def jobs(facts: Facts, thresholds: JobThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge every job by its last outcome and the failures of a week."""
    if not facts.has_agent:
        yield not_applicable("", NO_AGENT.format(edition=facts.edition))
        return
    purposes = {} if isinstance(facts.purposes, Failure) else {p.name: p for p in facts.purposes}
    for job in facts.jobs:
        if not job.enabled:
            yield _disabled(job, purposes.get(job.name), facts.purposes)
        else:
            yield _job(job, thresholds)
    if not facts.jobs:
        yield not_applicable("", Text("没有代理作业。", "There are no jobs."))
    if facts.jobs_left_out:
        yield not_run("*", Failure(Reason.UNSUPPORTED, "more than 500 jobs"))


def _disabled(job: Job, purpose: Purpose | None, known: tuple[Purpose, ...] | Failure) -> Verdict:
    if isinstance(known, Failure):
        return not_run(job.name, known)
    if purpose is not None and (purpose.backs_up or purpose.checks):
        message = Text(
            "作业“{name}”（{what}）已停用。", "The job “{name}” ({what}) is switched off."
        ).format(
            name=job.name,
            what=Text("备份", "backup") if purpose.backs_up else Text.same("CHECKDB"),
        )
        return warning(job.name, _DISABLED, Text("启用", "enabled"), message)
    return not_applicable(job.name, Text("作业已停用。", "The job is switched off."))


def _job(job: Job, thresholds: JobThresholds) -> Verdict:
    if job.last_status is None or job.last_age_seconds is None:
        return not_applicable(job.name, _NO_RUN)
    last = _LAST.get(job.last_status, _RUNNING)
    current = Text("{last}，7 天失败 {failures}/{runs}", "{last}, {failures}/{runs} failed in 7 d")
    current = current.format(last=last, failures=job.week_failures, runs=job.week_runs)
    message = Text(
        "作业“{name}”{last}（{age}前），7 天内 {runs} 次运行中失败 {failures} 次。",
        "Job “{name}”: {last} ({age} ago); {failures} of {runs} runs failed in 7 days.",
    ).format(
        name=job.name,
        last=last,
        age=duration(job.last_age_seconds),
        runs=job.week_runs,
        failures=job.week_failures,
    )
    if job.last_status == FAILED and job.last_age_seconds > thresholds.forgotten_days * 86400:
        return info(job.name, current, _REFERENCE, message)
    if job.last_status == FAILED:
        return critical(job.name, current, _REFERENCE, message)
    state = grade(job.week_failures, thresholds.warning_failures, thresholds.critical_failures)
    if state is State.OK and job.last_status == CANCELLED:
        state = State.WARNING
    return Verdict(job.name, state, current, _REFERENCE, None if state is State.OK else message)


def notification(
    facts: Facts, _thresholds: NotificationThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge whether somebody is told of failing jobs and of severe errors."""
    if not facts.has_agent:
        yield not_applicable("", NO_AGENT.format(edition=facts.edition))
        return
    yield _silent(facts)
    yield _operators(facts.operators)
    if isinstance(facts.alerts, Failure):
        yield from missing(facts.alerts, "alerts")
        return
    known = facts.alerts
    severities = [str(n) for n in _SEVERITIES if all(a.severity != n for a in known)]
    errors = [str(n) for n in _ERRORS if all(a.message_id != n for a in known)]
    lacking = severities + errors
    reference = Text("严重级别 19–25、错误 823/824/825", "severity 19–25, errors 823/824/825")
    if not lacking:
        yield ok("alerts", Text("齐全", "all there"), reference)
        return
    message = Text(
        "缺少以下警报：严重级别 {severities}；错误 {errors}。",
        "There are no alerts for severity {severities}; errors {errors}.",
    ).format(severities=listing(severities, 7) or "-", errors=listing(errors) or "-")
    yield warning("alerts", count(len(lacking), "个缺失", "missing"), reference, message)


def _operators(operators: int | Failure) -> Verdict:
    if isinstance(operators, Failure):
        return not_run("operators", operators)
    number, at_least = count(operators, "个", "operators"), Text("至少 1 个", "at least 1")
    if operators:
        return ok("operators", number, at_least)
    message = Text(
        "没有启用的操作员：作业失败和严重错误不会通知任何人。",
        "No operator is enabled: nobody is told of failing jobs and severe errors.",
    )
    return warning("operators", number, at_least, message)


def _silent(facts: Facts) -> Verdict:
    silent = [job.name for job in facts.jobs if job.enabled and not job.notifies]
    reference = Text("作业失败时通知操作员", "operators are told of failures")
    if not silent:
        return ok("jobs", Text("均已设置", "all of them do"), reference)
    message = Text(
        "{number} 个启用的作业失败时不通知任何人：{names}。",
        "{number} enabled jobs tell nobody when they fail: {names}.",
    ).format(number=len(silent), names=listing(silent))
    return warning("jobs", count(len(silent), "个未设置", "without"), reference, message)


JOBS = Rule(
    code="MSSQL-036",
    title=Text("代理作业执行结果", "Agent jobs"),
    why=Text(
        "备份、检查和接口都靠作业按时执行，失败而无人发现时，往往到需要恢复的那天才知道。",
        "Backups, checks and interfaces run as jobs; a failure that nobody sees is often found on "
        "the day of the restore.",
    ),
    remedy=Text(
        "在 SSMS 的“作业活动监视器”中打开该作业的历史，展开失败的步骤看错误信息，"
        "修复后手动执行一次确认；"
        "确实不用的作业请删除，被停用的备份或检查作业请启用或说明替代方案。",
        "Open the job's history in the Job Activity Monitor of SSMS, unfold the failed step and "
        "read its error; run the job once after mending it. Delete jobs that nobody needs; switch "
        "backups and checks on again, or say what replaces them.",
    ),
    priority=1,
    thresholds=JobThresholds,
    evaluate=jobs,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
NOTIFICATION = Rule(
    code="MSSQL-037",
    title=Text("作业失败通知与警报", "Notifications and alerts"),
    why=Text(
        "没有通知，作业失败和数据页损坏（823、824、825）要等到下次巡检才会被看到。",
        "Without notifications failed jobs and damaged pages (823, 824, 825) wait for the next "
        "inspection to be seen.",
    ),
    remedy=Text(
        "配置数据库邮件和操作员（msdb.dbo.sp_add_operator），为作业设置失败通知，"
        "并用 msdb.dbo.sp_add_alert 建立严重级别 19–25 和错误 823、824、825 的警报。",
        "Set up Database Mail and an operator (msdb.dbo.sp_add_operator), have jobs notify it of "
        "failures, and add alerts for severity 19–25 and the errors 823, 824 and 825 "
        "(msdb.dbo.sp_add_alert).",
    ),
    priority=3,
    thresholds=NotificationThresholds,
    evaluate=notification,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
