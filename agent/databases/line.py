"""An open ODBC connection: asked with bounds on rows and bytes, its errors as what they mean."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any, cast

from agent.databases.failing import meaning
from agent.databases.reading import demand_reading, plain
from checks.databases import MOST_ROWS
from checks.errors import ToolMissing, UnexpectedOutput

MOST_BYTES = 16 * 2**20
_AT_ONCE = 500


class Line:
    """One connection to a server that `subject` names in what is told of its errors."""

    def __init__(
        self,
        text: str,
        subject: str,
        *,
        login_seconds: int,
        query_seconds: int | None,
    ) -> None:
        """Connect and sign in. Raise a ProbeError.

        `query_seconds`: what the driver is told, where it can be told.
        """
        self.translate: Callable[[str], str] | None = None
        """Turns a query into the words of a server that calls things otherwise."""
        library = odbc()
        self._error: type[Exception] = library.Error
        self._subject = subject
        try:
            self._connection: Any = library.connect(
                text, timeout=login_seconds, autocommit=True, readonly=True
            )
        except library.Error as error:
            raise meaning(error, subject, connecting=True) from None
        if query_seconds is not None:
            try:
                self._connection.timeout = query_seconds
            except library.Error:
                # This driver has no such limit; the deadline of the check stands behind it.
                self._connection.timeout = 0

    def ask(self, query: str, most: int = MOST_ROWS) -> Sequence[Mapping[str, object]]:
        """Return the rows of a reading query as plain values. Raise a ProbeError."""
        demand_reading(query)
        if self.translate is not None:
            query = self.translate(query)
        try:
            cursor = self._connection.cursor()
        except self._error as error:
            raise meaning(error, self._subject) from None
        try:
            cursor.execute(query)
            return self._fetched(cursor, most)
        except self._error as error:
            raise meaning(error, self._subject) from None
        finally:
            with suppress(self._error):
                cursor.close()

    def execute(self, statement: str) -> None:
        """Run a statement of the session's own settings. Raise a ProbeError."""
        try:
            self._connection.execute(statement).close()
        except self._error as error:
            raise meaning(error, self._subject) from None

    def close(self) -> None:
        """Sign off, so that the server does not count an aborted client."""
        with suppress(self._error):
            self._connection.close()

    def _fetched(self, cursor: Any, most: int) -> Sequence[Mapping[str, object]]:  # noqa: ANN401 - pyodbc has no types
        names = [str(column[0]).lower() for column in cursor.description or ()]
        found: list[Mapping[str, object]] = []
        size = 0
        while part := cursor.fetchmany(_AT_ONCE):
            for row in part:
                values = [plain(value) for value in row]
                size += sum(len(value) if isinstance(value, str) else 8 for value in values)
                found.append(dict(zip(names, values, strict=True)))
            if len(found) > most:
                raise UnexpectedOutput(self._subject, f"more than {most} rows")
            if size > MOST_BYTES:
                raise UnexpectedOutput(self._subject, f"more than {MOST_BYTES} bytes")
        return found


def odbc() -> ModuleType:
    """Return pyodbc. Raise ToolMissing without the extra or without the driver manager."""
    try:
        import pyodbc
    except ImportError as error:
        # Without the extra there is no module; without the driver manager it does not load.
        raise ToolMissing("pyodbc", str(error)) from error
    # It would keep connections open after they were closed.
    pyodbc.pooling = False
    return cast("ModuleType", pyodbc)
