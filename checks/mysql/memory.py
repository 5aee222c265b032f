"""Memory: is the buffer pool large enough, and does everything together fit into the host?"""

from collections.abc import Iterator, Mapping
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    Scope,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    grade,
    limit,
    not_run,
    ok,
    warning,
)
from checks.databases import Database
from checks.errors import part
from checks.judging import judged
from checks.mysql import TARGET
from checks.mysql._memory_sizes import VARIABLES, Sizes, host_bytes, sizes
from checks.mysql._server import ANY_ACCOUNT, SYSTEMS, grown, number, settings, too_few
from checks.wording import percent, size

STATUS = (
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', 'Max_used_connections', "
    "'Innodb_buffer_pool_reads', 'Innodb_buffer_pool_read_requests', "
    "'Innodb_buffer_pool_pages_free', 'Innodb_buffer_pool_pages_total')"
)


class Facts(Struct, frozen=True):
    """Buffers by the settings, how the pool is used, and the host's memory."""

    sizes: Sizes
    peak_connections: int
    free_pages: int
    total_pages: int
    uptime_seconds: float
    counters: Mapping[str, int]
    """reads (from disk) and requests of pages, since the start."""
    host_bytes: int | Failure


def probe(database: Database) -> Facts:
    """Ask settings and counters, and read the host's memory where it is this one."""
    status = settings(database, STATUS)
    return Facts(
        sizes=sizes(settings(database, VARIABLES)),
        peak_connections=number(status, "max_used_connections") or 0,
        free_pages=number(status, "innodb_buffer_pool_pages_free") or 0,
        total_pages=number(status, "innodb_buffer_pool_pages_total") or 0,
        uptime_seconds=number(status, "uptime") or 0,
        counters={
            "reads": number(status, "innodb_buffer_pool_reads") or 0,
            "requests": number(status, "innodb_buffer_pool_read_requests") or 0,
        },
        host_bytes=part(lambda: host_bytes(database)),
    )


class PoolThresholds(Thresholds, frozen=True):
    """How small a pool, and how many misses, are too small and too many."""

    least_bytes: Annotated[int, limit("bytes", "DBC 1 GB")] = 2**30
    warning_hit_percent: Annotated[float, limit("%", "MT 90-99; catalogue MY-010")] = 95
    critical_hit_percent: Annotated[float, limit("%", "catalogue MY-010")] = 90
    least_requests: Annotated[int, limit("reads", "OWN: fewer are the warm-up")] = 1_000_000
    roomy_free_percent: Annotated[float, limit("%", "OWN: with so much free all data fit")] = 10


class TotalThresholds(Thresholds, frozen=True):
    """Share of the host's memory that all buffers and connections may take."""

    warning_percent: Annotated[float, limit("%", "MT 85 %")] = 85
    critical_percent: Annotated[float, limit("%", "catalogue MY-011")] = 100


_SMALL = Text(
    "缓冲池只有 {pool}，且已用满（空闲页 {free}）：数据常要从磁盘读。",
    "The buffer pool has {pool} and is full ({free} free): data are often read from disk.",
)
_ENOUGH = Text("{pool}，空闲 {free}", "{pool}, {free} free")
_MISSES = Text(
    "{window}缓冲池命中率 {hit}：{reads} 次页读取要等磁盘。",
    "{hit} of page reads were found in the pool, {window}: {reads} waited for the disk.",
)


def pool(facts: Facts, thresholds: PoolThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge size and hits of the buffer pool; one with room left is large enough for its data."""
    shown = size(facts.sizes.buffer_pool_bytes)
    free = 100 * facts.free_pages / facts.total_pages if facts.total_pages else 0.0
    roomy = free >= thresholds.roomy_free_percent
    reference = Text("≥{least} 或有空闲", ">= {least}, or room left").format(
        least=size(thresholds.least_bytes)
    )
    current = _ENOUGH.format(pool=shown, free=percent(free))
    if facts.sizes.buffer_pool_bytes < thresholds.least_bytes and not roomy:
        message = _SMALL.format(pool=shown, free=percent(free))
        yield warning("size", current, reference, message)
    else:
        yield ok("size", current, reference)
    found, window = grown(facts.counters, facts.uptime_seconds, past)
    if found["requests"] < thresholds.least_requests:
        what = Text("次页读取", "reads of pages")
        yield too_few("hits", what, found["requests"], thresholds.least_requests)
        return
    hit = 100 * (1 - min(1.0, found["reads"] / found["requests"]))
    message = _MISSES.format(window=window.words, hit=percent(hit), reads=found["reads"])
    if roomy:
        # Each page was read from disk once: more memory would change nothing.
        yield ok("hits", percent(hit), Text("有空闲页", "room left"))
        return
    yield judged(
        "hits",
        hit,
        thresholds.warning_hit_percent,
        thresholds.critical_hit_percent,
        show=percent,
        message=message,
        lower_is_worse=True,
    )


_TOTAL = Text(
    "按参数最多可用 {total}（共享 {shared}，每连接 {each} × {most} 个连接），"
    "是主机内存 {memory} 的 {share}；按历史最高 {peak} 个连接为 {at_peak}。",
    "By its settings the server may take {total} ({shared} shared, {each} for each of {most} "
    "connections): {share} of the host's {memory}; with the {peak} connections of the peak "
    "{at_peak}.",
)


def total(facts: Facts, thresholds: TotalThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge what all buffers and all connections may take of the host's memory."""
    if isinstance(facts.host_bytes, Failure):
        why = Text(
            "数据库不在采集程序所在的主机上，或读不到内存大小。",
            "The server runs on another host, or its memory can't be read.",
        )
        yield not_run("", facts.host_bytes, why)
        return
    each = facts.sizes.per_connection_bytes
    most = facts.sizes.shared_bytes + each * facts.sizes.max_connections
    share = 100 * most / facts.host_bytes if facts.host_bytes else 100.0
    at_peak = facts.sizes.shared_bytes + each * facts.peak_connections
    state = grade(share, thresholds.warning_percent, thresholds.critical_percent)
    message = _TOTAL.format(
        total=size(most),
        shared=size(facts.sizes.shared_bytes),
        each=size(each),
        most=facts.sizes.max_connections,
        memory=size(facts.host_bytes),
        share=percent(share),
        peak=facts.peak_connections,
        at_peak=size(at_peak),
    )
    yield Verdict(
        "",
        state,
        percent(share),
        Text.same(f"< {thresholds.warning_percent:g}%"),
        None if state is State.OK else message,
    )


CHECK: Check[Facts] = Check(
    title=Text("MySQL 内存", "MySQL memory"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=SYSTEMS,
    target=TARGET,
    reads=("SHOW GLOBAL STATUS", "SHOW GLOBAL VARIABLES", "/proc/meminfo"),
    privilege=ANY_ACCOUNT,
    scopes=(Scope.METADATA, Scope.CONFIG),
    rules=(
        Rule(
            code="MY-010",
            title=Text("InnoDB 缓冲池", "InnoDB buffer pool"),
            why=Text(
                "缓冲池放不下常用数据时，每次查询都要读磁盘，业务变慢，磁盘也被占满。",
                "Where the pool can't hold the data in use, queries wait for the disk and "
                "everything becomes slow.",
            ),
            remedy=Text(
                "专用数据库服务器上把 innodb_buffer_pool_size 设为内存的 60%–70%"
                "（MySQL 5.7+、MariaDB 10.2+ 可在线调整），先确认 MY-011 的总量不超内存；"
                "命中率低还要看是否有缺索引的全表扫描。",
                "On a server of its own set innodb_buffer_pool_size to 60 to 70 % of the memory "
                "(online from MySQL 5.7 and MariaDB 10.2) within the total of MY-011; many misses "
                "may also be full scans without an index.",
            ),
            priority=2,
            thresholds=PoolThresholds,
            evaluate=pool,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="MY-011",
            title=Text("内存配置总量", "Memory by the settings"),
            why=Text(
                "连接数一多，内存用超，系统会换页变慢，或直接杀掉 mysqld（Out of memory）。",
                "With many connections the server takes more than there is: the host swaps, or "
                "kills it (Out of memory).",
            ),
            remedy=Text(
                "先把 max_connections 降到实际需要，再把 sort_buffer_size、join_buffer_size、"
                "read_buffer_size 恢复为默认值（全局调大它们很少有用），最后才缩小缓冲池。",
                "Lower max_connections to what is needed, set sort_buffer_size, join_buffer_size "
                "and read_buffer_size back to their defaults (raising them for all rarely helps), "
                "and make the pool smaller only then.",
            ),
            priority=2,
            thresholds=TotalThresholds,
            evaluate=total,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
