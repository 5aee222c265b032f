"""SQL Server: how many numbers are left in identity columns and sequences."""

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
    Struct,
    Text,
    Thresholds,
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
from checks.mssql._rights import DEFINITIONS_INSIDE, demand_definitions
from checks.wording import count, days, percent
from wire.messages import Count, Label

MOST_NUMBERS = 100
NUMBERS = f"""
WITH numbers AS (
  SELECT s.name AS schema_name, t.name + N'.' + c.name AS name,
         CASE WHEN CAST(c.increment_value AS float) < 0 THEN -1 ELSE 1 END
         * CAST(c.last_value AS float)
         / CASE c.system_type_id WHEN 48 THEN 255 WHEN 52 THEN 32767 WHEN 56 THEN 2147483647
                WHEN 127 THEN CAST(9223372036854775807 AS float)
                ELSE POWER(CAST(10 AS float), c.precision) - 1 END * 100 AS used_percent
  FROM sys.identity_columns AS c
  JOIN sys.tables AS t ON t.object_id = c.object_id
  JOIN sys.schemas AS s ON s.schema_id = t.schema_id
  WHERE c.last_value IS NOT NULL AND t.is_ms_shipped = 0
  UNION ALL
  SELECT s.name AS schema_name, q.name AS name,
         CASE WHEN CAST(q.increment AS float) < 0
              THEN CAST(q.current_value AS float) / NULLIF(CAST(q.minimum_value AS float), 0)
              ELSE CAST(q.current_value AS float) / NULLIF(CAST(q.maximum_value AS float), 0)
         END * 100 AS used_percent
  FROM sys.sequences AS q
  JOIN sys.schemas AS s ON s.schema_id = q.schema_id
  WHERE q.is_cycling = 0
)
SELECT TOP ({MOST_NUMBERS}) n.schema_name AS schema_name, n.name AS name,
       n.used_percent AS used_percent
FROM numbers AS n
WHERE n.used_percent >= 1
ORDER BY n.used_percent DESC
"""  # noqa: S608 - a number of our own
"""The fullest ones. A column that counts from a negative number has its half of the range left."""


class Number(Struct, frozen=True):
    """An identity column or a sequence: how much of its range is used up."""

    schema_name: Label
    name: str
    used_percent: float


class DatabaseNumbers(Struct, frozen=True):
    """The fullest of one database."""

    database: Label
    numbers: tuple[Number, ...] | Failure


class Facts(Struct, frozen=True):
    """The fullest of every database."""

    databases: tuple[DatabaseNumbers, ...]
    databases_left_out: Count


class NumberThresholds(Thresholds, frozen=True):
    """By what is used, or by when it will be used up at the pace since the last inspection."""

    warning_percent: Annotated[float, limit("%", "DASH 50")] = 50
    critical_percent: Annotated[float, limit("%", "DASH 80; DCK 90")] = 80
    warning_days: Annotated[float, limit("d", "DASH 365 days left")] = 365
    critical_days: Annotated[float, limit("d", "DASH 90 days left")] = 90
    least_days: Annotated[float, limit("d", "OWN: a shorter time tells no pace")] = 7


def probe(database: Database) -> Facts:
    """Ask inside each database. Raise a ProbeError where they can't be listed."""
    demand_definitions(database)
    found, left_out = each_database(database, lambda inside: inside.rows(NUMBERS, Number))
    return Facts(
        tuple(DatabaseNumbers(name, _wanted(database, name, each)) for name, each in found),
        left_out,
    )


def _wanted(
    database: Database, name: str, found: tuple[Number, ...] | Failure
) -> tuple[Number, ...] | Failure:
    """Leave out the tables that the settings exclude."""
    if isinstance(found, Failure):
        return found
    return tuple(
        each
        for each in found
        if not database.excluded(f"{name}.{each.schema_name}.{each.name.partition('.')[0]}")
    )


def numbers(facts: Facts, thresholds: NumberThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge each that is filling up, and once each database whose numbers all last."""
    before = _used(past.previous)
    reference = Text(
        f"< {thresholds.warning_percent:g}% 且可用 > {thresholds.warning_days:g} 天",
        f"< {thresholds.warning_percent:g}% and > {thresholds.warning_days:g} days left",
    )
    for database in facts.databases:
        name = database.database
        if isinstance(database.numbers, Failure):
            yield not_run(name, database.numbers)
            continue
        bad = False
        for number in database.numbers:
            key = f"{name}.{number.schema_name}.{number.name}"
            left = _days_left(number, before.get(key), past.elapsed_seconds, thresholds.least_days)
            verdict = _judged(key, number, left, thresholds, reference)
            if verdict.state is not State.OK:
                bad = True
                yield verdict
        if not bad:
            fullest = max((each.used_percent for each in database.numbers), default=0.0)
            current = Text("最高 {used}", "fullest {used}").format(used=percent(fullest))
            yield ok(name, current, reference)
    if not facts.databases:
        yield not_applicable("", Text("没有可巡检的用户数据库。", "There is no database to ask."))
    if facts.databases_left_out:
        yield info(
            "*",
            count(facts.databases_left_out, "个未查", "not asked"),
            Text("-", "-"),
            Text("数据库太多，只查了前 50 个。", "Too many databases: the first 50 were asked."),
        )


def _used(facts: Facts | None) -> dict[str, float]:
    return {
        f"{database.database}.{number.schema_name}.{number.name}": number.used_percent
        for database in (facts.databases if facts is not None else ())
        if not isinstance(database.numbers, Failure)
        for number in database.numbers
    }


def _days_left(
    number: Number, before: float | None, elapsed: float | None, least_days: float
) -> float | None:
    """Return when the numbers run out at the present pace; None: there is none to tell."""
    if before is None or elapsed is None or elapsed < least_days * 86400:
        return None
    per_day = (number.used_percent - before) / (elapsed / 86400)
    return max(0.0, 100 - number.used_percent) / per_day if per_day > 0 else None


def _judged(
    key: str, number: Number, left: float | None, thresholds: NumberThresholds, reference: Text
) -> Verdict:
    order = (State.OK, State.WARNING, State.CRITICAL)
    states = [grade(number.used_percent, thresholds.warning_percent, thresholds.critical_percent)]
    if left is not None:
        warn, worst = thresholds.warning_days, thresholds.critical_days
        states.append(grade(left, warn, worst, lower_is_worse=True))
    state = max(states, key=order.index)
    lasts = Text("", "")
    if left is not None:
        lasts = Text("，按近期速度约 {left}后用尽", " and lasts {left} at the present pace").format(
            left=days(left)
        )
    message = Text(
        "{name} 的编号已用 {used}{lasts}；用尽后新记录无法插入。",
        "{name} has used {used} of its numbers{lasts}; after the last one nothing can be inserted.",
    ).format(name=key, used=percent(number.used_percent), lasts=lasts)
    current = percent(number.used_percent)
    return Verdict(key[:255], state, current, reference, None if state is State.OK else message)


CHECK = Check(
    title=Text("SQL Server 自增列与序列", "SQL Server identity columns and sequences"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    deadline_seconds=120,
    reads=("sys.databases", "sys.identity_columns, sys.tables, sys.schemas", "sys.sequences"),
    privilege=DEFINITIONS_INSIDE,
    rules=(
        Rule(
            code="MSSQL-049",
            title=Text("自增列与序列余量", "Numbers left"),
            why=Text(
                "int 自增列到 2147483647 后，该表再也插不进数据，单据突然无法保存，"
                "扩大类型又要长时间停机。",
                "Once an int has reached 2147483647 nothing goes into that table any more: "
                "postings "
                "fail at once, and widening the column takes a long stop.",
            ),
            remedy=Text(
                "与厂商确认后在维护窗口把列改为 bigint（大表会长时间锁表并写大量日志，"
                "先在测试库演练），"
                "或归档后从未用过的负数段重新编号；不要直接 RESEED 到已有的值。",
                "With the vendor, widen the column to bigint in a maintenance window (a large "
                "table "
                "stays locked for long and writes much log: rehearse it), or begin anew in the "
                "unused negative half; never RESEED to values that exist.",
            ),
            priority=2,
            thresholds=NumberThresholds,
            evaluate=numbers,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
