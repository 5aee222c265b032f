"""MSSQL-030: how long pages stay in memory, and how often they are found there."""

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
    not_run,
)
from checks.judging import judged, missing
from checks.mssql._memory import BufferRow, Facts
from checks.wording import duration, percent
from wire.messages import Reason


class BufferThresholds(Thresholds, frozen=True):
    """What tells of too little memory."""

    warning_page_life_seconds: Annotated[float, limit("s", "CMH 300 s")] = 300
    critical_page_life_seconds: Annotated[float, limit("s", "CMH 180 s")] = 180
    warning_hit_percent: Annotated[float, limit("%", "CMH 90 %")] = 90
    critical_hit_percent: Annotated[float, limit("%", "CMH 80 %")] = 80
    least_up_seconds: Annotated[float, limit("s", "OWN: an empty cache fills first")] = 7200


_LIFE = Text(
    "数据页在内存中平均只停留 {life}：内存不足，或有大查询在反复扫描。",
    "Pages stay in memory for {life}: there is too little of it, or great queries scan all the "
    "time.",
)
_HITS = Text(
    "缓存命中率只有 {hits}，大量读取直接落到磁盘。",
    "{hits} of the pages were found in memory; the rest came from disk.",
)


def buffers(facts: Facts, thresholds: BufferThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the counters of the buffer pool."""
    if isinstance(facts.buffers, Failure):
        yield from missing(facts.buffers)
        return
    for row in facts.buffers:
        if row.page_life_seconds is None:
            yield not_run("", Failure(Reason.PERMISSION, "sys.dm_os_performance_counters"))
        elif (row.up_seconds or 0) < thresholds.least_up_seconds:
            # Right after a start both numbers tell of the start, not of the memory.
            yield not_run("", Failure(Reason.NO_HISTORY, "sqlserver_start_time"))
        else:
            yield _life(row.page_life_seconds, thresholds)
            yield from _hits(row, thresholds)


def _life(seconds: int, thresholds: BufferThresholds) -> Verdict:
    return judged(
        "page life expectancy",
        seconds,
        thresholds.warning_page_life_seconds,
        thresholds.critical_page_life_seconds,
        show=duration,
        message=_LIFE.format(life=duration(seconds)),
        lower_is_worse=True,
    )


def _hits(row: BufferRow, thresholds: BufferThresholds) -> Iterator[Verdict]:
    if row.hits is None or not row.lookups:
        return
    share = 100 * row.hits / row.lookups
    yield judged(
        "buffer cache hit ratio",
        share,
        thresholds.warning_hit_percent,
        thresholds.critical_hit_percent,
        show=percent,
        message=_HITS.format(hits=percent(share)),
        lower_is_worse=True,
    )


BUFFERS = Rule(
    code="MSSQL-030",
    title=Text("页生命周期与缓存命中率", "Page life expectancy and cache hits"),
    why=Text(
        "数据页在内存里停留的时间越短，查询就越依赖磁盘；持续下降说明内存跟不上数据增长。",
        "The shorter pages stay in memory the more queries wait for the disk; where it falls for "
        "months memory lags behind the data.",
    ),
    remedy=Text(
        "先优化扫描大表的查询和缺失的索引，再考虑提高 max server memory 或增加内存；看趋势，"
        "不看单次数值。",
        "Mend the queries that scan large tables and the missing indexes, then raise max server "
        "memory or add some; look at the trend, not at one number.",
    ),
    priority=3,
    thresholds=BufferThresholds,
    evaluate=buffers,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
