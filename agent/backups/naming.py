"""Names as they are on disk, and as a person reads them.

A name is bytes. Python gives what is no UTF-8 with surrogates, which the wire can't carry: such
names are shown as GB 18030 (GBK) where they are that, else with escapes. Opened is always the name
on disk.
"""

import os
from hashlib import sha256

LONGEST_CHARACTERS = 255
"""What a restore point's id may have on the wire."""
_DIGEST_CHARACTERS = 12


def shown(path: str) -> str:
    """Return a path below the place as a person reads it, at most LONGEST_CHARACTERS of it."""
    text = "/".join(_shown_part(part) for part in path.split("/"))
    if len(text) <= LONGEST_CHARACTERS:
        return text
    digest = sha256(os.fsencode(path)).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{text[: LONGEST_CHARACTERS - _DIGEST_CHARACTERS - 1]}…{digest}"


def escaped(path: str) -> str:
    """Return a path with every byte that is no printable UTF-8 as an escape.

    Tells two names apart that look alike: one in UTF-8, one in GBK.
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return shown(_printable(text))


def is_utf8(path: str) -> bool:
    """Return whether a name on disk is what it looks like."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def candidates(name: str) -> tuple[str, ...]:
    """Return what a shown path may be on disk, the likeliest first."""
    whole = (name, _in_chinese(name))
    *folders, last = name.split("/")
    mixed = "/".join([*folders, _in_chinese(last)])
    other = "/".join([*(_in_chinese(folder) for folder in folders), last])
    return tuple(dict.fromkeys((*whole, mixed, other)))


def _in_chinese(text: str) -> str:
    try:
        return os.fsdecode(text.encode("gb18030"))
    except UnicodeEncodeError:
        return text


def _shown_part(name: str) -> str:
    raw = os.fsencode(name)
    for encoding in ("utf-8", "gb18030"):
        try:
            return _printable(raw.decode(encoding))
        except UnicodeDecodeError:
            continue
    return _printable(raw.decode("utf-8", "backslashreplace"))


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
