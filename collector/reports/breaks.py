"""Where a long word may be broken: identifiers at their joints, never in the middle of a part."""

import re

_LONG = re.compile(r"[!-~\u00a1-\u02af]{14,}")
_JOINTS = re.compile(r"(?<=[/\\._:;=,@&?+-])(?=[^/\\._:;=,@&?+)\s-])|(?<=[a-z])(?=[A-Z])")
LONGEST_PART = 16
"""Characters that fit the narrowest column of a table; a longer part is broken anywhere."""


def parted(text: str) -> list[str]:
    """Return the text cut at every place where a line may end inside a long word."""
    parts, end = [""], 0
    for word in _LONG.finditer(text):
        parts[-1] += text[end : word.start()]
        first, *others = _pieces(word.group())
        parts[-1] += first
        parts += others
        end = word.end()
    parts[-1] += text[end:]
    return parts


def _pieces(word: str) -> list[str]:
    found = []
    for piece in _JOINTS.split(word):
        count = -(-len(piece) // LONGEST_PART)
        size = -(-len(piece) // count)
        found += [piece[start : start + size] for start in range(0, len(piece), size)]
    return found
