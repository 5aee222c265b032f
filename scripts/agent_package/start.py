"""The first Python of the package, imported by start.c: finds extension modules, is the agent.

Pure modules are in an archive, from which the system can't load machine code: extension modules
stand beside it, each in a file named by its full name.
"""

import os
import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec

_FOLDER = os.path.dirname(sys.path[0])  # noqa: PTH120 - pathlib costs a tenth of the start
_FILES = frozenset(os.listdir(_FOLDER))  # noqa: PTH208 - names, not paths


class ExtensionFinder:
    """Finds extension modules by their file in the package."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """Return how a module is loaded, if it is one of them."""
        if f"{name}.so" not in _FILES:
            return None
        place = f"{_FOLDER}/{name}.so"
        spec = ModuleSpec(name, ExtensionFileLoader(name, place), origin=place)
        spec.has_location = True
        return spec


def start() -> int:
    """Be the agent, and return its exit code."""
    try:
        from agent.cli import main

        return main()
    except KeyboardInterrupt:
        return 130  # before the agent could answer for itself


# After the modules of the interpreter itself: those are no files.
sys.meta_path.insert(2, ExtensionFinder)
sys.exit(start())
