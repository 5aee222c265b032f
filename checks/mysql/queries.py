"""Queries: is the slow log on, how many are slow, how many spill to disk?"""

from collections.abc import Iterator, Mapping
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
    limit,
    ok,
    warning,
)
from checks.databases import Database
from checks.judging import judged
from checks.mysql import TARGET
from checks.mysql._server import ANY_ACCOUNT, SYSTEMS, grown, number, settings, switched_on, too_few
from checks.wording import duration, percent

STATUS = (
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', 'Slow_queries', 'Questions', "
    "'Created_tmp_disk_tables', 'Created_tmp_tables')"
)
VARIABLES = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('slow_query_log', 'long_query_time')"


class Facts(Struct, frozen=True):
    """The slow log's settings, and counters of statements."""

    slow_log: bool
    long_query_seconds: float
    uptime_seconds: float
    counters: Mapping[str, int]
    """questions, slow, tables (temporary ones), on_disk: since the start."""


def probe(database: Database) -> Facts:
    """Ask settings and counters. Raise a ProbeError."""
    status, variables = settings(database, STATUS), settings(database, VARIABLES)
    return Facts(
        slow_log=bool(switched_on(variables, "slow_query_log")),
        long_query_seconds=float(variables.get("long_query_time") or 0),
        uptime_seconds=number(status, "uptime") or 0,
        counters={
            "questions": number(status, "questions") or 0,
            "slow": number(status, "slow_queries") or 0,
            "tables": number(status, "created_tmp_tables") or 0,
            "on_disk": number(status, "created_tmp_disk_tables") or 0,
        },
    )


class SlowThresholds(Thresholds, frozen=True):
    """Share of slow statements, and from when on one is slow."""

    warning_percent: Annotated[float, limit("%", "MT 5 %")] = 5
    most_long_query_seconds: Annotated[float, limit("s", "MT 10 s")] = 10
    least_questions: Annotated[int, limit("statements", "OWN: fewer say nothing")] = 1000


class SpillThresholds(Thresholds, frozen=True):
    """Share of temporary tables that went to disk."""

    warning_percent: Annotated[float, limit("%", "MT 25 %")] = 25
    critical_percent: Annotated[float, limit("%", "catalogue MY-013")] = 50
    least_tables: Annotated[int, limit("tables", "OWN: fewer say nothing")] = 1000


_OFF = Text(
    "没有启用慢查询日志：出现性能问题时无从查起。",
    "The slow query log is off: when the server is slow, nothing tells of what.",
)
_LONG = Text(
    "long_query_time={time}：短于它的慢查询不会被记录。",
    "long_query_time is {time}: slow statements below it are not recorded.",
)
_SLOW = Text(
    "{window}有 {found} 条慢查询，占全部语句的 {share}（超过 {time} 算慢）。",
    "{found} slow statements, {share} of all ({window}); slow is what takes more than {time}.",
)
_SPILL = Text(
    "{window}有 {found} 个内部临时表落到磁盘，占 {share}。",
    "{found} temporary tables went to disk, {share} of all ({window}).",
)


def slow(facts: Facts, thresholds: SlowThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the settings of the slow log, and the share of slow statements."""
    on = Text.same("ON")
    yield (
        ok("slow_query_log", on, on)
        if facts.slow_log
        else warning("slow_query_log", Text.same("OFF"), on, _OFF)
    )
    most = thresholds.most_long_query_seconds
    time, reference = duration(facts.long_query_seconds), Text.same(f"≤ {most:g} s")
    if facts.long_query_seconds > most:
        yield warning("long_query_time", time, reference, _LONG.format(time=time))
    else:
        yield ok("long_query_time", time, reference)
    found, window = grown(facts.counters, facts.uptime_seconds, past)
    if found["questions"] < thresholds.least_questions:
        what = Text("条语句", "statements")
        yield too_few("share", what, found["questions"], thresholds.least_questions)
        return
    share = 100 * found["slow"] / found["questions"]
    state = State.WARNING if share >= thresholds.warning_percent else State.OK
    message = _SLOW.format(
        window=window.words, found=found["slow"], share=percent(share), time=time
    )
    yield Verdict(
        "share",
        state,
        percent(share),
        Text.same(f"< {thresholds.warning_percent:g}%"),
        None if state is State.OK else message,
    )


def spilled(facts: Facts, thresholds: SpillThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the share of internal temporary tables that went to disk."""
    found, window = grown(facts.counters, facts.uptime_seconds, past)
    # MySQL counts those on disk among all, but not in every version.
    tables = max(found["tables"], found["on_disk"])
    if tables < thresholds.least_tables:
        yield too_few("", Text("个临时表", "temporary tables"), tables, thresholds.least_tables)
        return
    share = 100 * found["on_disk"] / tables
    yield judged(
        "",
        share,
        thresholds.warning_percent,
        thresholds.critical_percent,
        show=percent,
        message=_SPILL.format(window=window.words, found=found["on_disk"], share=percent(share)),
    )


CHECK: Check[Facts] = Check(
    title=Text("MySQL 慢查询与临时表", "MySQL slow queries and temporary tables"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=SYSTEMS,
    target=TARGET,
    reads=("SHOW GLOBAL STATUS", "SHOW GLOBAL VARIABLES (slow_query_log, long_query_time)"),
    privilege=ANY_ACCOUNT,
    rules=(
        Rule(
            code="MY-012",
            title=Text("慢查询", "Slow queries"),
            why=Text(
                "没有慢查询日志，性能问题只能靠猜；慢查询多，说明缺索引或数据量已超出设计。",
                "Without the slow log a slow server is guesswork; with many slow statements "
                "indexes are missing or the data have outgrown the design.",
            ),
            remedy=Text(
                "SET GLOBAL slow_query_log=ON，long_query_time=1–2 秒并写入配置文件，"
                "给日志配置轮转；"
                "用 mysqldumpslow 或 pt-query-digest 汇总后，把前几条交业务软件厂商加索引或改写。",
                "SET GLOBAL slow_query_log=ON and long_query_time to 1 or 2 s, also in the "
                "configuration file, and rotate the log; sum it up with mysqldumpslow or "
                "pt-query-digest and hand the first few to the application's vendor.",
            ),
            priority=2,
            thresholds=SlowThresholds,
            evaluate=slow,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="MY-013",
            title=Text("落盘的临时表", "Temporary tables on disk"),
            why=Text(
                "排序、分组和去重的中间结果写到磁盘，比在内存中慢几十倍，也会占满 tmpdir。",
                "Sorting and grouping on disk is many times slower than in memory, and may fill "
                "tmpdir.",
            ),
            remedy=Text(
                "先优化慢查询日志中带 Using temporary 的语句（加索引，少取 TEXT/BLOB 列）；"
                "再适当调大 tmp_table_size 和 max_heap_table_size（两者取小，按会话占用，"
                "勿设过大）。",
                "First the statements with Using temporary (indexes, fewer TEXT and BLOB columns); "
                "then raise tmp_table_size and max_heap_table_size together with care: the lower "
                "one counts, and each session takes it.",
            ),
            priority=2,
            thresholds=SpillThresholds,
            evaluate=spilled,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
