"""The binary log: is it written, and does it go away again?"""

from collections.abc import Iterator

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    Scope,
    Struct,
    Text,
    Thresholds,
    Verdict,
    info,
    not_applicable,
    ok,
    warning,
)
from checks.databases import Database
from checks.errors import part
from checks.mysql import TARGET
from checks.mysql._server import SYSTEMS, number, settings, switched_on
from checks.wording import duration, reason, size

VARIABLES = (
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_bin', 'binlog_format', 'expire_logs_days', "
    "'binlog_expire_logs_seconds', 'binlog_expire_logs_auto_purge', 'max_binlog_total_size', "
    "'binlog_space_limit')"
)
FILES = "SHOW BINARY LOGS"


class File(Struct, frozen=True):
    """A row of SHOW BINARY LOGS."""

    log_name: str
    file_size: int


class Facts(Struct, frozen=True):
    """How the binary log is kept."""

    on: bool
    format: str
    expire_seconds: float
    """After which a file is deleted; 0: never by age."""
    most_bytes: int
    """After which files are deleted by size (MariaDB 11.4+, Percona); 0: never."""
    files: int
    bytes: int | Failure
    """Of all files together."""


def probe(database: Database) -> Facts:
    """Ask how the binary log is kept, and how large it is. Raise a ProbeError."""
    variables = settings(database, VARIABLES)
    on = bool(switched_on(variables, "log_bin"))
    seconds = float(number(variables, "binlog_expire_logs_seconds") or 0)
    if not seconds:
        # MariaDB takes parts of days.
        seconds = 86400 * float(variables.get("expire_logs_days") or 0)
    if switched_on(variables, "binlog_expire_logs_auto_purge") is False:
        seconds = 0
    written = part(lambda: database.rows(FILES, File)) if on else ()
    most = number(variables, "max_binlog_total_size") or number(variables, "binlog_space_limit")
    return Facts(
        on=on,
        format=variables.get("binlog_format", ""),
        expire_seconds=seconds,
        most_bytes=most or 0,
        files=0 if isinstance(written, Failure) else len(written),
        bytes=written if isinstance(written, Failure) else sum(each.file_size for each in written),
    )


class BinaryLogThresholds(Thresholds, frozen=True):
    """Nothing to set: it is written, and deleted at some time."""


_OFF = Text(
    "没有启用 binlog：只能恢复到最近一次备份，备份之后的数据无法找回，也无法做主从复制。",
    "The binary log is off: a restore ends at the last backup, and no replica can be attached.",
)
_FOR_EVER = Text(
    "binlog 永不自动清理，现有 {written}：迟早写满磁盘，数据库随之停止。",
    "The binary log is never deleted by itself and has {written}: one day it fills the disk, and "
    "the server stops.",
)
_STATEMENT = Text(
    "binlog_format=STATEMENT：含 NOW()、LIMIT 等不确定语句时，从库或恢复出来的数据可能与主库不同。",
    "binlog_format=STATEMENT: statements that depend on order or time may give other data on a "
    "replica or after a restore.",
)
_ON = Text("已启用", "on")
_KEPT = Text("{days}后清理，现有 {written}", "deleted after {days}, now {written}")
_BY_SIZE = Text("超过 {size} 后清理，现有 {written}", "deleted beyond {size}, now {written}")
_NEVER = Text("永不清理，现有 {written}", "never deleted, now {written}")
_FILES = Text("{size}（{count} 个文件）", "{size} ({count} files)")
_EXPIRES = Text("设置过期时间", "an expiry is set")
_NOT_ON = Text("binlog 未启用。", "The binary log is off.")


def kept(facts: Facts, _thresholds: BinaryLogThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether it is written, by which format, and whether it is ever deleted."""
    if not facts.on:
        yield warning("log_bin", Text.same("OFF"), _ON, _OFF)
        yield not_applicable("expiry", _NOT_ON)
        yield not_applicable("format", _NOT_ON)
        return
    yield ok("log_bin", Text.same("ON"), _ON)
    written = _words(facts)
    if facts.expire_seconds > 0:
        current = _KEPT.format(days=duration(facts.expire_seconds), written=written)
        yield ok("expiry", current, _EXPIRES)
    elif facts.most_bytes > 0:
        yield ok("expiry", _BY_SIZE.format(size=size(facts.most_bytes), written=written), _EXPIRES)
    else:
        message = _FOR_EVER.format(written=written)
        yield warning("expiry", _NEVER.format(written=written), _EXPIRES, message)
    if facts.format.upper() == "STATEMENT":
        yield info("format", Text.same(facts.format), Text.same("ROW / MIXED"), _STATEMENT)
    else:
        yield ok("format", Text.same(facts.format), Text.same("ROW / MIXED"))


def _words(facts: Facts) -> Text:
    if isinstance(facts.bytes, Failure):
        return Text("大小未知（{why}）", "an unknown size ({why})").format(why=reason(facts.bytes))
    return _FILES.format(size=size(facts.bytes), count=facts.files)


CHECK: Check[Facts] = Check(
    title=Text("MySQL 二进制日志", "MySQL binary log"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=SYSTEMS,
    target=TARGET,
    reads=("SHOW GLOBAL VARIABLES (log_bin, binlog_*, expire_logs_days)", "SHOW BINARY LOGS"),
    privilege=Text(
        "REPLICATION CLIENT（MariaDB 10.5+：BINLOG MONITOR），仅用于读取日志大小",
        "REPLICATION CLIENT (MariaDB 10.5+: BINLOG MONITOR), for the size alone",
    ),
    scopes=(Scope.METADATA, Scope.CONFIG),
    rules=(
        Rule(
            code="MY-006",
            title=Text("二进制日志与过期", "Binary log and its expiry"),
            why=Text(
                "没有 binlog 就没有按时间点恢复；有 binlog 但不清理，磁盘会被写满。",
                "Without it there is no restore to a point in time; without an expiry it fills the "
                "disk.",
            ),
            remedy=Text(
                "在配置文件启用 log_bin（需重启，并设置唯一的 server_id），binlog_format=ROW；"
                "设置 binlog_expire_logs_seconds=604800"
                "（MySQL 5.7 和旧 MariaDB：expire_logs_days=7），"
                "保留时间要长于备份间隔和从库可能停机的时间。不要直接删除文件，"
                "用 PURGE BINARY LOGS 清理，并先确认从库已读取。",
                "Enable log_bin in the configuration file (a restart; server_id must be unique), "
                "binlog_format=ROW, binlog_expire_logs_seconds=604800 (MySQL 5.7 and older "
                "MariaDB: expire_logs_days=7): longer than the time between backups and than a "
                "replica may be down. Never delete the files by hand: PURGE BINARY LOGS, once "
                "all replicas have read them.",
            ),
            priority=1,
            thresholds=BinaryLogThresholds,
            evaluate=kept,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
