"""Ask a database for its backup history over ODBC: reading queries alone, within deadlines.

pyodbc is an extra ([database]) and needs the host's driver manager; where either is missing, that
is the answer. The connection string stands in the settings without a password: user and password
are put behind it here, and are never in an error or a log.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Protocol

from agent import redaction
from agent.backups.kind import Source
from checks.errors import (
    NotConfigured,
    NotPermitted,
    ProbeError,
    TimedOut,
    ToolMissing,
    UnexpectedOutput,
    Unreachable,
    Unsupported,
)

LOGIN_SECONDS = 15
QUERY_SECONDS = 120
MOST_ROWS = 50_000
"""Of one query. More is an error, never a part that passes for the whole."""
Row = Mapping[str, object]

_HAS_PASSWORD = re.compile(r"(?:^|;)\s*(?:pwd|password)\s*=", re.IGNORECASE)
_WORDS = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\[[^\]]*\]|--|/\*|[A-Za-z_@#][\w@#$]*|;")
_WRITING = re.compile(
    "ALTER|BACKUP|BEGIN|BULK|CALL|COMMIT|CREATE|DBCC|DECLARE|DELETE|DENY|DROP|EXEC|EXECUTE|FOR|GRANT|"
    "INSERT|INTO|KILL|LOCK|MERGE|OPENROWSET|OPENQUERY|RECONFIGURE|RESTORE|REVOKE|ROLLBACK|SET|"
    r"SHUTDOWN|TRUNCATE|UPDATE|USE|WAITFOR|[SX]P_\w*|;|--|/\*"
)
_REFUSED_NUMBERS = frozenset({229, 230, 262, 297, 300, 371, 916, 4060, 18452, 18456, 18470, 18488})
"""SQL Server: permission denied, and the ways in which a login fails."""
_ORACLE = re.compile(r"ORA-(\d{5})")
_ORACLE_REFUSED = frozenset({"01017", "01031", "01045", "28000", "28001"})
_ORACLE_UNKNOWN = frozenset({"00904", "00942"})
_ORACLE_UNREACHABLE = frozenset({"12154", "12170", "12505", "12514", "12541", "12543", "12545"})
_NATIVE = re.compile(r"\((\d+)\)")


class Ask(Protocol):
    """An open connection."""

    def __call__(self, query: str) -> tuple[Row, ...]:
        """Return the rows of a reading query by the names of their columns, in lower case."""
        ...


def rows(source: Source, query: str) -> tuple[Row, ...]:
    """Return the rows of one reading query. Raise a ProbeError."""
    with connected(source) as ask:
        return ask(query)


@contextmanager
def connected(source: Source) -> Iterator[Ask]:
    """Give a connection of the set. Raise a ProbeError where there can be none."""
    library = _library()
    text = connection_string(source)
    try:
        connection = library.connect(text, timeout=LOGIN_SECONDS, autocommit=True, readonly=True)
    except library.Error as error:
        raise meaning(error) from None
    try:
        try:
            connection.timeout = QUERY_SECONDS
        except library.Error:
            # This driver has no such limit; the deadline of the check stands behind it.
            connection.timeout = 0

        def ask(query: str) -> tuple[Row, ...]:
            demand_reading(query)
            cursor = connection.cursor()
            try:
                cursor.execute(query)
                names = [str(column[0]).lower() for column in cursor.description or ()]
                found = cursor.fetchmany(MOST_ROWS + 1)
            except library.Error as error:
                raise meaning(error) from None
            finally:
                cursor.close()
            if len(found) > MOST_ROWS:
                raise UnexpectedOutput("database", f"more than {MOST_ROWS} rows")
            return tuple(dict(zip(names, row, strict=True)) for row in found)

        yield ask
    finally:
        connection.close()


def connection_string(source: Source) -> str:
    """Return what is handed to the driver manager. Raise NotConfigured for a password in it."""
    settings = source.settings
    if _HAS_PASSWORD.search(settings.place):
        raise NotConfigured("place", "it holds a password: put it into a file named as password")
    parts = [settings.place.strip().rstrip(";")]
    if settings.user:
        parts.append(f"UID={_braced(settings.user)}")
    if settings.password is not None:
        parts.append(f"PWD={_braced(source.secret(settings.password, 'password').reveal())}")
    if settings.kind.value == "mssql" and "applicationintent" not in settings.place.lower():
        parts.append("ApplicationIntent=ReadOnly")
    # FreeTDS reads a value in braces only where a semicolon follows.
    return ";".join(parts) + ";"


def demand_reading(query: str) -> None:
    """Raise Unsupported unless a query is one SELECT that changes nothing.

    It sees to our own mistakes: the right not to write is the login's (docs: least privilege).
    """
    words = [match.group().upper() for match in _WORDS.finditer(query)]
    if not words or words[0] not in ("SELECT", "WITH"):
        raise Unsupported("query", "only SELECT is asked")
    for word in words:
        if _WRITING.fullmatch(word):
            raise Unsupported("query", f"{word} in a reading query")


def meaning(error: Exception) -> ProbeError:
    """Return what an error of a driver says: classes differ by driver, states and numbers don't."""
    state = str(error.args[0]) if error.args else ""
    words = redaction.clean(str(error.args[1] if len(error.args) > 1 else error))[:500]
    numbers = {int(number) for number in _NATIVE.findall(words)}
    oracle = set(_ORACLE.findall(words))
    if state == "IM002" or state == "IM003" or "Can't open lib" in words:
        return ToolMissing("ODBC driver", words)
    if state in ("HYT00", "HYT01", "S1T00"):
        return TimedOut("database", words)
    if state == "28000" or numbers & _REFUSED_NUMBERS or oracle & _ORACLE_REFUSED:
        return NotPermitted("database", words)
    if state in ("42S02", "42S22") or oracle & _ORACLE_UNKNOWN:
        return Unsupported("database", words)
    if state.startswith("08") or oracle & _ORACLE_UNREACHABLE:
        return Unreachable("database", words)
    return UnexpectedOutput("database", f"{state} {words}")


def _library() -> ModuleType:
    try:
        import pyodbc
    except ImportError as error:
        # Without the extra there is no module; without the driver manager it does not load.
        raise ToolMissing("pyodbc", str(error)) from error
    library: ModuleType = pyodbc
    return library


def _braced(value: str) -> str:
    """Return a value as it stands in a connection string, whatever is in it."""
    return "{" + value.replace("}", "}}") + "}"
