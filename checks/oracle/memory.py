"""Oracle: hit ratios of the buffer cache and the library cache, and hard parses.

By the counters of v$sysstat and v$librarycache, which need no licence; AWR and ASH do: never read.
Between two inspections where both are of one start of the instance, else since its start.

From the reference (11.2 to 23ai); no Oracle has run these queries for us yet.
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
    limit,
    not_run,
)
from checks.databases import Database
from checks.errors import UnexpectedOutput
from checks.judging import judged
from checks.wording import percent
from wire.messages import Reason

COUNTERS = """
SELECT SUM(CASE WHEN name IN ('db block gets from cache', 'consistent gets from cache')
                THEN value END) AS gets,
       SUM(CASE WHEN name = 'physical reads cache' THEN value END) AS reads,
       SUM(CASE WHEN name = 'parse count (total)' THEN value END) AS parses,
       SUM(CASE WHEN name = 'parse count (hard)' THEN value END) AS hard_parses
FROM v$sysstat
"""
LIBRARY = "SELECT SUM(pins) AS pins, SUM(pinhits) AS hits FROM v$librarycache"
_LEAST = 10_000
_NAMES = {
    "buffer_cache": Text("数据缓冲区", "the buffer cache"),
    "library_cache": Text("库缓存", "the library cache"),
}


class CounterRow(Struct, frozen=True):
    """Counters since the start of the instance."""

    gets: float
    reads: float
    parses: float
    hard_parses: float


class LibraryRow(Struct, frozen=True):
    """The same, of the library cache."""

    pins: float
    hits: float


class Facts(Struct, frozen=True):
    """Counters since the start of the instance."""

    counters: CounterRow
    library: LibraryRow


def probe(database: Database) -> Facts:
    """Ask the instance. Raise a ProbeError."""
    counters, library = database.rows(COUNTERS, CounterRow), database.rows(LIBRARY, LibraryRow)
    if not counters or not library:
        raise UnexpectedOutput("v$sysstat", "no row")
    return Facts(counters[0], library[0])


class RatioThresholds(Thresholds, frozen=True):
    """Of the two caches; hard parses are told only."""

    warning_percent: Annotated[float, limit("%", "COH, DBC 95")] = 95
    critical_percent: Annotated[float, limit("%", "catalogue ORA-020")] = 90


def ratios(facts: Facts, thresholds: RatioThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the hit ratios of both caches."""
    now, before = facts.counters, past.previous.counters if past.previous else None
    library, earlier = facts.library, past.previous.library if past.previous else None
    if before and (before.gets > now.gets or before.parses > now.parses):
        before = earlier = None  # the instance was started anew
    gets = now.gets - (before.gets if before else 0)
    reads = now.reads - (before.reads if before else 0)
    parses = now.parses - (before.parses if before else 0)
    hard = now.hard_parses - (before.hard_parses if before else 0)
    pins = library.pins - (earlier.pins if earlier else 0)
    hits = library.hits - (earlier.hits if earlier else 0)
    share = percent(100 * hard / parses if parses > 0 else 0)
    yield _ratio("buffer_cache", gets, gets - reads, share, thresholds)
    yield _ratio("library_cache", pins, hits, share, thresholds)


def _ratio(
    name: str, asked: float, hits: float, hard: Text, thresholds: RatioThresholds
) -> Verdict:
    if asked < _LEAST:
        failure = Failure(Reason.NO_HISTORY, name)
        message = Text("访问次数太少，命中率没有意义。", "Too few reads to say anything.")
        return not_run(name, failure, message)
    value = 100 * hits / asked
    message = Text(
        "{name}命中率 {value}，硬解析占解析的 {hard}。",
        "The hit ratio of {name} is {value}; {hard} of all parses are hard.",
    ).format(name=_NAMES[name], value=percent(value), hard=hard)
    return judged(
        name,
        value,
        thresholds.warning_percent,
        thresholds.critical_percent,
        show=percent,
        message=message,
        lower_is_worse=True,
    )


CHECK = Check(
    title=Text("Oracle 缓存命中率", "Hit ratios of Oracle"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="oracle",
    reads=("v$sysstat, v$librarycache",),
    privilege=Text(
        "CREATE SESSION，以及对上述视图（V_$…）的 SELECT",
        "CREATE SESSION, and SELECT on these views (V_$…)",
    ),
    rules=(
        Rule(
            code="ORA-020",
            title=Text("缓存命中率", "Hit ratios"),
            why=Text(
                "命中率低说明内存不足或语句读得太多；它只是线索，要结合业务是否变慢判断。",
                "Low ratios tell of too little memory or of statements that read too much; they "
                "are a hint, to be seen beside how fast the work is.",
            ),
            remedy=Text(
                "先优化逻辑读最多的语句，再参考 v$db_cache_advice 调整内存；"
                "硬解析多的应用改用绑定变量。",
                "Improve the statements with most logical reads first, then size memory by "
                "v$db_cache_advice; let applications with many hard parses use bind variables.",
            ),
            priority=3,
            thresholds=RatioThresholds,
            evaluate=ratios,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
