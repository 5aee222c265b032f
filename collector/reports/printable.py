"""Characters that have no look of their own, made visible: values are shown, never obeyed.

A control character can end an XML document or a page, a direction mark can turn a file name
around before the reader's eyes. They are printed as `[U+202E]`.
"""

import unicodedata
from typing import Any

import msgspec

_SPACES = frozenset("\n\r\t\v\f")
_JOINERS = frozenset("\u200c\u200d")
"""Needed inside words of some scripts and inside emoji; harmless alone."""


def visible(character: str) -> str:
    """Return a character's code as it is printed in place of the character."""
    return f"[U+{ord(character):04X}]"


def _shown(character: str) -> str:
    if character in _SPACES or unicodedata.category(character) == "Zs":
        return " "
    return character if character.isprintable() or character in _JOINERS else visible(character)


def printable(text: str) -> str:
    """Return the text with line breaks as spaces and unprintable characters by their codes."""
    return text if text.isprintable() else "".join(map(_shown, text))


def all_printable(value: Any) -> Any:  # noqa: ANN401 - any value of the report's own types
    """Return a struct, tuple or text with every text in it made printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, tuple):
        return tuple(map(all_printable, value))
    if isinstance(value, msgspec.Struct):
        return type(value)(
            *[all_printable(getattr(value, name)) for name in value.__struct_fields__]
        )
    return value
