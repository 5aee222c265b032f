"""达梦 DM8: the age of the newest backup.

V$BACKUPSET lists the default folder (BAK_PATH) alone; other folders would have to be named to the
session, and the settings don't name them. So the backup steps (type 6) of the server's own jobs
count, too. A check of the sets themselves (SF_BAKSET_CHECK) reads them whole: left out.

That TYPE is 0 for a full and 1 for an incremental set is from the manual as remembered by public
scripts; no page to cite could be read.

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
    critical,
    limit,
)
from checks.databases import Database
from checks.errors import part
from checks.judging import judged, missing
from checks.wording import duration

SETS = """
SELECT "TYPE" AS "kind", MIN((SYSDATE - BACKUP_TIME) * 86400) AS "age_seconds", COUNT(*) AS "sets"
FROM V$BACKUPSET GROUP BY "TYPE"
"""
JOBS = """
SELECT MIN((SYSDATE - h.END_TIME) * 86400) AS "age_seconds", COUNT(*) AS "runs"
FROM SYSJOB.SYSSTEPHISTORIES2 h
JOIN SYSJOB.SYSJOBS j ON j.NAME = h.NAME
JOIN SYSJOB.SYSJOBSTEPS s ON s.JOBID = j.ID AND s.NAME = h.STEPNAME
WHERE s."TYPE" = 6 AND h.ERRCODE = 0
"""
_DATA_KINDS = (0, 1)


class SetRow(Struct, frozen=True):
    """Backup sets of one kind: 0 full, 1 incremental, others hold no whole database."""

    kind: int
    age_seconds: float
    sets: int


class JobRow(Struct, frozen=True):
    """Backup steps of jobs that ended well."""

    runs: int
    age_seconds: float | None = None


class Facts(Struct, frozen=True):
    """What is known of backups."""

    sets: tuple[SetRow, ...] | Failure
    jobs: tuple[JobRow, ...] | Failure


def probe(database: Database) -> Facts:
    """Ask for backup sets and the jobs that make them. Raise a ProbeError."""
    return Facts(
        part(lambda: database.rows(SETS, SetRow)),
        part(lambda: database.rows(JOBS, JobRow)),
    )


class AgeThresholds(Thresholds, frozen=True):
    """Of the newest backup of data, full or incremental."""

    warning_hours: Annotated[float, limit("h", "OWN 26 h, catalogue DM-004")] = 26
    critical_hours: Annotated[float, limit("h", "DBC 7 d")] = 168


def age(facts: Facts, thresholds: AgeThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the age of the newest backup that is known."""
    if isinstance(facts.sets, Failure) and isinstance(facts.jobs, Failure):
        yield from missing(facts.sets)
        return
    sets = () if isinstance(facts.sets, Failure) else facts.sets
    jobs = () if isinstance(facts.jobs, Failure) else facts.jobs
    known = [
        (row.age_seconds, Text("备份集", "backup set")) for row in sets if row.kind in _DATA_KINDS
    ]
    known += [
        (row.age_seconds, Text("备份作业", "backup job"))
        for row in jobs
        if row.age_seconds is not None
    ]
    if not known:
        if isinstance(facts.sets, Failure) or isinstance(facts.jobs, Failure):
            # What could not be read may hold one.
            failure = facts.sets if isinstance(facts.sets, Failure) else facts.jobs
            assert isinstance(failure, Failure)
            yield from missing(failure)
            return
        message = Text(
            "默认备份目录中没有备份集，也没有成功的备份作业；若备份在其他目录由外部脚本完成，"
            "请把该目录登记为备份来源。",
            "The default folder holds no backup set, and no backup job ended well; where scripts "
            "put backups elsewhere, name that folder as a backup set in the agent's settings.",
        )
        yield critical("", Text("无", "none"), Text("有近期备份", "a recent backup"), message)
        return
    newest, what = min(known, key=lambda each: each[0])
    message = Text("最近一次{what}在 {age}前。", "The newest {what} is {age} old.").format(
        what=what, age=duration(newest)
    )
    yield judged(
        "",
        newest / 3600,
        thresholds.warning_hours,
        thresholds.critical_hours,
        show=lambda hours: duration(hours * 3600),
        message=message,
    )


CHECK = Check(
    title=Text("达梦备份", "DM8 backups"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="dameng",
    reads=(
        "V$BACKUPSET",
        "SYSJOB.SYSJOBS, SYSJOB.SYSJOBSTEPS, SYSJOB.SYSSTEPHISTORIES2",
    ),
    privilege=Text(
        "角色 VTI（V$ 视图）和 SYSJOB 三张表的 SELECT",
        "the role VTI (V$ views), and SELECT on these tables of SYSJOB",
    ),
    rules=(
        Rule(
            code="DM-004",
            title=Text("达梦备份时间", "Age of the newest backup"),
            why=Text(
                "没有近期备份，数据文件损坏或误删后只能丢失数据。",
                "Without a recent backup, broken files and mistakes mean lost data.",
            ),
            remedy=Text(
                "立即执行 BACKUP DATABASE FULL BACKUPSET '目录'，检查备份作业历史和磁盘空间，"
                "并用 dmrman 的 CHECK BACKUPSET 校验。",
                "Run BACKUP DATABASE FULL BACKUPSET 'folder' now, look at the jobs' history and "
                "the room on the disk, and verify it with CHECK BACKUPSET in dmrman.",
            ),
            priority=1,
            thresholds=AgeThresholds,
            evaluate=age,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
