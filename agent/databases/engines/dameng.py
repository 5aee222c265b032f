"""达梦 DM8 through its own ODBC driver. From documentation: none has been asked."""

import re

from agent.databases.engines.kind import Ask, Execute, Identity, numbers
from agent.databases.settings import DatabaseSettings
from checks.databases import Engine

DRIVERS: tuple[str, ...] = ("DM8 ODBC DRIVER", "DM8 ODBC Driver", "DM ODBC DRIVER")
DRIVER_TIMEOUT = True
_VERSION = "SELECT BANNER AS release FROM V$VERSION"


def keywords(settings: DatabaseSettings, driver: str, database: str) -> list[str]:
    """Return what the driver must know (EngineModule.keywords)."""
    del driver, database
    return [f"SERVER={settings.host}", f"TCP_PORT={settings.port or 5236}"]


def prepare(_settings: DatabaseSettings, ask: Ask, _execute: Execute) -> Identity:
    """Ask who is there (EngineModule.prepare): reading only is the account's matter."""
    words = " ".join(str(row["release"]) for row in ask(_VERSION))
    found = re.search(r"\d+(?:\.\d+)+", words)
    return Identity(Engine.DAMENG, numbers(found.group()) if found else (8,), words)


def enter(_database: str) -> str | None:
    """Return nothing to do: every schema is in sight (EngineModule.enter)."""
    return ""
