"""MSSQL-013, 023, 024 and 025: options of databases that cost data or speed."""

from collections.abc import Callable, Iterator
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
    info,
    limit,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.mssql._databases import NOT_OPEN, OFF, ON, DatabaseRow, Facts
from checks.wording import size
from wire.messages import Reason


class OptionThresholds(Thresholds, frozen=True):
    """Nothing to tune."""


class CloseThresholds(Thresholds, frozen=True):
    """Express makes databases with AUTO_CLOSE: small ones there are no alarm."""

    tiny_bytes: Annotated[
        float, limit("bytes", "OWN: catalogue spares tiny databases of Express")
    ] = 2**30


_EXPRESS = 4
_NONE = Text(
    "数据库 {name} 没有页校验（NONE）：存储写坏的页不会被发现，直到数据无法读取。",
    "{name} verifies no page (NONE): what storage breaks is found only when nobody can read it.",
)
_TORN = Text(
    "数据库 {name} 的页校验为 {option}，只能发现部分损坏（多为从旧版本升级而来）。",
    "{name} verifies pages by {option}, which sees only some damage (an upgraded database).",
)
_CLOSE = Text(
    "数据库 {name} 开启了 AUTO_CLOSE：最后一个用户退出即关闭，下次打开缓慢并清空缓存。",
    "{name} has AUTO_CLOSE on: it shuts when the last user leaves, and opens slowly, its cache "
    "gone.",
)
_CLOSE_TINY = Text(
    "Express 版的小数据库 {name}（{bytes}）开启了 AUTO_CLOSE（该版本的默认值）。",
    "{name}, a small database of Express ({bytes}), has AUTO_CLOSE on, as Express makes them.",
)
_SHRINK = Text(
    "数据库 {name} 开启了 AUTO_SHRINK：反复收缩和增长造成严重的索引碎片和 I/O。",
    "{name} has AUTO_SHRINK on: it shrinks and grows for ever, which fragments its indexes.",
)
_JOB = Text(
    "作业“{job}”的步骤“{step}”在收缩数据库，收缩后索引碎片严重、文件又会重新增长。",
    "The step {step} of the job {job} shrinks databases: indexes fragment and the files grow "
    "again.",
)
_STATISTICS = Text(
    "数据库 {name} 关闭了{what}，执行计划会因统计信息过时而变差。",
    "{name} has {what} off: plans grow bad as statistics age.",
)
_CREATE = Text("自动创建统计信息", "automatic creation of statistics")
_UPDATE = Text("自动更新统计信息", "automatic update of statistics")
_BOTH = Text("自动创建和更新统计信息", "automatic creation and update of statistics")


def page_verify(
    facts: Facts, _thresholds: OptionThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge how pages are verified; tempdb lives only till the next restart."""
    for database in facts.databases:
        option = database.page_verify
        if database.name == "tempdb":
            continue
        if database.state != "ONLINE" or option is None:
            yield _not_open(database)
        elif option == "CHECKSUM":
            yield ok(database.name, Text.same(option), Text.same("CHECKSUM"))
        else:
            state, message = (critical, _NONE) if option == "NONE" else (warning, _TORN)
            said = message.format(name=database.name, option=option)
            yield state(database.name, Text.same(option), Text.same("CHECKSUM"), said)


def auto_close(facts: Facts, thresholds: CloseThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge AUTO_CLOSE."""
    for database in facts.databases:
        if database.auto_close is None:
            yield _not_open(database)
        elif not database.auto_close:
            yield ok(database.name, OFF, OFF)
        elif _is_tiny(facts, database, thresholds):
            shown = size(database.data_bytes or 0)
            message = _CLOSE_TINY.format(name=database.name, bytes=shown)
            yield info(database.name, ON, OFF, message)
        else:
            yield critical(database.name, ON, OFF, _CLOSE.format(name=database.name))


def auto_shrink(
    facts: Facts, _thresholds: OptionThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge AUTO_SHRINK, and jobs that shrink."""
    yield from _switched(facts, lambda database: database.auto_shrink, _SHRINK)
    if isinstance(facts.shrink_jobs, Failure):
        yield not_run("jobs", facts.shrink_jobs)
        return
    for job in {job.job: job for job in reversed(facts.shrink_jobs)}.values():
        message = _JOB.format(job=job.job, step=job.step)
        current = Text("定时收缩", "shrinks by schedule")
        yield warning(f"job {job.job}"[:255], current, Text("不收缩", "never"), message)


def statistics(
    facts: Facts, _thresholds: OptionThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge whether statistics are made and kept up by the server."""
    for database in facts.databases:
        create, update = database.create_statistics, database.update_statistics
        if create is None or update is None:
            yield _not_open(database)
        elif database.is_read_only:
            why = Text("只读数据库。", "A read-only database.")
            yield not_applicable(database.name, why)
        elif create and update:
            yield ok(database.name, ON, ON)
        else:
            what = _UPDATE if create else _CREATE if update else _BOTH
            message = _STATISTICS.format(name=database.name, what=what)
            yield warning(database.name, OFF, ON, message)


def _switched(
    facts: Facts, option: Callable[[DatabaseRow], bool | None], message: Text
) -> Iterator[Verdict]:
    for database in facts.databases:
        value = option(database)
        if value is None:
            yield _not_open(database)
        elif value:
            yield warning(database.name, ON, OFF, message.format(name=database.name))
        else:
            yield ok(database.name, OFF, OFF)


def _is_tiny(facts: Facts, database: DatabaseRow, thresholds: CloseThresholds) -> bool:
    small = database.data_bytes is not None and database.data_bytes < thresholds.tiny_bytes
    return facts.engine_edition == _EXPRESS and small


def _not_open(database: DatabaseRow) -> Verdict:
    if database.state != "ONLINE":
        return not_applicable(database.name, NOT_OPEN.format(state=database.state))
    return not_run(database.name, Failure(Reason.PERMISSION, "sys.databases"))


PAGE_VERIFY = Rule(
    code="MSSQL-013",
    title=Text("页校验方式", "Page verification"),
    why=Text(
        "CHECKSUM 让读取和备份时就能发现被存储写坏的页，否则损坏会悄悄进入所有备份。",
        "With CHECKSUM reads and backups find pages that storage broke; without it the damage goes "
        "quietly into every backup.",
    ),
    remedy=Text(
        "执行 ALTER DATABASE [库名] SET PAGE_VERIFY CHECKSUM；只对之后写入的页生效，"
        "可在重建索引后覆盖旧页，"
        "并执行一次 DBCC CHECKDB。",
        "Run ALTER DATABASE [name] SET PAGE_VERIFY CHECKSUM: it counts for pages written from then "
        "on, so rebuild indexes afterwards and run DBCC CHECKDB once.",
    ),
    priority=1,
    thresholds=OptionThresholds,
    evaluate=page_verify,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
AUTO_CLOSE = Rule(
    code="MSSQL-023",
    title=Text("AUTO_CLOSE", "AUTO_CLOSE"),
    why=Text(
        "AUTO_CLOSE 使数据库反复关闭和打开，登录变慢、执行计划缓存被清空，还会占满错误日志。",
        "With AUTO_CLOSE a database opens and shuts all day: slow logins, no cached plans, and an "
        "error log full of it.",
    ),
    remedy=Text(
        "执行 ALTER DATABASE [库名] SET AUTO_CLOSE OFF，立即生效，不影响业务。",
        "Run ALTER DATABASE [name] SET AUTO_CLOSE OFF; it works at once and disturbs nobody.",
    ),
    priority=1,
    thresholds=CloseThresholds,
    evaluate=auto_close,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
AUTO_SHRINK = Rule(
    code="MSSQL-024",
    title=Text("自动收缩与收缩作业", "AUTO_SHRINK and jobs that shrink"),
    why=Text(
        "收缩会把索引页打散，随后文件又要增长：既消耗 I/O，又让查询变慢，空间也没有真正省下来。",
        "Shrinking scatters the pages of indexes, and then the files grow again: work without "
        "gain, "
        "and slower queries.",
    ),
    remedy=Text(
        "执行 ALTER DATABASE [库名] SET AUTO_SHRINK OFF，停用收缩作业；"
        "确需回收空间时只在清理大量数据后手工收缩一次，并随后重建索引。",
        "Run ALTER DATABASE [name] SET AUTO_SHRINK OFF and disable the jobs; shrink by hand once "
        "after a great clean-up if you must, and rebuild the indexes after it.",
    ),
    priority=1,
    thresholds=OptionThresholds,
    evaluate=auto_shrink,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
STATISTICS = Rule(
    code="MSSQL-025",
    title=Text("自动统计信息", "Automatic statistics"),
    why=Text(
        "优化器靠统计信息估算行数；关闭自动统计后，月末结账等查询常因计划错误而突然变慢。",
        "The optimizer guesses by statistics: without fresh ones a month-end query turns slow all "
        "at "
        "once.",
    ),
    remedy=Text(
        "先确认 ERP 厂商没有要求关闭（个别产品自行维护），再执行 ALTER DATABASE [库名] "
        "SET AUTO_CREATE_STATISTICS ON, AUTO_UPDATE_STATISTICS ON。",
        "See that the ERP's vendor does not ask for it (a few products keep their own), then run "
        "ALTER DATABASE [name] SET AUTO_CREATE_STATISTICS ON, AUTO_UPDATE_STATISTICS ON.",
    ),
    priority=2,
    thresholds=OptionThresholds,
    evaluate=statistics,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
