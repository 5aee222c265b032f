"""达梦 DM8: the hit ratio of the buffer, and memory pools that ran over.

The ratio is made of the counters since the start: RAT_HIT has another scale in other builds.
RECYCLE is for passing data and left out; too few reads say nothing.

From documentation and public scripts (views of DM8); no DM8 has run these queries for us yet.
"""

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
    critical,
    limit,
    not_run,
    ok,
)
from checks.databases import Database
from checks.errors import part
from checks.judging import judged, missing
from checks.wording import listing, percent
from wire.messages import Reason

BUFFERS = """
SELECT NAME AS "name", SUM(N_LOGIC_READS) AS "logical", SUM(N_PHY_READS) AS "physical"
FROM V$BUFFERPOOL WHERE NAME <> 'RECYCLE' GROUP BY NAME
"""
POOLS = """
SELECT NAME AS "name" FROM V$MEM_POOL WHERE IS_OVERFLOW = 'Y'
"""
_LEAST = 10_000


class BufferRow(Struct, frozen=True):
    """Reads of one kind of buffer since the start."""

    name: str
    logical: float
    physical: float


class PoolRow(Struct, frozen=True):
    """A pool that took memory of the reserve."""

    name: str


class Facts(Struct, frozen=True):
    """Memory of one instance."""

    buffers: tuple[BufferRow, ...] | Failure
    overflowing: tuple[PoolRow, ...] | Failure


def probe(database: Database) -> Facts:
    """Ask the instance. Raise a ProbeError."""
    return Facts(
        part(lambda: database.rows(BUFFERS, BufferRow)),
        part(lambda: database.rows(POOLS, PoolRow)[:50]),
    )


class HitThresholds(Thresholds, frozen=True):
    """Of the reads that found their page in memory."""

    warning_percent: Annotated[float, limit("%", "OWN 95, catalogue DM-008")] = 95
    critical_percent: Annotated[float, limit("%", "OWN 90, catalogue DM-008")] = 90


def memory(facts: Facts, thresholds: HitThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the hit ratio of all buffers together, and pools that ran over."""
    if isinstance(facts.buffers, Failure):
        yield from missing(facts.buffers, "buffer")
    else:
        yield _hits(facts.buffers, thresholds)
    if isinstance(facts.overflowing, Failure):
        yield from missing(facts.overflowing, "pools")
        return
    fine = Text("未使用备份池", "no reserve in use")
    if not facts.overflowing:
        yield ok("pools", fine, fine)
        return
    names = listing([row.name for row in facts.overflowing])
    message = Text(
        f"内存池 {names} 已使用备份池，系统内存极度紧张。",
        f"The pools {names} use the reserve: memory is very short.",
    )
    yield critical("pools", Text.same(names), fine, message)


def _hits(buffers: tuple[BufferRow, ...], thresholds: HitThresholds) -> Verdict:
    logical = sum(row.logical for row in buffers)
    physical = sum(row.physical for row in buffers)
    reads = logical + physical
    if reads < _LEAST:
        message = Text("启动以来读取太少，命中率没有意义。", "Too few reads to say anything.")
        return not_run("buffer", Failure(Reason.NO_HISTORY, "V$BUFFERPOOL"), message)
    message = Text(
        f"缓冲区命中率偏低：逻辑读 {logical:.0f}，物理读 {physical:.0f}。",
        f"Few reads find their page: {logical:.0f} logical, {physical:.0f} physical.",
    )
    return judged(
        "buffer",
        100 * logical / reads,
        thresholds.warning_percent,
        thresholds.critical_percent,
        show=percent,
        message=message,
        lower_is_worse=True,
    )


CHECK = Check(
    title=Text("达梦内存", "DM8 memory"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="dameng",
    reads=("V$BUFFERPOOL, V$MEM_POOL",),
    privilege=Text("角色 VTI（V$ 视图）", "the role VTI (V$ views)"),
    rules=(
        Rule(
            code="DM-008",
            title=Text("达梦缓冲区与内存池", "Buffer and memory pools"),
            why=Text(
                "命中率低时查询要等磁盘；内存池用到备份池时实例可能因内存不足而异常。",
                "With few hits queries wait for the disk; once pools use the reserve, the instance "
                "may fail for want of memory.",
            ),
            remedy=Text(
                "先优化全表扫描的语句，再按物理内存调大 dm.ini 的 BUFFER；"
                "内存池持续扩展时保留现场并联系达梦支持。",
                "Improve statements that scan whole tables first, then raise BUFFER in dm.ini by "
                "the memory there is; where pools keep growing, ask the vendor's support.",
            ),
            priority=2,
            thresholds=HitThresholds,
            evaluate=memory,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
