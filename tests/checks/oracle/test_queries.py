"""Every query of Oracle reads alone, and names documented views and columns of its versions."""

from pathlib import Path

import pytest
from sqlglot import exp

from agent.databases.reading import demand_reading
from tests.documented import catalogue, queries, reading_alone, undocumented

KNOWN = catalogue(Path(__file__).parent)
QUERIES = {**queries("oracle")}
OLDEST = (11, 2)
GATES = {
    "_instance_facts.CONTAINER": (12, 1),
    "_instance_facts.CONTAINERS": (12, 1),
    "_instance_facts.PATCHES": (12, 1),
    "_space_facts.CONTAINER_SPACES": (12, 1),
    "_account_facts.POWERFUL": (12, 1),
    "data_guard.RECOVERY": (12, 2),
    # Older ones may have it, undocumented: what is refused there is not_run.
    "alert_log.ERRORS": (12, 2),
}

RESERVED = frozenset(
    [
        *("access", "all", "any", "audit", "by", "char", "check", "cluster", "column", "comment"),
        *("compress", "connect", "current", "date", "decimal", "default", "exclusive", "file"),
        *("float", "group", "immediate", "increment", "index", "initial", "integer", "level"),
        *("lock", "long", "mode", "number", "offline", "online", "option", "order", "prior"),
        *("public", "raw", "resource", "row", "rowid", "rownum", "rows", "session", "share"),
        *("size", "start", "successful", "sysdate", "table", "trigger", "uid", "unique", "user"),
        *("validate", "values", "view"),
    ]
)
"""Of Oracle: a query with one of them for an alias is not understood."""


def test_all_queries_are_seen() -> None:
    assert len(QUERIES) > 30
    assert GATES.keys() <= QUERIES.keys()


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_only_reads(name: str) -> None:
    demand_reading(QUERIES[name])
    reading_alone(QUERIES[name], "oracle")


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_names_what_is_documented(name: str) -> None:
    assert undocumented(QUERIES[name], "oracle", KNOWN, GATES.get(name, OLDEST)) == []


@pytest.mark.parametrize("name", GATES)
def test_a_gate_is_needed(name: str) -> None:
    assert undocumented(QUERIES[name], "oracle", KNOWN, OLDEST)


def test_no_alias_is_a_reserved_word() -> None:
    for name, query in QUERIES.items():
        aliases = {
            each.alias.lower() for each in reading_alone(query, "oracle").find_all(exp.Alias)
        }
        assert not aliases & RESERVED, name


def test_no_view_of_awr_or_ash_is_asked() -> None:
    # They need the Diagnostics Pack; to read them is to use it.
    for query in QUERIES.values():
        assert not any(word in query.lower() for word in ("dba_hist_", "active_session_history"))


def test_a_catalogue_that_lacks_a_column_is_noticed() -> None:
    lacking = {"v$instance": {"columns": {"status": ""}}}
    found = undocumented("SELECT status, host_name FROM v$instance", "oracle", lacking, OLDEST)
    assert found == ["v$instance.host_name"]
