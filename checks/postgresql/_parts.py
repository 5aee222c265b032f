"""Parts of a reading that may fail by themselves, named by the view or function they ask."""

from collections.abc import Callable
from typing import TypeVar

from checks.api import Failure
from checks.errors import part

Value = TypeVar("Value")


def named(view: str, read: Callable[[], Value]) -> Value | Failure:
    """Return what `read` gives, or the failure with the view as its subject, not the server."""
    found = part(read)
    return Failure(found.reason, view, found.detail) if isinstance(found, Failure) else found
