"""SQL Server: how large the databases are, how fast they grow, and which tables are the largest."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Failure,
    Measure,
    Owner,
    Past,
    Point,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Trend,
    Verdict,
    grade,
    info,
    limit,
    not_applicable,
    not_run,
    ok,
)
from checks.databases import Database
from checks.mssql._each_database import each_database
from checks.mssql._rights import STATE_INSIDE, demand_definitions
from checks.wording import count, listing, size
from wire.messages import Count, Label, Reason

MOST_TABLES = 10
_MONTH = timedelta(days=30)
SIZES = """
SELECT d.name AS name,
       SUM(CASE WHEN f.type = 1 THEN 0 ELSE CAST(f.size AS bigint) END) * 8192 AS data_bytes,
       SUM(CASE WHEN f.type = 1 THEN CAST(f.size AS bigint) ELSE 0 END) * 8192 AS log_bytes
FROM sys.master_files AS f
JOIN sys.databases AS d ON d.database_id = f.database_id
WHERE d.source_database_id IS NULL
GROUP BY d.name
ORDER BY d.name
"""
"""As the files are, whether they are full or not."""
TABLES = f"""
SELECT TOP ({MOST_TABLES}) s.name AS schema_name, t.name AS name,
       SUM(p.reserved_page_count) * 8192 AS reserved_bytes,
       SUM(CASE WHEN p.index_id < 2 THEN p.row_count ELSE 0 END) AS table_rows
FROM sys.dm_db_partition_stats AS p
JOIN sys.tables AS t ON t.object_id = p.object_id
JOIN sys.schemas AS s ON s.schema_id = t.schema_id
GROUP BY s.name, t.name
ORDER BY SUM(p.reserved_page_count) DESC
"""  # noqa: S608 - a number of our own


class SizeRow(Struct, frozen=True):
    """A row of SIZES."""

    name: Label
    data_bytes: Count
    log_bytes: Count


class Table(Struct, frozen=True):
    """A row of TABLES, indexes counted in."""

    schema_name: Label
    name: Label
    reserved_bytes: Count
    table_rows: Count


class DatabaseSize(Struct, frozen=True):
    """One database."""

    name: Label
    data_bytes: Count
    log_bytes: Count
    largest_tables: tuple[Table, ...] | Failure | None
    """None: not asked, as for the server's own databases."""


class Facts(Struct, frozen=True):
    """All databases."""

    databases: tuple[DatabaseSize, ...]
    not_looked_into: Count
    """Databases beyond the first 50: their tables were not asked for."""


class GrowthThresholds(Thresholds, frozen=True):
    """By a mean over the last months."""

    warning_percent_per_month: Annotated[float, limit("%/30 d", "catalogue MSSQL-057")] = 20
    least_bytes: Annotated[int, limit("bytes", "OWN: small databases double in a day")] = 2**30
    least_days: Annotated[float, limit("d", "OWN: a shorter time tells no growth")] = 14
    window_days: Annotated[float, limit("d", "INS: 180 d of history")] = 180


def probe(database: Database) -> Facts:
    """Ask for all files, and inside each database for its largest tables. Raise a ProbeError."""
    demand_definitions(database)
    rows = [row for row in database.rows(SIZES, SizeRow) if not database.excluded(row.name)]
    found, left_out = each_database(database, lambda inside: inside.rows(TABLES, Table))
    tables = {name: _wanted(database, name, each) for name, each in found}
    return Facts(
        tuple(
            DatabaseSize(row.name, row.data_bytes, row.log_bytes, tables.get(row.name))
            for row in rows
        ),
        left_out,
    )


def _wanted(
    database: Database, name: str, found: tuple[Table, ...] | Failure
) -> tuple[Table, ...] | Failure:
    """Leave out the tables that the settings exclude."""
    if isinstance(found, Failure):
        return found
    return tuple(
        each for each in found if not database.excluded(f"{name}.{each.schema_name}.{each.name}")
    )


def measures(facts: Facts) -> Iterator[Measure]:
    """Keep the size of the data of each database."""
    for each in facts.databases:
        yield Measure("size_bytes", each.name, float(each.data_bytes))


def growth(facts: Facts, thresholds: GrowthThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge how much each database grows in a month, and say what is largest in it."""
    limit_words = f"{thresholds.warning_percent_per_month:g}%"
    reference = Text(f"每月增长 < {limit_words}", f"grows < {limit_words} a month")
    for each in facts.databases:
        if each.name in ("master", "model", "msdb", "tempdb"):
            continue
        yield _growth(each, thresholds, past, reference)
        if isinstance(each.largest_tables, Failure):
            yield not_run(f"{each.name}:tables", each.largest_tables)
    if facts.not_looked_into:
        yield info(
            "*",
            count(facts.not_looked_into, "个未查", "not asked"),
            Text("-", "-"),
            Text(
                "数据库太多，只查了前 50 个的表。",
                "Too many databases: the tables of the first 50 were asked for.",
            ),
        )
    if all(each.name in ("master", "model", "msdb", "tempdb") for each in facts.databases):
        yield not_applicable("", Text("没有用户数据库。", "There are no users' databases."))


def _growth(
    each: DatabaseSize, thresholds: GrowthThresholds, past: Past[Facts], reference: Text
) -> Verdict:
    since = past.observed_at - timedelta(days=thresholds.window_days)
    points = [point for point in past.series("size_bytes", each.name) if point.at >= since]
    monthly = _monthly(points, thresholds.least_days)
    if monthly is None:
        words = Text(
            "当前 {size}；历史数据不足 {days:g} 天，继续定期巡检后自动给出增长率。",
            "It has {size}; {days:g} days of history are needed to tell its growth.",
        ).format(size=size(each.data_bytes), days=thresholds.least_days)
        return not_run(each.name, Failure(Reason.NO_HISTORY, each.name), words)
    current = Text("{size}，每月 {monthly:+.1f}%", "{size}, {monthly:+.1f}% a month").format(
        size=size(each.data_bytes), monthly=monthly
    )
    if each.data_bytes < thresholds.least_bytes:
        return ok(each.name, current, reference)
    # The catalogue has no critical tier: what is full is told by the volume and the file.
    if grade(monthly, thresholds.warning_percent_per_month, float("inf")) is State.OK:
        return ok(each.name, current, reference)
    message = Text(
        "数据库 {name} 近期平均每月增长 {monthly:.1f}%，现为 {size}；最大的表：{tables}。",
        "{name} grows by {monthly:.1f}% a month and has {size}; its largest tables: {tables}.",
    ).format(name=each.name, monthly=monthly, size=size(each.data_bytes), tables=_tables(each))
    return Verdict(each.name, State.WARNING, current, reference, message)


def _monthly(points: list[Point], least_days: float) -> float | None:
    """Return the growth in percent of 30 days from the first point to the last; None: too few."""
    if len(points) < 2 or points[0].value <= 0:
        return None
    span = points[-1].at - points[0].at
    if span < timedelta(days=least_days):
        return None
    return (points[-1].value / points[0].value - 1) * 100 / (span / _MONTH)


def _tables(each: DatabaseSize) -> str:
    if isinstance(each.largest_tables, Failure) or not each.largest_tables:
        return "-"
    return listing(
        [f"{table.name} {size(table.reserved_bytes).en}" for table in each.largest_tables], 3
    )


CHECK = Check(
    title=Text("SQL Server 数据库大小与增长", "SQL Server sizes and growth"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    measures=measures,
    trends=(Trend("size_bytes", Text("数据库大小", "Size of databases"), "bytes"),),
    systems=("linux", "windows"),
    target="mssql",
    deadline_seconds=120,
    reads=("sys.master_files, sys.databases", "sys.dm_db_partition_stats, sys.tables, sys.schemas"),
    privilege=STATE_INSIDE,
    rules=(
        Rule(
            code="MSSQL-057",
            title=Text("数据库大小与增长", "Size and growth"),
            why=Text(
                "增长加快意味着磁盘、备份时间和恢复时间都会跟着变长，容量要提前准备。",
                "Faster growth means more disk, longer backups and longer restores: room must be "
                "there in time.",
            ),
            remedy=Text(
                "核对最大的几张表是否为日志、附件或中间表，与厂商确认归档或清理方案；"
                "同时按增长率规划磁盘和备份空间。不要用反复收缩来控制大小。",
                "See whether the largest tables are logs, attachments or work tables; agree with "
                "the vendor on archiving; plan disks and backup space by the growth. Shrinking "
                "again and again is no cure.",
            ),
            priority=2,
            thresholds=GrowthThresholds,
            evaluate=growth,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
