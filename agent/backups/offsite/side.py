"""The other side of a backup set: where its copies lie, however that is reached."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from checks.errors import ProbeError
from wire.messages import Failure


class Entry(Struct, frozen=True):
    """A file of the other side."""

    path: str
    """Below the place, as os.fsdecode gives it."""
    bytes: int
    modified: float
    """Seconds since 1970, by the other side's clock."""


class Found(Struct, frozen=True):
    """What the other side lists."""

    entries: Mapping[str, Entry]
    refused: Mapping[str, ProbeError]
    """Folders that could not be listed, by path: what lies in them can't be told."""


class Room(Struct, frozen=True):
    """Room on the other side's volume."""

    total_bytes: int
    free_bytes: int


class Side(Protocol):
    """The other side. Every method raises a ProbeError where it is refused or out of time."""

    @property
    def method(self) -> str:
        """How its bytes are read here, in the tools' words."""
        ...

    def walk(self) -> Found:
        """List all files below the place; a place that is not there has none."""
        ...

    def again(self, path: str) -> Entry | None:
        """Look at one file once more; None: it is gone."""
        ...

    def room(self) -> Room:
        """Return the room on its volume."""
        ...

    def clock_offset(self) -> float | None:
        """Return how many seconds its clock is ahead of this host's; None: it can't be told."""
        ...

    def same_host(self) -> bool | None:
        """Return whether it is this very host; None: it can't be told."""
        ...

    def hashing(self) -> "Hashing | None":
        """Return what hashes where the copies lie; None: the bytes have to be read here."""
        ...

    def read(self, path: str, *ranges: tuple[int, int]) -> Iterator[bytes]:
        """Yield the bytes of ranges (offset, length) of a file, in pieces."""
        ...


class Hashing(Protocol):
    """Hashes files where they lie."""

    @property
    def method(self) -> str:
        """The command, in words."""
        ...

    def digests(self, entries: Sequence[Entry], seconds: float) -> Mapping[str, str | Failure]:
        """Return the SHA-256 of each file by its path, or why there is none."""
        ...
