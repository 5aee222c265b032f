"""The first Python of the package, imported by start.c: finds extension modules, is the agent.

Pure modules are in an archive, from which the system can't load machine code: extension modules
stand beside it, each in a file named by its full name.
"""

import os
import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec

_FOLDER = os.path.dirname(sys.path[0])  # noqa: PTH120 - pathlib costs a tenth of the start
_LEFT_OUT = {"pyrage"}
"""Of what the agent depends on: the commands for bundles want it, and no remote inspection does."""
_FILES = frozenset(os.listdir(_FOLDER))  # noqa: PTH208 - names, not paths


class ExtensionFinder:
    """Finds extension modules by their file in the package."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """Return how a module is loaded, if it is one of them.

        Raise AgentError for one that the package does without.
        """
        if f"{name}.so" not in _FILES:
            if name in _LEFT_OUT:
                raise _left_out()
            return None
        place = f"{_FOLDER}/{name}.so"
        spec = ModuleSpec(name, ExtensionFileLoader(name, place), origin=place)
        spec.has_location = True
        return spec


def _left_out() -> Exception:
    from agent.errors import AgentError
    from checks.api import Text

    return AgentError(
        Text(
            "远程巡检用的安装包不含此命令，请在装有完整代理的主机上执行",
            "the package for remote inspections is without this command: "
            "run it where the whole agent is installed",
        )
    )


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
