"""MY-024: how fast databases grow; and what is said where tables are hidden from the account."""

from collections.abc import Iterator
from datetime import timedelta
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
    limit,
    not_run,
)
from checks.mysql._table_rows import Facts, Schema
from checks.wording import percent, size
from wire.messages import Reason


class GrowthThresholds(Thresholds, frozen=True):
    """Growth of a database within a month."""

    warning_percent_a_month: Annotated[float, limit("%/month", "catalogue MY-024")] = 20
    least_growth_bytes: Annotated[int, limit("bytes", "OWN: small ones grow by leaps")] = 2**30
    least_days: Annotated[float, limit("d", "OWN: less tells no month")] = 14
    window_days: Annotated[float, limit("d", "OWN: older growth says little")] = 90


_HIDDEN = Text(
    "另有 {number} 个数据库的表对采集账号不可见（information_schema 只列出有权限的表）："
    "GRANT REFERENCES ON *.* 即可看到表结构而读不到数据。",
    "The tables of {number} more databases are hidden from the account (information_schema lists "
    "what it has a right on): GRANT REFERENCES ON *.* shows them, and none of their rows.",
)
_UNCERTAIN = Text(
    "无法确认是否所有表都可见（读取 InnoDB 数据字典需要 PROCESS 权限）。",
    "Whether all tables are in sight can't be told: InnoDB's dictionary takes PROCESS.",
)


def unseen(hidden: int | Failure) -> Iterator[Verdict]:
    """Yield what keeps a good verdict from speaking for all tables."""
    if isinstance(hidden, Failure):
        yield not_run("", hidden, _UNCERTAIN)
    elif hidden:
        failure = Failure(Reason.PERMISSION, "information_schema.tables")
        yield not_run("", failure, _HIDDEN.format(number=hidden))


_GROWS = Text(
    "数据库 {name} 近 {span:.0f} 天增长 {growth}，折合每月 {rate}，现有 {now}"
    "（最大的表 {table}，{largest}）。",
    "{name} grew by {growth} in {span:.0f} days, {rate} a month, and has {now} (its largest "
    "table {table} {largest}).",
)
_NOW = Text("{now}，每月 {rate}", "{now}, {rate} a month")
_SHORT = Text(
    "历史数据不足：已有 {span:.0f} 天，计算增长率至少需要 {least:g} 天。",
    "Too little history: {span:.0f} days, a rate of growth takes {least:g}.",
)


def growth(facts: Facts, thresholds: GrowthThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge how fast each database grows."""
    yield from unseen(facts.hidden)
    for schema in facts.schemas:
        yield _grown(schema, thresholds, past)


def _grown(schema: Schema, thresholds: GrowthThresholds, past: Past[Facts]) -> Verdict:
    since = past.observed_at - timedelta(days=thresholds.window_days)
    points = [each for each in past.series("size_bytes", schema.name) if each.at >= since]
    span = (points[-1].at - points[0].at).total_seconds() / 86400 if points else 0.0
    if span < thresholds.least_days:
        failure = Failure(Reason.NO_HISTORY, f"{span:.0f}/{thresholds.least_days:g} d")
        message = _SHORT.format(span=span, least=thresholds.least_days)
        return not_run(schema.name, failure, message)
    gained = points[-1].value - points[0].value
    rate = 100 * gained / max(points[0].value, 1.0) * 30 / span
    reference = Text(
        f"< {thresholds.warning_percent_a_month:g}%/月",
        f"< {thresholds.warning_percent_a_month:g}%/month",
    )
    now = size(schema.bytes)
    fast = rate >= thresholds.warning_percent_a_month and gained >= thresholds.least_growth_bytes
    message = _GROWS.format(
        name=schema.name,
        span=span,
        growth=size(gained),
        rate=percent(rate),
        now=now,
        table=schema.largest,
        largest=size(schema.largest_bytes),
    )
    return Verdict(
        schema.name,
        State.WARNING if fast else State.OK,
        _NOW.format(now=now, rate=percent(rate)),
        reference,
        message if fast else None,
    )


GROWTH: Rule[Facts, GrowthThresholds] = Rule(
    code="MY-024",
    title=Text("数据库大小与增长", "Size and growth of databases"),
    why=Text(
        "增长快的库会先占满磁盘，也使备份和恢复越来越久；日志类表往往没有人清理。",
        "What grows fast fills the disk first and makes backups and restores longer; "
        "often it is a table of logs that nobody clears.",
    ),
    remedy=Text(
        "看最大的几张表是业务数据还是日志、历史数据；与业务软件厂商约定归档或清理规则，"
        "再按增长率规划磁盘。DELETE 不会释放磁盘空间。",
        "See whether the largest tables hold business data or logs and history, agree "
        "with the vendor on what is archived, and plan the disk by the rate. DELETE gives "
        "no disk space back.",
    ),
    priority=2,
    thresholds=GrowthThresholds,
    evaluate=growth,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
