"""Layers (a) and (b) without a SQL Server: is a query one SELECT, and are its columns documented?

The catalogue is every `columns*.toml` beside this module; its head says how to add a view.
"""

import importlib
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

import checks.mssql
from checks.mssql._gates import SQL_2012, Build, Gate

LEAST = SQL_2012
"""What a query without an entry in its module's SINCE must run on."""
BUILDS: dict[str, Build] = {
    "2008 R2 SP1": (10, 50, 2500),
    "2012": (11, 0, 2100),
    "2014": (12, 0, 2000),
    "2016": (13, 0, 1601),
    "2016 SP2": (13, 0, 5026),
    "2017": (14, 0, 1000),
    "2017 CU9": (14, 0, 3030),
    "2019": (15, 0, 2000),
    "2022": (16, 0, 1000),
    "2025": (17, 0, 1000),
}
_OLDEST = "9.0.1399"
_QUERY = re.compile(r"\s*(SELECT|WITH|EXEC)\b")
_PROCEDURE = re.compile(r"\s*EXEC\b")


class Query(NamedTuple):
    """One query constant of the chapter."""

    name: str
    """`corruption.LAST_GOOD`"""
    text: str
    gate: Gate


class View(NamedTuple):
    """A documented view or function: when it came, and when each column came and went."""

    gate: Gate
    columns: dict[str, Gate]
    gone: dict[str, Gate]


def queries() -> tuple[Query, ...]:
    """Return every query constant of every module of the chapter, once."""
    found: dict[str, Query] = {}
    gates: dict[str, Gate] = {}
    for module in pkgutil.iter_modules(checks.mssql.__path__):
        content = vars(importlib.import_module(f"checks.mssql.{module.name}"))
        since = content.get("SINCE", {})
        for name, value in content.items():
            if not name.isupper() or name.startswith("_") or not isinstance(value, str):
                continue
            if _QUERY.match(value):
                found.setdefault(value, Query(f"{module.name}.{name}", value, LEAST))
                if name in since:
                    gates[value] = since[name]
    return tuple(query._replace(gate=gates.get(text, LEAST)) for text, query in found.items())


def is_procedure(query: str) -> bool:
    """Return whether it is the one reading procedure that may be called: no SELECT to look into."""
    return bool(_PROCEDURE.match(query))


def parsed(query: str) -> exp.Expression:
    """Return the tree of a query. Raise AssertionError unless it is one SELECT that only reads."""
    statements = sqlglot.parse(query, read="tsql")
    assert len(statements) == 1, "more than one statement"
    tree = statements[0]
    assert isinstance(tree, exp.Query), f"no SELECT: {type(tree).__name__}"
    for node in tree.walk():
        writes = isinstance(node, exp.DML | exp.DDL | exp.Command | exp.Into | exp.Lock)
        assert not writes or isinstance(node, exp.Query), f"{type(node).__name__} writes or locks"
        assert not isinstance(node, exp.Placeholder), "it has parameters"
        assert not isinstance(node, exp.Parameter) or _is_global(node), "it has parameters"
        if isinstance(node, exp.Anonymous):
            called = str(node.this).lower()
            assert not called.startswith(("open", "xp_", "sp_")), f"{called} reaches elsewhere"
            assert called != "serverproperty" or _is_cast(node), "SERVERPROPERTY without CAST"
        if isinstance(node, exp.WithTableHint):
            hints = {str(hint).upper() for hint in node.expressions}
            assert hints <= {"NOLOCK", "READPAST"}, f"hints that lock: {hints}"
    return tree


def problems(query: Query, catalogue: dict[str, View]) -> Iterator[str]:
    """Yield what is wrong with the columns of a query in the builds that its gate lets through."""
    builds = {name: build for name, build in BUILDS.items() if query.gate.lets(build)}
    for view_name, column in sorted(set(_read(parsed(query.text)))):
        view = catalogue.get(view_name)
        if view is None:
            yield (
                f"{view_name} is in no tests/checks/mssql/columns*.toml: add it, with its columns "
                "and the build it came in"
            )
            continue
        for name, build in builds.items():
            if not view.gate.lets(build):
                yield f"{view_name} is not there in {name}: name a gate in SINCE"
        if not column:
            continue
        documented = view.columns.get(column.lower())
        gone = view.gone.get(column.lower())
        if documented is None:
            yield f"{view_name}.{column} is not documented in columns*.toml"
            continue
        for name, build in builds.items():
            if not documented.lets(build) or (gone is not None and gone.lets(build)):
                yield f"{view_name}.{column} is not there in {name}: name a gate in SINCE"


@cache
def documented() -> dict[str, View]:
    """Return the catalogue."""
    found: dict[str, View] = {}
    for path in sorted(Path(__file__).parent.glob("columns*.toml")):
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        assert content["source"], path
        assert content["retrieved_on"], path
        for name, entry in content.items():
            if isinstance(entry, dict):
                _add(found, name.lower(), entry)
    return found


def _add(found: dict[str, View], name: str, entry: dict[str, Any]) -> None:
    assert set(entry) <= {"since", "columns", "later", "gone"}, (name, sorted(entry))
    gate = _gate(entry.get("since", _OLDEST))
    columns = {column.lower(): gate for column in entry["columns"]}
    columns |= {column.lower(): _gate(builds) for column, builds in entry.get("later", {}).items()}
    gone = {column.lower(): _gate(build) for column, build in entry.get("gone", {}).items()}
    columns |= {column: gate for column in gone if column not in columns}
    if name in found:
        known = found[name]
        assert known.gate == gate, f"{name} came in two builds"
        columns, gone = {**columns, **known.columns}, {**gone, **known.gone}
    found[name] = View(gate, columns, gone)


def _gate(builds: str | list[str]) -> Gate:
    each = [builds] if isinstance(builds, str) else builds
    return Gate(", ".join(each), tuple(tuple(map(int, build.split("."))) for build in each))


def _is_cast(node: exp.Expression) -> bool:
    outer = node.parent
    return isinstance(outer, exp.Cast) and outer.to.sql("tsql").lower().startswith("nvarchar")


def _read(tree: exp.Expression) -> Iterator[tuple[str, str]]:
    """Yield (view, column) for every column that is read, and (view, '') for every view."""
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            name = _view(source)
            if name:
                yield name, ""
        for column in scope.columns:
            # Those of queries inside come with their own scope.
            mine = column.parent_select is scope.expression
            if mine and not isinstance(column.this, exp.Star) and not _is_keyword(column):
                yield from _resolved(scope, column)


def _resolved(scope: Scope, column: exp.Column) -> Iterator[tuple[str, str]]:
    if not column.table:
        sources = list(scope.sources.values())
        assert len(sources) == 1, f"{column.sql()}: say which view it is of"
        yield from _of(sources[0], column.name)
        return
    at: Scope | None = scope
    while at is not None:
        if column.table in at.sources:
            yield from _of(at.sources[column.table], column.name)
            return
        at = at.parent
    raise AssertionError(f"{column.sql()}: no such alias")


def _of(source: exp.Expression | Scope, column: str) -> Iterator[tuple[str, str]]:
    """Yield where a column of a source comes from: nothing where the query itself makes it."""
    name = _view(source)
    if name:
        yield name, column
        return
    assert isinstance(source, Scope)
    made = {each.alias_or_name for each in source.expression.selects}
    if column in made:
        return
    stars = [each for each in source.expression.selects if each.is_star]
    assert stars, f"{column} is no column of the query inside"
    for star in stars:
        inner = star.table if isinstance(star, exp.Column) else ""
        sources = [source.sources[inner]] if inner else list(source.sources.values())
        for each in sources:
            yield from _of(each, column)


def _view(source: exp.Expression | Scope) -> str:
    """Return `sys.databases`, `msdb.dbo.sysjobs`; empty for a query inside."""
    if isinstance(source, Scope):
        if not isinstance(source.expression, exp.Lateral):
            return ""
        inner = source.expression.this
        return inner.sql("tsql").split("(")[0].lower()
    if isinstance(source, exp.Table):
        called = source.this
        last = str(called.this) if isinstance(called, exp.Anonymous) else source.name
        schema = source.db.lower()
        parts = [schema, last] if schema == "sys" else [source.catalog, schema, last]
        return ".".join(part for part in parts if part).lower()
    raise AssertionError(f"what is {type(source).__name__}?")


def _is_global(node: exp.Parameter) -> bool:
    """Return whether it is one half of `@@VERSION`."""
    return isinstance(node.this, exp.Parameter) or isinstance(node.parent, exp.Parameter)


def _is_keyword(column: exp.Column) -> bool:
    """Return whether sqlglot takes the argument DEFAULT of a function for a column."""
    return not column.table and column.name.upper() == "DEFAULT"
