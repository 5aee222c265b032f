"""PostgreSQL: a backup_label that was left behind in the data directory."""

from collections.abc import Iterator
from typing import Annotated

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
    limit,
    ok,
)
from checks.databases import Database
from checks.wording import duration

LABEL = """
SELECT f.modification IS NOT NULL AS present,
       extract(epoch FROM now() - f.modification)::bigint AS seconds,
       false AS exclusive
FROM pg_stat_file('backup_label', true) f
"""

# Until 14 an exclusive backup kept the file while it ran, and the server tells that to anybody.
LABEL_14 = """
SELECT pg_is_in_backup() AS present,
       extract(epoch FROM now() - pg_backup_start_time())::bigint AS seconds,
       true AS exclusive
"""


class Facts(Struct, frozen=True):
    """Whether there is a backup_label, and since when."""

    present: bool
    exclusive: bool
    """True where the version knows exclusive backups: the file may belong to one that runs."""
    seconds: int | None = None


def probe(database: Database) -> Facts:
    """Ask for the file. Raise a ProbeError, NotPermitted without EXECUTE on pg_stat_file."""
    rows = database.rows(LABEL if database.version >= (15,) else LABEL_14, Facts)
    return rows[0]


class LabelThresholds(Thresholds, frozen=True):
    """From 15 on the file has no place in a running server; before, a backup may be running."""

    critical_exclusive_hours: Annotated[float, limit("h", "OWN: no backup runs for a day")] = 24


_ABSENT = Text("没有 backup_label", "no backup_label")
_PRESENT = Text("存在（{age}前）", "present (for {age})")
_RUNNING = Text("独占备份进行中（{age}）", "an exclusive backup runs ({age})")
_LEFT = Text(
    "数据目录中有一个 {age}前留下的 backup_label：实例下次启动时会误以为在从备份恢复，"
    "可能起不来或丢数据。",
    "A backup_label of {age} ago is in the data directory: at its next start the server takes "
    "itself for a restored backup; it may not come up, or lose data.",
)
_FORGOTTEN = Text(
    "独占备份已经开始 {age}仍未结束（pg_stop_backup 未执行），此时崩溃重启可能失败。",
    "An exclusive backup began {age} ago and was never ended by pg_stop_backup; after a crash the "
    "server may not start.",
)


def label(facts: Facts, thresholds: LabelThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge a backup_label beside a running server."""
    age = duration(facts.seconds or 0)
    if not facts.present:
        yield ok("", _ABSENT, _ABSENT)
    elif not facts.exclusive:
        yield critical("", _PRESENT.format(age=age), _ABSENT, _LEFT.format(age=age))
    elif (facts.seconds or 0) < thresholds.critical_exclusive_hours * 3600:
        yield ok("", _RUNNING.format(age=age), _ABSENT)
    else:
        yield critical("", _RUNNING.format(age=age), _ABSENT, _FORGOTTEN.format(age=age))


CHECK = Check(
    title=Text("PostgreSQL 数据目录文件", "PostgreSQL files in the data directory"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="postgresql",
    reads=("pg_stat_file('backup_label') (15+)", "pg_is_in_backup() (10 to 14)"),
    privilege=Text(
        "15 及以上：函数 pg_stat_file(text, boolean) 的 EXECUTE",
        "from 15 on: EXECUTE on the function pg_stat_file(text, boolean)",
    ),
    rules=(
        Rule(
            code="PG-034",
            title=Text("残留的 backup_label", "A backup_label left behind"),
            why=Text(
                "运行中的实例带着 backup_label，重启时会按其中的旧检查点恢复：轻则起不来，"
                "重则数据损坏。",
                "With a backup_label a server recovers from the old checkpoint named in it when it "
                "is restarted: it may not come up, or with damaged data.",
            ),
            remedy=Text(
                "确认没有正在进行的备份或恢复（pg_stat_progress_basebackup、备份软件），"
                "在实例运行时把 backup_label 移到数据目录之外保留备查，再安排一次完整备份；"
                "不要在实例停止的状态下删除它，若这个目录是从备份恢复的，删掉会损坏数据。"
                "14 及以下的独占备份执行 SELECT pg_stop_backup()，并改用非独占备份。",
                "Make sure that no backup or restore is running (pg_stat_progress_basebackup, the "
                "backup software), move backup_label out of the data directory while the server "
                "runs, keep it, and take a full backup. Never remove it while the server is down: "
                "in a directory restored from a backup that damages the data. For an exclusive "
                "backup (up to 14): SELECT pg_stop_backup(), and use non-exclusive ones.",
            ),
            priority=2,
            thresholds=LabelThresholds,
            evaluate=label,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
