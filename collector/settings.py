"""Where the collector keeps its data: by environment, with defaults for one machine."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """What a collector process needs to know."""

    database_url: str


def from_environment(folder: Path) -> Settings:
    """Return the settings: XUNJIAN_DATABASE_URL, or SQLite in `folder`."""
    url = os.environ.get("XUNJIAN_DATABASE_URL") or f"sqlite:///{folder.absolute()}/collector.db"
    return Settings(url)
