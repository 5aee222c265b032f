"""MSSQL-003: which databases can't be used."""

from collections.abc import Iterator

from checks.api import (
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    critical,
    ok,
    warning,
)
from checks.mssql._databases import DatabaseRow, Facts


class StateThresholds(Thresholds, frozen=True):
    """Nothing to tune."""


_BROKEN = ("SUSPECT", "RECOVERY_PENDING", "EMERGENCY")
_WANTED = Text("ONLINE，多用户", "ONLINE, MULTI_USER")
_CURRENT = Text("{state}，{access}", "{state}, {access}")
_DAMAGED = Text(
    "数据库 {name} 处于 {state} 状态：账套无法使用，可能有文件丢失或损坏。",
    "{name} is {state}: it can't be used, and files may be missing or damaged.",
)
_CLOSED = Text(
    "数据库 {name} 处于 {state} 状态，当前无法使用；若非计划内操作，请尽快处理。",
    "{name} is {state} and can't be used; unless somebody planned that, act soon.",
)
_RESTORING = Text(
    "数据库 {name} 处于 RESTORING 状态，无法使用：若不是镜像或日志传送的备库，就是还原没有完成。",
    "{name} is RESTORING and can't be used: unless it is a mirror or a secondary of log shipping, "
    "a "
    "restore was not ended.",
)
_ALONE = Text(
    "数据库 {name} 处于 {access} 模式，普通用户无法登录。",
    "{name} is in {access}: ordinary users can't get in.",
)
_STANDBY = Text("{state}，备用（日志传送的辅助库）", "{state}, standby of log shipping")
_MIRROR = Text("{state}，镜像的备库", "{state}, the mirror")


def states(facts: Facts, _thresholds: StateThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the state of every database."""
    for database in facts.databases:
        yield _judged(database)


def _judged(database: DatabaseRow) -> Verdict:
    name, state = database.name, database.state
    access = database.user_access or "-"
    current = _CURRENT.format(state=state, access=access)
    if state in _BROKEN:
        return critical(name, current, _WANTED, _DAMAGED.format(name=name, state=state))
    if state == "RESTORING" and database.is_mirrored:
        return ok(name, _MIRROR.format(state=state), _WANTED)
    if state == "RESTORING":
        # Only a sysadmin sees that a database is a mirror.
        return warning(name, current, _WANTED, _RESTORING.format(name=name))
    if state != "ONLINE":
        return warning(name, current, _WANTED, _CLOSED.format(name=name, state=state))
    if database.is_in_standby:
        return ok(name, _STANDBY.format(state=state), _WANTED)
    if access in ("SINGLE_USER", "RESTRICTED_USER"):
        return warning(name, current, _WANTED, _ALONE.format(name=name, access=access))
    return ok(name, current, _WANTED)


STATE = Rule(
    code="MSSQL-003",
    title=Text("数据库状态", "State of the databases"),
    why=Text(
        "不是 ONLINE 的数据库就是停用的账套；SUSPECT 和 RECOVERY_PENDING "
        "往往意味着文件或磁盘已损坏。",
        "A database that is not ONLINE is a company's books closed; SUSPECT and RECOVERY_PENDING "
        "often mean a broken file or disk.",
    ),
    remedy=Text(
        "先查错误日志（823、824、9003、17204）和磁盘，不要反复重启或分离数据库；"
        "有可用备份时优先恢复，DBCC CHECKDB 的 REPAIR_ALLOW_DATA_LOSS 会丢数据，只能作为最后手段。",
        "Read the error log (823, 824, 9003, 17204) and look at the disk; don't restart or detach "
        "it "
        "again and again. Restore from a backup where there is one: REPAIR_ALLOW_DATA_LOSS loses "
        "data and comes last.",
    ),
    priority=1,
    thresholds=StateThresholds,
    evaluate=states,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
