"""Checks are found, not registered: every module below `checks/` with a `CHECK`, and plug-ins.

A plug-in is an entry point of the group `xunjian.checks` whose name is the id of the check and
whose value is a module with a `CHECK`. A module that can't be loaded, an id or a rule code that
stands twice is an error that is shown, never skipped silently.

A chapter whose checks all run on entries of the settings says so by a `TARGET` in its
`__init__.py`, and by `TARGETS` (name of a module to targets) for those of its checks that run on
others. An agent without such entries does not load it: loading costs more than reading.
"""

import importlib
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from msgspec import Struct

import checks
from checks.api import Check

ENTRY_POINTS = "xunjian.checks"


class Catalogue(Struct, frozen=True):
    """All checks that could be loaded, by id, and one sentence for each that could not."""

    checks: Mapping[str, Check[Any]]
    errors: tuple[str, ...]
    unloaded: Mapping[str, str] = MappingProxyType({})
    """Ids that were not loaded, and the target that the settings have no entry of."""


def names() -> tuple[str, ...]:
    """Return the id of every check of this installation, also of those that can't be loaded."""
    return tuple(check_id for check_id, _ in (*_own(), *_plugged_in()))


def discover(targets: Collection[str] | None = None) -> Catalogue:
    """Load every check of this installation. Raises nothing: errors are returned.

    With `targets`, chapters of other targets than these are left out, and named in the answer.
    """
    unloaded: dict[str, str] = {}
    found: dict[str, Check[Any]] = {}
    owner_of_code: dict[str, str] = {}
    errors: list[str] = []
    for check_id, module_name in [*_own(), *_plugged_in()]:
        wanted = _targets(module_name) if targets is not None else ()
        if wanted and targets is not None and not set(wanted) & set(targets):
            unloaded[check_id] = wanted[0]
            continue
        try:
            check = importlib.import_module(module_name).CHECK
        # The seam to code that is not ours: whatever a module raises while it is imported is
        # its loading error.
        except Exception as error:  # noqa: BLE001
            errors.append(f"{check_id}: {module_name} can't be loaded: {error!r}")
            continue
        problem = _problem(check_id, check, found, owner_of_code)
        if problem:
            errors.append(f"{check_id}: {problem}")
            continue
        found[check_id] = check
        owner_of_code.update({rule.code: check_id for rule in check.rules})
    loaded = MappingProxyType(dict(sorted(found.items())))
    return Catalogue(loaded, tuple(errors), MappingProxyType(unloaded))


def _targets(module_name: str) -> tuple[str, ...]:
    """Return the targets that a module's chapter says it runs on; nothing: it says nothing."""
    chapter, _, name = module_name.rpartition(".")
    if not chapter.startswith("checks."):
        return ()
    package = importlib.import_module(chapter)
    target: str | None = getattr(package, "TARGET", None)
    others: Mapping[str, tuple[str, ...]] = getattr(package, "TARGETS", {})
    return others.get(name, (target,) if target is not None else ())


def _own() -> Iterator[tuple[str, str]]:
    """Yield (id, module name) of every module in a chapter's folder; `_name.py` is private."""
    root = Path(checks.__path__[0])
    for folder in sorted(_names(root, "__init__.py")):
        for name in sorted(_names(root / folder, "")):
            if not name.startswith("_"):
                yield f"{folder}.{name}", f"checks.{folder}.{name}"


def _names(place: Path, within: str) -> Iterator[str]:
    """Yield the names of the modules in a folder, or of the folders that hold a file `within`."""
    if not place.is_dir():
        # Packed into an archive: the import system knows, and costs its own start.
        import pkgutil

        for module in pkgutil.iter_modules([str(place)]):
            if module.ispkg == bool(within):
                yield module.name
        return
    for name in os.listdir(place):  # noqa: PTH208 - names, not paths
        if within:
            if (place / name / within).exists() or (place / name / f"{within}c").exists():
                yield name
        elif name.endswith((".py", ".pyc")):
            yield name.rpartition(".")[0]


def _plugged_in() -> Iterator[tuple[str, str]]:
    if not any(_may_have_plug_ins(Path(folder or ".")) for folder in sys.path):
        return
    # Costs 30 ms and a look into every distribution: only where one of them has plug-ins.
    import importlib.metadata

    entries = importlib.metadata.entry_points(group=ENTRY_POINTS)
    for entry in sorted(entries, key=lambda entry: entry.name):
        yield entry.name, entry.value


def _may_have_plug_ins(place: Path) -> bool:
    """Return whether a place of sys.path has a distribution that names the group of plug-ins.

    What is not a plain folder of plain distributions may always have some.
    """
    try:
        names = os.listdir(place)  # noqa: PTH208 - names, not paths; a venv may have thousands
    except NotADirectoryError:
        return True  # a zip archive
    except OSError:
        return False
    for name in names:
        if name.endswith((".egg", ".egg-link")):
            return True
        if name.endswith((".dist-info", ".egg-info")):
            try:
                if ENTRY_POINTS.encode() in (place / name / "entry_points.txt").read_bytes():
                    return True
            except OSError:
                continue
    return False


def _problem(
    check_id: str,
    check: object,
    found: Mapping[str, Check[Any]],
    owner_of_code: Mapping[str, str],
) -> str | None:
    if not isinstance(check, Check):
        return "its CHECK is not a checks.api.Check"
    if check_id in found:
        return "another check has this id"
    codes = [rule.code for rule in check.rules]
    for code in codes:
        if code in owner_of_code:
            return f"rule {code} stands in {owner_of_code[code]} already"
        if codes.count(code) > 1:
            return f"rule {code} stands twice in it"
    return None
