"""The contract between the port and what it knows of one engine."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from agent.databases.settings import DatabaseSettings
from checks.databases import Engine

_PLAIN = re.compile(r"[\w.-]+")
Ask = Callable[[str], Sequence[Mapping[str, object]]]
"""Asks a query on the open connection and returns plain rows. Raises a ProbeError."""
Execute = Callable[[str], None]
"""Runs a statement of the session's own settings. Raises a ProbeError."""


class Identity(Struct, frozen=True):
    """What a server says that it is."""

    engine: Engine
    version: tuple[int, ...]
    release: str
    translated: bool = False
    """Its catalogue has other names: queries go through the module's `translate`, which only a
    module that says so has."""


class EngineModule(Protocol):
    """A module of agent.databases.engines."""

    DRIVERS: tuple[str, ...]
    """Names of ODBC drivers as their packages register them, the best first."""
    DRIVER_TIMEOUT: bool
    """Whether the driver ends a query by itself when it is told to (`connection.timeout`)."""

    def keywords(self, settings: DatabaseSettings, driver: str, database: str) -> list[str]:
        """Return `KEYWORD=value` for each thing the driver must know, without user and password.

        `database` is where to sign in; empty: the settings' or the engine's own.
        """
        ...

    def prepare(self, settings: DatabaseSettings, ask: Ask, execute: Execute) -> Identity:
        """Ask who is there and hold the session to reading, short waits for locks, and UTC."""
        ...

    def enter(self, database: str) -> str | None:
        """Return the statement that goes on in another database of the same connection.

        None: that takes another connection. Empty: there is nothing to do.
        """
        ...


def braced(value: str) -> str:
    """Return a value as it stands in a connection string, whatever is in it.

    Plain ones stay as they are: psqlodbc takes the braces of UID and DATABASE for part of the name.
    """
    if _PLAIN.fullmatch(value):
        return value
    return "{" + value.replace("}", "}}") + "}"


def numbers(text: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with: `15.0.4345.5` → (15, 0, 4345, 5)."""
    found = []
    for part in text.strip().split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        found.append(int(digits))
        if digits != part:
            break
    return tuple(found)
