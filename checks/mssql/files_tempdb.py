"""SQL Server: the files of tempdb, which all databases share."""

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
    limit,
    not_run,
    ok,
    warning,
)
from checks.databases import Database
from checks.errors import part
from checks.judging import judged
from checks.wording import percent, size
from wire.messages import Count, Label, Reason

TEMPDB_FILES = """
SELECT f.name AS name, CAST(f.size AS bigint) * 8192 AS size_bytes
FROM tempdb.sys.database_files AS f
WHERE f.type = 0
"""
TEMPDB_SPACE = """
SELECT SUM(u.total_page_count) * 8192 AS total_bytes,
       SUM(u.unallocated_extent_page_count) * 8192 AS free_bytes,
       SUM(u.version_store_reserved_page_count) * 8192 AS version_store_bytes
FROM tempdb.sys.dm_db_file_space_usage AS u
"""
PROCESSORS = """
SELECT i.cpu_count AS processors FROM sys.dm_os_sys_info AS i
"""


class TempFile(Struct, frozen=True, kw_only=True):
    """One data file of tempdb."""

    name: Label
    size_bytes: Count


class SpaceRow(Struct, frozen=True, kw_only=True):
    """How full tempdb is now; NULL to logins that may not see it."""

    total_bytes: Count | None = None
    free_bytes: Count | None = None
    version_store_bytes: Count | None = None


class ProcessorRow(Struct, frozen=True):
    """The answer to PROCESSORS."""

    processors: Count


class Facts(Struct, frozen=True, kw_only=True):
    """tempdb and the processors that work in it."""

    files: tuple[TempFile, ...]
    space: tuple[SpaceRow, ...] | Failure
    """One row."""
    processors: Count | Failure


def probe(database: Database) -> Facts:
    """Ask for the files, their use and the processors. Raise a ProbeError."""

    def processors() -> int:
        rows = database.rows(PROCESSORS, ProcessorRow)
        return rows[0].processors if rows else 0

    return Facts(
        files=database.rows(TEMPDB_FILES, TempFile)[:1000],
        space=part(lambda: database.rows(TEMPDB_SPACE, SpaceRow)),
        processors=part(processors),
    )


class TempdbThresholds(Thresholds, frozen=True):
    """How tempdb should be laid out, and how full it may be."""

    warning_used_percent: Annotated[float, limit("%", "INS 75 %")] = 75
    critical_used_percent: Annotated[float, limit("%", "catalogue 90 %")] = 90
    uneven_bytes: Annotated[float, limit("bytes", "FRK#175, #183: more than 1 GB apart")] = 2**30
    most_files: Annotated[int, limit("files", "Microsoft: one a processor, up to 8")] = 8


_FILES = Text("{count} 个数据文件", "{count} data files")
_SEVERAL = Text("{count} 个等大的文件", "{count} files of one size")
_SINGLE = Text(
    "tempdb 只有 1 个数据文件，而服务器有 {processors} 个逻辑处理器：并发建临时表时会争用分配页。",
    "tempdb has 1 data file for {processors} processors: sessions that make temporary tables wait "
    "for one another.",
)
_UNEVEN = Text(
    "tempdb 数据文件大小不一（{least} 至 {most}），写入会集中在最大的文件上。",
    "The data files of tempdb differ ({least} to {most}): most is written to the largest.",
)
_FULL = Text(
    "tempdb 当前已用 {used}（共 {total}，其中版本存储 {versions}）。",
    "tempdb is {used} full ({total} in all, {versions} of it row versions).",
)


def tempdb(facts: Facts, thresholds: TempdbThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge number, sizes and use of tempdb's files."""
    yield _counted(facts, thresholds)
    sizes = [file.size_bytes for file in facts.files]
    if len(sizes) > 1:
        least, most = size(min(sizes)), size(max(sizes))
        current = Text.same(f"{least} – {most}")
        reference = Text("大小相同", "of one size")
        if max(sizes) - min(sizes) > thresholds.uneven_bytes:
            message = _UNEVEN.format(least=least, most=most)
            yield warning("tempdb sizes", current, reference, message)
        else:
            yield ok("tempdb sizes", current, reference)
    yield _space(facts, thresholds)


def _counted(facts: Facts, thresholds: TempdbThresholds) -> Verdict:
    found = len(facts.files)
    if not found:
        failure = Failure(Reason.PERMISSION, "tempdb.sys.database_files")
        return not_run("tempdb files", failure)
    if isinstance(facts.processors, Failure):
        return not_run("tempdb files", facts.processors)
    wanted = min(max(facts.processors, 1), thresholds.most_files)
    current, reference = _FILES.format(count=found), _SEVERAL.format(count=wanted)
    if found == 1 and facts.processors > 1:
        message = _SINGLE.format(processors=facts.processors)
        return warning("tempdb files", current, reference, message)
    return ok("tempdb files", current, reference)


def _space(facts: Facts, thresholds: TempdbThresholds) -> Verdict:
    if isinstance(facts.space, Failure):
        return not_run("tempdb space", facts.space)
    row = facts.space[0] if facts.space else None
    if row is None or not row.total_bytes or row.free_bytes is None:
        failure = Failure(Reason.PERMISSION, "tempdb.sys.dm_db_file_space_usage")
        return not_run("tempdb space", failure)
    used = 100 * (row.total_bytes - row.free_bytes) / row.total_bytes
    message = _FULL.format(
        used=percent(used), total=size(row.total_bytes), versions=size(row.version_store_bytes or 0)
    )
    return judged(
        "tempdb space",
        used,
        thresholds.warning_used_percent,
        thresholds.critical_used_percent,
        show=percent,
        message=message,
    )


CHECK = Check(
    title=Text("SQL Server 临时数据库 tempdb", "SQL Server tempdb"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    reads=(
        "tempdb.sys.database_files, tempdb.sys.dm_db_file_space_usage",
        "sys.dm_os_sys_info (cpu_count)",
    ),
    privilege=Text(
        "VIEW SERVER STATE（2022 起为 VIEW SERVER PERFORMANCE STATE）",
        "VIEW SERVER STATE (from 2022: VIEW SERVER PERFORMANCE STATE)",
    ),
    rules=(
        Rule(
            code="MSSQL-027",
            title=Text("tempdb 文件与使用率", "Files and use of tempdb"),
            why=Text(
                "临时表、排序和行版本都在 tempdb；文件太少会争用，写满后所有数据库的查询都会失败。",
                "Temporary tables, sorts and row versions live in tempdb: few files make sessions "
                "wait, "
                "and once it is full queries fail in every database.",
            ),
            remedy=Text(
                "将数据文件加到与逻辑处理器数相同（最多 8 个）、大小和增量一致，预先分配空间；"
                "持续接近写满时查找长事务和大查询（sys.dm_db_session_space_usage）。",
                "Have one data file a processor, up to 8, all of one size and growth, with room "
                "ahead; "
                "where it stays full look for long transactions and great queries "
                "(sys.dm_db_session_space_usage).",
            ),
            priority=2,
            thresholds=TempdbThresholds,
            evaluate=tempdb,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
