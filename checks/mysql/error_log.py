"""The error log of the last days: counts of what stands in it, never its lines."""

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
    not_run,
    ok,
    warning,
)
from checks.databases import Database
from checks.errors import Unsupported
from checks.mysql import TARGET
from checks.mysql._log_lines import WINDOW_DAYS, Counts, read_log
from checks.mysql._server import SYSTEMS, is_mariadb, number, settings
from checks.wording import size
from wire.messages import Failure, Reason

# The classes of _log_lines.SIGNS, the gravest first.
LOG_TABLE = (
    "SELECT kind, COUNT(*) AS found FROM (SELECT CASE "
    "WHEN logged < NOW() - INTERVAL 7 DAY THEN 'old' "
    "WHEN data LIKE '%corrupt%' OR data LIKE '%marked as crashed%' "
    "OR data LIKE '%checksum mismatch%' OR data LIKE '%incorrect key file%' THEN 'corruption' "
    "WHEN data LIKE '%got signal%' OR data LIKE '%assertion failure%' THEN 'crash' "
    "WHEN data LIKE '%starting crash recovery%' OR data LIKE '%not shut down normally%' "
    "THEN 'recovery' "
    "WHEN data LIKE '%no space left%' OR data LIKE '%errno: 28%' OR data LIKE '%disk full%' "
    "OR data LIKE '%is full%' THEN 'disk_full' "
    "WHEN prio = 'Error' THEN 'errors' ELSE 'other' END AS kind "
    "FROM performance_schema.error_log) AS classed GROUP BY kind"
)
EXPIRED = "SHOW GLOBAL STATUS WHERE Variable_name = 'Error_log_expired_events'"


class Row(Struct, frozen=True):
    """A class of performance_schema.error_log."""

    kind: str
    found: int


def probe(database: Database) -> Counts:
    """Ask the table of MySQL 8.0.22+, else read the file where it is here. Raise a ProbeError."""
    if is_mariadb(database) or database.version < (8, 0, 22):
        return read_log(database)
    found = {row.kind: row.found for row in database.rows(LOG_TABLE, Row)}
    if not found:
        # Not even of the start: it isn't kept.
        raise Unsupported("performance_schema.error_log", "it has no line at all")
    lost = number(settings(database, EXPIRED), "error_log_expired_events") or 0
    return Counts(
        source="performance_schema.error_log",
        days=WINDOW_DAYS,
        errors=found.get("errors", 0),
        corruption=found.get("corruption", 0),
        crash=found.get("crash", 0),
        recovery=found.get("recovery", 0),
        disk_full=found.get("disk_full", 0),
        bytes=None,
        complete=not lost or "old" in found,
    )


class LogThresholds(Thresholds, frozen=True):
    """How many lines are too many, and how large the file may be."""

    warning_lines: Annotated[int, limit("lines", "catalogue MY-020: any")] = 1
    warning_bytes: Annotated[int, limit("bytes", "MT 32 MB")] = 32 * 2**20


_KINDS = {
    "corruption": Text("数据损坏", "damage to data"),
    "crash": Text("进程崩溃", "crashes of the server"),
    "recovery": Text("崩溃恢复", "recoveries after a crash"),
    "disk_full": Text("磁盘写满", "full disks"),
    "errors": Text("错误", "errors"),
}
_FOUND = Text(
    "近 {days} 天错误日志中有 {number} 条{kind}记录（{source}）。",
    "{number} lines of the last {days} days tell of {kind} ({source}).",
)
_LARGE = Text(
    "错误日志已有 {size}（{source}），没有轮转：难以查看，也占用磁盘。",
    "The error log has {size} ({source}) and is not rotated.",
)
_CUT = Text(
    "日志太长，只读了最后一部分，没有覆盖 {days} 天。",
    "The log is too long: its last part, which was read, does not go back {days} days.",
)
_NUMBER = Text("{number} 条", "{number} lines")
_NO_LINE = Text("无", "none")


def lines(facts: Counts, thresholds: LogThresholds, _past: Past[Counts]) -> Iterator[Verdict]:
    """Judge each class of lines, and the size of the file."""
    for kind, name in _KINDS.items():
        number: int = getattr(facts, kind)
        current = _NUMBER.format(number=number)
        message = _FOUND.format(days=facts.days, number=number, kind=name, source=facts.source)
        if number >= thresholds.warning_lines:
            made = critical if kind == "corruption" else warning
            yield made(kind, current, _NO_LINE, message)
        elif facts.complete:
            yield ok(kind, current, _NO_LINE)
        else:
            failure = Failure(Reason.UNSUPPORTED, facts.source[:255])
            yield not_run(kind, failure, _CUT.format(days=facts.days))
    if facts.bytes is None:
        return
    reference = Text.same(f"< {size(thresholds.warning_bytes)}")
    if facts.bytes >= thresholds.warning_bytes:
        message = _LARGE.format(size=size(facts.bytes), source=facts.source)
        yield warning("size", size(facts.bytes), reference, message)
    else:
        yield ok("size", size(facts.bytes), reference)


CHECK: Check[Counts] = Check(
    title=Text("MySQL 错误日志", "MySQL error log"),
    chapter=Chapter.DATABASE,
    facts=Counts,
    probe=probe,
    systems=SYSTEMS,
    target=TARGET,
    reads=(
        "performance_schema.error_log (MySQL 8.0.22+; counts), SHOW GLOBAL STATUS",
        "@@log_error (its last 4 MiB; counts)",
        "stat, tail",
    ),
    privilege=Text(
        "MySQL 8.0.22+：performance_schema.error_log 的 SELECT；其他：可读错误日志文件的系统账号"
        "（如 adm 或 mysql 组）",
        "MySQL 8.0.22+: SELECT on performance_schema.error_log; else an account of the system that "
        "may read the file (group adm or mysql)",
    ),
    rules=(
        Rule(
            code="MY-020",
            title=Text("错误日志", "Error log"),
            why=Text(
                "数据损坏、崩溃和磁盘写满都先写在错误日志里，没有人看就等到业务中断才发现。",
                "Damage, crashes and full disks stand in the error log first; unread, they are "
                "noticed when the application stops.",
            ),
            remedy=Text(
                "打开错误日志逐类查看。数据损坏：立即停写并备份现状，用 CHECK TABLE 确认范围，"
                "从完好备份恢复。崩溃：核对是否内存不足或已知缺陷。磁盘满：清理或扩容。"
                "日志过大：配置 logrotate（之后执行 FLUSH ERROR LOGS）。",
                "Read it class by class. Damage: stop writing, copy what is there, find its "
                "extent with CHECK TABLE, restore a good backup. Crashes: out of memory or a "
                "known defect? Full disk: clear or extend. Too large: logrotate, then FLUSH ERROR "
                "LOGS.",
            ),
            priority=2,
            thresholds=LogThresholds,
            evaluate=lines,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
