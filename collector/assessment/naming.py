"""Names that every database takes, and takes alike."""

import hashlib

MOST_CHARACTERS = 500
MOST_BYTES = 1200
"""An entry of a PostgreSQL index has at most 2,704 bytes; customer, host, check, target (255
characters of up to 4 bytes) and measure need the rest."""

_OF_A_MEASURE = 100
_OF_A_SYSTEM = 16
_DIGEST_CHARACTERS = 8


def bounded(name: str, characters: int = MOST_CHARACTERS, size: int = MOST_BYTES) -> str:
    """Return the name, cut where it is too long; different names stay different.

    PostgreSQL stores no U+0000; it is replaced on every database.
    """
    kept = name.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if len(kept) <= characters and len(kept.encode()) <= size:
        return kept
    tail = "…" + hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    head = kept[: characters - len(tail)].encode()[: size - len(tail.encode())]
    return head.decode(errors="ignore") + tail


def bounded_measure(name: str) -> str:
    """Return the name of a measure as `bounded` does."""
    return bounded(name, _OF_A_MEASURE, _OF_A_MEASURE)


def bounded_system(name: str) -> str:
    """Return what an agent calls its host's system as `bounded` does."""
    return bounded(name, _OF_A_SYSTEM, 4 * _OF_A_SYSTEM)
