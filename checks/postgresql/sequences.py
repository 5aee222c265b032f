"""PostgreSQL: sequences that run out, by their own end or by the type of the column they fill."""

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
    limit,
    not_run,
    ok,
)
from checks.databases import Database
from checks.judging import judged
from checks.postgresql._each_database import Parts, each, verdicts
from checks.wording import listing, percent
from wire.messages import Reason

# The last value of a sequence is read under a lock: one that somebody holds or waits for with a
# stronger one is left out, and no more than 2,000 are asked, those with the smallest range first:
# the locks fill a table that all sessions share, of 6,400 by default. A column of a smaller type
# ends before its sequence does.
SEQUENCES = """
SELECT v.schema, v.name, v.table_name, v.column_name, v.column_type, v.permitted, v.locked,
       CASE WHEN v.last_value IS NULL THEN NULL
            WHEN v.step > 0 THEN floor((v.highest - v.last_value) / v.step)
            ELSE floor((v.last_value - v.lowest) / -v.step) END AS values_left,
       CASE WHEN v.last_value IS NULL THEN NULL
            WHEN v.step > 0
            THEN 100 * (v.last_value - v.lowest)::float / greatest(v.highest - v.lowest, 1)::float
            ELSE 100 * (v.highest - v.last_value)::float / greatest(v.highest - v.lowest, 1)::float
       END AS used_percent,
       v.matching,
       count(*) OVER () AS asked,
       count(*) FILTER (WHERE NOT v.permitted) OVER () AS hidden
FROM (
    SELECT u.*, CASE WHEN u.permitted AND NOT u.locked
                     THEN pg_sequence_last_value(u.oid)::numeric END AS last_value
    FROM (
        SELECT c.oid, n.nspname AS schema, c.relname AS name, count(*) OVER () AS matching,
               t.relname AS table_name, a.attname AS column_name,
               format_type(a.atttypid, NULL) AS column_type,
               q.seqincrement AS step,
               greatest(q.seqmin, CASE a.atttypid WHEN 21 THEN -32768
                                  WHEN 23 THEN -2147483648 ELSE q.seqmin END)::numeric AS lowest,
               least(q.seqmax, CASE a.atttypid WHEN 21 THEN 32767
                               WHEN 23 THEN 2147483647 ELSE q.seqmax END)::numeric AS highest,
               coalesce(has_sequence_privilege(c.oid, 'SELECT, USAGE'), false) AS permitted,
               k.relation IS NOT NULL AS locked
        FROM pg_sequence q
        JOIN pg_class c ON c.oid = q.seqrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
             AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
             AND d.deptype IN ('a', 'i')
        LEFT JOIN (SELECT DISTINCT l.relation FROM pg_locks l
                   WHERE l.locktype = 'relation'
                     AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                                    'AccessExclusiveLock')) k ON k.relation = c.oid
        LEFT JOIN pg_class t ON t.oid = d.refobjid
        LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE NOT q.seqcycle
          AND (c.relpersistence = 'p' OR c.relpersistence = 'u' AND NOT pg_is_in_recovery())
        ORDER BY least(q.seqmax::numeric, CASE a.atttypid WHEN 21 THEN 32767
                                          WHEN 23 THEN 2147483647 ELSE q.seqmax END)
                 - q.seqmin
        LIMIT 2000) u
    ) v
ORDER BY used_percent DESC NULLS LAST, permitted, locked DESC
LIMIT 100
"""


class Sequence(Struct, frozen=True):
    """One sequence that does not begin anew at its end."""

    schema: str
    name: str
    permitted: bool
    locked: bool
    matching: int
    """So many sequences the database has; those used up the most are here."""
    asked: int
    """So many of them were asked for their value."""
    hidden: int
    """So many of them the account may not read."""
    table_name: str | None = None
    column_name: str | None = None
    column_type: str | None = None
    """Of the column that owns it; None: no column does."""
    values_left: int | None = None
    used_percent: float | None = None
    """None where it was never used, or where it could not be read."""


class Facts(Struct, frozen=True):
    """The sequences of every database, at most 100 of each."""

    sequences: Parts[Sequence]


def probe(database: Database) -> Facts:
    """Ask each database for its sequences. Raise a ProbeError."""

    def read(inside: Database, name: str) -> tuple[Sequence, ...]:
        return tuple(
            row
            for row in inside.rows(SEQUENCES, Sequence)
            if not inside.excluded(f"{name}.{row.schema}.{row.table_name or row.name}")
        )

    return Facts(each(database, read))


class RoomThresholds(Thresholds, frozen=True):
    """The share of the values that are gone."""

    warning_percent: Annotated[float, limit("%", "CPG 85")] = 85
    critical_percent: Annotated[float, limit("%", "CPG 95")] = 95


_NEAR_END = Text(
    "序列 {name} 已用 {share}，只剩 {left} 个值{column}；用完后插入会报错。",
    "{share} of the sequence {name} is gone, {left} values are left{column}; then inserts fail.",
)
_COLUMN = Text("（{table}.{column}，类型 {type}）", " ({table}.{column}, type {type})")
_ROOM = Text("{count} 个序列，最高已用 {share}", "{count} sequences, at most {share} gone")
_HIDDEN = Text(
    "数据库 {name} 中有 {count} 个序列账号无权读取（{names}）：请授予 SELECT。",
    "The account may not read {count} sequences of {name} ({names}): GRANT SELECT on them.",
)
_MANY = Text(
    "数据库 {name} 的序列太多，取值范围最大的 {count} 个未检查。",
    "{name} has too many sequences: the {count} with the largest range were not asked.",
)
_LOCKED = Text(
    "数据库 {name} 中有 {count} 个序列正被锁定，本次未读取（{names}）。",
    "{count} sequences of {name} were locked and not read ({names}).",
)


def room(facts: Facts, thresholds: RoomThresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge every sequence near its end; one ok for a database where none is."""

    def judge(name: str, sequences: tuple[Sequence, ...]) -> Iterator[Verdict]:
        known = [each for each in sequences if each.permitted and not each.locked]
        judgements = [_judged(name, each, thresholds) for each in known]
        bad = [verdict for verdict in judgements if verdict.state is not State.OK]
        yield from bad
        if sequences and sequences[0].hidden:
            names = [f"{each.schema}.{each.name}" for each in sequences if not each.permitted]
            yield _not_read(name, names, sequences[0].hidden, _HIDDEN, Reason.PERMISSION)
        elif locked := [f"{each.schema}.{each.name}" for each in sequences if each.locked]:
            yield _not_read(name, locked, len(locked), _LOCKED, Reason.TIMEOUT)
        elif sequences and (more := sequences[0].matching - sequences[0].asked) > 0:
            yield _not_read(name, [], more, _MANY, Reason.NOT_SELECTED)
        elif not bad:
            most = max((each.used_percent or 0 for each in known), default=0)
            total = sequences[0].matching if sequences else 0
            reference = Text.same(f"< {thresholds.warning_percent:g}%")
            yield ok(name, _ROOM.format(count=total, share=percent(most)), reference)

    yield from verdicts(facts.sequences, judge)


def _judged(database: str, sequence: Sequence, thresholds: RoomThresholds) -> Verdict:
    column: Text | str = ""
    if sequence.column_name is not None:
        column = _COLUMN.format(
            table=sequence.table_name or "",
            column=sequence.column_name,
            type=sequence.column_type or "",
        )
    used = sequence.used_percent or 0.0
    return judged(
        f"{database}.{sequence.schema}.{sequence.name}",
        used,
        thresholds.warning_percent,
        thresholds.critical_percent,
        show=percent,
        message=_NEAR_END.format(
            name=sequence.name, share=percent(used), left=sequence.values_left or 0, column=column
        ),
    )


def _not_read(name: str, names: list[str], number: int, text: Text, reason: Reason) -> Verdict:
    message = text.format(name=name, count=number, names=listing(names))
    return not_run(name, Failure(reason, f"{name}: {number} sequences"), message)


CHECK = Check(
    title=Text("PostgreSQL 序列", "PostgreSQL sequences"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="postgresql",
    deadline_seconds=120,
    reads=(
        "pg_database",
        "pg_sequence",
        "pg_sequence_last_value()",
        "pg_class",
        "pg_depend",
        "pg_attribute",
        "pg_locks",
    ),
    privilege=Text(
        "每个数据库的 CONNECT；序列的 SELECT（否则看不到当前值）",
        "CONNECT on every database; SELECT on the sequences, whose values are hidden else",
    ),
    rules=(
        Rule(
            code="PG-021",
            title=Text("序列与自增列余量", "Sequences near their end"),
            why=Text(
                "序列或 int 自增列用完后，相应的表再也插不进新行，业务单据直接报错；"
                "临时改类型要重写整张表并长时间锁表。",
                "When a sequence, or the int column that it fills, is used up, no row can be "
                "inserted any more; changing the type then rewrites the table under a lock.",
            ),
            remedy=Text(
                "趁早安排窗口把列和引用它的外键改为 bigint：ALTER TABLE 表名 ALTER COLUMN 列名 "
                "TYPE bigint（重写全表、期间锁表），再 ALTER SEQUENCE 序列名 AS bigint；大表可先加 "
                "bigint 新列、分批回填后切换。",
                "Plan a window in good time and make the column, and the foreign keys that point "
                "to it, bigint: ALTER TABLE name ALTER COLUMN column TYPE bigint (rewrites and "
                "locks the table), then ALTER SEQUENCE name AS bigint; for large tables add a new "
                "bigint column, fill it in parts and switch.",
            ),
            priority=1,
            thresholds=RoomThresholds,
            evaluate=room,
            owner=Owner.DATABASE_ADMINISTRATOR,
        ),
    ),
)
