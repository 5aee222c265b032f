"""MSSQL-047 and 048: are the copies of databases on other servers as they should be?"""

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
    limit,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.judging import judged, missing
from checks.mssql._replica_facts import Copy, Facts, Mirror, Replica
from checks.wording import duration, size


class GroupThresholds(Thresholds, frozen=True):
    """Nothing to set: SQL Server itself says how healthy they are."""


class CopyThresholds(Thresholds, frozen=True):
    """How long ago a log was restored on a secondary server."""

    warning_hours: Annotated[float, limit("h", "DASH 1440 min")] = 24
    critical_hours: Annotated[float, limit("h", "DASH 2880 min")] = 48


_HEALTHY = Text("已同步，运行正常", "healthy")
_STATES = {
    "HEALTHY": (State.OK, Text("正常", "healthy")),
    "PARTIALLY_HEALTHY": (State.WARNING, Text("部分正常", "partially healthy")),
    "NOT_HEALTHY": (State.CRITICAL, Text("不正常", "not healthy")),
}


def groups(facts: Facts, _thresholds: GroupThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge every replica of every group, and every database on it."""
    for failure in (facts.replicas, facts.copies):
        if isinstance(failure, Failure):
            yield from missing(failure)
            return
    assert not isinstance(facts.replicas, Failure)
    assert not isinstance(facts.copies, Failure)
    if not facts.replicas:
        yield not_applicable("", Text("没有可用性组。", "There is no availability group."))
    for replica in facts.replicas:
        yield _replica(replica)
    for copy in facts.copies:
        yield _copy(copy)


def _replica(replica: Replica) -> Verdict:
    name = f"{replica.group_name}/{replica.replica}"
    if replica.connected is None:
        why = Text(
            "本副本不是主副本，看不到该副本的状态，请在主副本上巡检。",
            "Only the primary knows this replica's state: inspect that one.",
        )
        return not_applicable(name, why)
    if replica.connected == "DISCONNECTED":
        message = Text(
            "可用性组 {group} 的副本 {replica} 已断开连接，无法故障转移到它。",
            "Replica {replica} of group {group} is disconnected: there is no failover to it.",
        ).format(group=replica.group_name, replica=replica.replica)
        return critical(name, Text("已断开", "disconnected"), _HEALTHY, message)
    state, current = _health(replica.health)
    message = Text(
        "可用性组 {group} 的副本 {replica}（{role}）状态{health}。",
        "Replica {replica} ({role}) of group {group} is {health}.",
    ).format(
        group=replica.group_name,
        replica=replica.replica,
        role=replica.role or "-",
        health=current,
    )
    return Verdict(name, state, current, _HEALTHY, None if state is State.OK else message)


def _copy(copy: Copy) -> Verdict:
    name = f"{copy.group_name}/{copy.replica}/{copy.database_name or '-'}"
    state, current = _health(copy.health)
    queues = Text("待发送 {send}，待重做 {redo}", "{send} to send, {redo} to redo").format(
        send=size((copy.send_kibibytes or 0) * 1024), redo=size((copy.redo_kibibytes or 0) * 1024)
    )
    if copy.suspended:
        message = Text(
            "数据库 {database} 在副本 {replica} 上的数据移动已挂起（{queues}），主库日志无法截断。",
            "Data movement of {database} to {replica} is suspended ({queues}): the log of the "
            "primary can't be truncated.",
        ).format(database=copy.database_name or "-", replica=copy.replica, queues=queues)
        return critical(name, Text("已挂起", "suspended"), _HEALTHY, message)
    message = Text(
        "数据库 {database} 在副本 {replica} 上{health}（{state}，{queues}）。",
        "{database} on {replica} is {health} ({state}, {queues}).",
    ).format(
        database=copy.database_name or "-",
        replica=copy.replica,
        health=current,
        state=copy.state or "-",
        queues=queues,
    )
    return Verdict(name, state, current, _HEALTHY, None if state is State.OK else message)


def _health(health: str | None) -> tuple[State, Text]:
    """Return what a word of SQL Server means; one that is not known is no good one."""
    return _STATES.get(health or "", (State.CRITICAL, Text("未知", "unknown")))


def copies(facts: Facts, thresholds: CopyThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge mirrors by their state and shipped logs by their age."""
    none = 0
    if isinstance(facts.mirrors, Failure):
        yield not_run("mirroring", facts.mirrors)
    elif facts.mirrors:
        yield from (_mirror(each) for each in facts.mirrors)
    else:
        none += 1
    if isinstance(facts.shipped, Failure):
        yield not_run("log shipping", facts.shipped)
    elif facts.shipped:
        for each in facts.shipped:
            name = f"log shipping:{each.database_name}"
            if each.restored_seconds is None:
                message = Text(
                    "日志传送的辅助库 {name}（来自 {server}）从未还原过日志。",
                    "No log of {server} was ever restored to {name}.",
                ).format(name=each.database_name, server=each.primary_server)
                yield critical(name, Text("从未", "never"), _age(thresholds.warning_hours), message)
                continue
            yield judged(
                name,
                each.restored_seconds,
                thresholds.warning_hours * 3600,
                thresholds.critical_hours * 3600,
                show=duration,
                message=Text(
                    "日志传送的辅助库 {name}（来自 {server}）最近一次还原在 {age}前。",
                    "The last log of {server} was restored to {name} {age} ago.",
                ).format(
                    name=each.database_name,
                    server=each.primary_server,
                    age=duration(each.restored_seconds),
                ),
            )
    else:
        none += 1
    if none == 2:
        why = Text("没有镜像和日志传送。", "There is neither mirroring nor log shipping.")
        yield not_applicable("", why)


def _age(hours: float) -> Text:
    return Text("< {limit}", "< {limit}").format(limit=duration(hours * 3600))


def _mirror(mirror: Mirror) -> Verdict:
    name = f"mirroring:{mirror.database_name}"
    reference = Text.same("SYNCHRONIZED")
    current = Text.same(mirror.state or "-")
    if mirror.state in ("SYNCHRONIZED", "SYNCHRONIZING"):
        return ok(name, current, reference)
    message = Text(
        "数据库 {name} 的镜像（伙伴 {partner}）状态为 {state}。",
        "The mirror of {name} (partner {partner}) is {state}.",
    ).format(
        name=mirror.database_name, partner=mirror.partner or "-", state=mirror.state or "unknown"
    )
    state = warning if mirror.state == "PENDING_FAILOVER" else critical
    return state(name, current, reference, message)


GROUPS = Rule(
    code="MSSQL-047",
    title=Text("可用性组健康状态", "Availability groups"),
    why=Text(
        "副本断开或挂起时，主库一旦故障就无法切换，主库日志也会不断增长。",
        "With a replica that is disconnected or suspended there is no failover, and the log of the "
        "primary grows.",
    ),
    remedy=Text(
        "打开可用性组仪表板查看原因，检查端点、网络、磁盘空间和副本的错误日志；"
        "挂起的数据库确认原因后执行 "
        "ALTER DATABASE 库名 SET HADR RESUME。不要为恢复而强制故障转移，可能丢数据。",
        "Open the dashboard of the group for the cause; check endpoints, network, disk space and "
        "the replica's error log; resume a suspended database once the cause is known: ALTER "
        "DATABASE NAME SET HADR RESUME. Don't force a failover to mend it: that can lose data.",
    ),
    priority=2,
    thresholds=GroupThresholds,
    evaluate=groups,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
COPIES = Rule(
    code="MSSQL-048",
    title=Text("镜像与日志传送", "Mirroring and log shipping"),
    why=Text(
        "容灾副本停止更新而没有人发现，真正需要它时数据已经陈旧。",
        "A standby that stopped following, with nobody seeing it, is stale on the day it is "
        "needed.",
    ),
    remedy=Text(
        "检查复制、还原作业的历史和共享目录权限；缺失的日志备份要补齐，断链后须用完整备份重新初始化；"
        "镜像断开时检查端点和网络。",
        "Look at the history of the copy and restore jobs and at the rights on the share; put "
        "missing log backups back, or begin anew with a full backup; for a mirror check endpoints "
        "and network.",
    ),
    priority=3,
    thresholds=CopyThresholds,
    evaluate=copies,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
