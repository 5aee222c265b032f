"""PG-025 and PG-026: what sorts and hashes wrote into files, and what the cache did not hold."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import Owner, Past, Rule, Text, Thresholds, Verdict, limit, not_applicable
from checks.judging import judged
from checks.postgresql._database_counters import Facts, named, span_of
from checks.wording import percent, size

GIB = 2**30


class TemporaryThresholds(Thresholds, frozen=True):
    """Written a day."""

    warning_bytes: Annotated[float, limit("bytes per day", "OWN 10 GB; PGA temp_files")] = 10 * GIB
    critical_bytes: Annotated[float, limit("bytes per day", "OWN 50 GB")] = 50 * GIB


_SPILLED = Text(
    "数据库 {name} 在 {span}内写了 {count} 个临时文件，共 {size}：排序和哈希超出了 work_mem。",
    "{name} wrote {count} temporary files ({size}) within {span}: work_mem was too small.",
)
_PER_DAY = Text("{size}/天", "{size}/day")


def temporary(
    facts: Facts, thresholds: TemporaryThresholds, past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge what every database wrote into temporary files a day."""
    for database in named(facts):
        span = span_of(database, past)
        counters = span.counters
        yield judged(
            database.name,
            counters.temp_bytes / span.days,
            thresholds.warning_bytes,
            thresholds.critical_bytes,
            show=lambda value: _PER_DAY.format(size=size(value)),
            message=_SPILLED.format(
                name=database.name,
                span=span.told,
                count=counters.temp_files,
                size=size(counters.temp_bytes),
            ),
        )


class CacheThresholds(Thresholds, frozen=True):
    """The share of blocks that were found in shared_buffers."""

    warning_percent: Annotated[float, limit("%", "OWN 95; ND 60")] = 95
    critical_percent: Annotated[float, limit("%", "OWN 90; ND 50")] = 90
    least_blocks: Annotated[int, limit("blocks", "OWN: of fewer a share says little")] = 1_000_000


_FEW_BLOCKS = Text(
    "访问的数据块太少，命中率没有意义。", "Too few blocks were asked for: a share says nothing."
)
_MISSED = Text(
    "数据库 {name} 在 {span}内的缓存命中率为 {share}，其余的块要从操作系统或磁盘读取。",
    "{share} of the blocks of {name} were found in shared_buffers within {span}.",
)


def cache(facts: Facts, thresholds: CacheThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the share of blocks found in shared_buffers of every database."""
    for database in named(facts):
        span = span_of(database, past)
        asked = span.counters.blocks_hit + span.counters.blocks_read
        if asked < thresholds.least_blocks:
            yield not_applicable(database.name, _FEW_BLOCKS)
            continue
        share = 100 * span.counters.blocks_hit / max(1, asked)
        yield judged(
            database.name,
            share,
            thresholds.warning_percent,
            thresholds.critical_percent,
            show=percent,
            message=_MISSED.format(name=database.name, span=span.told, share=percent(share)),
            lower_is_worse=True,
        )


TEMPORARY = Rule(
    code="PG-025",
    title=Text("临时文件写入量", "Temporary files"),
    why=Text(
        "排序和哈希放不进 work_mem 就写临时文件，报表变慢，数据盘可能被瞬间写满。",
        "Sorts and hashes that don't fit into work_mem go to files: reports are slow, and "
        "the disk may fill in a moment.",
    ),
    remedy=Text(
        "设置 log_temp_files = 10MB 找出语句并优化；只为需要的账号调大 work_mem"
        "（ALTER ROLE … SET work_mem），它按每个会话的每个排序计算，全局调大可能耗尽内存；"
        "用 temp_file_limit 保护磁盘。",
        "Find the statements with log_temp_files = 10MB and tune them; raise work_mem for "
        "the roles that need it (ALTER ROLE … SET work_mem): it counts for each sort of "
        "each session, and a large one for all may use up the memory; temp_file_limit "
        "saves the disk.",
    ),
    priority=3,
    thresholds=TemporaryThresholds,
    evaluate=temporary,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
CACHE = Rule(
    code="PG-026",
    title=Text("缓存命中率", "Cache hit ratio"),
    why=Text(
        "命中率低说明常用数据放不进 shared_buffers，或有大表全扫描把它挤出去。",
        "A low ratio means that the data in use don't fit into shared_buffers, or that "
        "scans of large tables push them out.",
    ),
    remedy=Text(
        "先看有无全表扫描的语句（pg_stat_statements）并补索引；专用服务器可把 "
        "shared_buffers 调到内存的 25% 左右，重启生效。",
        "Look for full scans first (pg_stat_statements) and add indexes; on a server of "
        "its own set shared_buffers to about 25 % of memory; that needs a restart.",
    ),
    priority=3,
    thresholds=CacheThresholds,
    evaluate=cache,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
