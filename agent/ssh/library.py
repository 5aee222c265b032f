"""paramiko: an extra of the installation, loaded when somebody asks for SSH."""

import logging
from functools import cache
from importlib import import_module
from types import ModuleType

from checks.errors import ToolMissing

HINT = "not installed: pip install 'xunjian[remote]'"


def paramiko() -> ModuleType:
    """Return the library. Raise ToolMissing where the extra is not installed."""
    try:
        library = import_module("paramiko")
    except ImportError as error:
        raise ToolMissing("paramiko", HINT) from error
    _silence()
    return library


@cache
def _silence() -> None:
    """Keep its tracebacks off the terminal: what failed is told by our own errors."""
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
