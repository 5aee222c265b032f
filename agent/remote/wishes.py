"""What the engineer wants of one host: from the command line, or from the inventory."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from agent import messages
from agent.errors import PatternUnknown, RemoteError
from agent.remote import home as place
from agent.remote import inspect_texts, texts
from checks.discovery import names

LIGHT, ALL = "light", "all"
LARGEST_SETTINGS_BYTES = 2**20


class Pack(Struct, frozen=True):
    """Which checks are to be read."""

    light: bool = True
    """Nothing heavy."""
    patterns: tuple[str, ...] = ()
    """As for `run --only`; empty: every check."""


class Wish(Struct, frozen=True, kw_only=True):
    """One host, and how it is to be inspected."""

    target: str
    jumps: tuple[str, ...] = ()
    key: str | None = None
    host_keys: tuple[str, ...] = ()
    pack: Pack = Pack()
    agentless: bool = False
    settings: str = ""
    """TOML of the entries to look at."""


def pack_of(words: Sequence[str]) -> Pack:
    """Return the pack that words name: `light` (as without any), `all`, ids, chapters, globs.

    Raise PatternUnknown.
    """
    patterns = tuple(word for word in words if word not in (LIGHT, ALL))
    known = names()
    for pattern in patterns:
        if not any(_fits(check_id, pattern) for check_id in known):
            chapters = {check_id.partition(".")[0] for check_id in known}
            hint = messages.nearest(pattern, {*known, *chapters, LIGHT, ALL})
            raise PatternUnknown(messages.PATTERN_UNKNOWN.format(name=pattern, hint=hint))
    if ALL in words:
        return Pack(light=False)
    return Pack(light=LIGHT in words or not patterns, patterns=patterns)


def settings_text(path: str) -> str:
    """Return a file of entries. Raise RemoteError."""
    try:
        with place.named(path).open("rb") as file:
            content = file.read(LARGEST_SETTINGS_BYTES + 1)
        if len(content) > LARGEST_SETTINGS_BYTES:
            raise RemoteError(inspect_texts.FILE_TOO_LONG.format(file=path))
        return content.decode()
    except OSError as error:
        detail = error.strerror or str(error)
        raise RemoteError(texts.FILE_UNREADABLE.format(file=path, detail=detail)) from error
    except UnicodeDecodeError as error:
        raise RemoteError(texts.FILE_UNREADABLE.format(file=path, detail="UTF-8")) from error


def _fits(check_id: str, pattern: str) -> bool:
    return fnmatchcase(check_id, pattern) or check_id.startswith(f"{pattern}.")
