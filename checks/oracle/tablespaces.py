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
    Struct,
    Text,
    Thresholds,
    Trend,
    Verdict,
    limit,
    ok,
    warning,
)
from checks.databases import Database
from checks.errors import NotPermitted, Unsupported, part
from checks.judging import judged, missing
from checks.oracle._forecast import ForecastThresholds, until_full
from checks.wording import percent, size

SPACES = """
SELECT m.tablespace_name AS name, m.used_space * t.block_size AS used_bytes,
       m.tablespace_size * t.block_size AS most_bytes
FROM dba_tablespace_usage_metrics m
JOIN dba_tablespaces t ON t.tablespace_name = m.tablespace_name
WHERE t.contents = 'PERMANENT'
"""
CONTAINER_SPACES = """
SELECT c.name AS container, m.tablespace_name AS name, m.used_space * t.block_size AS used_bytes,
       m.tablespace_size * t.block_size AS most_bytes
FROM cdb_tablespace_usage_metrics m
JOIN cdb_tablespaces t ON t.tablespace_name = m.tablespace_name AND t.con_id = m.con_id
LEFT JOIN v$containers c ON c.con_id = m.con_id AND m.con_id <> 0
WHERE t.contents = 'PERMANENT'
"""
TEMPORARY = """
SELECT f.tablespace_name AS name, NVL(u.used_blocks, 0) * t.block_size AS used_bytes,
       f.most_bytes AS most_bytes
FROM (SELECT tablespace_name, SUM(GREATEST(bytes, NVL(maxbytes, 0))) AS most_bytes
      FROM dba_temp_files GROUP BY tablespace_name) f
JOIN dba_tablespaces t ON t.tablespace_name = f.tablespace_name
LEFT JOIN (SELECT tablespace_name, SUM(used_blocks) AS used_blocks
           FROM gv$sort_segment GROUP BY tablespace_name) u
       ON u.tablespace_name = f.tablespace_name
"""
UNDO = """
SELECT p.value AS name, NVL(u.active_blocks, 0) * t.block_size AS used_bytes,
       f.most_bytes AS most_bytes, NVL(u.too_old, 0) AS too_old, NVL(u.no_space, 0) AS no_space
FROM v$parameter p
JOIN dba_tablespaces t ON t.tablespace_name = UPPER(p.value)
JOIN (SELECT tablespace_name, SUM(GREATEST(bytes, NVL(maxbytes, 0))) AS most_bytes
      FROM dba_data_files GROUP BY tablespace_name) f ON f.tablespace_name = UPPER(p.value)
CROSS JOIN (SELECT MAX(CASE WHEN end_time > SYSDATE - 1 / 24 THEN activeblks END)
                       AS active_blocks,
                   SUM(ssolderrcnt) AS too_old, SUM(nospaceerrcnt) AS no_space
            FROM v$undostat WHERE end_time > SYSDATE - 1) u
WHERE p.name = 'undo_tablespace'
"""
_CONTAINERS_FROM = (12, 1)
_MOST = 200


class SpaceRow(Struct, frozen=True):
    """One tablespace."""

    name: str
    used_bytes: float
    most_bytes: float
    """What it may grow to."""
    container: str | None = None

    @property
    def object(self) -> str:
        """Return its name, after its container where there are containers."""
        return f"{self.container}/{self.name}" if self.container else self.name

    @property
    def used_percent(self) -> float:
        """Return how much of what it may grow to is used; one that holds nothing is full."""
        return 100 * self.used_bytes / self.most_bytes if self.most_bytes > 0 else 100.0


class UndoRow(SpaceRow, frozen=True, kw_only=True):
    """The undo tablespace, and what failed for want of undo within a day."""

    too_old: int
    """ORA-01555."""
    no_space: int
    """ORA-30036."""


class Facts(Struct, frozen=True, kw_only=True):
    """Tablespaces, the fullest first."""

    spaces: tuple[SpaceRow, ...]
    left_out: int = 0
    temporary: tuple[SpaceRow, ...] | Failure = ()
    undo: tuple[UndoRow, ...] | Failure = ()


def probe(database: Database) -> Facts:
    """Ask the data dictionary. Raise a ProbeError."""
    spaces = [row for row in _spaces(database) if not database.excluded(row.object)]
    spaces.sort(key=lambda row: -row.used_percent)
    return Facts(
        spaces=tuple(spaces[:_MOST]),
        left_out=max(0, len(spaces) - _MOST),
        temporary=part(lambda: database.rows(TEMPORARY, SpaceRow)[:_MOST]),
        undo=part(lambda: database.rows(UNDO, UndoRow)[:20]),
    )


def _spaces(database: Database) -> tuple[SpaceRow, ...]:
    if database.version >= _CONTAINERS_FROM:
        try:
            return database.rows(CONTAINER_SPACES, SpaceRow)
        except (NotPermitted, Unsupported):
            pass  # The account may see its own container only.
    return database.rows(SPACES, SpaceRow)


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
