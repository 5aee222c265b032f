"""SQL Server: how long reads and writes of each database's files take."""

from collections.abc import Iterable, Iterator
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
    grade,
    limit,
    ok,
)
from checks.databases import Database
from checks.mssql._counters import Increase, increase
from checks.mssql._rights import DEFINITIONS_AND_STATE, demand_definitions
from checks.mssql._wait_facts import UPTIME, UptimeRow
from checks.wording import duration
from wire.messages import Count, Label, Seconds

MOST_FILES = 500
FILES = f"""
SELECT TOP ({MOST_FILES}) d.name AS database_name, f.name AS name, f.type_desc AS kind,
       v.num_of_reads AS reads, v.io_stall_read_ms AS read_milliseconds,
       v.num_of_writes AS writes, v.io_stall_write_ms AS write_milliseconds
FROM sys.dm_io_virtual_file_stats(NULL, NULL) AS v
JOIN sys.master_files AS f ON f.database_id = v.database_id AND f.file_id = v.file_id
JOIN sys.databases AS d ON d.database_id = v.database_id
ORDER BY v.io_stall DESC
"""  # noqa: S608 - a number of our own
"""The files that were waited for most; the clocks begin with the server."""


class File(Struct, frozen=True):
    """A row of FILES: counts and times since the server's start."""

    database_name: Label
    name: Label
    kind: Label
    reads: Count
    read_milliseconds: Count
    writes: Count
    write_milliseconds: Count


class Facts(Struct, frozen=True):
    """The files, and how long they have been counted."""

    up_seconds: Seconds
    files: tuple[File, ...]


class LatencyThresholds(Thresholds, frozen=True):
    """Means over all reads or writes since the last inspection."""

    warning_read_ms: Annotated[float, limit("ms", "OWN")] = 50
    critical_read_ms: Annotated[float, limit("ms", "FRK#36: 200 ms")] = 200
    warning_write_ms: Annotated[float, limit("ms", "OWN")] = 30
    critical_write_ms: Annotated[float, limit("ms", "FRK#37: 100 ms")] = 100
    least_operations: Annotated[int, limit("I/Os", "OWN: fewer say nothing")] = 1000
    critical_operations: Annotated[int, limit("I/Os", "FRK#36, #37: over 100,000")] = 100_000


def probe(database: Database) -> Facts:
    """Ask for the counters of all files. Raise a ProbeError."""
    demand_definitions(database)
    up = database.rows(UPTIME, UptimeRow)[0]
    files = database.rows(FILES, File)
    return Facts(up.up_seconds, tuple(f for f in files if not database.excluded(f.database_name)))


_READ = Text("读", "read")
_WRITE = Text("写", "write")
_MESSAGE = Text(
    "数据库 {database} 的文件 {file}（{kind}）近 {span}内平均{way}延迟 {mean}，共 {number:.0f} "
    "次。",
    "File {file} ({kind}) of {database}: a {way} takes {mean} in the mean of the last {span} "
    "({number:.0f} of them).",
)


def latency(facts: Facts, thresholds: LatencyThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the slowest file of each database."""
    before = {(each.database_name, each.name): each for each in _files(past.previous)}
    for name in dict.fromkeys(each.database_name for each in facts.files):
        own = [each for each in facts.files if each.database_name == name]
        yield _slowest(name, own, before, facts, thresholds, past.elapsed_seconds)


def _files(facts: Facts | None) -> Iterable[File]:
    return facts.files if facts is not None else ()


class _Judged(Struct, frozen=True):
    state: State
    mean: float
    operations: Increase
    file: File
    way: Text


def _slowest(
    name: str,
    files: list[File],
    before: dict[tuple[str, str], File],
    facts: Facts,
    thresholds: LatencyThresholds,
    elapsed: float | None,
) -> Verdict:
    reference = Text("读 < {read}，写 < {write}", "reads < {read}, writes < {write}").format(
        read=duration(thresholds.warning_read_ms / 1000),
        write=duration(thresholds.warning_write_ms / 1000),
    )
    judged = [
        each
        for file in files
        for each in _both(file, before.get((name, file.name)), facts, thresholds, elapsed)
        if each.operations.value >= thresholds.least_operations
    ]
    if not judged:
        return ok(name, Text("I/O 次数很少", "hardly any I/O"), reference)
    order = (State.OK, State.WARNING, State.CRITICAL)
    worst = max(judged, key=lambda each: (order.index(each.state), each.mean))
    current = Text("{way} {mean}", "{way} {mean}").format(
        way=worst.way, mean=duration(worst.mean / 1000)
    )
    message = _MESSAGE.format(
        database=name,
        file=worst.file.name,
        kind=worst.file.kind,
        span=duration(worst.operations.seconds),
        way=worst.way,
        mean=duration(worst.mean / 1000),
        number=worst.operations.value,
    )
    return Verdict(
        name, worst.state, current, reference, None if worst.state is State.OK else message
    )


def _both(
    file: File,
    before: File | None,
    facts: Facts,
    thresholds: LatencyThresholds,
    elapsed: float | None,
) -> Iterator[_Judged]:
    for way, number, milliseconds, old, old_milliseconds, warn, worst in (
        (
            _READ,
            file.reads,
            file.read_milliseconds,
            before.reads if before else None,
            before.read_milliseconds if before else None,
            thresholds.warning_read_ms,
            thresholds.critical_read_ms,
        ),
        (
            _WRITE,
            file.writes,
            file.write_milliseconds,
            before.writes if before else None,
            before.write_milliseconds if before else None,
            thresholds.warning_write_ms,
            thresholds.critical_write_ms,
        ),
    ):
        operations = increase(number, old, facts.up_seconds, elapsed)
        waited = increase(milliseconds, old_milliseconds, facts.up_seconds, elapsed)
        mean = waited.value / operations.value if operations.value else 0.0
        state = grade(mean, warn, worst)
        if state is State.CRITICAL and operations.value < thresholds.critical_operations:
            state = State.WARNING
        yield _Judged(state, mean, operations, file, way)


CHECK = Check(
    title=Text("SQL Server 文件读写延迟", "SQL Server file latency"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    reads=("sys.dm_io_virtual_file_stats", "sys.master_files, sys.databases", "sys.dm_os_sys_info"),
    privilege=DEFINITIONS_AND_STATE,
    rules=(
        Rule(
            code="MSSQL-031",
            title=Text("数据库文件 I/O 延迟", "File latency"),
            why=Text(
                "每次读写都要等磁盘：延迟升高时，单据保存、报表和月结都会变慢，锁也会持有得更久。",
                "Every read and write waits for the disk: when it is slow, postings, reports and "
                "the month's end are slow, and locks are held longer.",
            ),
            remedy=Text(
                "先看该时段是否有备份、CHECKDB、杀毒扫描或虚拟机快照；再在主机上核对磁盘队列和阵列状态；"
                "读延迟高时检查内存是否不足、是否有全表扫描的语句；持续偏高则把数据和日志迁到更快的存储。",
                "See first whether backups, CHECKDB, virus scans or snapshots of the virtual "
                "machine ran then; look at disk queues and the array on the host; with slow reads "
                "look for too little memory and for queries that scan whole tables; where it stays "
                "so, move data and log to faster storage.",
            ),
            priority=2,
            thresholds=LatencyThresholds,
            evaluate=latency,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
