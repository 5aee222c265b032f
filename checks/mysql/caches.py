"""Open files, and the caches of tables and threads."""

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
    not_applicable,
    ok,
)
from checks.databases import Database
from checks.judging import judged
from checks.mysql import TARGET
from checks.mysql._server import ANY_ACCOUNT, SYSTEMS, grown, number, settings, too_few
from checks.wording import percent

STATUS = (
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', 'Open_files', 'Open_tables', "
    "'Table_open_cache_hits', 'Table_open_cache_misses', 'Threads_created', "
    "'Connections')"
)
VARIABLES = (
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('open_files_limit', 'table_open_cache', "
    "'thread_handling')"
)


class Facts(Struct, frozen=True):
    """Sizes and counters of the caches."""

    open_files: int
    open_files_limit: int
    open_tables: int
    table_cache: int
    pool_of_threads: bool
    uptime_seconds: float
    counters: Mapping[str, int]
    """threads, connections, and hits and misses of tables where the version counts them."""


def probe(database: Database) -> Facts:
    """Ask settings and counters. Raise a ProbeError."""
    status, variables = settings(database, STATUS), settings(database, VARIABLES)
    counted = {
        "threads": number(status, "threads_created"),
        "connections": number(status, "connections"),
        "hits": number(status, "table_open_cache_hits"),
        "misses": number(status, "table_open_cache_misses"),
    }
    return Facts(
        open_files=number(status, "open_files") or 0,
        open_files_limit=number(variables, "open_files_limit") or 0,
        open_tables=number(status, "open_tables") or 0,
        table_cache=number(variables, "table_open_cache") or 0,
        pool_of_threads="pool" in variables.get("thread_handling", "").lower(),
        uptime_seconds=number(status, "uptime") or 0,
        counters={name: value for name, value in counted.items() if value is not None},
    )


class CacheThresholds(Thresholds, frozen=True):
    """Shares of the limits, and of what the caches served."""

    warning_files_percent: Annotated[float, limit("%", "MT 85 %")] = 85
    critical_files_percent: Annotated[float, limit("%", "catalogue MY-022")] = 95
    least_hit_percent: Annotated[float, limit("%", "MT 20 %")] = 20
    most_created_percent: Annotated[float, limit("%", "MT 50 %")] = 50
    least_opened: Annotated[int, limit("tables", "OWN: fewer say nothing")] = 10_000
    least_connections: Annotated[int, limit("connections", "OWN: fewer say nothing")] = 1000


_FILES = Text(
    "打开的文件 {found} 个，上限 {most}（{share}）：到限后打不开表（Too many open files）。",
    "{found} of {most} files are open ({share}); at the limit tables can't be opened (Too many "
    "open files).",
)
_TABLES = Text(
    "{window}表缓存命中率只有 {share}，且缓存已满（table_open_cache={most}）。",
    "The table cache served {share} ({window}) and is full (table_open_cache={most}).",
)
_THREADS = Text(
    "{window}有 {share} 的连接需要新建线程：thread_cache_size 太小或没有使用连接池。",
    "{share} of connections needed a new thread ({window}): thread_cache_size is too small, or "
    "the application has no pool.",
)


def caches(facts: Facts, thresholds: CacheThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    """Judge open files now, and how well the caches served."""
    found, window = grown(facts.counters, facts.uptime_seconds, past)
    yield _files(facts, thresholds)
    yield _tables(facts, thresholds, found, window.words)
    yield _threads(facts, thresholds, found, window.words)


def _files(facts: Facts, thresholds: CacheThresholds) -> Verdict:
    if not facts.open_files_limit:
        why = Text("系统没有限制打开的文件数。", "The system sets no limit of open files.")
        return not_applicable("open_files", why)
    share = 100 * facts.open_files / facts.open_files_limit
    return judged(
        "open_files",
        share,
        thresholds.warning_files_percent,
        thresholds.critical_files_percent,
        show=percent,
        message=_FILES.format(
            found=facts.open_files, most=facts.open_files_limit, share=percent(share)
        ),
    )


def _tables(
    facts: Facts, thresholds: CacheThresholds, found: Mapping[str, int], window: Text
) -> Verdict:
    reference = Text.same(f"≥ {thresholds.least_hit_percent:g}%")
    if facts.open_tables < 0.95 * facts.table_cache:
        # Only a full cache is too small.
        return ok("table_cache", Text.same(f"{facts.open_tables} / {facts.table_cache}"), reference)
    if "hits" not in found:
        why = Text("此版本不统计表缓存命中。", "This version doesn't count what the cache served.")
        return not_applicable("table_cache", why)
    served = found["hits"]
    asked = served + found.get("misses", 0)
    if asked < thresholds.least_opened:
        what = Text("次打开表", "tables opened")
        return too_few("table_cache", what, asked, thresholds.least_opened)
    share = 100 * served / asked
    state = State.WARNING if share < thresholds.least_hit_percent else State.OK
    message = _TABLES.format(window=window, share=percent(share), most=facts.table_cache)
    return Verdict(
        "table_cache", state, percent(share), reference, None if state is State.OK else message
    )


def _threads(
    facts: Facts, thresholds: CacheThresholds, found: Mapping[str, int], window: Text
) -> Verdict:
    if facts.pool_of_threads:
        why = Text("使用线程池，没有线程缓存。", "With a pool of threads there is no such cache.")
        return not_applicable("thread_cache", why)
    total = found.get("connections", 0)
    if total < thresholds.least_connections:
        what = Text("次连接", "connections")
        return too_few("thread_cache", what, total, thresholds.least_connections)
    share = 100 * found.get("threads", 0) / total
    state = State.WARNING if share > thresholds.most_created_percent else State.OK
    return Verdict(
        "thread_cache",
        state,
        percent(share),
        Text.same(f"≤ {thresholds.most_created_percent:g}%"),
        None if state is State.OK else _THREADS.format(window=window, share=percent(share)),
    )


CHECK: Check[Facts] = Check(
    title=Text("MySQL 打开的文件与缓存", "MySQL open files and caches"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=SYSTEMS,
    target=TARGET,
    reads=("SHOW GLOBAL STATUS", "SHOW GLOBAL VARIABLES"),
    privilege=ANY_ACCOUNT,
    rules=(
        Rule(
            code="MY-022",
            title=Text("打开文件数与表、线程缓存", "Open files, table and thread cache"),
            why=Text(
                "打开文件数到限，表打不开，业务报错；缓存太小则反复打开表、新建线程，白白消耗 "
                "CPU。",
                "At the limit of open files tables can't be opened; caches that are too small "
                "open tables and start threads over and over.",
            ),
            remedy=Text(
                "在 systemd 单元中设置 LimitNOFILE（如 65535）和 open_files_limit 后重启；"
                "table_open_cache、thread_cache_size 可用 SET GLOBAL 在线调大，并写入配置文件。",
                "Set LimitNOFILE in the systemd unit (such as 65535) and open_files_limit, then "
                "restart; table_open_cache and thread_cache_size go up online by SET GLOBAL, and "
                "in the configuration file.",
            ),
            priority=2,
            thresholds=CacheThresholds,
            evaluate=caches,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
