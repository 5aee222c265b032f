"""Glob patterns as a shell can expand them: a little more than fits, sifted here.

A shell's `*` passes over names with a dot in front, and its `?` is a byte in some locales, where
pathlib's fit; so the shell is asked for more, and what fits is decided by the same rules as on an
installed agent.
"""

import re
import shlex
from fnmatch import fnmatchcase
from itertools import product
from pathlib import PurePosixPath

from checks.errors import Unsupported

_MAGIC = re.compile(r"[*?\[]")
_WILD = re.compile(r"\[!?\]?[^\]]*\]|[*?\[]")


def fixed_folder(pattern: str) -> str:
    """Return the folder above the first part that has a wildcard."""
    path = PurePosixPath(pattern)
    while _MAGIC.search(str(path)):
        path = path.parent
    return str(path if str(path) != str(PurePosixPath(pattern)) else path.parent)


def shell_patterns(pattern: str) -> tuple[str, ...]:
    """Return words for a shell that expand to all that fits, and perhaps more.

    Raise Unsupported for `**`: it would walk through a whole tree.
    """
    parts = PurePosixPath(pattern).parts
    if "**" in parts:
        raise Unsupported(pattern, "a pattern with ** can't be followed over a channel")
    choices = [_choices(part) for part in parts if part != "/"]
    root = "/" if pattern.startswith("/") else ""
    return tuple(root + "/".join(each) for each in product(*choices))


def ends_wild(pattern: str) -> bool:
    """Tell whether the last part has a wildcard: then a link to nothing fits, too."""
    return _MAGIC.search(PurePosixPath(pattern).name) is not None


def fitting(pattern: str, paths: list[str]) -> tuple[str, ...]:
    """Return the paths that fit, sorted, each once."""
    wanted = PurePosixPath(pattern).parts
    found = set()
    for path in paths:
        parts = PurePosixPath(path).parts
        if len(parts) == len(wanted) and all(map(_fits, parts, wanted)):
            found.add(str(PurePosixPath(path)))
    return tuple(sorted(found))


def _fits(name: str, part: str) -> bool:
    if not _MAGIC.search(part):
        return name == part
    return name not in (".", "..") and fnmatchcase(name, part)


def _choices(part: str) -> tuple[str, ...]:
    if not _MAGIC.search(part):
        return (shlex.quote(part),)
    words, last = "", 0
    for wild in _WILD.finditer(part):
        literal = part[last : wild.start()]
        words += (shlex.quote(literal) if literal else "") + "*"
        last = wild.end()
    rest = part[last:]
    words += shlex.quote(rest) if rest else ""
    return (words, f".{words}") if words.startswith("*") else (words,)
