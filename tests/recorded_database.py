"""A database that answers from a situation: rows as the driver gave them, or as it is documented.

An unknown query fails the test: a probe asks nothing that a situation doesn't foresee.
"""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from agent.databases.reading import demand_reading, plain, typed
from checks.api import Check, Host
from checks.databases import MOST_ROWS, Engine
from checks.errors import (
    LoginRefused,
    NotPermitted,
    ProbeError,
    TimedOut,
    UnexpectedOutput,
    Unreachable,
    Unsupported,
)

ERRORS: dict[str, type[ProbeError]] = {
    "permission": NotPermitted,
    "timeout": TimedOut,
    "unsupported": Unsupported,
    "unreachable": Unreachable,
    "login": LoginRefused,
    "error": UnexpectedOutput,
}


class RecordedDatabase:
    """A checks.databases.Database made of `[database]`."""

    def __init__(
        self, content: dict[str, Any], check: Check[Any], here: Host | None, inside: str = ""
    ) -> None:
        self.name = content.get("name", "erp")
        self.engine = Engine(content["engine"])
        self.version = tuple(content["version"])
        self.release = content.get("release", "")
        self.login_seconds = content.get("login_seconds", 0.01)
        self.here = here if content.get("here", True) else None
        self._content = content
        self._check = check
        self._inside = inside

    def excluded(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self._content.get("exclude", ()))

    def rows(self, query: str, kind: Any = None, *, most: int = MOST_ROWS) -> Any:
        demand_reading(query)
        if self._content.get("failure"):
            raise ERRORS[self._content["failure"]]("erp")
        name = _names(_chapter(self._check)).get(query)
        assert name is not None, f"no constant of the chapter is this query: {query}"
        return self._answer(name, kind, most)

    def _answer(self, name: str, kind: Any, most: int) -> Any:
        for answer in self._content.get("answers", ()):
            if answer["query"] == name and answer.get("database", self._inside) == self._inside:
                if "failure" in answer:
                    raise ERRORS[answer["failure"]](answer.get("subject", "erp"))
                return self._given(answer.get("rows", []), kind, most)
        raise AssertionError(f"the situation has no answer for {name} in {self._inside!r}")

    def within(self, database: str) -> "RecordedDatabase":
        return RecordedDatabase(self._content, self._check, self.here, database)

    def _given(self, rows: Sequence[Mapping[str, object]], kind: Any, most: int) -> Any:
        if len(rows) > most:
            raise UnexpectedOutput("erp", f"more than {most} rows")
        # TOML has no null: a column that is not there in one row is NULL in it.
        columns = {column: None for row in rows for column in row}
        filled = [
            {**columns, **{name: plain(value) for name, value in row.items()}} for row in rows
        ]
        return filled if kind is None else typed(filled, kind)


def _chapter(check: Check[Any]) -> str:
    return check.facts.__module__.rpartition(".")[0]


@cache
def _names(chapter: str) -> Mapping[str, str]:
    """Return the names of a chapter's queries by their text."""
    package = importlib.import_module(chapter)
    found: dict[str, str] = {}
    for module in pkgutil.iter_modules(package.__path__):
        content = vars(importlib.import_module(f"{chapter}.{module.name}"))
        for name, value in content.items():
            if name.isupper() and isinstance(value, str):
                found.setdefault(value, name)
    return found
