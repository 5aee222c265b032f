"""Tables: numbers that run out, keys that are missing, engines that don't survive, and growth."""

from collections.abc import Iterator
from typing import Annotated

from checks.api import (
    Chapter,
    Check,
    Measure,
    Owner,
    Past,
    Rule,
    State,
    Text,
    Thresholds,
    Trend,
    Verdict,
    grade,
    limit,
    ok,
)
from checks.mysql import TARGET, _table_growth
from checks.mysql._server import SYSTEMS
from checks.mysql._table_growth import unseen
from checks.mysql._table_rows import Facts, Numbered, Suspect, probe
from checks.wording import percent, size


def measures(facts: Facts) -> Iterator[Measure]:
    """Keep the size of every database."""
    for schema in facts.schemas:
        yield Measure("size_bytes", schema.name, schema.bytes)


class NumberThresholds(Thresholds, frozen=True):
    """Share of a column's numbers that is used."""

    warning_percent: Annotated[float, limit("%", "fastdbchkrep 70 %")] = 70
    critical_percent: Annotated[float, limit("%", "OWN 85 %")] = 85


class TableThresholds(Thresholds, frozen=True):
    """When free space inside a table's file counts."""

    warning_free_percent: Annotated[float, limit("%", "fastdbchkrep, MT: 30 %")] = 30
    least_free_bytes: Annotated[int, limit("bytes", "OWN: less is not worth a rebuild")] = (
        100 * 2**20
    )


_FULL = Text(
    "自增列 {column}（{kind}）已用 {share}：下一个值 {value}，上限 {most}，到头后无法插入。",
    "{column} ({kind}) has used {share} of its numbers: next is {value} of {most}; then nothing "
    "can be inserted.",
)
_ALL_NUMBERED = Text("最高 {share}（{column}）", "at most {share} ({column})")
_NO_OTHERS = Text("没有其他自增列", "no other such columns")
_NO_NUMBERED = Text("没有自增列", "no such columns")


def numbers(facts: Facts, thresholds: NumberThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge every column that numbers itself; one verdict tells of all good ones."""
    reference = Text.same(f"< {thresholds.warning_percent:g}%")
    bad = []
    best = None
    for column in facts.numbered:
        share = _used(column)
        state = grade(share, thresholds.warning_percent, thresholds.critical_percent)
        if state is State.OK:
            best = best or column
            continue
        message = _FULL.format(
            column=column.column,
            kind=column.type_name,
            share=percent(share),
            value=column.next_value,
            most=column.largest,
        )
        bad.append(Verdict(column.column, state, percent(share), reference, message))
    hidden = tuple(unseen(facts.hidden))
    yield from hidden
    if not hidden:
        current = _NO_OTHERS if bad else _NO_NUMBERED
        if best is not None:
            current = _ALL_NUMBERED.format(share=percent(_used(best)), column=best.column)
        yield ok("", current, reference)
    yield from bad


def _used(column: Numbered) -> float:
    return 100 * max(0, column.next_value - 1) / column.largest


_MYISAM = Text(
    "使用 {engine} 引擎，崩溃会损坏，写入锁全表",
    "{engine}: a crash damages it, a write locks it whole",
)
_NO_KEY = Text(
    "没有主键，复制和按行恢复时逐行全表扫描",
    "no primary key: replication scans it whole for each row",
)
_FREE = Text("文件中有 {free}（{share}）是空闲空间", "{free} of its file ({share}) is empty")
_GOOD = Text("{good} / {total} 张表无此问题", "{good} of {total} tables are well")
_LEFT_OUT = Text("，另有 {number} 张未列出", ", {number} more not listed")
_WANTED = Text("InnoDB、有主键、碎片少", "InnoDB, a primary key, few holes")


def shapes(facts: Facts, thresholds: TableThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge engines, keys and free space; one verdict tells of all good tables."""
    bad = [
        verdict
        for suspect in facts.suspects
        if (verdict := _suspect(suspect, thresholds)) is not None
    ]
    hidden = tuple(unseen(facts.hidden))
    yield from hidden
    if not hidden:
        total = facts.tables
        current = _GOOD.format(good=total - len(bad) - facts.suspects_left_out, total=total)
        if facts.suspects_left_out:
            left_out = _LEFT_OUT.format(number=facts.suspects_left_out)
            current = Text(current.zh + left_out.zh, current.en + left_out.en)
        yield ok("", current, _WANTED)
    yield from bad


def _suspect(suspect: Suspect, thresholds: TableThresholds) -> Verdict | None:
    found = []
    if suspect.engine:
        found.append(_MYISAM.format(engine=suspect.engine))
    if suspect.no_key:
        found.append(_NO_KEY)
    whole = suspect.bytes + suspect.free_bytes
    share = 100 * suspect.free_bytes / whole if whole else 0
    if (
        suspect.free_bytes >= thresholds.least_free_bytes
        and share >= thresholds.warning_free_percent
    ):
        found.append(_FREE.format(free=size(suspect.free_bytes), share=percent(share)))
    if not found:
        return None
    message = Text(
        f"表 {suspect.table} {'；'.join(part.zh for part in found)}。",
        f"{suspect.table}: {'; '.join(part.en for part in found)}.",
    )
    state = State.CRITICAL if suspect.engine else State.WARNING
    return Verdict(suspect.table, state, size(suspect.bytes), _WANTED, message)


CHECK: Check[Facts] = Check(
    title=Text("MySQL 表与容量", "MySQL tables and sizes"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    measures=measures,
    trends=(Trend("size_bytes", Text("MySQL 数据库大小", "Size of MySQL databases"), "bytes"),),
    systems=SYSTEMS,
    target=TARGET,
    deadline_seconds=120,
    heavy=True,
    reads=(
        "information_schema.tables, information_schema.columns",
        "information_schema.innodb_sys_tables (MySQL 8+: innodb_tables)",
    ),
    privilege=Text(
        "PROCESS 和 REFERENCES ON *.*（后者使表结构可见，读不到数据）",
        "PROCESS, and REFERENCES ON *.* (it shows tables and columns, and no row of them)",
    ),
    rules=(
        Rule(
            code="MY-018",
            title=Text("自增列余量", "Room of auto_increment"),
            why=Text(
                "自增列用到类型上限后，这张表再也插不进数据，业务立即中断。",
                "Once a column has used all numbers of its type nothing can be inserted any more.",
            ),
            remedy=Text(
                "在维护窗口把该列改为 BIGINT UNSIGNED（ALTER TABLE … MODIFY，大表会长时间重建，"
                "可用 pt-online-schema-change 或 gh-ost；外键引用的列要一起改），"
                "先与业务软件厂商确认程序能处理更大的值。",
                "Make the column BIGINT UNSIGNED in a maintenance window (ALTER TABLE … MODIFY "
                "rebuilds the table; pt-online-schema-change or gh-ost do it online; columns that "
                "refer to it change, too), once the application's vendor has said yes.",
            ),
            priority=2,
            thresholds=NumberThresholds,
            evaluate=numbers,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        Rule(
            code="MY-019",
            title=Text("主键、存储引擎与碎片", "Primary keys, engines, free space"),
            why=Text(
                "MyISAM 表崩溃后会损坏，也不支持事务和一致的热备；没有主键的表会拖垮复制；"
                "碎片占用磁盘。",
                "MyISAM tables break in a crash and have no transactions and no consistent hot "
                "backup; tables without a primary key hold up replication; holes take disk.",
            ),
            remedy=Text(
                "ALTER TABLE … ENGINE=InnoDB；为无主键的表加自增主键；碎片多的用 "
                "OPTIMIZE TABLE。三者都会重建整张表、占用同样大小的空间，"
                "在维护窗口、有备份、与业务软件厂商确认后进行。",
                "ALTER TABLE … ENGINE=InnoDB; add an auto_increment primary key; OPTIMIZE TABLE "
                "for holes. Each rebuilds the table and takes as much space again: in a "
                "maintenance window, after a backup and a word with the application's vendor.",
            ),
            priority=2,
            thresholds=TableThresholds,
            evaluate=shapes,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
        _table_growth.GROWTH,
    ),
)
