"""A database of the settings as a probe sees it: the real `checks.databases.Database`."""

import importlib
import ipaddress
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TypeVar, cast, overload

from msgspec import Struct

from agent.databases.connecting import Connection
from agent.databases.engines.kind import EngineModule
from agent.databases.reading import typed
from agent.databases.settings import DatabaseSettings
from checks.api import Host
from checks.databases import MOST_ROWS, Engine
from checks.errors import ProbeError

RowType = TypeVar("RowType", bound=Struct)


class Session:
    """The connections of one entry, opened when they are asked for: the first and one more."""

    def __init__(self, name: str, settings: DatabaseSettings) -> None:
        self.name = name
        self.settings = settings
        self._main: Connection | None = None
        self._refused: ProbeError | None = None
        self._entered = ""
        self._other: tuple[str, Connection] | None = None

    def main(self) -> Connection:
        """Return the connection. Raise a ProbeError, the same one again once there was one.

        A refused account is not tried again: many tries lock it.
        """
        if self._refused is not None:
            raise self._refused
        if self._main is None:
            try:
                self._main = Connection(self.name, self.settings, engine_module(self.settings))
            except ProbeError as error:
                self._refused = error
                raise
        return self._main

    def inside(self, database: str) -> Connection:
        """Return a connection whose queries run in a database; '': where it signed in."""
        main = self.main()
        statement = engine_module(self.settings).enter(database) if database else ""
        if statement is None:
            if self._other is None or self._other[0] != database:
                self._close_other()
                engine = engine_module(self.settings)
                self._other = (database, Connection(self.name, self.settings, engine, database))
            return self._other[1]
        if not database and self._entered:
            home = self.settings.database or "master"
            statement = engine_module(self.settings).enter(home)
        if statement and database != self._entered:
            main.line.execute(statement)
            self._entered = database
        return main

    def close(self) -> None:
        """Sign off everywhere; what asks afterwards signs in anew."""
        self._close_other()
        if self._main is not None:
            self._main.line.close()
        self._main, self._refused, self._entered = None, None, ""

    def _close_other(self) -> None:
        if self._other is not None:
            self._other[1].line.close()
            self._other = None


class ConfiguredDatabase:
    """One entry of [databases], or one database of its instance."""

    def __init__(self, session: Session, host: Host, database: str = "") -> None:
        self._session = session
        self._host = host
        self._database = database

    @property
    def name(self) -> str:
        """Return the entry's name."""
        return self._session.name

    @property
    def engine(self) -> Engine:
        """Return what the server says that it is."""
        return self._session.main().identity.engine

    @property
    def version(self) -> tuple[int, ...]:
        """Return its version as numbers."""
        return self._session.main().identity.version

    @property
    def release(self) -> str:
        """Return its version in its own words."""
        return self._session.main().identity.release

    @property
    def login_seconds(self) -> float:
        """Return how long signing in took."""
        return self._session.main().login_seconds

    @property
    def here(self) -> Host | None:
        """Return the host where the server runs on this one."""
        return self._host if _is_here(self._session.settings) else None

    def excluded(self, name: str) -> bool:
        """Return whether the settings leave it out."""
        return any(fnmatchcase(name, pattern) for pattern in self._session.settings.exclude)

    @overload
    def rows(self, query: str) -> Sequence[Mapping[str, object]]: ...

    @overload
    def rows(
        self, query: str, kind: type[RowType], *, most: int = MOST_ROWS
    ) -> tuple[RowType, ...]: ...

    def rows(
        self, query: str, kind: type[RowType] | None = None, *, most: int = MOST_ROWS
    ) -> Sequence[object]:
        """Return the rows of a query. Raise a ProbeError."""
        found = self._session.inside(self._database).line.ask(query, most)
        return found if kind is None else typed(found, kind)

    def within(self, database: str) -> "ConfiguredDatabase":
        """Return one database of the instance."""
        return ConfiguredDatabase(self._session, self._host, database)


def engine_module(settings: DatabaseSettings) -> EngineModule:
    """Return what is known of the settings' engine."""
    name = "mysql" if settings.kind is Engine.MARIADB else settings.kind.value
    return cast("EngineModule", importlib.import_module(f"agent.databases.engines.{name}"))


def _is_here(settings: DatabaseSettings) -> bool:
    if settings.socket is not None or settings.host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        return False
