"""Which paths below the place are restore points: a glob that may name the object.

`*` and `?` stand for anything but a slash, `**/` for any folders, `{object}` for one of the set's
objects (for anything but a slash where it has none). Everything else is meant literally. As in a
shell, `*` does not stand for a leading dot.
"""

import re

from msgspec import Struct

PARTIAL_SUFFIXES = (".part", ".filepart", ".tmp", ".partial", ".crdownload")
_RSYNC = re.compile(r"\.(?P<name>.+)\.[A-Za-z0-9]{6}")
_PIECE = re.compile(r"\*\*/|\*+|\?|\{object\}|[^*?{]+|\{")
DEEPEST = 32
"""Folders below the place, for patterns with `**`."""


class Pattern(Struct, frozen=True):
    """A compiled pattern."""

    whole: "re.Pattern[str]"
    folders: "tuple[re.Pattern[str], ...]"
    """What the folders on each level must be called, as far down as that is fixed."""
    depth: int
    """Levels of folders above a restore point; DEEPEST with `**`."""
    text: str

    def object_of(self, path: str) -> str | None:
        """Return the object of a path that fits (empty: it names none); None: it does not fit."""
        match = self.whole.fullmatch(path)
        if match is None:
            return None
        return match.groupdict().get("object") or ""

    def ends_with(self, suffix: str) -> bool:
        """Return whether the pattern itself asks for names with this ending."""
        return self.text.endswith(suffix)

    def leads_through(self, folder: str) -> bool:
        """Return whether restore points may be below this folder (path below the place)."""
        parts = folder.split("/")
        if len(parts) > self.depth:
            return False
        return all(rule.fullmatch(part) for rule, part in zip(self.folders, parts, strict=False))


def compiled(pattern: str, objects: tuple[str, ...]) -> Pattern:
    """Return the pattern of a set."""
    pattern = pattern.strip("/")
    parts = pattern.split("/")
    fixed = parts[:-1]
    if "**" in fixed:
        fixed = fixed[: fixed.index("**")]
    return Pattern(
        whole=re.compile(_expression(pattern, objects, named=True), re.DOTALL),
        folders=tuple(
            re.compile(_expression(part, objects, named=False), re.DOTALL) for part in fixed
        ),
        depth=DEEPEST if "**" in parts else len(parts) - 1,
        text=pattern,
    )


def final_name(path: str) -> str | None:
    """Return what a partly written file will be called; None: the name does not say it is one."""
    folder, slash, name = path.rpartition("/")
    for suffix in PARTIAL_SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return f"{folder}{slash}{name[: -len(suffix)].removeprefix('.')}"
    match = _RSYNC.fullmatch(name)
    return f"{folder}{slash}{match['name']}" if match else None


def _expression(pattern: str, objects: tuple[str, ...], *, named: bool) -> str:
    one_of = "|".join(re.escape(name) for name in sorted(objects, key=len, reverse=True))
    one_of = one_of or "[^/]+?"
    expression = ""
    at_start = True
    for piece in _PIECE.findall(pattern):
        no_dot = r"(?!\.)" if at_start else ""
        if piece == "**/":
            expression += r"(?:(?!\.)[^/]+/)*"
        elif piece.startswith("**"):
            expression += rf"{no_dot}.*"
        elif piece == "*":
            expression += rf"{no_dot}[^/]*"
        elif piece == "?":
            expression += rf"{no_dot}[^/]"
        elif piece == "{object}":
            expression += _object(one_of, named=named, again="(?P<object>" in expression)
        else:
            expression += re.escape(piece)
        at_start = piece.endswith("/")
    return expression


def _object(one_of: str, *, named: bool, again: bool) -> str:
    if not named:
        return f"(?:{one_of})"
    return "(?P=object)" if again else f"(?P<object>{one_of})"
