"""Sign in to a database of the settings and hold the session to reading.

pyodbc is an extra ([database]) and needs the host's driver manager; where either is missing, that
is the answer. User and password are put into the connection string here, in the child that
asks, and are never in an error, a log or an argument.
"""

import re
import time
from contextlib import ExitStack
from types import ModuleType

from agent import secret
from agent.databases.engines.kind import EngineModule, Identity, braced
from agent.databases.line import Line, odbc
from agent.databases.settings import DatabaseSettings
from agent.secret import SecretError
from checks.errors import NotConfigured, NotPermitted, ToolMissing

CREDENTIALS = re.compile(r"(?:^|;)\s*(?:pwd|password|uid|user(?:name)?|driver)\s*=", re.IGNORECASE)
"""What has settings of its own and may not stand among the options."""


class Connection:
    """One signed-in session."""

    def __init__(
        self, name: str, settings: DatabaseSettings, engine: EngineModule, database: str = ""
    ) -> None:
        """Connect, sign in, hold the session to reading. Raise a ProbeError."""
        text = _text(name, settings, engine, driver_of(settings, engine, odbc()), database)
        began = time.monotonic()
        self.line = Line(
            text,
            place(settings),
            login_seconds=settings.login_seconds,
            query_seconds=settings.query_seconds if engine.DRIVER_TIMEOUT else None,
        )
        self.login_seconds = time.monotonic() - began
        with ExitStack() as held:
            held.callback(self.line.close)
            self.identity: Identity = engine.prepare(settings, self.line.ask, self.line.execute)
            if self.identity.translated:
                self.line.translate = getattr(engine, "translate", None)
            held.pop_all()


def place(settings: DatabaseSettings) -> str:
    """Return where a server is, as a person reads it."""
    where = settings.socket or settings.host
    if settings.instance:
        where = f"{where}\\{settings.instance}"
    return f"{where}:{settings.port}" if settings.port and not settings.socket else where


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
    if CREDENTIALS.search(settings.options):
        raise NotConfigured("options", "user, password and driver have settings of their own")
    parts = [f"DRIVER={{{driver}}}"]
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
