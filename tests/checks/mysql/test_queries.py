"""Every query of the chapter reads, is one statement, and is SQL as MySQL writes it."""

import importlib
import pkgutil

import pytest
import sqlglot
from sqlglot import expressions

import checks.mysql
from agent.databases.reading import demand_reading

QUERIES = {
    f"{module.name}.{name}": value
    for module in pkgutil.iter_modules(checks.mysql.__path__)
    for name, value in vars(importlib.import_module(f"checks.mysql.{module.name}")).items()
    if name.isupper() and isinstance(value, str) and value.startswith(("SELECT", "SHOW", "WITH"))
}


def test_the_queries_were_found() -> None:
    assert {"_locks.OLDEST", "_replicas.ALL_SLAVES_STATUS", "_table_rows.DICTIONARY_8"} <= set(
        QUERIES
    )


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
def test_a_query_reads(query: str) -> None:
    demand_reading(query)
    if query.startswith("SHOW"):
        return
    (statement,) = sqlglot.parse(query, read="mysql")
    assert isinstance(statement, expressions.Select)
    assert not list(statement.find_all(expressions.Lock, expressions.Into, expressions.Star)) or (
        "COUNT(*)" in query
    )
