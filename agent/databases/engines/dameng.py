"""达梦 DM8 through its own ODBC driver. From documentation: none has been asked.

No session setting holds it to reading (a read-only transaction ends with each statement): the
account is made READ ONLY. The views that checks read wait for no locks.
"""

import re

from agent.databases.engines.kind import Ask, Execute, Identity, numbers
from agent.databases.settings import DatabaseSettings
from checks.databases import Engine

DRIVERS: tuple[str, ...] = ("DM8 ODBC DRIVER", "DM8 ODBC Driver", "DM ODBC DRIVER")
DRIVER_TIMEOUT = True
_VERSION = "SELECT BANNER AS release FROM V$VERSION"
_DOTTED = re.compile(r"\d+(?:\.\d+)+")
_MAJOR = re.compile(r"\bV(\d+)\b")


def keywords(settings: DatabaseSettings, driver: str, database: str) -> list[str]:
    """Return what the driver must know (EngineModule.keywords)."""
    del driver, database
    return [f"SERVER={settings.host}", f"TCP_PORT={settings.port or 5236}"]


def prepare(_settings: DatabaseSettings, ask: Ask, _execute: Execute) -> Identity:
    """Ask who is there (EngineModule.prepare): DM7 tells its whole number, DM8 `V8`."""
    words = " ".join(str(row["release"]) for row in ask(_VERSION))
    dotted, major = _DOTTED.search(words), _MAJOR.search(words)
    version: tuple[int, ...] = (8,)
    if dotted:
        version = numbers(dotted.group())
    elif major:
        version = (int(major[1]),)
    return Identity(Engine.DAMENG, version, words)


def enter(_database: str) -> str | None:
    """Return nothing to do: every schema is in sight (EngineModule.enter)."""
    return ""
