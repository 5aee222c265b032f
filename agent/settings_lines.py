"""Where in the text of a TOML file something stands: tomllib tells no places but of errors."""

import tomllib
from typing import Any


def place_of(message: str, text: str) -> tuple[int, int]:
    """Return line and column from tomllib's message (it has no attributes before 3.14)."""
    numbers = [int(word.strip(",)")) for word in message.split() if word.strip(",)").isdigit()]
    if message.endswith(")") and "(at line " in message and len(numbers) >= 2:
        return numbers[-2], numbers[-1]
    return text.rstrip("\n").count("\n") + 1, 1


def line_of(text: str, keys: tuple[str, ...]) -> int:
    """Return the line (from 1) that sets the key or comes nearest above it; 0 if none does."""
    best, found = 0, 0
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("["):
            section = here = _keys(line)
        elif "=" in line:
            here = section + _keys(line.partition("=")[0] + "=0")
        else:
            continue
        depth = len(here) if keys[: len(here)] == here else 0
        if depth > best:
            best, found = depth, number
    return found


def _keys(line: str) -> tuple[str, ...]:
    """Return the dotted key of one TOML line, read by the library; () if it is no line of keys."""
    try:
        content: Any = tomllib.loads(line)
    except tomllib.TOMLDecodeError:
        return ()
    keys = []
    while isinstance(content, dict) and content:
        key, content = next(iter(content.items()))
        keys.append(key)
    return tuple(keys)
