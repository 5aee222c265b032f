"""Oracle: how full tablespaces are, counted against what they may grow to.

dba_tablespace_usage_metrics knows autoextension. TEMP is what sessions use now, not what was ever
allocated; UNDO is its active part: unexpired undo fills the tablespace by design.

From the reference (11.2 to 23ai); no Oracle has run these queries for us yet.
"""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Measure,
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Trend,
    Verdict,
    limit,
    ok,
    warning,
)
from checks.judging import judged, missing
from checks.oracle._forecast import ForecastThresholds, until_full
from checks.oracle._space_facts import Facts, SpaceRow, probe
from checks.wording import percent, size


class SpaceThresholds(Thresholds, frozen=True):
    """Of what a tablespace may grow to."""

    warning_percent: Annotated[float, limit("%", "DBC 85; COH 90")] = 85
    critical_percent: Annotated[float, limit("%", "DBC 95; COH 98")] = 95


def used(facts: Facts, thresholds: SpaceThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge each permanent tablespace."""
    for space in facts.spaces:
        yield _judged(space, thresholds.warning_percent, thresholds.critical_percent)


def _judged(space: SpaceRow, warn: float, worst: float) -> Verdict:
    message = Text(
        "表空间 {name} 已用 {used}，可扩展上限 {most}（{share}）。",
        "Tablespace {name} uses {used} of the {most} that it may grow to ({share}).",
    ).format(
        name=space.object,
        used=size(space.used_bytes),
        most=size(space.most_bytes),
        share=percent(space.used_percent),
    )
    return judged(space.object, space.used_percent, warn, worst, show=percent, message=message)


def forecast(facts: Facts, thresholds: ForecastThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge when each permanent tablespace will be full at its present growth."""
    for space in facts.spaces:
        free = max(0.0, space.most_bytes - space.used_bytes)
        yield until_full(
            space.object,
            free,
            past.series("used_bytes", space.object),
            thresholds,
            past.observed_at,
        )


class WorkThresholds(Thresholds, frozen=True):
    """Of TEMP and UNDO."""

    warning_percent: Annotated[float, limit("%", "catalogue ORA-004")] = 85
    critical_percent: Annotated[float, limit("%", "catalogue ORA-004; DBC temp 90")] = 95
    warning_failures: Annotated[int, limit("per day", "OWN: any ORA-01555 or ORA-30036")] = 1


def working(facts: Facts, thresholds: WorkThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge TEMP, UNDO, and what failed for want of undo."""
    limits = thresholds.warning_percent, thresholds.critical_percent
    if isinstance(facts.temporary, Failure):
        yield from missing(facts.temporary, "temp")
    else:
        for space in facts.temporary:
            yield _judged(space, *limits)
    if isinstance(facts.undo, Failure):
        yield from missing(facts.undo, "undo")
        return
    for undo in facts.undo:
        yield _judged(undo, *limits)
        failed = undo.too_old + undo.no_space
        current = Text(
            f"ORA-01555 {undo.too_old} 次，ORA-30036 {undo.no_space} 次",
            f"ORA-01555 {undo.too_old} times, ORA-30036 {undo.no_space} times",
        )
        reference = Text("24 小时内无", "none in 24 h")
        if failed < thresholds.warning_failures:
            yield ok(f"{undo.object}:errors", current, reference)
            continue
        message = Text(
            f"24 小时内有 {undo.too_old} 次查询因快照过旧失败（ORA-01555），"
            f"{undo.no_space} 次事务因 UNDO 空间不足失败。",
            f"In 24 h {undo.too_old} queries failed by ORA-01555 and {undo.no_space} transactions "
            "for want of undo space.",
        )
        yield warning(f"{undo.object}:errors", current, reference, message)


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield used bytes and share of each permanent tablespace."""
    for space in facts.spaces:
        yield Measure("used_bytes", space.object, space.used_bytes)
        yield Measure("used_percent", space.object, space.used_percent)


_OWNER = Owner.DATABASE_ADMINISTRATOR
CHECK = Check(
    title=Text("Oracle 表空间", "Oracle tablespaces"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    measures=measures,
    trends=(
        Trend(
            "used_percent",
            Text("Oracle 表空间使用率", "Use of Oracle tablespaces"),
            "%",
            rule="ORA-002",
            warning="warning_percent",
            critical="critical_percent",
            fills_up=True,
        ),
    ),
    systems=("linux", "windows"),
    target="oracle",
    reads=(
        "dba_tablespace_usage_metrics, dba_tablespaces, dba_data_files, dba_temp_files",
        "cdb_tablespace_usage_metrics, cdb_tablespaces, v$containers",
        "gv$sort_segment, v$undostat, v$parameter",
    ),
    privilege=Text(
        "CREATE SESSION，以及对上述视图的 SELECT（CDB_ 视图可选）",
        "CREATE SESSION, and SELECT on these views (those of CDB_ are optional)",
    ),
    rules=(
        Rule(
            code="ORA-002",
            title=Text("表空间使用率", "Use of tablespaces"),
            why=Text(
                "表空间达到上限后，写入会以 ORA-01653 失败，业务随即中断。",
                "Once a tablespace can't grow any more, writes fail by ORA-01653 and work stops.",
            ),
            remedy=Text(
                "ALTER TABLESPACE 名称 ADD DATAFILE '路径' SIZE 10G AUTOEXTEND ON NEXT 1G "
                "MAXSIZE UNLIMITED；先确认磁盘或磁盘组有足够空间，清理不再需要的数据。",
                "ALTER TABLESPACE name ADD DATAFILE 'path' SIZE 10G AUTOEXTEND ON NEXT 1G MAXSIZE "
                "UNLIMITED, after a look at the room on the disk; remove data no longer needed.",
            ),
            priority=1,
            thresholds=SpaceThresholds,
            evaluate=used,
            owner=_OWNER,
        ),
        Rule(
            code="ORA-003",
            title=Text("表空间写满预测", "Days until tablespaces are full"),
            why=Text(
                "按目前的增长速度提前知道何时写满，才来得及采购和扩容。",
                "Knowing early when a tablespace will be full leaves time to buy and to extend.",
            ),
            remedy=Text(
                "规划扩容或归档历史数据；查看 dba_segments 中增长最快的段。",
                "Plan more room or archive old data; look for the segments that grow most in "
                "dba_segments.",
            ),
            priority=2,
            thresholds=ForecastThresholds,
            evaluate=forecast,
            owner=_OWNER,
        ),
        Rule(
            code="ORA-004",
            title=Text("TEMP 与 UNDO 使用率", "Use of TEMP and UNDO"),
            why=Text(
                "TEMP 写满使大查询和报表失败（ORA-01652），UNDO 不足使长查询和事务失败"
                "（ORA-01555、ORA-30036）。",
                "A full TEMP fails large queries (ORA-01652); too little undo fails long queries "
                "and transactions (ORA-01555, ORA-30036).",
            ),
            remedy=Text(
                "增加临时文件或 UNDO 数据文件，调整 UNDO_RETENTION；"
                "在 v$tempseg_usage 中找出占用最多的会话，优化其语句。",
                "Add a temp file or an undo file, adjust UNDO_RETENTION; find the sessions that "
                "use most in v$tempseg_usage and improve their statements.",
            ),
            priority=2,
            thresholds=WorkThresholds,
            evaluate=working,
            owner=_OWNER,
        ),
    ),
)
