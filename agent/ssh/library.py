"""paramiko: an extra of the installation, loaded when somebody asks for SSH."""

import logging
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from checks.errors import ToolMissing

if TYPE_CHECKING:
    from paramiko import Transport

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
def transport_class() -> type["Transport"]:
    """Return paramiko's Transport, whose errors are those that its documentation names.

    Its thread keeps whatever a damaged or hostile answer made some parser or cipher raise
    (InvalidTag, UnicodeDecodeError, IndexError …), and raises that where somebody waits.
    """
    library = paramiko()
    named = (library.SSHException, EOFError, OSError)

    class OurTransport(library.Transport):  # type: ignore[misc, name-defined] # loaded late
        def get_exception(self) -> BaseException | None:
            error: BaseException | None = super().get_exception()
            if error is None or isinstance(error, named):
                return error
            kept = library.SSHException(f"its answer can't be read ({type(error).__name__})")
            kept.__cause__ = error
            return kept  # type: ignore[no-any-return] # paramiko has no types

    return OurTransport


@cache
def _silence() -> None:
    """Keep its tracebacks off the terminal: what failed is told by our own errors."""
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
