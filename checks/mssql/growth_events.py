"""SQL Server: how often files had to grow, by the default trace. Reads up to 100 MB: heavy."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Owner,
    Past,
    Rule,
    State,
    Struct,
    Text,
    Thresholds,
    Verdict,
    grade,
    limit,
    ok,
)
from checks.databases import Database
from checks.errors import Unsupported
from checks.mssql._included import included
from checks.wording import duration
from wire.messages import Count, Label

EVENTS = """
SELECT COALESCE(g.DatabaseName, N'') AS name,
       SUM(CASE WHEN g.EventClass IN (92, 93) AND g.StartTime >= DATEADD(day, -7, GETDATE())
                THEN 1 ELSE 0 END) AS growths,
       SUM(CASE WHEN g.EventClass IN (92, 93) AND g.StartTime >= DATEADD(day, -7, GETDATE())
                 AND g.Duration > 15000000 THEN 1 ELSE 0 END) AS slow,
       CAST(MAX(DATEDIFF(minute, g.StartTime, GETDATE())) AS bigint) * 60 AS oldest_seconds
FROM sys.traces AS t
CROSS APPLY sys.fn_trace_gettable(
       REVERSE(SUBSTRING(REVERSE(t.path),
               CHARINDEX(CASE WHEN t.path LIKE N'/%' THEN N'/' ELSE NCHAR(92) END,
                         REVERSE(t.path)), 260)) + N'log.trc', DEFAULT) AS g
WHERE t.is_default = 1
GROUP BY COALESCE(g.DatabaseName, N'')
"""
"""log.trc is the first of the rolled files; durations are microseconds."""


class EventRow(Struct, frozen=True, kw_only=True):
    """What the default trace has of one database: the answer to EVENTS."""

    name: Label
    growths: Count
    """Of seven days."""
    slow: Count
    """Of these, longer than 15 s."""
    oldest_seconds: int | None = None
    """How far the trace goes back for this database."""


class Facts(Struct, frozen=True, kw_only=True):
    """The growths of the last days."""

    databases: tuple[EventRow, ...]
    covered_seconds: int
    """How far back the trace goes: it is overwritten from time to time."""


def probe(database: Database) -> Facts:
    """Ask the default trace. Raise a ProbeError."""
    rows = database.rows(EVENTS, EventRow)
    if not rows:
        # The trace itself writes down when the server starts: no rows, no trace.
        raise Unsupported("default trace", "it is switched off, or its files are gone")
    kept, _ = included(database, [row for row in rows if row.name])
    return Facts(
        databases=tuple(row for row in kept if row.growths),
        covered_seconds=max(max(row.oldest_seconds or 0, 0) for row in rows),
    )


class EventThresholds(Thresholds, frozen=True):
    """Growths a day, and such that took more than 15 seconds."""

    warning_per_day: Annotated[float, limit("per day", "CMH 1; INS 1")] = 1
    critical_per_day: Annotated[float, limit("per day", "INS 10")] = 10
    warning_slow: Annotated[int, limit("in 7 d", "catalogue, FRK#151: 2 slower than 15 s")] = 2


_DAY = 86400
_RATE = Text("{rate:.1f} 次/天", "{rate:.1f} a day")
_GREW = Text(
    "数据库 {name} 近 {span}自动增长 {growths} 次（平均每天 {rate:.1f} 次），"
    "其中 {slow} 次超过 15 秒，期间写入会停顿。",
    "{name} grew {growths} times in {span} ({rate:.1f} a day), {slow} of them for more than 15 s "
    "while writers waited.",
)
_QUIET = Text("无自动增长（{span}）", "no growth ({span})")


def events(facts: Facts, thresholds: EventThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the growths of each database; one verdict where there were none."""
    seconds = min(max(facts.covered_seconds, _DAY), 7 * _DAY)
    span = duration(min(facts.covered_seconds, 7 * _DAY))
    reference = Text("< {most:g} 次/天", "< {most:g} a day").format(most=thresholds.warning_per_day)
    for row in facts.databases:
        rate = row.growths * _DAY / seconds
        state = grade(rate, thresholds.warning_per_day, thresholds.critical_per_day)
        if state is State.OK and row.slow >= thresholds.warning_slow:
            state = State.WARNING
        message = _GREW.format(
            name=row.name, span=span, growths=row.growths, rate=rate, slow=row.slow
        )
        current = _RATE.format(rate=rate)
        yield Verdict(row.name, state, current, reference, None if state is State.OK else message)
    if not facts.databases:
        yield ok("", _QUIET.format(span=span), reference)


CHECK = Check(
    title=Text("SQL Server 自动增长记录", "SQL Server growth events"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="mssql",
    heavy=True,
    deadline_seconds=60,
    reads=("sys.traces, sys.fn_trace_gettable (default trace, event classes 92 and 93)",),
    privilege=Text("ALTER TRACE", "ALTER TRACE"),
    rules=(
        Rule(
            code="MSSQL-022",
            title=Text("自动增长次数", "How often files grow"),
            why=Text(
                "每次自动增长都会让写入等待；频繁增长说明文件预留的空间不足，"
                "用户会感到间歇性卡顿。",
                "Writers wait while a file grows; files that often do were made too small, and "
                "users "
                "feel the stalls.",
            ),
            remedy=Text(
                "按近半年的增长量一次性预分配空间（MODIFY FILE SIZE），增量设为固定的 256MB 以上，"
                "并开启即时文件初始化。",
                "Give the files the room of the next half year at once (MODIFY FILE SIZE), growth "
                "by "
                "256MB or more, and instant file initialization.",
            ),
            priority=2,
            thresholds=EventThresholds,
            evaluate=events,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
