"""Queries of engines that don't run here: proved to read alone, their columns held against a list.

`columns.toml` names each view with the page that documents it and the version that each of its
columns came with ("" where it has always been there). What the list says was read, not recorded.
"""

import importlib
import pkgutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

_WRITING = (
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Merge,
    exp.Create,
    exp.Drop,
    exp.Alter,
    exp.Command,
    exp.Into,
    exp.Lock,
)
_NO_COLUMNS = frozenset({"sysdate", "systimestamp", "rownum", "level", "current_user"})


def queries(chapter: str) -> dict[str, str]:
    """Return the queries of a chapter by `module.NAME`."""
    package = importlib.import_module(f"checks.{chapter}")
    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        content = vars(importlib.import_module(f"checks.{chapter}.{module.name}"))
        for name, value in content.items():
            if name.isupper() and isinstance(value, str) and _is_query(value):
                found[f"{module.name}.{name}"] = value
    return found


def _is_query(text: str) -> bool:
    return text.split(maxsplit=1)[:1] in (["SELECT"], ["WITH"], ["SHOW"])


def catalogue(folder: Path) -> dict[str, Any]:
    """Return columns.toml of a folder."""
    return tomllib.loads((folder / "columns.toml").read_text(encoding="utf-8"))


def reading_alone(query: str, dialect: str) -> exp.Expression:
    """Return the one statement that a query is; fail where it isn't one that only reads."""
    statements = sqlglot.parse(query, dialect=dialect)
    assert len(statements) == 1
    statement = statements[0]
    assert isinstance(statement, exp.Query), type(statement)
    assert not list(statement.find_all(*_WRITING))
    return statement


def undocumented(
    query: str, dialect: str, known: dict[str, Any], version: tuple[int, ...]
) -> list[str]:
    """Return the views and columns of a query that are not documented for a version."""
    statement = reading_alone(query, dialect)
    return sorted(
        {each for scope in traverse_scope(statement) for each in _of(scope, known, version)}
    )


def _of(scope: Scope, known: dict[str, Any], version: tuple[int, ...]) -> Iterator[str]:
    own = {alias: source for alias, (_, source) in scope.selected_sources.items()}
    tables = {alias: _view(each) for alias, each in own.items() if isinstance(each, exp.Table)}
    for view in tables.values():
        if view != "dual" and view not in known:
            yield view
    for column in scope.columns:
        name = column.name.lower()
        if name in _NO_COLUMNS or isinstance(column.this, exp.Star):
            continue
        if column.table:
            source = own.get(column.table) or scope.sources.get(column.table)
            candidates = [_view(source)] if isinstance(source, exp.Table) else []
        else:
            candidates = list(tables.values())
            assert len(own) <= 1, f"{name}: of which table?"
        for each in candidates:
            came = known.get(each, {}).get("columns", {}).get(name)
            if came is None:
                yield f"{each}.{name}"
            elif came and version < tuple(int(part) for part in came.split(".")):
                yield f"{each}.{name} (from {came})"


def _view(table: exp.Table) -> str:
    return ".".join(part.name for part in table.parts).lower()
