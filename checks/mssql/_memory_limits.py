"""MSSQL-028 and 029: the memory the engine may take, and what is left to the system."""

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
    grade,
    limit,
    not_run,
    ok,
    warning,
)
from checks.judging import missing
from checks.mssql._memory import Facts
from checks.wording import size
from wire.messages import Reason


class SettingThresholds(Thresholds, frozen=True):
    """What counts as no limit, and how much must be left to the system."""

    unset_megabytes: Annotated[int, limit("MB", "SQL Server's default: no limit")] = 2147483647


class SystemThresholds(Thresholds, frozen=True):
    """Physical memory that is free."""

    warning_free_bytes: Annotated[float, limit("bytes", "catalogue: less than 1 GB")] = 2**30
    critical_free_bytes: Annotated[float, limit("bytes", "FRK#51: 262144 KB")] = 256 * 2**20


_UNSET = Text("未设置（默认值）", "not set (the default)")
_BELOW = Text("低于物理内存 {total}", "below the {total} of the machine")
_NO_LIMIT = Text(
    "max server memory 未设置：SQL Server 会占满内存（共 {total}），操作系统和其他程序被迫换页。",
    "max server memory is not set: SQL Server takes all of the {total}, and the system pages.",
)
_TOO_MUCH = Text(
    "max server memory 为 {setting}，超过物理内存 {total}，等于没有限制。",
    "max server memory is {setting}, more than the {total} of the machine: no limit at all.",
)
_LOW = Text(
    "操作系统可用物理内存只剩 {free}（共 {total}；系统报告：{state}）。",
    "The system has {free} of {total} left (it says: {state}).",
)
_FREE = Text("可用 {free}", "{free} free")


def setting(facts: Facts, thresholds: SettingThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge `max server memory`."""
    if isinstance(facts.setting, Failure) or isinstance(facts.system, Failure):
        failure = facts.setting if isinstance(facts.setting, Failure) else facts.system
        yield from missing(failure if isinstance(failure, Failure) else Failure(Reason.ERROR))
        return
    if not facts.setting:
        yield not_run("", Failure(Reason.PERMISSION, "sys.configurations"))
        return
    megabytes, total = facts.setting[0].megabytes, facts.system[0].total_bytes
    reference = _BELOW.format(total=size(total))
    shown = size(megabytes * 2**20)
    if megabytes >= thresholds.unset_megabytes:
        yield warning("", _UNSET, reference, _NO_LIMIT.format(total=size(total)))
    elif megabytes * 2**20 > total:
        yield critical("", shown, reference, _TOO_MUCH.format(setting=shown, total=size(total)))
    else:
        yield ok("", shown, reference)


def system(facts: Facts, thresholds: SystemThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the physical memory that is left to the system."""
    if isinstance(facts.system, Failure):
        yield from missing(facts.system)
        return
    for row in facts.system:
        state = grade(
            row.free_bytes,
            thresholds.warning_free_bytes,
            thresholds.critical_free_bytes,
            lower_is_worse=True,
        )
        current = _FREE.format(free=size(row.free_bytes))
        reference = Text.same(f"> {size(thresholds.warning_free_bytes)}")
        message = _LOW.format(
            free=size(row.free_bytes), total=size(row.total_bytes), state=row.state or "-"
        )
        yield Verdict("", state, current, reference, None if state is State.OK else message)


SETTING = Rule(
    code="MSSQL-028",
    title=Text("最大服务器内存", "max server memory"),
    why=Text(
        "不限制内存时 SQL Server 会把物理内存用尽，操作系统、备份和 ERP 中间层开始换页，整机变慢。",
        "Without a limit SQL Server takes all memory; the system, backups and the ERP's own "
        "services "
        "page, and everything is slow.",
    ),
    remedy=Text(
        "一般为操作系统保留 4 GB，再加上每 16 GB 内存 1 至 2 GB，同机还有 ERP 服务的再多留；"
        "执行 EXEC sp_configure 'max server memory (MB)', 值; RECONFIGURE，"
        "立即生效但会清空部分缓存。",
        "Leave 4 GB to the system, 1 to 2 GB more for each 16 GB, and what the ERP's services on "
        "the "
        "machine need; EXEC sp_configure 'max server memory (MB)', …; RECONFIGURE works at once "
        "and "
        "drops part of the cache.",
    ),
    priority=1,
    thresholds=SettingThresholds,
    evaluate=setting,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
SYSTEM = Rule(
    code="MSSQL-029",
    title=Text("操作系统可用内存", "Memory left to the system"),
    why=Text(
        "操作系统内存耗尽时会把 SQL Server 的工作集换出，响应从毫秒变成秒，甚至无法登录。",
        "When the system runs out of memory it pages SQL Server out: answers take seconds, and "
        "nobody can sign in.",
    ),
    remedy=Text(
        "降低 max server memory，找出同机占用内存的程序（含其他实例、备份和杀毒软件），"
        "必要时增加内存。",
        "Lower max server memory, find what else takes memory (other instances, backup, virus "
        "scanner), and add some where that is not enough.",
    ),
    priority=1,
    thresholds=SystemThresholds,
    evaluate=system,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
