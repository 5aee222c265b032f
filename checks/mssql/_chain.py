"""MSSQL-009, and which databases are backed up here at all."""

from collections.abc import Iterator

from checks.api import (
    Failure,
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.mssql._history import Database, Facts
from wire.messages import Reason


class ChainThresholds(Thresholds, frozen=True):
    """Nothing to tune."""


_OFFLINE = Text(
    "数据库状态为 {state}，无法备份。", "The database is {state}: no backup is possible."
)
_STANDBY = Text("备用（只读待恢复）数据库。", "A standby database, restored from elsewhere.")
_REPLICA = Text(
    "可用性组不在本副本上备份该数据库，请在首选备份副本上巡检。",
    "The availability group has it backed up on another replica: inspect that one.",
)
NO_LOG_NEEDED = Text("简单恢复模式，没有日志备份。", "Simple recovery: there are no log backups.")
_PSEUDO = Text(
    "数据库 {name} 设为 {model} 恢复模式，但日志链尚未开始，实际等同于简单模式。",
    "{name} says {model} recovery, but its log chain has not begun: it behaves like simple.",
)
_STARTED = Text("日志链已开始", "the log chain has begun")


def aside(database: Database) -> Verdict | None:
    """Return the verdict for a database that is not backed up here, None for all others."""
    if database.state != "ONLINE":
        return not_applicable(database.name, _OFFLINE.format(state=database.state))
    if database.standby:
        return not_applicable(database.name, _STANDBY)
    if database.preferred is False:
        return not_applicable(database.name, _REPLICA)
    return None


def keeps_log(database: Database) -> bool:
    """Return whether a database keeps its log until it is backed up."""
    # model is the pattern of new databases: full recovery there is no promise.
    return database.recovery_model != "SIMPLE" and database.name != "model"


def chain(facts: Facts, _thresholds: ChainThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether full recovery is more than a word."""
    for database in facts.databases:
        verdict = aside(database)
        if verdict is None and not keeps_log(database):
            verdict = not_applicable(database.name, NO_LOG_NEEDED)
        if verdict is None and database.chain_started is None:
            failure = Failure(Reason.PERMISSION, "sys.database_recovery_status")
            verdict = not_run(database.name, failure)
        if verdict is None and database.chain_started:
            verdict = ok(database.name, _STARTED, _STARTED)
        yield verdict or warning(
            database.name,
            Text("未开始", "not begun"),
            _STARTED,
            _PSEUDO.format(name=database.name, model=database.recovery_model),
        )


CHAIN = Rule(
    code="MSSQL-009",
    title=Text("日志链是否开始", "Log chain has begun"),
    why=Text(
        "改为完整恢复模式后若没有再做一次完整备份，日志链并未开始，"
        "日志备份和按时间点恢复都不成立。",
        "After the switch to full recovery the log chain begins with the next full backup: until "
        "then there are no log backups and no restore to a point in time.",
    ),
    remedy=Text(
        "立即做一次完整备份，随后做一次日志备份，并确认日志备份作业正常。",
        "Make a full backup now and a log backup after it, and see that the job for log backups "
        "works.",
    ),
    priority=2,
    thresholds=ChainThresholds,
    evaluate=chain,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
