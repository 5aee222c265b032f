"""Oracle: the jobs of RMAN, by the control file's own history."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Owner,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    grade,
    limit,
    not_applicable,
    warning,
)
from checks.backup_sets import BackupSet, Form
from checks.databases import Database
from checks.rman import DATABASE, JOBS, Job, jobs, zone_of
from checks.wording import duration
from wire.messages import Label, Moment

FINE = frozenset({"COMPLETED", "COMPLETED WITH WARNINGS"})
_RUNNING = "RUNNING"


class Done(Struct, frozen=True):
    """One job of RMAN."""

    status: Label
    started_at: Moment
    ended_at: Moment | None = None


class Facts(Struct, frozen=True, kw_only=True):
    """The history of RMAN's jobs of one database."""

    database: Label
    version: Label
    archives: bool
    """ARCHIVELOG mode: without it there are no archived logs to back up."""
    full: Done | None = None
    """The newest that ended well, of a full backup or an incremental one of level 0."""
    incremental: Done | None = None
    """The newest of any that holds data and ended well."""
    archived_log: Done | None = None
    last: Done | None = None
    """The newest job that has ended, whatever it was."""


class Limits(Thresholds, frozen=True):
    """Hours are ours: the anchors give none for RMAN."""

    warning_archive_hours: Annotated[float, limit("h", "OWN, catalogue ORA-007")] = 26
    critical_archive_hours: Annotated[float, limit("h", "OWN")] = 50
    warning_full_hours: Annotated[float, limit("h", "OWN 8 d, catalogue ORA-007")] = 192
    critical_full_hours: Annotated[float, limit("h", "OWN 15 d, catalogue ORA-007")] = 360


def probe(backup_set: BackupSet | Database) -> Facts:
    """Ask the control file. Raise a ProbeError."""
    database = zone_of(backup_set.rows(DATABASE))
    found = jobs(backup_set.rows(JOBS), database.offset)
    return Facts(
        database=database.name[:255],
        version=database.version[:255],
        archives=database.archives,
        full=_newest(job for job in found if job.form is Form.FULL and job.status in FINE),
        incremental=_newest(
            job for job in found if job.form in (Form.FULL, Form.INCREMENTAL) and job.status in FINE
        ),
        archived_log=_newest(job for job in found if job.form is Form.LOG and job.status in FINE),
        last=_newest(job for job in found if not job.status.startswith(_RUNNING)),
    )


def _newest(found: Iterable[Job]) -> Done | None:
    job = max(found, key=lambda job: job.started_at, default=None)
    return Done(job.status[:255], job.started_at, job.ended_at) if job is not None else None


_NEVER = Text("从未", "never")
_WITHIN = Text("≤{limit}", "within {limit}")
_NO_LOGS = Text("非归档模式，没有归档日志。", "NOARCHIVELOG mode: there are no archived logs.")
_NONE = Text("数据库 {name} 没有成功的{what}。", "{name} has no {what} that ended well.")
_OLD = Text(
    "数据库 {name} 最近一次成功的{what}在 {age}前。",
    "The last {what} of {name} that ended well was made {age} ago.",
)
_FUTURE = Text(
    "数据库 {name} 最近一次{what}的时间在将来：时钟或时区有误。",
    "The last {what} of {name} is dated in the future: a clock or time zone is wrong.",
)
_FAILED = Text(
    "数据库 {name} 最近一次 RMAN 作业（{age}前）的结果是 {status}。",
    "The last job of RMAN of {name} ({age} ago) ended with {status}.",
)
_FULL = Text("全备（或 0 级增量备份）", "full backup (or level 0)")
_LOG = Text("归档日志备份", "backup of archived logs")


def rman(facts: Facts, thresholds: Limits, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge full backups, archived logs and the last job."""
    now = past.observed_at
    hours = thresholds.warning_full_hours, thresholds.critical_full_hours
    yield _aged("full", facts.database, _FULL, facts.full, hours, now)
    if facts.archives:
        hours = thresholds.warning_archive_hours, thresholds.critical_archive_hours
        yield _aged("archivelog", facts.database, _LOG, facts.archived_log, hours, now)
    else:
        yield not_applicable("archivelog", _NO_LOGS)
    if facts.last is None:
        message = _NONE.format(name=facts.database, what=Text(" RMAN 作业", "job of RMAN"))
        yield critical("last", _NEVER, Text.same("COMPLETED"), message)
        return
    age = duration((now - facts.last.started_at).total_seconds())
    status = facts.last.status
    message = _FAILED.format(name=facts.database, age=age, status=status)
    state = State.OK if status in FINE else State.CRITICAL
    if status == "COMPLETED WITH WARNINGS":
        state = State.WARNING
    yield Verdict(
        "last",
        state,
        Text.same(status),
        Text.same("COMPLETED"),
        None if state is State.OK else message,
    )


def _aged(
    name: str,
    database: str,
    what: Text,
    done: Done | None,
    hours: tuple[float, float],
    now: datetime,
) -> Verdict:
    reference = _WITHIN.format(limit=duration(hours[0] * 3600))
    if done is None:
        return critical(name, _NEVER, reference, _NONE.format(name=database, what=what))
    seconds = (now - done.started_at).total_seconds()
    age = duration(seconds)
    if seconds < -900:
        return warning(name, age, reference, _FUTURE.format(name=database, what=what))
    state = grade(seconds / 3600, *hours)
    message = _OLD.format(name=database, what=what, age=age)
    return Verdict(name, state, age, reference, None if state is State.OK else message)


CHECK = Check(
    title=Text("Oracle RMAN 备份", "Oracle RMAN backups"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="backup",
    target_kinds=("oracle",),
    other_targets=("oracle",),
    deadline_seconds=300,
    reads=("v$database, v$instance", "v$rman_backup_job_details, v$backup_set_details"),
    privilege=Text(
        "CREATE SESSION，以及对上述视图（V_$…）的 SELECT",
        "CREATE SESSION, and SELECT on these views (V_$…)",
    ),
    rules=(
        Rule(
            code="ORA-007",
            title=Text("RMAN 备份", "RMAN backups"),
            why=Text(
                "RMAN 备份过期或失败时，数据库损坏后无法恢复到故障前；"
                "归档日志不备份还会写满归档区。",
                "When RMAN's backups are old or fail, a broken database can't be brought back to "
                "where it was; archived logs that are not backed up fill their area.",
            ),
            remedy=Text(
                "查看 RMAN 日志和 v$rman_status 中的错误，修复后立即补做全备和归档日志备份，"
                "并执行 RESTORE DATABASE VALIDATE 检查。",
                "Read RMAN's log and the errors in v$rman_status, put it right, back up database "
                "and archived logs now and check with RESTORE DATABASE VALIDATE.",
            ),
            priority=1,
            thresholds=Limits,
            evaluate=rman,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
