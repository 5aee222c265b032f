"""The settings of a remote inspection: the entries that an order names, and nothing else of it."""

import tomllib
from pathlib import Path

from agent.errors import RemoteError, SettingsError
from agent.remote.order import Order
from agent.settings import Settings, load, written
from checks.api import Text
from checks.discovery import names

FILE = "order.toml"
_NOWHERE = "http://127.0.0.1"
"""Settings name a collector; these are never used to reach one."""
_OURS = ("agent", "collector")
_NOT_HERE = Text(
    "条目文件中不能有 [{section}]：远程巡检不使用它，请删去",
    "the entries may not have [{section}], which no remote inspection uses: leave it out",
)
_UNWRITABLE = Text(
    "无法写入 {path}（{detail}）：请检查剩余空间",
    "{path} can't be written ({detail}): look at the free space",
)


def settings_of(order: Order, folder: Path) -> Settings:
    """Return the settings of an order; a private folder takes the file that they are read from.

    Raise SettingsError for what is wrong in them, RemoteError where the folder takes no file.
    """
    path = folder / FILE
    try:
        sections = tomllib.loads(order.settings)
    except tomllib.TOMLDecodeError:
        sections = {}  # told below, with the place
    for section in _OURS:
        if section in sections:
            raise SettingsError(_NOT_HERE.format(section=section), file=FILE, key=section)
    try:
        path.touch(mode=0o600)
        # Behind them, so that a line keeps its number.
        path.write_text(f"{order.settings}\n{written(str(folder), _NOWHERE)}", "utf-8")
    except OSError as error:
        detail = error.strerror or str(error)
        raise RemoteError(_UNWRITABLE.format(path=str(path), detail=detail)) from error
    return load(str(path), names())
