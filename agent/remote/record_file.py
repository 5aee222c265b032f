"""The file of a record, as little of it as the recorder needs: so that a test can let it fail."""

import fcntl
import os
from pathlib import Path
from typing import Protocol

from agent import files


class RecordFile(Protocol):
    """A file that only grows, and is cut back where a write has failed. Methods raise OSError."""

    def append(self, content: bytes) -> int:
        """Write once; return how many bytes were taken."""

    def sync(self) -> None:
        """Return when all that was written is on the disk."""

    def cut(self, length: int) -> None:
        """Let go of what is behind the first `length` bytes."""

    def close(self) -> None:
        """Let go of the file."""


class FileOnDisk:
    """A file of this computer."""

    def __init__(self, path: Path, *, new: bool) -> None:
        """Make the file, private and durable itself, or open one that is there.

        Raise OSError, BlockingIOError where another process writes it.
        """
        making = os.O_CREAT | os.O_EXCL if new else 0
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | making, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if new:
                files.settle(path.parent)
        except OSError:
            os.close(self._descriptor)
            raise

    def append(self, content: bytes) -> int:
        """Write once; return how many bytes were taken."""
        return os.write(self._descriptor, content)

    def sync(self) -> None:
        """Return when all that was written is on the disk."""
        os.fsync(self._descriptor)

    def cut(self, length: int) -> None:
        """Let go of what is behind the first `length` bytes."""
        os.ftruncate(self._descriptor, length)
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)
