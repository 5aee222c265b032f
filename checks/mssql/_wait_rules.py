"""MSSQL-032, 035 and 055: poison waits, deadlocks, and whether the server was restarted."""

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
    info,
    limit,
    not_run,
    ok,
)
from checks.judging import judged, missing
from checks.mssql._counters import increase
from checks.mssql._wait_facts import Facts
from checks.wording import duration
from wire.messages import Reason

_DAY = 86400
_CLEARED_SECONDS = 3600
"""The clock of the statistics lags by seconds; an hour less means that somebody cleared them."""


class PoisonThresholds(Thresholds, frozen=True):
    """Both limits must be reached: in all, and for each hour."""

    warning_seconds: Annotated[float, limit("s", "FRK#107: 60 s in all")] = 60
    warning_seconds_per_hour: Annotated[float, limit("s/h", "FRK#107: 5 s an hour")] = 5
    critical_factor: Annotated[float, limit("×", "catalogue MSSQL-032: ten times as much")] = 10


class DeadlockThresholds(Thresholds, frozen=True):
    """A mean for each day."""

    warning_per_day: Annotated[float, limit("/d", "catalogue MSSQL-035")] = 1
    critical_per_day: Annotated[float, limit("/d", "FRK#124: over 10 a day")] = 10


class RestartThresholds(Thresholds, frozen=True):
    """How long the server should have been up."""

    warning_hours: Annotated[float, limit("h", "DASH 2880 min")] = 48
    critical_hours: Annotated[float, limit("h", "DASH 720 min")] = 12


_MEANINGS = {
    "THREADPOOL": Text("工作线程耗尽，新请求排队", "no worker thread left: requests queue"),
    "RESOURCE_SEMAPHORE": Text(
        "查询内存授予不足，大查询排队", "no memory to grant: large queries queue"
    ),
    "RESOURCE_SEMAPHORE_QUERY_COMPILE": Text("编译内存不足", "no memory left to compile queries"),
    "IO_RETRY": Text("I/O 失败后重试，存储可能有故障", "I/O failed and was tried again"),
    "IO_QUEUE_LIMIT": Text("I/O 队列达到上限", "the queue of I/O is at its limit"),
    "LOG_RATE_GOVERNOR": Text("日志写入速率被限制", "the rate of log writes is held down"),
    "POOL_LOG_RATE_GOVERNOR": Text("日志写入速率被限制", "the rate of log writes is held down"),
}
_OTHER = Text("服务器自身资源受限", "the server itself is short of something")


def poison(facts: Facts, thresholds: PoisonThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge each wait that healthy servers hardly have."""
    if isinstance(facts.waits, Failure):
        yield from missing(facts.waits)
        return
    earlier = past.previous.waits if past.previous is not None else ()
    before = {} if isinstance(earlier, Failure) else {each.name: each.seconds for each in earlier}
    counted = facts.counted_seconds or facts.up_seconds
    bad = False
    for wait in facts.waits:
        grown = increase(wait.seconds, before.get(wait.name), counted, past.elapsed_seconds)
        # Less than an hour says no more of an hour than itself.
        hourly = grown.value / max(grown.seconds / 3600, 1)
        factor = min(
            grown.value / thresholds.warning_seconds, hourly / thresholds.warning_seconds_per_hour
        )
        if factor < 1:
            continue
        bad = True
        yield Verdict(
            wait.name,
            State.CRITICAL if factor >= thresholds.critical_factor else State.WARNING,
            Text("{all}（每小时 {hourly}）", "{all} ({hourly} an hour)").format(
                all=duration(grown.value), hourly=duration(hourly)
            ),
            _poison_reference(thresholds),
            Text(
                "近 {span}内 {name} 等待共 {all}：{meaning}。",
                "{name} was waited for {all} in the last {span}: {meaning}.",
            ).format(
                span=duration(grown.seconds),
                name=wait.name,
                all=duration(grown.value),
                meaning=_MEANINGS.get(wait.name, _OTHER),
            ),
        )
    if not bad:
        yield ok("", Text("无明显有害等待", "none worth naming"), _poison_reference(thresholds))


def _poison_reference(thresholds: PoisonThresholds) -> Text:
    return Text("< {all} 且每小时 < {hourly}", "< {all}, or < {hourly} an hour").format(
        all=duration(thresholds.warning_seconds),
        hourly=duration(thresholds.warning_seconds_per_hour),
    )


def deadlocks(facts: Facts, thresholds: DeadlockThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge how many deadlocks there are a day."""
    if isinstance(facts.deadlocks, Failure):
        yield from missing(facts.deadlocks)
        return
    before = past.previous.deadlocks if past.previous is not None else None
    grown = increase(
        facts.deadlocks,
        None if isinstance(before, Failure) else before,
        facts.up_seconds,
        past.elapsed_seconds,
    )
    yield judged(
        "",
        grown.value / max(grown.seconds / _DAY, 1),
        thresholds.warning_per_day,
        thresholds.critical_per_day,
        show=lambda value: Text(f"{value:.1f} 次/天", f"{value:.1f} a day"),
        message=Text(
            "近 {span}内发生死锁 {number:.0f} 次，被选中的会话会报错 1205 并回滚。",
            "{number:.0f} deadlocks in the last {span}: each one ends a session with error 1205 "
            "and rolls its work back.",
        ).format(span=duration(grown.seconds), number=grown.value),
    )


def restarted(facts: Facts, thresholds: RestartThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge whether the server was started lately, and say so where its counters were cleared."""
    yield judged(
        "",
        facts.up_seconds,
        thresholds.warning_hours * 3600,
        thresholds.critical_hours * 3600,
        show=duration,
        message=Text(
            "SQL Server 在 {age}前启动过：若不是计划内的维护，请查明原因。",
            "SQL Server was started {age} ago: unless that was planned, find out why.",
        ).format(age=duration(facts.up_seconds)),
        lower_is_worse=True,
    )
    name, reference = "sys.dm_os_wait_stats", Text("自启动起未清零", "not cleared since the start")
    if isinstance(facts.waits, Failure):
        yield not_run(name, facts.waits)
    elif facts.counted_seconds is None:
        yield not_run(name, Failure(Reason.UNSUPPORTED, name))
    elif facts.counted_seconds < facts.up_seconds - _CLEARED_SECONDS:
        age = duration(facts.counted_seconds)
        yield info(
            name,
            Text("{age}前清零", "cleared {age} ago").format(age=age),
            reference,
            Text(
                "等待统计在 {age}前被清零（DBCC SQLPERF），此前的等待看不到了。",
                "The wait statistics were cleared {age} ago (DBCC SQLPERF): what was before is "
                "gone.",
            ).format(age=age),
        )
    else:
        yield ok(name, Text("未清零", "not cleared"), reference)


POISON = Rule(
    code="MSSQL-032",
    title=Text("有害等待", "Poison waits"),
    why=Text(
        "这些等待说明服务器自身的线程、内存或日志写入已到极限，所有用户会同时感到卡顿，甚至无法登录。",
        "These waits mean that the server is out of threads, memory or log rate: all users stand "
        "still at once, some can't even sign in.",
    ),
    remedy=Text(
        "THREADPOOL：先查阻塞源，再查连接数和并行度；RESOURCE_SEMAPHORE：查内存授予大的语句和缺失索引，"
        "核对最大内存；IO_RETRY：立即检查存储和系统日志。不要只靠调大 max worker threads。",
        "THREADPOOL: look for blocking first, then for connections and parallelism. "
        "RESOURCE_SEMAPHORE: look for queries with large grants and missing indexes, check max "
        "server memory. IO_RETRY: check storage and system log at once. Raising max worker threads "
        "alone cures nothing.",
    ),
    priority=2,
    thresholds=PoisonThresholds,
    evaluate=poison,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
DEADLOCKS = Rule(
    code="MSSQL-035",
    title=Text("死锁频率", "Deadlocks"),
    why=Text(
        "死锁会让其中一个用户的保存或过账失败并回滚，次数多说明程序加锁顺序或索引有问题。",
        "A deadlock makes one user's posting fail and roll back; many of them point at the order "
        "of locks in the program, or at missing indexes.",
    ),
    remedy=Text(
        "从 system_health 扩展事件中取出死锁图（xml_deadlock_report），找出涉及的表和语句，"
        "交软件厂商优化；缺失的索引先在测试环境验证。",
        "Take the deadlock graphs from the system_health session (xml_deadlock_report), find the "
        "tables and statements, hand them to the vendor; try missing indexes on a test system "
        "first.",
    ),
    priority=2,
    thresholds=DeadlockThresholds,
    evaluate=deadlocks,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
RESTARTED = Rule(
    code="MSSQL-055",
    title=Text("实例重启", "Restarted"),
    why=Text(
        "计划外的重启往往是崩溃、断电或自动更新留下的痕迹；重启后缓存和各项统计也从零开始。",
        "A restart that nobody planned is often the trace of a crash, a power cut or an automatic "
        "update; caches and counters begin at zero.",
    ),
    remedy=Text(
        "核对当天的维护记录；查看 SQL Server 错误日志和 Windows 事件 6005、6008、7031、7036，"
        "计划外的重启按故障处理。",
        "Compare with the day's maintenance records; look at the error log of SQL Server and the "
        "events 6005, 6008, 7031 and 7036 of Windows; treat an unplanned restart as an incident.",
    ),
    priority=2,
    thresholds=RestartThresholds,
    evaluate=restarted,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
