"""What a probe can touch, by its source: everything that it uses, through the modules of checks/.

Names are followed from the probe's function to what it uses in its own module and in other modules
of checks/, so that a module whose rules import more (the clock of the collector, a table that is
shipped) does not count against its probe.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

PURE = frozenset(
    {
        *("bisect", "collections", "datetime", "enum", "fnmatch", "functools", "ipaddress"),
        *("itertools", "json", "math", "msgspec", "operator", "re", "statistics", "string"),
        *("typing", "wire"),
    }
)
"""Modules that compute, and see nothing of the machine that they run on."""
CLOCKS = frozenset({"now", "today", "utcnow", "astimezone"})
LOCAL_CALLS = frozenset({"open", "input", "exec", "eval", "__import__", "breakpoint"})


class Module:
    """A module of checks/, by what stands at its top."""

    def __init__(self, name: str) -> None:
        path = ROOT / Path(*name.split("."))
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        tree = ast.parse(source.read_text(encoding="utf-8"))
        self.defined: dict[str, ast.AST] = {}
        self.imported: dict[str, tuple[str, str]] = {}
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                self.defined[node.name] = node
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    for name_node in ast.walk(target):
                        if isinstance(name_node, ast.Name):
                            self.defined[name_node.id] = node
            else:
                self.imported.update(imports(node))


def imports(node: ast.AST) -> dict[str, tuple[str, str]]:
    """Return the names that the imports in a node bind, with the module and the name there."""
    found = {}
    for each in ast.walk(node):
        if isinstance(each, ast.Import):
            for alias in each.names:
                bound = alias.asname or alias.name.partition(".")[0]
                found[bound] = (alias.name if alias.asname else bound, "")
        elif isinstance(each, ast.ImportFrom):
            assert not each.level, "checks import by whole names"
            for alias in each.names:
                found[alias.asname or alias.name] = (each.module or "", alias.name)
    return found


@cache
def module(name: str) -> Module:
    """Return a module, read once."""
    return Module(name)


def is_module(name: str) -> bool:
    """Tell whether a dotted name is a module of this tree."""
    path = ROOT / Path(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def touched(name: str, start: str) -> set[str]:
    """Return what of the machine it runs on `start` of a module can see: empty if nothing."""
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    waiting = [(name, start)]
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        here = module(place[0])
        if place[1] in here.imported:
            waiting += _outside(here.imported[place[1]], found)
            continue
        node = here.defined.get(place[1])
        if node is None:
            continue
        inner = imports(node)
        found |= set(_local(node))
        for used in _names(node):
            if used in inner:
                waiting += _outside(inner[used], found)
            else:
                waiting.append((place[0], used))
    return found


def _outside(imported: tuple[str, str], found: set[str]) -> list[tuple[str, str]]:
    name, what = imported
    if name.partition(".")[0] != "checks":
        if name.partition(".")[0] not in PURE:
            found.add(name)
        return []
    if what and is_module(f"{name}.{what}"):
        name, what = f"{name}.{what}", ""
    if name == "checks.api":  # declarations and ports: it reads nothing
        return []
    if what:
        return [(name, what)]
    # The module itself is used: everything in it may be.
    return [(name, each) for each in module(name).defined]


def _names(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            yield each.id


def _local(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if not isinstance(each, ast.Call):
            continue
        called = each.func
        if isinstance(called, ast.Name) and called.id in LOCAL_CALLS:
            yield f"{called.id}()"
        if isinstance(called, ast.Attribute):
            zoned = len(each.args) + len(each.keywords) >= 2
            if called.attr in CLOCKS or (called.attr == "fromtimestamp" and not zoned):
                yield f".{called.attr}()"
