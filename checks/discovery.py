"""Checks are found, not registered: every module below `checks/` with a `CHECK`, and plug-ins.

A plug-in is an entry point of the group `xunjian.checks` whose name is the id of the check and
whose value is a module with a `CHECK`. A module that can't be loaded, an id or a rule code that
stands twice is an error that is shown, never skipped silently.
"""

import importlib
import importlib.metadata
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import checks
from checks.api import Check

ENTRY_POINTS = "xunjian.checks"


@dataclass(frozen=True)
class Catalogue:
    """All checks that could be loaded, by id, and one sentence for each that could not."""

    checks: Mapping[str, Check[Any]]
    errors: tuple[str, ...]


def discover() -> Catalogue:
    """Load every check of this installation. Raises nothing: errors are returned."""
    found: dict[str, Check[Any]] = {}
    owner_of_code: dict[str, str] = {}
    errors: list[str] = []
    for check_id, module_name in [*_own(), *_plugged_in()]:
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
    return Catalogue(MappingProxyType(dict(sorted(found.items()))), tuple(errors))


def _own() -> Iterator[tuple[str, str]]:
    """Yield (id, module name) of every module in a chapter's folder; `_name.py` is private."""
    for folder in sorted(pkgutil.iter_modules(checks.__path__), key=lambda entry: entry.name):
        if not folder.ispkg:
            continue
        package = importlib.import_module(f"checks.{folder.name}")
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda entry: entry.name):
            if not module.name.startswith("_"):
                yield f"{folder.name}.{module.name}", f"checks.{folder.name}.{module.name}"


def _plugged_in() -> Iterator[tuple[str, str]]:
    entries = importlib.metadata.entry_points(group=ENTRY_POINTS)
    for entry in sorted(entries, key=lambda entry: entry.name):
        yield entry.name, entry.value


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
