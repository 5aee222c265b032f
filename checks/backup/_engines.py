"""PG-010, PG-011 and MY-009: backups of PostgreSQL and MySQL by their tools' usual rhythm."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Annotated

from checks.api import (
    Owner,
    Past,
    Rule,
    State,
    Text,
    Thresholds,
    Verdict,
    critical,
    grade,
    limit,
    not_applicable,
    ok,
    warning,
)
from checks.backup._size import compared
from checks.backup._standing import good_points, objects
from checks.backup._telling import named, told
from checks.backup._term import outside_term
from checks.backup_sets import BackupFacts, Kind
from checks.wording import duration, size

MIB = 2**20
POSTGRESQL_DUMPS = frozenset({"pg_dump", "pg_dumpall"})
POSTGRESQL_BASES = frozenset({"basebackup"})
MYSQL_FORMATS = frozenset({"mariadb-dump", "mysqldump", "mariabackup", "xtrabackup", "xbstream"})
"""What `format` of a set of files may be (agent/backups/formats); a test compares the two."""


class EngineThresholds(Thresholds, frozen=True):
    """For daily backups; a set that agrees on a longer RPO is held to that."""

    warning_hours: Annotated[float, limit("h", "pgmonitor #222, catalogue PG-010")] = 26
    critical_hours: Annotated[float, limit("h", "catalogue PG-010")] = 50
    warning_drop_percent: Annotated[float, limit("%", "PGA pg_dump_backup")] = 50
    warning_drop_bytes: Annotated[int, limit("bytes", "PGA #104: smaller ones are noise")] = MIB


_REFERENCE = Text("≤{hours:g} 小时，大小不骤降", "{hours:g} h at most, no sudden drop in size")
_NOT_OURS = Text("该备份集不是 {what}。", "This set holds no {what}.")
_NONE = Text("{name}没有可用的 {what}。", "{name}There is no good {what}.")
_OLD = Text(
    "{name}最新的 {what} {id} 开始于 {at}，距今 {age}。",
    "{name}The newest {what}, {id}, was started at {at}, {age} ago.",
)
_DROP = Text(
    "{name}最新的 {what} {id} 为 {bytes}，前一次为 {before}。",
    "{name}The newest {what}, {id}, has {bytes}; the one before had {before}.",
)
Applies = Callable[[BackupFacts], bool]


def _rule(
    what: Text, applies: Applies
) -> Callable[[BackupFacts, EngineThresholds, Past[BackupFacts]], Iterator[Verdict]]:
    """Return the rule for what these backups are called, where it applies."""

    def judged(
        facts: BackupFacts, thresholds: EngineThresholds, past: Past[BackupFacts]
    ) -> Iterator[Verdict]:
        if not applies(facts):
            yield not_applicable("", _NOT_OURS.format(what=what))
            return
        outside = outside_term(facts.declaration, past.observed_at)
        if outside is not None:
            yield outside
            return
        for name in objects(facts):
            yield _of_object(facts, name, what, thresholds, past)

    return judged


def _of_object(
    facts: BackupFacts,
    name: str,
    what: Text,
    thresholds: EngineThresholds,
    past: Past[BackupFacts],
) -> Verdict:
    rpo = facts.declaration.rpo_hours
    hours = max(thresholds.warning_hours, rpo)
    worst = max(thresholds.critical_hours, 2 * rpo)
    reference = _REFERENCE.format(hours=hours)
    # One that is dated in the future says nothing of its age; BAK-001 tells of it.
    latest = past.observed_at + timedelta(minutes=15)
    good = [
        point for point in good_points(facts, name, past.observed_at) if point.started_at <= latest
    ]
    if not good:
        message = _NONE.format(name=named(name), what=what)
        return critical(name, Text("无", "none"), reference, message)
    newest = good[0]
    seconds = (past.observed_at - newest.started_at).total_seconds()
    age = duration(seconds)
    state = grade(seconds / 3600, hours, worst)
    if state is not State.OK:
        message = told(_OLD, name, newest, facts, what=what, age=age)
        return Verdict(name, state, age, reference, message)
    sized = [point for point in compared(facts, name, past.observed_at) if point.bytes is not None]
    if len(sized) > 1:
        now_bytes, before = sized[0].bytes or 0, sized[1].bytes or 0
        least = before * (1 - thresholds.warning_drop_percent / 100)
        if now_bytes <= least and before - now_bytes >= thresholds.warning_drop_bytes:
            message = told(
                _DROP,
                name,
                sized[0],
                facts,
                what=what,
                bytes=size(now_bytes),
                before=size(before),
            )
            return warning(name, size(now_bytes), reference, message)
    return ok(name, age, reference)


_WHY_AGE = Text(
    "没有近期的 {what}，数据库故障后只能回到更早的时间点，期间的业务数据全部丢失。",
    "Without a recent {what}, a database that fails goes back further, and what was entered since "
    "is lost.",
)
_PHYSICAL = Text("PostgreSQL 物理备份", "physical backup of PostgreSQL")
_LOGICAL = Text("PostgreSQL 逻辑备份", "dump of PostgreSQL")
_MYSQL = Text("MySQL/MariaDB 备份", "backup of MySQL or MariaDB")

PHYSICAL = Rule(
    code="PG-010",
    title=Text("PostgreSQL 物理备份", "PostgreSQL physical backup"),
    why=_WHY_AGE.format(what=_PHYSICAL),
    remedy=Text(
        "执行 pgbackrest info 或 barman check 查看失败原因，"
        "修复后立即补做备份，并确认 WAL 归档连续。",
        "See why with pgbackrest info or barman check, put it right, make a backup now and make "
        "sure that the WAL is archived without gaps.",
    ),
    priority=1,
    thresholds=EngineThresholds,
    evaluate=_rule(
        _PHYSICAL,
        lambda facts: (
            facts.declaration.kind in (Kind.PGBACKREST, Kind.BARMAN)
            or facts.declaration.format in POSTGRESQL_BASES
        ),
    ),
    owner=Owner.DATABASE_ADMINISTRATOR,
)
LOGICAL = Rule(
    code="PG-011",
    title=Text("PostgreSQL 逻辑备份", "PostgreSQL dump"),
    why=_WHY_AGE.format(what=_LOGICAL),
    remedy=Text(
        "查看 pg_dump 任务的日志和退出码，确认账户、磁盘空间和库名无误后重新导出。",
        "Read log and exit code of the pg_dump job, check account, room and names of databases, "
        "and dump again.",
    ),
    priority=1,
    thresholds=EngineThresholds,
    evaluate=_rule(
        _LOGICAL,
        lambda facts: (
            facts.declaration.kind is Kind.FILES and facts.declaration.format in POSTGRESQL_DUMPS
        ),
    ),
    owner=Owner.DATABASE_ADMINISTRATOR,
)
MYSQL = Rule(
    code="MY-009",
    title=Text("MySQL/MariaDB 备份", "MySQL or MariaDB backup"),
    why=_WHY_AGE.format(what=_MYSQL),
    remedy=Text(
        "查看 mysqldump 或 mariabackup 任务的日志（末行应为 completed OK!），修复后重新备份。",
        "Read the log of mysqldump or mariabackup (its last line says completed OK!), put it right "
        "and back up again.",
    ),
    priority=1,
    thresholds=EngineThresholds,
    evaluate=_rule(
        _MYSQL,
        lambda facts: (
            facts.declaration.kind is Kind.FILES and facts.declaration.format in MYSQL_FORMATS
        ),
    ),
    owner=Owner.DATABASE_ADMINISTRATOR,
)
