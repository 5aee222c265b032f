"""What a server says, made fit for a terminal: it may not move the cursor or hide what it says."""

import re
import unicodedata

MOST_CHARACTERS = 2000
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, modes
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)"  # titles, …
    r"|\x1b[ -/]*[0-~]"
)
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn"})
"""Controls, marks of direction and of width nothing, private and unknown characters."""


def shown(text: str) -> str:
    """Return a text without control sequences, with line ends and tabs, of a bearable length."""
    plain = _SEQUENCE.sub("", text.replace("\r\n", "\n"))
    kept = (letter for letter in plain if letter in "\n\t" or not _is_hidden(letter))
    return "".join(kept)[:MOST_CHARACTERS]


def _is_hidden(letter: str) -> bool:
    return unicodedata.category(letter) in _HIDDEN or letter in "\u2028\u2029"
