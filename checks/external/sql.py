"""Declared queries: one SELECT of the settings, its rows judged by the settings' thresholds.

For what nobody foresaw, by people who don't write Python: [queries.NAME] (docs/databases.md).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from math import isfinite
from typing import Any

import msgspec
from msgspec import UNSET

from checks.api import (
    Chapter,
    Check,
    Failure,
    Owner,
    Past,
    Rule,
    Scope,
    Struct,
    Text,
    Thresholds,
    Verdict,
)
from checks.errors import UnexpectedOutput, part
from checks.external._judging_rows import Row, verdicts
from checks.queries import QUANTITIES, ColumnKind, Declaration, DeclaredQuery

_LONGEST_OBJECT = 255
_LONGEST_SHOWN = 200


class Facts(Struct, frozen=True):
    """What a declared query gave, with what it means; never another column than it names."""

    declaration: Declaration
    rows: tuple[Row, ...] | Failure


def probe(query: DeclaredQuery) -> Facts:
    """Ask the query. That it can't be asked stands in the facts, beside its title."""
    return Facts(query.declaration, part(lambda: _rows(query)))


def _rows(query: DeclaredQuery) -> tuple[Row, ...]:
    names = tuple(query.columns)
    # Any name is a good name of a column, but not of an attribute.
    kind = msgspec.defstruct(
        "Row",
        [(f"column_{number}", Any, UNSET) for number in range(len(names))],
        rename={f"column_{number}": name for number, name in enumerate(names)},
    )
    found = query.database.rows(query.text, kind, most=query.most_rows)
    rows = tuple(
        _row(query, dict(zip(names, msgspec.structs.astuple(each), strict=True))) for each in found
    )
    if not query.object and len(rows) > 1:
        raise UnexpectedOutput(
            query.value, f"{len(rows)} rows, and no column `object` that tells them apart"
        )
    known: set[str] = set()
    for row in rows:
        if row.object in known:
            raise UnexpectedOutput(query.object, "two rows are of one object")
        known.add(row.object)
    return rows


def _row(query: DeclaredQuery, given: Mapping[str, object]) -> Row:
    values = {name: _value(name, kind, given[name]) for name, kind in query.columns.items()}
    value = values[query.value]
    assert not isinstance(value, str)
    number = None if value is None or not isfinite(value) else float(value)
    object = ""
    if query.object:
        # CHAR columns come with blanks behind.
        object = _text(values[query.object]).strip()
        if not object:
            raise UnexpectedOutput(query.object, "a row has no object")
        if len(object) > _LONGEST_OBJECT:
            raise UnexpectedOutput(query.object, f"more than {_LONGEST_OBJECT} characters")
    shown = {name: _text(values[name])[:_LONGEST_SHOWN] for name in query.shown}
    return Row(object, number, shown)


def _value(name: str, kind: ColumnKind, value: object) -> int | float | str | None:
    """Return a value of a column. Raise UnexpectedOutput where it is of another kind."""
    if value is UNSET:
        raise UnexpectedOutput(name, "the query gives no such column")
    if value is None:
        return None
    if kind is ColumnKind.MOMENT:
        if isinstance(value, date):
            return value.isoformat()
        raise UnexpectedOutput(name, f"expected a moment, got {type(value).__name__}")
    try:
        if kind not in QUANTITIES:
            return msgspec.convert(value, str)
        number: int | float = msgspec.convert(
            value, int if kind is ColumnKind.INTEGER else float, strict=False
        )
        return number
    except msgspec.ValidationError as error:
        expected = f"expected {kind.value}, got {type(value).__name__}"
        raise UnexpectedOutput(name, expected) from error


def _text(value: int | float | str | None) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    return "" if value is None else str(value)


class DeclaredThresholds(Thresholds, frozen=True):
    """None of the collector's: they stand in the agent's settings and travel with the facts."""


def _of_priority(
    priority: int,
) -> Callable[[Facts, DeclaredThresholds, Past[Facts]], Iterator[Verdict]]:
    """Return what judges the queries of one priority and says nothing of the others."""

    def evaluate(
        facts: Facts, _thresholds: DeclaredThresholds, _past: Past[Facts]
    ) -> Iterator[Verdict]:
        if facts.declaration.priority == priority:
            yield from verdicts(facts.declaration, facts.rows)

    return evaluate


_IMPORTANCE: Sequence[Text] = (
    Text("必查", "must"),
    Text("应查", "should"),
    Text("可选", "may"),
)


def _rule(priority: int) -> Rule[Facts, DeclaredThresholds]:
    importance = _IMPORTANCE[priority - 1]
    return Rule(
        f"EXT-SQL-{priority:03}",
        Text("自定义查询（{of}）", "Declared query ({of})").format(of=importance),
        why=Text(
            "查询由本站点在代理设置的 [queries] 中声明，反映产品或业务自身的状态；"
            "超过声明的限值即说明需要处理。",
            "The site declares the query in [queries] of the agent's settings: it tells the state "
            "of the product itself, and beyond the declared limits somebody has to act.",
        ),
        remedy=Text(
            "按结论中的处置说明处理；没有说明时，请联系声明该查询的人员。"
            "未采集时先用 xunjian-agent database list 核对设置，再检查账号对所查表的 SELECT 权限。",
            "Do what the result says; where it says nothing, ask whoever declared the query. Where "
            "it was not read, look at the settings with xunjian-agent database list, then at the "
            "account's right to SELECT from the tables it names.",
        ),
        priority=priority,
        thresholds=DeclaredThresholds,
        evaluate=_of_priority(priority),
        owner=Owner.APPLICATION_CONSULTANT,
    )


CHECK = Check(
    title=Text("自定义查询", "Declared queries"),
    chapter=Chapter.DATABASE,
    facts=Facts,
    probe=probe,
    scopes=(Scope.METADATA, Scope.BUSINESS_DATA),
    rules=tuple(_rule(priority) for priority in (1, 2, 3)),
    reads=("[queries.NAME] query",),
    privilege=Text(
        "对查询所涉表的 SELECT 权限，逐表授予",
        "SELECT on the tables that the query names, granted one by one",
    ),
    systems=("linux", "windows"),
    target="query",
    deadline_seconds=30,
)
