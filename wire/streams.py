"""Files for a library that turns whatever they raise into a text of its own.

What was raised is kept in a `Fault`, an interruption included, so that it can be raised as it was.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Fault:
    """What the streams of one call have raised."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Note what the block raises; it goes on."""
        try:
            yield
        except BaseException as error:
            self.error = error
            raise


class Reading(io.RawIOBase):
    """A file to read from."""

    def __init__(self, read: Callable[[int], bytes], fault: Fault) -> None:
        self._read = read
        self._fault = fault

    def readable(self) -> bool:
        """Say yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return at most so many bytes, none at the end."""
        with self._fault.kept():
            return self._read(size)


class Writing(io.RawIOBase):
    """A file to write to."""

    def __init__(self, write: Callable[[bytes], int], fault: Fault) -> None:
        self._write = write
        self._fault = fault

    def writable(self) -> bool:
        """Say yes."""
        return True

    def write(self, content: bytes) -> int:  # type: ignore[override] # bytes are all that comes
        """Write the bytes; return how many."""
        with self._fault.kept():
            return self._write(content)


def reader_of(pieces: Iterator[bytes]) -> Callable[[int], bytes]:
    """Return what reads pieces as one file."""
    rest = memoryview(b"")

    def read(size: int) -> bytes:
        nonlocal rest
        while not rest:
            piece = next(pieces, None)
            if piece is None:
                return b""
            rest = memoryview(piece)
        end = len(rest) if size < 0 else size
        given, rest = rest[:end], rest[end:]
        return bytes(given)

    return read
