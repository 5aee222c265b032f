"""PostgreSQL: how fast databases and tables grow, and the room of the volumes they are on."""

from collections.abc import Iterator, Sequence
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
    Text,
    Thresholds,
    Trend,
    Verdict,
    limit,
    not_applicable,
    not_run,
    ok,
    warning,
)
from checks.judging import judged
from checks.postgresql._size_facts import Facts, TableSize, facts_of
from checks.wording import percent, size
from wire.messages import Reason

GIB = 2**30
_MONTH = 30.0
_DATABASE = "size_bytes"
_TABLE = "table_bytes"


class GrowthThresholds(Thresholds, frozen=True):
    """Growth within a month, of what is large enough; and the volumes of tablespaces."""

    warning_percent: Annotated[float, limit("% per month", "catalogue PG-035; PCK L001")] = 20
    least_bytes: Annotated[int, limit("bytes", "OWN: growth of less is no matter")] = GIB
    least_days: Annotated[float, limit("d", "OWN: less says nothing of a month")] = 14
    window_days: Annotated[float, limit("d", "OWN")] = 60
    warning_used_percent: Annotated[float, limit("%", "as OS-DSK-001 whatever the size")] = 90
    critical_used_percent: Annotated[float, limit("%", "as OS-DSK-001 whatever the size")] = 98


_GREW = Text(
    "{name} 在 {days:.0f} 天内从 {before} 增至 {now}，折合每月增长 {share}。",
    "{name} grew from {before} to {now} within {days:.0f} days: {share} a month.",
)
_RATE = Text("{size}，每月 {share}", "{size}, {share} a month")
_LIMIT = Text("每月 < {limit}", "< {limit} a month")
_SMALL = Text("{size}，较小不判断增长", "{size}: too small to judge its growth")
_HISTORY = Text(
    "历史数据不足：已有 {days:.0f} 天，至少需要 {least:g} 天；继续定期巡检后自动给出。",
    "Too little history: {days:.0f} days of at least {least:g}; regular inspections fill it.",
)
_REMOTE = Text(
    "数据库不在本机：卷的空间由该服务器自身的巡检判断。",
    "The server is another host: its own inspection judges its volumes.",
)
_FULL = Text(
    "表空间 {name} 所在卷（{place}）已用 {share}，只剩 {free}；写满后数据库会停止写入。",
    "The volume of the tablespace {name} ({place}) is {share} full, {free} are left; when it is "
    "full the database stops writing.",
)


def growth(facts: Facts, thresholds: GrowthThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the growth of databases and large tables, and the room of every tablespace."""
    for database in facts.databases:
        if database.size_bytes is None:
            yield not_run(database.name, Failure(Reason.PERMISSION, "pg_database_size"))
        else:
            yield _growth(_DATABASE, database.name, database.size_bytes, thresholds, past)
    for name, table in _tables(facts):
        verdict = _growth(
            _TABLE, f"{name}.{table.schema}.{table.name}", table.size_bytes, thresholds, past
        )
        # What is well, or too new to tell, is told by its database.
        if verdict.state is State.WARNING:
            yield verdict
    yield from _rooms(facts, thresholds)


def _growth(
    measure: str, name: str, now: int, thresholds: GrowthThresholds, past: Past[Facts]
) -> Verdict:
    reference = _LIMIT.format(limit=percent(thresholds.warning_percent))
    if now < thresholds.least_bytes:
        return ok(name, _SMALL.format(size=size(now)), reference)
    since = past.observed_at - timedelta(days=thresholds.window_days)
    points = [point for point in past.series(measure, name) if point.at >= since]
    days = _days(points)
    if days < thresholds.least_days:
        message = _HISTORY.format(days=days, least=thresholds.least_days)
        return not_run(
            name, Failure(Reason.NO_HISTORY, f"{days:.0f}/{thresholds.least_days:g} d"), message
        )
    before = max(points[0].value, 1.0)
    share = 100 * (now - before) / before * _MONTH / days
    current = _RATE.format(size=size(now), share=percent(share))
    if share < thresholds.warning_percent:
        return ok(name, current, reference)
    message = _GREW.format(
        name=name, days=days, before=size(before), now=size(now), share=percent(share)
    )
    return warning(name, current, reference, message)


def _days(points: Sequence[Point]) -> float:
    if not points:
        return 0.0
    return (points[-1].at - points[0].at).total_seconds() / 86400


def _rooms(facts: Facts, thresholds: GrowthThresholds) -> Iterator[Verdict]:
    if not facts.here:
        yield not_applicable("tablespaces", _REMOTE)
        return
    for refused in facts.refused:
        yield not_run(f"tablespace {refused.tablespace}", refused.failure)
    for volume in facts.volumes:
        used = 100 * (volume.total_bytes - volume.free_bytes) / max(1, volume.total_bytes)
        yield judged(
            f"tablespace {volume.tablespace}",
            used,
            thresholds.warning_used_percent,
            thresholds.critical_used_percent,
            show=percent,
            message=_FULL.format(
                name=volume.tablespace,
                place=volume.place,
                share=percent(used),
                free=size(volume.free_bytes),
            ),
        )


def _tables(facts: Facts) -> Iterator[tuple[str, TableSize]]:
    for one in facts.tables.databases:
        if not isinstance(one.found, Failure):
            for table in one.found:
                yield one.name, table


def measures(facts: Facts) -> Iterator[Measure]:
    """Yield the size of every database and of its largest tables."""
    for database in facts.databases:
        if database.size_bytes is not None:
            yield Measure(_DATABASE, database.name, database.size_bytes)
    for name, table in _tables(facts):
        yield Measure(_TABLE, f"{name}.{table.schema}.{table.name}", table.size_bytes)


CHECK = Check(
    title=Text("PostgreSQL 容量与增长", "PostgreSQL sizes and growth"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=facts_of,
    measures=measures,
    trends=(Trend(_DATABASE, Text("数据库大小", "Size of databases"), "bytes"),),
    systems=("linux", "windows"),
    target="postgresql",
    deadline_seconds=120,
    reads=(
        "pg_database, pg_database_size()",
        "pg_tablespace, pg_tablespace_size(), pg_tablespace_location()",
        "pg_class, pg_total_relation_size(), pg_locks",
        "pg_settings",
        "stat -f (data directory and tablespaces, where the server is this host)",
    ),
    privilege=Text(
        "每个数据库的 CONNECT；角色 pg_monitor", "CONNECT on every database; pg_monitor"
    ),
    rules=(
        Rule(
            code="PG-035",
            title=Text("容量增长与表空间余量", "Growth and room"),
            why=Text(
                "增长突然加快往往是日志表、附件或接口表没有清理；数据盘写满时数据库会停止服务。",
                "Sudden growth mostly is a log, attachment or interface table that nobody empties; "
                "when the volume is full the database stops.",
            ),
            remedy=Text(
                "先看是哪张表在长（按大小列出最大的表），与应用厂商商定归档或清理办法；"
                "提前扩容磁盘，或把大表移到另一个卷的表空间（移动时锁表）。"
                "不要手工删除 pg_wal 或数据目录里的文件。",
                "See which table grows, and agree with the vendor on archiving or removing old "
                "rows; enlarge the volume in good time, or move large tables to a tablespace on "
                "another one (locks them meanwhile). Never remove files of pg_wal or of the data "
                "directory by hand.",
            ),
            priority=2,
            thresholds=GrowthThresholds,
            evaluate=growth,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
