"""Oracle: invalid objects and unusable indexes.

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
    critical,
    limit,
    ok,
    warning,
)
from checks.databases import Database
from checks.errors import part
from checks.judging import missing
from checks.wording import count, listing

INVALID = """
SELECT owner AS owner, object_type AS kind, COUNT(*) AS objects
FROM dba_objects WHERE status = 'INVALID' GROUP BY owner, object_type
"""
UNUSABLE = """
SELECT owner AS owner, index_name AS name, NULL AS part
FROM dba_indexes WHERE status = 'UNUSABLE' AND ROWNUM <= 500
UNION ALL
SELECT index_owner, index_name, partition_name
FROM dba_ind_partitions WHERE status = 'UNUSABLE' AND ROWNUM <= 500
UNION ALL
SELECT index_owner, index_name, subpartition_name
FROM dba_ind_subpartitions WHERE status = 'UNUSABLE' AND ROWNUM <= 500
"""
_MOST = 100


class InvalidRow(Struct, frozen=True):
    """Invalid objects of one schema and kind."""

    owner: str
    kind: str
    objects: int


class IndexRow(Struct, frozen=True):
    """One index, or part of one, that is not used and may fail writes."""

    owner: str
    name: str
    part: str | None = None

    @property
    def object(self) -> str:
        """Return its name as people write it."""
        whole = f"{self.owner}.{self.name}"
        return f"{whole}.{self.part}" if self.part else whole


class Facts(Struct, frozen=True):
    """What can't be used."""

    invalid: tuple[InvalidRow, ...] | Failure
    unusable: tuple[IndexRow, ...] | Failure


def probe(database: Database) -> Facts:
    """Ask the data dictionary. Raise a ProbeError."""
    return Facts(part(lambda: _invalid(database)), part(lambda: _unusable(database)))


def _invalid(database: Database) -> tuple[InvalidRow, ...]:
    rows = [row for row in database.rows(INVALID, InvalidRow) if not database.excluded(row.owner)]
    return tuple(sorted(rows, key=lambda row: -row.objects)[:_MOST])


def _unusable(database: Database) -> tuple[IndexRow, ...]:
    rows = database.rows(UNUSABLE, IndexRow)
    return tuple(row for row in rows if not database.excluded(row.owner))[:_MOST]


class ObjectThresholds(Thresholds, frozen=True):
    """Of invalid objects; one unusable index is too many."""

    warning_invalid: Annotated[int, limit("objects", "DBC 20")] = 20


def objects(facts: Facts, thresholds: ObjectThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the number of invalid objects, and each unusable index."""
    if isinstance(facts.invalid, Failure):
        yield from missing(facts.invalid, "invalid")
    else:
        total = sum(row.objects for row in facts.invalid)
        current = count(total, "个", "objects")
        reference = Text.same(f"< {thresholds.warning_invalid}")
        if total < thresholds.warning_invalid:
            yield ok("invalid", current, reference)
        else:
            shown = listing([f"{row.owner} {row.kind} {row.objects}" for row in facts.invalid])
            message = Text(
                f"有 {total} 个无效对象：{shown}。", f"{total} objects are invalid: {shown}."
            )
            yield warning("invalid", current, reference, message)
    if isinstance(facts.unusable, Failure):
        yield from missing(facts.unusable, "unusable")
        return
    fine = Text("全部可用", "all usable")
    if not facts.unusable:
        yield ok("unusable", fine, fine)
    for index in facts.unusable:
        message = Text(
            f"索引 {index.object} 不可用，查询会变慢，唯一索引还会使写入失败（ORA-01502）。",
            f"Index {index.object} is unusable: queries are slow, and a unique one fails writes "
            "(ORA-01502).",
        )
        yield critical(index.object, Text.same("UNUSABLE"), fine, message)


CHECK = Check(
    title=Text("Oracle 对象状态", "State of Oracle objects"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="oracle",
    reads=("dba_objects, dba_indexes, dba_ind_partitions, dba_ind_subpartitions",),
    privilege=Text(
        "CREATE SESSION，以及对上述视图的 SELECT", "CREATE SESSION, and SELECT on these views"
    ),
    rules=(
        Rule(
            code="ORA-012",
            title=Text("无效对象与不可用索引", "Invalid objects, unusable indexes"),
            why=Text(
                "无效的过程和视图在调用时报错；不可用的索引使查询变慢或写入失败。",
                "Invalid procedures and views fail when they are called; unusable indexes slow "
                "queries or fail writes.",
            ),
            remedy=Text(
                "以 SYS 执行 @?/rdbms/admin/utlrp.sql 重编译；索引用 ALTER INDEX … REBUILD ONLINE "
                "（分区用 REBUILD PARTITION），在业务低谷执行。",
                "Run @?/rdbms/admin/utlrp.sql as SYS; ALTER INDEX … REBUILD ONLINE (REBUILD "
                "PARTITION for parts) when there is little work.",
            ),
            priority=2,
            thresholds=ObjectThresholds,
            evaluate=objects,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
