"""MSSQL-011, 012 and 014: pages that were found broken, and crashes of the engine."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Failure,
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    ok,
    warning,
)
from checks.judging import judged, missing
from checks.mssql._corruption import Facts
from checks.wording import count, duration


class PageThresholds(Thresholds, frozen=True):
    """One broken page is too many; the table holds 1,000 rows and then no more."""

    warning_rows: Annotated[int, limit("rows", "DCK: 90 % of the 1,000 it can hold")] = 900


class RepairThresholds(Thresholds, frozen=True):
    """Nothing to tune: FRK#34, #89."""


class DumpThresholds(Thresholds, frozen=True):
    """Dumps of a year."""

    warning_dumps: Annotated[int, limit("dumps", "FRK#171; DCK: at most 1")] = 1
    critical_dumps: Annotated[int, limit("dumps", "catalogue: more than 5")] = 6


_NO_PAGES = Text("0 页", "0 pages")
_PAGES = Text("{pages} 页", "{pages} pages")
_SUSPECT = Text(
    "数据库 {name} 有 {pages} 个可疑页（823/824 错误），最近一次在 {age}前：数据已经损坏。",
    "{name} has {pages} suspect pages (823/824), the last {age} ago: data are damaged.",
)
_MENDED = Text("{pages} 页，均已修复或还原", "{pages} pages, all repaired or restored")
_FULL = Text(
    "msdb.dbo.suspect_pages 已有 {rows} 行，达到 1000 行后不再记录新的坏页。",
    "msdb.dbo.suspect_pages has {rows} rows; at 1,000 no further page is written down.",
)
_REPAIRED = Text(
    "数据库 {name} 30 天内由可用性组或镜像自动修复了 {pages} 页，最近一次在 {age}前："
    "存储在损坏数据。",
    "A partner mended {pages} pages of {name} in 30 days, the last {age} ago: storage breaks data.",
)
_DUMPED = Text(
    "近一年产生了 {dumps} 个内存转储，最近一个在 {age}前：引擎遇到了严重错误。",
    "{dumps} memory dumps in a year, the last {age} ago: the engine met severe errors.",
)


def suspect(facts: Facts, thresholds: PageThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the pages that failed with 823 or 824 and were not mended since."""
    if isinstance(facts.suspect, Failure):
        yield from missing(facts.suspect)
        return
    for row in facts.suspect:
        if row.bad:
            age = duration(row.newest_seconds)
            message = _SUSPECT.format(name=row.name, pages=row.bad, age=age)
            yield critical(row.name, _PAGES.format(pages=row.bad), _NO_PAGES, message)
        else:
            yield ok(row.name, _MENDED.format(pages=row.pages), _NO_PAGES)
    rows = sum(row.pages for row in facts.suspect)
    if rows >= thresholds.warning_rows:
        message = _FULL.format(rows=rows)
        yield warning("suspect_pages", count(rows, "行", "rows"), Text.same("< 1000"), message)
    if not facts.suspect:
        yield ok("", _NO_PAGES, _NO_PAGES)


def repaired(facts: Facts, _thresholds: RepairThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the pages that a partner of the database had to mend."""
    if isinstance(facts.repairs, Failure):
        yield from missing(facts.repairs)
        return
    for row in facts.repairs:
        message = _REPAIRED.format(name=row.name, pages=row.pages, age=duration(row.newest_seconds))
        yield critical(row.name, _PAGES.format(pages=row.pages), _NO_PAGES, message)
    if not facts.repairs:
        yield ok("", _NO_PAGES, _NO_PAGES)


def dumped(facts: Facts, thresholds: DumpThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the number of memory dumps."""
    if isinstance(facts.dumps, Failure):
        yield from missing(facts.dumps)
        return
    for row in facts.dumps:
        yield judged(
            "",
            row.dumps,
            thresholds.warning_dumps,
            thresholds.critical_dumps,
            show=lambda value: count(int(value), "个", "dumps"),
            message=_DUMPED.format(dumps=row.dumps, age=duration(row.newest_seconds or 0)),
        )


SUSPECT = Rule(
    code="MSSQL-011",
    title=Text("可疑页", "Suspect pages"),
    why=Text(
        "suspect_pages 中的每一行都是读取时校验失败的页：数据已损坏，而且往往不止这一页。",
        "Each row in suspect_pages is a page that failed when it was read: data are damaged, and "
        "it "
        "is seldom the only one.",
    ),
    remedy=Text(
        "立即确认备份可用并停止覆盖旧备份，执行 DBCC CHECKDB；优先用 RESTORE … PAGE "
        "从备份还原坏页，"
        "REPAIR_ALLOW_DATA_LOSS 会丢数据；同时检查磁盘、RAID 卡和驱动。处理后删除 suspect_pages "
        "中的旧行。",
        "See that backups are good and none is overwritten, run DBCC CHECKDB, and restore the "
        "pages "
        "from a backup (RESTORE … PAGE); REPAIR_ALLOW_DATA_LOSS loses data. Check disks, "
        "controller "
        "and drivers, and delete the old rows afterwards.",
    ),
    priority=1,
    thresholds=PageThresholds,
    evaluate=suspect,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
REPAIRED = Rule(
    code="MSSQL-012",
    title=Text("自动页修复", "Automatic page repair"),
    why=Text(
        "自动页修复掩盖了存储故障：这次对方副本的页是好的，下次未必。",
        "Automatic repair hides that storage fails: this time the partner's page was good.",
    ),
    remedy=Text(
        "检查本副本的磁盘、RAID 卡、多路径和固件；在每个副本上执行 DBCC CHECKDB，"
        "必要时迁移到健康的存储。",
        "Check disks, controller, paths and firmware of this replica, run DBCC CHECKDB on every "
        "one "
        "and move to sound storage where needed.",
    ),
    priority=2,
    thresholds=RepairThresholds,
    evaluate=repaired,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
DUMPED = Rule(
    code="MSSQL-014",
    title=Text("内存转储", "Memory dumps"),
    why=Text(
        "内存转储是引擎遇到断言失败、访问冲突或调度卡死的记录，通常由缺陷、损坏或硬件引起。",
        "A dump tells of a failed assertion, an access violation or a stuck scheduler: a bug, "
        "damage "
        "or hardware.",
    ),
    remedy=Text(
        "对照错误日志中转储的时间查原因，安装最新 CU，执行 DBCC CHECKDB；仍出现则把 .mdmp "
        "提交微软分析。"
        "转储文件含业务数据，不要外发给其他人。",
        "Look in the error log at the time of the dump, install the latest CU, run DBCC CHECKDB, "
        "and "
        "send the .mdmp to Microsoft if they go on. Dumps hold business data: to nobody else.",
    ),
    priority=2,
    thresholds=DumpThresholds,
    evaluate=dumped,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
