"""One pass over a file: read once, and while it passes hashed, decompressed and looked at.

Nothing of it stays in memory but its first and last bytes.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from agent.backups.coding import coding_of
from agent.backups.damage import Damaged
from agent.backups.kind import Budget
from agent.backups.refusals import refusals
from checks.errors import ProbeError, TimedOut, UnexpectedOutput
from wire.messages import Failure

CHUNK_BYTES = 2**20
HEAD_BYTES = 8192
TAIL_BYTES = 2**15
DIGEST = "sha256"
BUDGET = "budget"
"""Subject of what this run has no time or no bytes left for."""


class Stamp(Struct, frozen=True):
    """What tells one state of a file from another."""

    bytes: int
    modified_ns: int
    changed_ns: int
    inode: int


class Content:
    """The decompressed bytes of a file, once from front to back."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._waiting = b""
        self._taken = 0
        self.head = b""
        self.tail = b""
        self.bytes = 0
        """Of those that have passed."""
        self.nonzero_end = 0
        """Where the last byte that is not zero ends: behind it a file may only be preallocated."""

    def chunk(self) -> bytes:
        """Return the next bytes; none at the end. Raise Damaged."""
        if self._taken < len(self._waiting):
            chunk = self._waiting[self._taken :]
            self._waiting, self._taken = b"", 0
            return chunk
        return self._next()

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes, fewer only at the end. Raise Damaged."""
        parts = []
        left = size
        while left > 0:
            if self._taken >= len(self._waiting):
                self._waiting, self._taken = self._next(), 0
                if not self._waiting:
                    break
            part = self._waiting[self._taken : self._taken + left]
            self._taken += len(part)
            left -= len(part)
            parts.append(part)
        return b"".join(parts)

    def peek(self, size: int) -> bytes:
        """Return the first bytes without taking them. Raise Damaged."""
        while len(self._waiting) < size and (chunk := self._next()):
            self._waiting += chunk
        return self._waiting[:size]

    def drain(self) -> None:
        """Let the rest pass. Raise Damaged."""
        while self.chunk():
            pass

    def _next(self) -> bytes:
        chunk = next(self._chunks, b"")
        if not chunk:
            return chunk
        if len(self.head) < HEAD_BYTES:
            self.head += chunk[: HEAD_BYTES - len(self.head)]
        self.tail = chunk[-TAIL_BYTES:] if len(chunk) >= TAIL_BYTES else self.tail + chunk
        self.tail = self.tail[-TAIL_BYTES:]
        # Few chunks end with a zero: only those are looked at from the end.
        filled = len(chunk) if chunk[-1] else len(chunk.rstrip(b"\0"))
        if filled:
            self.nonzero_end = self.bytes + filled
        self.bytes += len(chunk)
        return chunk


class Consumer(Protocol):
    """A format that has to see all of the content."""

    def __call__(self, content: Content) -> frozenset[str]:
        """Return what was found in it. Raise Damaged."""
        ...


class Seen(Struct, frozen=True, kw_only=True):
    """What one pass saw."""

    path: str
    stamp: Stamp
    digests: dict[str, str]
    """By the names of hashlib; SHA-256 is always there."""
    coding: str
    """Name of the compression; empty: none."""
    head: bytes
    tail: bytes
    content_bytes: int
    nonzero_end: int
    raw_zeros: int
    """Zero bytes that the file itself ends with."""
    fault: str = ""
    """What is wrong with the bytes; empty: nothing was found."""
    hindrance: Failure | None = None
    """What kept us from looking into it, though it could be hashed."""
    found: frozenset[str] = frozenset()
    """What the consumer found."""

    @property
    def digest(self) -> str:
        """Return the SHA-256."""
        return self.digests[DIGEST]

    @property
    def ends_with_zeros(self) -> int:
        """Return how many zero bytes the content ends with."""
        return self.content_bytes - self.nonzero_end


def pass_over(
    path: str,
    shown: str,
    budget: Budget,
    consumer_for: Callable[[bytes], Consumer | None],
    algorithms: Iterable[str] = (),
    *,
    decode: bool = True,
) -> Seen | None:
    """Read a file once; None: it changed meanwhile, so nothing can be said of it.

    `consumer_for` is given the first bytes of the content; without `decode` those of the file
    itself, which is hashed and nothing else. Raise a ProbeError for what keeps us
    from reading.
    """
    with refusals(shown):
        descriptor = open_regular(path, shown)
        try:
            before = stamp(os.fstat(descriptor))
            seen = _read(path, descriptor, before, budget, consumer_for, algorithms, decode)
            after = stamp(os.fstat(descriptor))
            there = stamp(Path(path).lstat())
        finally:
            os.close(descriptor)
    return seen if before == after == there else None


def stamp(status: os.stat_result) -> Stamp:
    """Return what tells this state of a file from another."""
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def open_regular(path: str, shown: str) -> int:
    """Open a regular file to read it; no link, nothing that would block. Raise OSError."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnexpectedOutput(shown, "not a regular file")
    return descriptor


class _Raw:
    """The bytes as they lie there: hashed and counted as they pass."""

    def __init__(self, descriptor: int, budget: Budget, algorithms: Iterable[str]) -> None:
        self._descriptor = descriptor
        self._budget = budget
        self.hashes = {
            name: hashlib.new(name, usedforsecurity=False) for name in {DIGEST, *algorithms}
        }
        self.bytes = 0
        self.nonzero_end = 0

    def __iter__(self) -> Iterator[bytes]:
        while chunk := os.read(self._descriptor, CHUNK_BYTES):
            for one in self.hashes.values():
                one.update(chunk)
            filled = len(chunk) if chunk[-1] else len(chunk.rstrip(b"\0"))
            if filled:
                self.nonzero_end = self.bytes + filled
            self.bytes += len(chunk)
            self._budget.spend(len(chunk))
            yield chunk
            if self._budget.left_seconds() <= 0:
                raise TimedOut(BUDGET, f"the time of this run ended after {self.bytes} bytes")


def _read(
    path: str,
    descriptor: int,
    before: Stamp,
    budget: Budget,
    consumer_for: Callable[[bytes], Consumer | None],
    algorithms: Iterable[str],
    decode: bool,
) -> Seen:
    raw = _Raw(descriptor, budget, algorithms)
    chunks = iter(raw)
    start = next(chunks, b"")
    coding = coding_of(start) if decode else None
    rejoined = _rejoined(start, chunks)
    content = Content(
        coding.decode(rejoined, budget.left_seconds) if coding is not None else rejoined
    )
    fault = ""
    hindrance = None
    found: frozenset[str] = frozenset()
    try:
        consumer = consumer_for(content.peek(HEAD_BYTES))
        if consumer is not None:
            found = consumer(content)
        content.drain()
    except Damaged as error:
        fault = str(error)
    except ProbeError as error:
        if error.subject == BUDGET:
            raise
        hindrance = error.failure()
    # Damaged or not: the digest is of all its bytes.
    for _ in rejoined:
        pass
    return Seen(
        path=path,
        stamp=before,
        digests={name: one.hexdigest() for name, one in raw.hashes.items()},
        coding=coding.name if coding is not None else "",
        head=content.head,
        tail=content.tail,
        content_bytes=content.bytes,
        nonzero_end=content.nonzero_end,
        raw_zeros=raw.bytes - raw.nonzero_end,
        fault=fault,
        hindrance=hindrance,
        found=found,
    )


def _rejoined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest
