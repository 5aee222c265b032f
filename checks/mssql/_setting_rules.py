"""MSSQL-052, 058 and 059: compatibility, parallelism, and what helps when things go wrong."""

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
    limit,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.mssql._settings_facts import Facts, of_users, running
from wire.messages import Reason


class CompatibilityThresholds(Thresholds, frozen=True):
    """Nothing to set: it is the engine's, or it is older."""


class ParallelismThresholds(Thresholds, frozen=True):
    """When defaults don't fit any more."""

    many_processors: Annotated[int, limit("CPUs", "MS guidance: at most 8")] = 8
    default_cost: Annotated[int, limit("cost", "FRK#188: the default of the nineties")] = 5


class DiagnosticsThresholds(Thresholds, frozen=True):
    """Nothing to set: each is on or off."""


_ON, _OFF = Text("已启用", "on"), Text("关闭", "off")


def compatibility(
    facts: Facts, _thresholds: CompatibilityThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge each database's level against the engine's, and its collation against tempdb's."""
    native = facts.version[0] * 10 if facts.version else 0
    tempdb = next((each.collation for each in facts.databases if each.number == 2), None)
    reference = Text(f"{native}，{tempdb or '-'}", f"{native}, {tempdb or '-'}")
    for each in of_users(facts):
        current = Text(
            f"{each.compatibility}，{each.collation or '-'}",
            f"{each.compatibility}, {each.collation or '-'}",
        )
        older = 0 < each.compatibility < native
        # A database that is not open has no collation to tell.
        foreign = each.collation is not None and tempdb is not None and each.collation != tempdb
        if not older and not foreign:
            yield ok(each.name, current, reference)
            continue
        parts = []
        if older:
            parts.append(
                Text(
                    f"兼容级别 {each.compatibility} 低于引擎的 {native}",
                    f"its compatibility level {each.compatibility} is below the engine's {native}",
                )
            )
        if foreign:
            parts.append(
                Text(
                    f"排序规则 {each.collation} 与 tempdb 的 {tempdb} 不同，与临时表联接可能报错",
                    f"its collation {each.collation} is not tempdb's {tempdb}: joins with "
                    "temporary tables may fail",
                )
            )
        message = Text("数据库 {name} 的{what}。", "{name}: {what}.").format(
            name=each.name,
            what=Text("，".join(p.zh for p in parts), "; ".join(p.en for p in parts)),
        )
        yield warning(each.name, current, reference, message)
    if not of_users(facts):
        yield not_applicable("", Text("没有用户数据库。", "There are no users' databases."))


def parallelism(
    facts: Facts, thresholds: ParallelismThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge the defaults of parallel queries."""
    name, value = "max degree of parallelism", running(facts, "max degree of parallelism")
    many = thresholds.many_processors
    if isinstance(facts.processors, Failure):
        yield not_run(name, facts.processors)
    elif value is not None:
        reference = Text(f"1–{many}", f"1–{many}")
        if value == 0 and facts.processors > many:
            message = Text(
                "MAXDOP 为 0，一条语句可占用全部 {number} 个 CPU。",
                "MAXDOP is 0: one query may take all {number} processors.",
            ).format(number=facts.processors)
            yield warning(name, Text.same("0"), reference, message)
        else:
            yield ok(name, Text.same(str(value)), reference)
    name, value = "cost threshold for parallelism", running(facts, "cost threshold for parallelism")
    if value is not None:
        reference = Text("30–50", "30–50")
        if value <= thresholds.default_cost:
            message = Text(
                "并行开销阈值为 {value}（默认值），很小的查询也会并行执行。",
                "The cost threshold is {value}, the default: even small queries run in parallel.",
            ).format(value=value)
            yield warning(name, Text.same(str(value)), reference, message)
        else:
            yield ok(name, Text.same(str(value)), reference)


def diagnostics(
    facts: Facts, _thresholds: DiagnosticsThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge what helps to find faults, and whether files grow at once."""
    lacks = {
        "remote admin connections": Text(
            "远程专用管理员连接（DAC）已关闭，服务器无响应时无法远程诊断。",
            "The dedicated administrator connection is local only: a server that hangs can't be "
            "looked at from outside.",
        ),
        "default trace enabled": Text(
            "默认跟踪已关闭，文件增长、对象删除等事件无从追查。",
            "The default trace is off: growths of files and dropped objects leave no trace.",
        ),
    }
    for name, message in lacks.items():
        value = running(facts, name)
        if value is None:
            yield not_applicable(
                name, Text("此版本没有该选项。", "This version has no such setting.")
            )
        elif value:
            yield ok(name, _ON, _ON)
        else:
            yield warning(name, _OFF, _ON, message)
    yield from _instant_files(facts)


def _instant_files(facts: Facts) -> Iterator[Verdict]:
    name = "instant file initialization"
    if isinstance(facts.services, Failure):
        yield not_run(name, facts.services)
        return
    told = {each.instant_files for each in facts.services if each.instant_files in ("Y", "N")}
    if not told:
        failure = Failure(Reason.UNSUPPORTED, "sys.dm_server_services")
        yield not_run(name, failure)
    elif "N" in told:
        message = Text(
            "即时文件初始化未启用，数据文件增长和还原时要先写零，期间用户会卡顿。",
            "Files are filled with zeros when they grow or are restored: users wait meanwhile.",
        )
        yield warning(name, _OFF, _ON, message)
    else:
        yield ok(name, _ON, _ON)


COMPATIBILITY = Rule(
    code="MSSQL-052",
    title=Text("兼容级别与排序规则", "Compatibility and collation"),
    why=Text(
        "低兼容级别用不到新版优化器的改进；排序规则与 tempdb 不同会导致与临时表联接时报错。",
        "An old level misses what the newer optimizer can do; with another collation than tempdb's "
        "joins with temporary tables fail.",
    ),
    remedy=Text(
        "先向 ERP 厂商确认支持的兼容级别，在测试环境用查询存储对比后再改：ALTER DATABASE 库名 SET "
        "COMPATIBILITY_LEVEL = …；排序规则不要自行修改，须由厂商给出方案。",
        "Ask the vendor which level the ERP supports, compare with Query Store on a test system, "
        "then ALTER DATABASE NAME SET COMPATIBILITY_LEVEL = …; leave the collation to the vendor.",
    ),
    priority=3,
    thresholds=CompatibilityThresholds,
    evaluate=compatibility,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
PARALLELISM = Rule(
    code="MSSQL-058",
    title=Text("并行度设置", "Parallelism"),
    why=Text(
        "默认值下小查询也会并行，一条大查询可占满所有 CPU，其他用户随之变慢。",
        "By default even small queries run in parallel, and one large query can take every "
        "processor from the others.",
    ),
    remedy=Text(
        "按每个 NUMA 节点的核数设置 MAXDOP（不超过 8），cost threshold for parallelism 从 30–50 "
        "起调；"
        "修改会清空计划缓存，在低峰期执行，先看厂商建议。",
        "Set MAXDOP by the cores of a NUMA node (8 at most) and begin with 30–50 for the cost "
        "threshold; it empties the plan cache, so do it in quiet hours and see what the vendor "
        "says.",
    ),
    priority=3,
    thresholds=ParallelismThresholds,
    evaluate=parallelism,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
DIAGNOSTICS = Rule(
    code="MSSQL-059",
    title=Text("诊断与运维选项", "Diagnostics"),
    why=Text(
        "出故障时能否连上、能否追查，取决于平时这些开关是否打开。",
        "Whether one gets in and finds the cause on the day of the fault depends on these.",
    ),
    remedy=Text(
        "EXEC sp_configure 'remote admin connections', 1 和 'default trace enabled', 1 后 "
        "RECONFIGURE；"
        "即时文件初始化：给服务账户授予“执行卷维护任务”权限，下次重启服务后生效。",
        "EXEC sp_configure 'remote admin connections', 1 and 'default trace enabled', 1, then "
        "RECONFIGURE; for instant file initialization give the service account the right “Perform "
        "volume maintenance tasks”: it works from the next restart on.",
    ),
    priority=3,
    thresholds=DiagnosticsThresholds,
    evaluate=diagnostics,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
