"""Replication: do its threads run, how far behind are they, and is the replica kept read-only?"""

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
    info,
    limit,
    not_applicable,
    ok,
    warning,
)
from checks.databases import Database
from checks.judging import judged
from checks.mysql import TARGET
from checks.mysql._replicas import Channel, channels
from checks.mysql._server import SYSTEMS, settings, switched_on
from checks.wording import duration

VARIABLES = (
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only', 'wsrep_on')"
)


class Facts(Struct, frozen=True):
    """Every source of this server."""

    channels: tuple[Channel, ...]
    read_only: bool
    super_read_only: bool | None
    galera: bool
    """Every member of a Galera cluster takes writes, a replica of another server, too."""


def probe(database: Database) -> Facts:
    """Ask the state of replication. Raise a ProbeError."""
    found = channels(database)
    variables = settings(database, VARIABLES)
    return Facts(
        channels=found,
        # MariaDB 12 has more words than ON for it.
        read_only=variables.get("read_only", "OFF").upper() not in ("OFF", "0"),
        super_read_only=switched_on(variables, "super_read_only"),
        galera=bool(switched_on(variables, "wsrep_on")),
    )


class LagThresholds(Thresholds, frozen=True):
    """How far a replica may be behind, beyond the delay that is meant."""

    warning_seconds: Annotated[float, limit("s", "DBC, MT 60 s; ND 10/30 s")] = 60
    critical_seconds: Annotated[float, limit("s", "catalogue MY-004")] = 300


class ReadOnlyThresholds(Thresholds, frozen=True):
    """Nothing to set: a replica takes no writes but those of its source."""


_NO_REPLICA = Text("本实例不是从库。", "The server is no replica.")
_RUNNING = Text("两个线程均在运行", "both threads running")
_STATE = Text("IO：{io}，SQL：{sql}", "IO: {io}, SQL: {sql}")
_STOPPED = Text(
    "从 {source} 的复制已停止（IO 线程：{io}，SQL 线程：{sql}）{errors}。",
    "Replication from {source} has stopped (IO thread: {io}, SQL thread: {sql}){errors}.",
)
_CONNECTING = Text(
    "正在连接 {source}，还没有报错：请稍后再看一次。",
    "Connecting to {source}, with no error yet: look again in a moment.",
)
_BEHIND = Text(
    "从 {source} 的复制落后 {lag}{delay}：此时切换或从该库读取会缺少这段时间的数据。",
    "Replication from {source} is {lag} behind{delay}: a failover or a read would miss that much.",
)
_NO_LAG = Text(
    "从 {source} 的复制在运行，但落后多少未知（Seconds_Behind 为 NULL）：请稍后再看一次。",
    "Replication from {source} runs, but how far behind is not known (NULL): look again in a "
    "moment.",
)
_DELAYED = Text("（其中 {delay} 是有意设置的延迟）", " ({delay} of it is meant)")
_ERROR = Text("，{thread} 错误号 {number}{meaning}", ", {thread} error {number}{meaning}")
_MEANINGS = {
    1032: Text("（从库缺少要修改的行）", " (a row to change is not there)"),
    1045: Text("（复制账号被拒绝）", " (the account was refused)"),
    1062: Text("（主键或唯一键重复）", " (duplicate key)"),
    1146: Text("（从库没有这张表）", " (no such table here)"),
    1236: Text(
        "（主库上需要的 binlog 已不存在或损坏）", " (the binary log needed is gone or damaged)"
    ),
    1593: Text("（严重错误，如 server_id 相同）", " (fatal, such as the same server_id)"),
    2003: Text("（连不上主库）", " (the source can't be reached)"),
    2005: Text("（主库主机名无法解析）", " (the source's name is not known)"),
    2013: Text("（与主库的连接中断）", " (the connection was lost)"),
    13117: Text("（server_id 或 UUID 相同）", " (the same server_id or UUID)"),
}


def threads(facts: Facts, thresholds: LagThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the threads and the lag of each source."""
    if not facts.channels:
        yield not_applicable("", _NO_REPLICA)
    for channel in facts.channels:
        yield _channel(channel, thresholds)


def _channel(channel: Channel, thresholds: LagThresholds) -> Verdict:
    state = _STATE.format(io=channel.io_running, sql=channel.sql_running)
    running = [each.lower() == "yes" for each in (channel.io_running, channel.sql_running)]
    if not all(running):
        begun = channel.io_running.lower() in ("connecting", "preparing")
        if begun and running[1] and not channel.io_error:
            message = _CONNECTING.format(source=channel.source)
            return warning(channel.name, state, _RUNNING, message)
        message = _STOPPED.format(
            source=channel.source,
            io=channel.io_running,
            sql=channel.sql_running,
            errors=_errors(channel),
        )
        return critical(channel.name, state, _RUNNING, message)
    if channel.lag_seconds is None:
        message = _NO_LAG.format(source=channel.source)
        return warning(channel.name, state, _RUNNING, message)
    delay: Text | str = ""
    if channel.delay_seconds:
        delay = _DELAYED.format(delay=duration(channel.delay_seconds))
    return judged(
        channel.name,
        max(0.0, channel.lag_seconds - channel.delay_seconds),
        thresholds.warning_seconds,
        thresholds.critical_seconds,
        show=_lag,
        message=_BEHIND.format(
            source=channel.source, lag=duration(channel.lag_seconds), delay=delay
        ),
    )


def _lag(seconds: float) -> Text:
    return duration(seconds) if seconds else Text("0 秒", "0 s")


def _errors(channel: Channel) -> Text:
    parts = [
        _ERROR.format(thread=thread, number=number, meaning=_MEANINGS.get(number, Text("", "")))
        for thread, number in (("IO", channel.io_error), ("SQL", channel.sql_error))
        if number
    ]
    return Text("".join(part.zh for part in parts), "".join(part.en for part in parts))


_WRITABLE = Text(
    "从库没有设置 read_only：业务账号可以直接写入，数据会与主库不一致。",
    "The replica is not read_only: an application may write to it and it drifts apart.",
)
_SUPER = Text(
    "只设置了 read_only，有 SUPER 权限的账号仍可写入；可再设置 super_read_only=ON。",
    "read_only alone lets accounts with SUPER write; super_read_only=ON does not.",
)
_NO_GTID = Text(
    "从 {source} 的复制按文件和位置进行，没有使用 GTID：切换和重建时容易对错位置。",
    "Replication from {source} goes by file and position, not by GTID: a failover or a rebuild is "
    "easily wrong.",
)
_GALERA = Text("Galera 集群的节点都可写。", "Every member of a Galera cluster takes writes.")


def read_only(
    facts: Facts, _thresholds: ReadOnlyThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge read_only of a replica, and whether its positions are kept by GTID."""
    if not facts.channels:
        yield not_applicable("", _NO_REPLICA)
        return
    if facts.galera:
        yield not_applicable("read_only", _GALERA)
    elif not facts.read_only and not facts.super_read_only:
        yield warning("read_only", Text.same("OFF"), Text.same("ON"), _WRITABLE)
    elif facts.super_read_only is False:
        yield info("read_only", Text.same("ON"), Text.same("super_read_only=ON"), _SUPER)
    else:
        yield ok("read_only", Text.same("ON"), Text.same("ON"))
    for channel in facts.channels:
        name = f"gtid:{channel.name}" if channel.name else "gtid"
        if channel.gtid is None:
            why = Text("此版本没有 GTID。", "This version has no GTID.")
            yield not_applicable(name, why)
        elif channel.gtid:
            yield ok(name, Text.same("GTID"), Text.same("GTID"))
        else:
            message = _NO_GTID.format(source=channel.source)
            yield warning(name, Text("文件和位置", "file and position"), Text.same("GTID"), message)


CHECK: Check[Facts] = Check(
    title=Text("MySQL 主从复制", "MySQL replication"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=SYSTEMS,
    target=TARGET,
    reads=(
        "SHOW REPLICA STATUS (MySQL 8.0.22+), SHOW SLAVE STATUS, SHOW ALL SLAVES STATUS (MariaDB)",
        "SHOW GLOBAL VARIABLES (read_only, super_read_only, wsrep_on)",
    ),
    privilege=Text(
        "REPLICATION CLIENT；MariaDB 10.5+：SLAVE MONITOR（REPLICA MONITOR）",
        "REPLICATION CLIENT; MariaDB 10.5+: SLAVE MONITOR (REPLICA MONITOR)",
    ),
    rules=(
        Rule(
            code="MY-004",
            title=Text("复制状态与延迟", "Replication threads and lag"),
            why=Text(
                "复制停了，从库就停在那一刻：主库一旦损坏，之后的数据全部丢失；"
                "报表读到的也是旧数据。",
                "A replica that has stopped is a copy of that moment: when the source breaks, all "
                "since then is lost, and whoever reads from it sees old data.",
            ),
            remedy=Text(
                "在从库执行 SHOW REPLICA STATUS\\G（旧版本 SHOW SLAVE STATUS\\G）看 Last_IO_Error、"
                "Last_SQL_Error，按错误修复后 START REPLICA。1236 需要用新备份重建从库。"
                "本机若已提升为主库，用 RESET REPLICA ALL（旧版本 RESET SLAVE "
                "ALL）清除旧的复制配置。"
                "不要用跳过错误（sql_slave_skip_counter）来“修复”，数据会从此不一致。",
                "Read Last_IO_Error and Last_SQL_Error of SHOW REPLICA STATUS\\G (before 8.0.22 "
                "SHOW SLAVE STATUS\\G), put the cause right, then START REPLICA. 1236 takes a "
                "rebuild from a new backup. Where this server is the source now, RESET REPLICA ALL "
                "(RESET SLAVE ALL) takes the old settings away. Skipping errors "
                "(sql_slave_skip_counter) repairs "
                "nothing: the data drift apart.",
            ),
            priority=1,
            thresholds=LagThresholds,
            evaluate=threads,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="MY-005",
            title=Text("从库只读与 GTID", "Replica read-only, GTID"),
            why=Text(
                "写到从库的数据主库没有，复制会因重复键报错停止，或者两边悄悄不一致。",
                "What is written to a replica the source doesn't have: replication stops at a "
                "duplicate key, or both differ in silence.",
            ),
            remedy=Text(
                "SET GLOBAL read_only=ON（MySQL 5.7+ 再加 super_read_only=ON），并写入配置文件。"
                "GTID：MySQL 按官方步骤在线启用 gtid_mode；"
                "MariaDB 用 CHANGE MASTER TO MASTER_USE_GTID=slave_pos。",
                "SET GLOBAL read_only=ON (MySQL 5.7+: super_read_only=ON, too), also in the "
                "configuration file. GTID: MySQL turns gtid_mode on by the documented steps; "
                "MariaDB by CHANGE MASTER TO MASTER_USE_GTID=slave_pos.",
            ),
            priority=2,
            thresholds=ReadOnlyThresholds,
            evaluate=read_only,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
