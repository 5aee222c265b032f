"""Characters that have no look of their own, made visible: values are shown, never obeyed.

A control character can end an XML document or a page, a direction mark can turn a file name
around before the reader's eyes. They are printed as `[U+202E]`. A text longer than anything that
makes sense in its place is cut, with the number of characters left out.
"""

import unicodedata
from typing import Any

import msgspec

from collector.reports import blocks

LONGEST = 4000
"""Characters of any text: two of the longest sentences that the wire lets through."""
_LONGEST_IN: dict[type, int] = {
    blocks.Cell: 400,
    blocks.Column: 60,
    blocks.Chapter: 80,
    blocks.Finding: 120,
    blocks.Table: 120,
    blocks.Calendar: 60,
    blocks.Days: 120,
    blocks.Sign: 60,
    blocks.Card: 60,
    blocks.Line: 60,
    blocks.Figure: 1200,
}
"""Where there is less room. A name of 255 characters, the wire's limit, is whole in a table."""
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


def all_printable(value: Any, most: int = LONGEST) -> Any:  # noqa: ANN401 - a tree of blocks
    """Return a struct, tuple or text with every text in it printable and of bounded length."""
    if isinstance(value, str):
        text = printable(value)
        return text if len(text) <= most else f"{text[:most]}… (+{len(text) - most})"
    if isinstance(value, tuple):
        return tuple(all_printable(item, most) for item in value)
    if isinstance(value, msgspec.Struct):
        most = _LONGEST_IN.get(type(value), LONGEST)
        return type(value)(
            *[all_printable(getattr(value, name), most) for name in value.__struct_fields__]
        )
    return value
