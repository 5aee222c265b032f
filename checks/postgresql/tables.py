"""PostgreSQL: autovacuum, and tables that are not vacuumed or analysed though they change."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Owner,
    Past,
    Rule,
    State,
    Text,
    Thresholds,
    Verdict,
    critical,
    grade,
    info,
    limit,
    not_applicable,
    ok,
    warning,
)
from checks.postgresql._each_database import verdicts
from checks.postgresql._table_facts import Facts, Table, facts_of
from checks.wording import count, duration, percent

_ON = Text.same("on")
_OFF = Text.same("off")
_STANDBY = Text(
    "本实例是备库：清理和分析在主库进行，由主库的巡检判断。",
    "This is a standby: tables are vacuumed on the primary and judged there.",
)


class AutovacuumThresholds(Thresholds, frozen=True):
    """Nothing to set: autovacuum is on, or it is not."""


_SETTING_OFF = Text(
    "参数 {name} 已关闭：死元组不再自动回收，统计信息不再更新，事务号最终会耗尽。",
    "{name} is off: dead rows stay, statistics grow stale, and transaction ids run out at last.",
)
_TABLE_OFF = Text(
    "表 {name} 设置了 autovacuum_enabled = off（约 {rows} 行，死元组 {dead} 行）。",
    "{name} has autovacuum_enabled = off (about {rows} rows, {dead} of them dead).",
)
_MORE_OFF = Text(
    "数据库 {name} 需要关注的表太多，另有 {count} 张未列出。",
    "{name} has too many tables like this; {count} more are not listed.",
)


def autovacuum(
    facts: Facts, _thresholds: AutovacuumThresholds, _past: Past[Facts]
) -> Iterator[Verdict]:
    """Judge the two settings, and every table that is kept from autovacuum."""
    settings = facts.settings
    for name, value in (
        ("autovacuum", settings.autovacuum),
        ("track_counts", settings.track_counts),
    ):
        if value == "on":
            yield ok(name, _ON, _ON)
        else:
            yield critical(name, Text.same(value), _ON, _SETTING_OFF.format(name=name))
    if facts.tables is not None:
        yield from verdicts(facts.tables, _kept_from)


def _kept_from(name: str, tables: tuple[Table, ...]) -> Iterator[Verdict]:
    kept = [table for table in tables if table.autovacuum_off]
    for table in kept:
        message = _TABLE_OFF.format(name=table.name, rows=table.live_rows, dead=table.dead_rows)
        yield warning(f"{name}.{table.schema}.{table.name}", _OFF, _ON, message)
    if not kept:
        yield ok(name, Text("没有表关闭自动清理", "off for no table"), _ON)


class TendingThresholds(Thresholds, frozen=True):
    """For tables that changed: small and unchanged ones may wait for ever."""

    warning_days: Annotated[float, limit("d", "ND, DBC 7 d; CPG 1 d")] = 7
    critical_days: Annotated[float, limit("d", "catalogue PG-018; CPG 2 d")] = 14
    warning_dead_percent: Annotated[float, limit("%", "catalogue PG-018")] = 20
    critical_dead_percent: Annotated[float, limit("%", "catalogue PG-018")] = 40
    least_dead_rows: Annotated[int, limit("rows", "OWN: fewer cost nothing")] = 10_000
    least_changed_percent: Annotated[float, limit("%", "autovacuum_analyze_scale_factor 0.1")] = 10


_DEAD = Text(
    "表 {name} 有死元组 {dead} 行，占 {share}（上次清理：{vacuumed}）。",
    "{name} has {dead} dead rows, {share} of all (last vacuum: {vacuumed}).",
)
_STALE = Text(
    "表 {name} 上次分析后已变更 {changed} 行，上次分析：{analyzed}，执行计划可能已经走偏。",
    "{changed} rows of {name} changed since it was analysed ({analyzed}); plans may be wrong.",
)
_AGO = Text("{age}前", "{age} ago")
_NEVER = Text("{age}内没有记录", "none within {age}")
_TENDED = Text("需清理或分析的表：0", "tables that wait: 0")
_REFERENCE = Text("死元组 < {share}，分析 ≤ {days} 天", "dead rows < {share}, analysed ≤ {days} d")


def tending(facts: Facts, thresholds: TendingThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the dead rows and the age of the statistics of tables that change."""
    if facts.tables is None:
        yield not_applicable("", _STANDBY)
        return
    reference = _REFERENCE.format(
        share=percent(thresholds.warning_dead_percent), days=f"{thresholds.warning_days:g}"
    )

    def judge(name: str, tables: tuple[Table, ...]) -> Iterator[Verdict]:
        well = True
        for table in tables:
            verdict = _tended(name, table, facts.settings.started_seconds, thresholds, reference)
            if verdict is not None:
                well = False
                yield verdict
        if well:
            yield ok(name, _TENDED, reference)
        elif (more := tables[0].matching - len(tables)) > 0:
            message = _MORE_OFF.format(name=name, count=more)
            yield info(name, count(more, "张表", "tables"), reference, message)

    yield from verdicts(facts.tables, judge)


def _tended(
    database: str, table: Table, started: int, thresholds: TendingThresholds, reference: Text
) -> Verdict | None:
    """Return the verdict on a table that needs tending; None where it needs none."""
    # Where nothing is known of an earlier one, it is at least as old as what is counted.
    since = table.counted_seconds if table.counted_seconds is not None else started
    share = 100 * table.dead_rows / max(1, table.live_rows + table.dead_rows)
    dead = State.OK
    if table.dead_rows >= thresholds.least_dead_rows:
        dead = grade(share, thresholds.warning_dead_percent, thresholds.critical_dead_percent)
    stale = State.OK
    age = table.analyze_seconds if table.analyze_seconds is not None else since
    if 100 * table.changed_rows >= thresholds.least_changed_percent * max(1, table.live_rows):
        stale = grade(age / 86400, thresholds.warning_days, thresholds.critical_days)
    if (dead, stale) == (State.OK, State.OK):
        return None
    worse_is_dead = dead is State.CRITICAL or (
        dead is State.WARNING and stale is not State.CRITICAL
    )
    name = f"{database}.{table.schema}.{table.name}"
    if worse_is_dead:
        message = _DEAD.format(
            name=table.name,
            dead=table.dead_rows,
            share=percent(share),
            vacuumed=_told(table.vacuum_seconds, since),
        )
        return Verdict(name, dead, percent(share), reference, message)
    message = _STALE.format(
        name=table.name, changed=table.changed_rows, analyzed=_told(table.analyze_seconds, since)
    )
    return Verdict(name, stale, _told(table.analyze_seconds, since), reference, message)


def _told(seconds: int | None, since: int) -> Text:
    if seconds is None:
        return _NEVER.format(age=duration(since))
    return _AGO.format(age=duration(seconds))


CHECK = Check(
    title=Text("PostgreSQL 表的清理与分析", "PostgreSQL vacuum and analyse"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=facts_of,
    systems=("linux", "windows"),
    target="postgresql",
    deadline_seconds=120,
    reads=("pg_settings", "pg_database", "pg_stat_user_tables", "pg_stat_database", "pg_class"),
    privilege=Text("每个数据库的 CONNECT", "CONNECT on every database"),
    rules=(
        Rule(
            code="PG-017",
            title=Text("自动清理开启状态", "Autovacuum is on"),
            why=Text(
                "自动清理回收死元组、更新统计信息、冻结旧事务号；关掉它，表会膨胀、执行计划变差，"
                "最后数据库因事务号耗尽而拒绝写入。",
                "Autovacuum takes dead rows away, keeps statistics fresh and freezes old "
                "transaction ids; without it tables swell, plans go wrong, and at last the "
                "database refuses to write.",
            ),
            remedy=Text(
                "在 postgresql.conf 中设置 autovacuum = on、track_counts = on 后执行 "
                "SELECT pg_reload_conf()；单表执行 ALTER TABLE 表名 RESET (autovacuum_enabled)。"
                "大批量导入期间需要暂停的，导入后务必恢复并手工 VACUUM ANALYZE。",
                "Set autovacuum = on and track_counts = on in postgresql.conf and SELECT "
                "pg_reload_conf(); for a table: ALTER TABLE name RESET (autovacuum_enabled). Where "
                "it was switched off for a bulk load, switch it on again and VACUUM ANALYZE.",
            ),
            priority=1,
            thresholds=AutovacuumThresholds,
            evaluate=autovacuum,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="PG-018",
            title=Text("死元组与统计信息时效", "Dead rows and age of statistics"),
            why=Text(
                "死元组堆积会拖慢扫描、占用磁盘；统计信息过旧，优化器会选错执行计划，"
                "ERP 里表现为同一张报表忽然变慢。",
                "Dead rows slow scans and take disk space; with stale statistics the planner goes "
                "wrong, and a report that was fast is slow one morning.",
            ),
            remedy=Text(
                "对列出的表在业务低峰执行 VACUUM (ANALYZE, VERBOSE) 表名；若很快又堆积，调小该表的 "
                "autovacuum_vacuum_scale_factor，并检查是否有长事务、悬挂的预备事务或失效复制槽"
                "挡住了清理。不要随手用 VACUUM FULL：它会锁住整张表。",
                "VACUUM (ANALYZE, VERBOSE) the tables listed in a quiet hour; where they fill up "
                "again soon, lower autovacuum_vacuum_scale_factor of the table and look for long "
                "transactions, prepared ones and dead replication slots that hold vacuum back. No "
                "VACUUM FULL without need: it locks the whole table.",
            ),
            priority=2,
            thresholds=TendingThresholds,
            evaluate=tending,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
