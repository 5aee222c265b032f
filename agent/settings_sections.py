"""Sections of the settings whose entries are of a type that is loaded where there are some.

Each is a package `agent.SECTION` with a module `settings`, which has the type, and a module
`expected`, which says what each setting must be (EXPECTED) and finds two of an entry that
contradict each other (contradiction). A section that names entries of another has in its `expected`
`contradiction_among`, too, which is asked when all of them are loaded.
"""

import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from checks.api import Text

if TYPE_CHECKING:
    from agent.settings import Settings

SECTIONS = {
    "backups": "BackupSettings",
    "databases": "DatabaseSettings",
    "queries": "QuerySettings",
    "products": "ProductSettings",
}
"""With the name of the type."""
_COMPARED = ("databases", "queries", "products")

Wrong = tuple[tuple[str, ...], Text]
"""The keys that lead to what can't be, and what is expected there."""


def model(section: str) -> type[Any]:
    """Return the type of a section's entries."""
    kind: type[Any] = getattr(_module(section, "settings"), SECTIONS[section])
    return kind


def expected(section: str) -> Mapping[str, Text]:
    """Return what each setting of a section must be."""
    texts: Mapping[str, Text] = _module(section, "expected").EXPECTED
    return texts


def contradiction(section: str, name: str, entry: object) -> Wrong | None:
    """Return what can't be within an entry; None: all fits together."""
    return _placed(section, name, _module(section, "expected").contradiction(name, entry))


def contradiction_among(settings: "Settings") -> Wrong | None:
    """Return what of one section can't be beside another; None: all fits together."""
    for section in _COMPARED:
        for name, entry in getattr(settings, section).items():
            compare = _module(section, "expected").contradiction_among
            wrong = _placed(section, name, compare(name, entry, settings))
            if wrong is not None:
                return wrong
    return None


def _placed(section: str, name: str, wrong: Wrong | None) -> Wrong | None:
    return None if wrong is None else ((section, name, *wrong[0]), wrong[1])


def _module(section: str, name: str) -> ModuleType:
    return importlib.import_module(f"agent.{section}.{name}")
