"""Open a connection over ODBC, held to reading, and ask it with bounds on rows, bytes and time.

pyodbc is an extra ([database]) and needs the host's driver manager; where either is missing, that
is the answer. User and password are put into the connection string here, in the child that
asks, and are never in an error, a log or an argument.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any, cast

from agent import secret
from agent.databases.engines.kind import EngineModule, Identity, braced
from agent.databases.failing import meaning
from agent.databases.reading import demand_reading, plain
from agent.databases.settings import DatabaseSettings
from agent.secret import SecretError
from checks.databases import MOST_ROWS
from checks.errors import NotConfigured, NotPermitted, ToolMissing, UnexpectedOutput

MOST_BYTES = 16 * 2**20
_AT_ONCE = 500
_FORBIDDEN = re.compile(r"(?:^|;)\s*(?:pwd|password|uid|user(?:name)?|driver)\s*=", re.IGNORECASE)


class Connection:
    """One open connection."""

    def __init__(
        self, name: str, settings: DatabaseSettings, engine: EngineModule, database: str = ""
    ) -> None:
        """Connect, sign in, hold the session to reading. Raise a ProbeError."""
        library = odbc()
        driver = driver_of(settings, engine, library)
        text = _text(name, settings, engine, driver, database)
        began = time.monotonic()
        try:
            self._connection: Any = library.connect(
                text, timeout=settings.login_seconds, autocommit=True, readonly=True
            )
        except library.Error as error:
            raise meaning(error, place(settings), connecting=True) from None
        self._error: type[Exception] = library.Error
        self._subject = place(settings)
        self.login_seconds = time.monotonic() - began
        try:
            if engine.DRIVER_TIMEOUT:
                with suppress(library.Error):
                    self._connection.timeout = settings.query_seconds
            self._translate: Callable[[str], str] | None = None
            self.identity: Identity = engine.prepare(settings, self.ask, self.execute)
            if self.identity.translated:
                self._translate = getattr(engine, "translate", None)
        except BaseException:
            self.close()
            raise

    def ask(self, query: str, most: int = MOST_ROWS) -> Sequence[Mapping[str, object]]:
        """Return the rows of a reading query as plain values. Raise a ProbeError."""
        demand_reading(query)
        if self._translate is not None:
            query = self._translate(query)
        try:
            cursor = self._connection.cursor()
        except self._error as error:
            raise meaning(error, self._subject) from None
        try:
            cursor.execute(query)
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


def place(settings: DatabaseSettings) -> str:
    """Return where a server is, as a person reads it."""
    where = settings.socket or settings.host
    if settings.instance:
        where = f"{where}\\{settings.instance}"
    return f"{where}:{settings.port}" if settings.port and not settings.socket else where


def odbc() -> ModuleType:
    """Return pyodbc. Raise ToolMissing without the extra or without the driver manager."""
    try:
        import pyodbc
    except ImportError as error:
        raise ToolMissing("pyodbc", str(error)) from error
    # It would keep connections open after they were closed.
    pyodbc.pooling = False
    return cast("ModuleType", pyodbc)


def driver_of(settings: DatabaseSettings, engine: EngineModule, library: ModuleType) -> str:
    """Return the driver's name or path. Raise ToolMissing where there is none for the engine."""
    if settings.driver:
        return settings.driver
    known = set(library.drivers())
    for name in engine.DRIVERS:
        if name in known:
            return name
    raise ToolMissing("ODBC driver", f"none of {', '.join(engine.DRIVERS)} is installed")


def _text(
    name: str, settings: DatabaseSettings, engine: EngineModule, driver: str, database: str
) -> str:
    """Return what is handed to the driver manager. Raise NotConfigured or NotPermitted."""
    if _FORBIDDEN.search(settings.options):
        raise NotConfigured("options", "user, password and driver have settings of their own")
    parts = [f"DRIVER={braced(settings.driver or driver)}"]
    parts += engine.keywords(settings, driver, database)
    if settings.options:
        parts.append(settings.options.strip().rstrip(";"))
    if settings.user:
        parts.append(f"UID={braced(settings.user)}")
    if settings.password is not None:
        try:
            password = secret.obtain(settings.password, f"databases.{name}.password")
        except SecretError as error:
            raise NotPermitted("password", error.text.en) from error
        parts.append(f"PWD={braced(password.reveal())}")
    # FreeTDS reads a value in braces only where a semicolon follows.
    return ";".join(parts) + ";"
