"""Where the collector keeps its data: by environment, with defaults for one machine."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """What a collector process needs to know."""

    database_url: str
    key_file: Path


def from_environment(folder: Path) -> Settings:
    """Return the settings.

    XUNJIAN_DATABASE_URL, or SQLite in `folder`; XUNJIAN_KEY_FILE, or `collector.key` in `folder`.
    """
    url = os.environ.get("XUNJIAN_DATABASE_URL") or f"sqlite:///{folder.absolute()}/collector.db"
    key_file = os.environ.get("XUNJIAN_KEY_FILE") or folder.absolute() / "collector.key"
    return Settings(url, Path(key_file))
