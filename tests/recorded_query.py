"""A declared query from a situation: the settings as TOML gives them, the rows as a driver does."""

from typing import Any

import msgspec

from agent.databases.reading import plain, typed
from agent.queries.expected import contradiction
from agent.queries.settings import QuerySettings
from agent.queries.subject import declared_query
from checks.errors import UnexpectedOutput
from checks.queries import DeclaredQuery
from tests.recorded_database import ERRORS


class _Answering:
    """As much of a checks.databases.Database as the probe asks."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content

    def rows(self, query: str, kind: Any, *, most: int) -> Any:
        if "failure" in self._content:
            raise ERRORS[self._content["failure"]]("127.0.0.1:5432")
        rows = self._content["rows"]
        if len(rows) > most:
            raise UnexpectedOutput("127.0.0.1:5432", f"more than {most} rows")
        columns = {column: None for row in rows for column in row}
        return typed(
            [{**columns, **{name: plain(value) for name, value in row.items()}} for row in rows],
            kind,
        )

    def within(self, database: str) -> "_Answering":
        return self


def recorded_query(content: dict[str, Any]) -> DeclaredQuery:
    """Return the port of a situation's `[query]`. TOML has no null: what a row lacks is NULL."""
    settings = msgspec.convert(content["settings"], QuerySettings)
    assert contradiction("recorded", settings) is None
    answering: Any = _Answering(content)
    return declared_query(settings, answering)
