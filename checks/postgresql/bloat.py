"""PostgreSQL: tables and indexes that are much larger than what they hold."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    State,
    Text,
    Thresholds,
    Verdict,
    grade,
    limit,
    not_run,
    ok,
)
from checks.postgresql._bloat_facts import Estimate, Facts, facts_of
from checks.postgresql._each_database import verdicts
from checks.wording import listing, percent, size
from wire.messages import Reason

GIB = 2**30


class BloatThresholds(Thresholds, frozen=True):
    """Room that is lost, and its share of the table: each counts from a least of the other on.

    A fifth of a large table is empty between two runs of autovacuum, and most of a small one may
    be: neither is worth a repack.
    """

    warning_bytes: Annotated[int, limit("bytes", "CPG 1 GB, with the least share")] = GIB
    critical_bytes: Annotated[int, limit("bytes", "CPG 5 GB, with the least share")] = 5 * GIB
    least_percent: Annotated[float, limit("%", "DBC 30")] = 30
    warning_percent: Annotated[float, limit("%", "ND 60, with the least bytes")] = 60
    critical_percent: Annotated[float, limit("%", "catalogue PG-016; ND 80")] = 70
    least_bytes: Annotated[int, limit("bytes", "OWN 100 MiB")] = 100 * 2**20


_BLOATED = Text(
    "{kind} {name} 占用 {size}，估算其中 {wasted}（{share}）是空的。",
    "The {kind} {name} takes {size}; an estimated {wasted} ({share}) of it is empty.",
)
_KINDS = {"table": Text("表", "table"), "index": Text("索引", "index")}
_LARGE = Text("{count} 个大对象无明显膨胀", "{count} large objects without much bloat")
_HIDDEN = Text(
    "数据库 {name} 中 {count} 个大对象无法估算，账号看不到它们的统计信息（{objects}）。",
    "{count} large objects of {name} can't be estimated: their statistics are hidden ({objects}).",
)
_UNKNOWN = Text(
    "数据库 {name} 中 {count} 个大对象无法估算，它们没有完整的统计信息（{objects}），"
    "请先执行 ANALYZE。",
    "{count} large objects of {name} can't be estimated without statistics ({objects}): ANALYZE.",
)


def bloat(facts: Facts, thresholds: BloatThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge every large table and index; one ok for a database that has none worth a word."""
    reference = Text.same("< {size}, < {share}").format(
        size=size(thresholds.warning_bytes), share=percent(thresholds.warning_percent)
    )

    def judge(name: str, estimates: tuple[Estimate, ...]) -> Iterator[Verdict]:
        known = [each for each in estimates if each.needed_bytes is not None]
        bad = [each for each in known if _state(each, thresholds) is not State.OK]
        for each in bad:
            yield _verdict(f"{name}.{each.schema}.{each.name}", each, thresholds, reference)
        if unknown := [each for each in estimates if each.needed_bytes is None]:
            yield _not_estimated(name, unknown)
        elif not bad:
            yield ok(name, _LARGE.format(count=len(known)), reference)

    yield from verdicts(facts.estimates, judge)


def _state(estimate: Estimate, thresholds: BloatThresholds) -> State:
    share, lost = estimate.wasted_percent, estimate.wasted_bytes
    states = [State.OK]
    if share >= thresholds.least_percent:
        states.append(grade(lost, thresholds.warning_bytes, thresholds.critical_bytes))
    if lost >= thresholds.least_bytes:
        states.append(grade(share, thresholds.warning_percent, thresholds.critical_percent))
    order = (State.OK, State.WARNING, State.CRITICAL)
    return max(states, key=order.index)


def _verdict(
    object: str, estimate: Estimate, thresholds: BloatThresholds, reference: Text
) -> Verdict:
    lost, share = size(estimate.wasted_bytes), percent(estimate.wasted_percent)
    current = Text.same("{lost}, {share}").format(lost=lost, share=share)
    message = _BLOATED.format(
        kind=_KINDS[estimate.kind],
        name=estimate.name,
        size=size(estimate.size_bytes),
        wasted=lost,
        share=share,
    )
    return Verdict(object, _state(estimate, thresholds), current, reference, message)


def _not_estimated(name: str, unknown: list[Estimate]) -> Verdict:
    hidden = [each for each in unknown if not each.permitted]
    objects = hidden or unknown
    told = (_HIDDEN if hidden else _UNKNOWN).format(
        name=name,
        count=len(objects),
        objects=listing([f"{each.schema}.{each.name}" for each in objects]),
    )
    reason = Reason.PERMISSION if hidden else Reason.UNSUPPORTED
    return not_run(name, Failure(reason, "pg_stats"), told)


CHECK = Check(
    title=Text("PostgreSQL 表与索引膨胀", "PostgreSQL bloat"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=facts_of,
    systems=("linux", "windows"),
    target="postgresql",
    heavy=True,
    deadline_seconds=300,
    reads=("pg_database", "pg_class", "pg_index", "pg_attribute", "pg_stats"),
    privilege=Text(
        "每个数据库的 CONNECT；对要估算的表有 SELECT（否则 pg_stats 不显示其统计信息）",
        "CONNECT on every database; SELECT on the tables, whose statistics pg_stats hides else",
    ),
    rules=(
        Rule(
            code="PG-016",
            title=Text("表与索引膨胀", "Bloat of tables and indexes"),
            why=Text(
                "删除和更新留下的空洞不会还给操作系统：磁盘和备份白白变大，扫描和缓存的效率下降。",
                "What deletes and updates leave empty is not given back: disks and backups grow "
                "for nothing, scans and caches get slower.",
            ),
            remedy=Text(
                "先 VACUUM VERBOSE 表名核实估算值（或用 pgstattuple_approx）；在线整理用 "
                "pg_repack，"
                "索引用 REINDEX INDEX CONCURRENTLY。VACUUM FULL 会全程锁表并需要等量的空闲空间，"
                "只能在停机窗口做。随后调低该表的 autovacuum_vacuum_scale_factor。",
                "Check the estimate first (VACUUM VERBOSE name, or pgstattuple_approx); repack "
                "online with pg_repack, indexes with REINDEX INDEX CONCURRENTLY. VACUUM FULL locks "
                "the table and needs as much free room again: only in a maintenance window. Then "
                "lower autovacuum_vacuum_scale_factor of the table.",
            ),
            priority=2,
            thresholds=BloatThresholds,
            evaluate=bloat,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
