"""Ask a database for its backup history over ODBC: reading queries alone, within deadlines.

The connection string stands in the settings without a password: user and password are put behind
it here, and are never in an error or a log.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from agent.backups.kind import Source
from agent.databases.engines.kind import braced
from agent.databases.line import Line
from checks.errors import NotConfigured

LOGIN_SECONDS = 15
QUERY_SECONDS = 120
MOST_ROWS = 50_000
"""Of one query. More is an error, never a part that passes for the whole."""
Row = Mapping[str, object]
Ask = Callable[[str], Sequence[Row]]
"""Asks a reading query; the rows by the names of their columns, in lower case."""

_HAS_PASSWORD = re.compile(r"(?:^|;)\s*(?:pwd|password)\s*=", re.IGNORECASE)


def rows(source: Source, query: str) -> Sequence[Row]:
    """Return the rows of one reading query. Raise a ProbeError."""
    with connected(source) as ask:
        return ask(query)


@contextmanager
def connected(source: Source) -> Iterator[Ask]:
    """Give a connection of the set. Raise a ProbeError where there can be none."""
    line = Line(
        connection_string(source),
        "database",
        login_seconds=LOGIN_SECONDS,
        query_seconds=QUERY_SECONDS,
    )
    try:
        yield lambda query: line.ask(query, MOST_ROWS)
    finally:
        line.close()


def connection_string(source: Source) -> str:
    """Return what is handed to the driver manager. Raise NotConfigured for a password in it."""
    settings = source.settings
    if _HAS_PASSWORD.search(settings.place):
        raise NotConfigured("place", "it holds a password: put it into a file named as password")
    parts = [settings.place.strip().rstrip(";")]
    if settings.user:
        parts.append(f"UID={braced(settings.user)}")
    if settings.password is not None:
        parts.append(f"PWD={braced(source.secret(settings.password, 'password').reveal())}")
    if settings.kind.value == "mssql" and "applicationintent" not in settings.place.lower():
        parts.append("ApplicationIntent=ReadOnly")
    # FreeTDS reads a value in braces only where a semicolon follows.
    return ";".join(parts) + ";"
