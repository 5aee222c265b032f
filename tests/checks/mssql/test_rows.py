"""The columns of every query are the fields of its rows, and every query is recorded once."""

from typing import Any

import pytest

from tests.checks.mssql.catalogue import is_procedure, parsed, queries
from tests.recorded_database import RecordedDatabase
from tests.situation import ROOT, situations

SITUATIONS = [each for each in situations() if each.path.parts[len(ROOT.parts)] == "mssql"]
BY_MAPPINGS = ("backups.", "_history.")
"""Read as mappings, by name (checks/msdb.py), and played from facts."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return every query that a situation of the chapter asks, with the kind of its rows."""
    found: dict[str, Any] = {}
    answer = RecordedDatabase.rows

    def rows(self: RecordedDatabase, query: str, kind: Any = None, **more: Any) -> Any:
        found[query] = kind
        return answer(self, query, kind, **more)

    monkeypatch.setattr(RecordedDatabase, "rows", rows)
    for situation in SITUATIONS:
        if "database" in situation.content:
            situation.observe()
    return found


def test_the_columns_of_every_query_are_the_fields_of_its_rows(asked: dict[str, Any]) -> None:
    assert asked
    for query, kind in asked.items():
        if kind is not None and not is_procedure(query):
            assert set(parsed(query).named_selects) == set(kind.__struct_fields__), query


def test_every_query_is_asked_in_a_situation(asked: dict[str, Any]) -> None:
    wanted = {query.name: query.text for query in queries()}
    never = {
        name
        for name, text in wanted.items()
        if text not in asked and not name.startswith(BY_MAPPINGS)
    }
    assert never == set()
