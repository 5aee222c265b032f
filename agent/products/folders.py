"""Look through folders of a product: names, sizes and dates of files, and lines of errors counted.

Only what is a regular file below the folder counts; links are not followed.
"""

import heapq
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from checks.errors import NotPermitted, ProbeError, UnexpectedOutput, Unreachable
from checks.products import FileSeen, FolderSeen, Lines

MOST_ENTRIES = 200_000
MOST_SECONDS = 15.0
MOST_NEWEST = 10
FILE_BYTES = 4 * 2**20
ALL_BYTES = 16 * 2**20
DAY_SECONDS = 86_400.0
_BELOW = "**/"
_LONGEST_LINE = 2**12


class _Walk:
    """One walk through a folder; `whole` tells afterwards whether all of it was seen."""

    def __init__(self, folder: str, pattern: str) -> None:
        self._folder = folder
        self._deep = pattern.startswith(_BELOW)
        self._pattern = pattern.removeprefix(_BELOW)
        self.whole = True

    def files(self) -> Iterator[tuple[str, os.stat_result]]:
        """Yield path and status of each file that fits. Raise a ProbeError for the folder."""
        ends, seen = time.monotonic() + MOST_SECONDS, 0
        waiting = [self._folder]
        while waiting:
            place = waiting.pop()
            try:
                entries = os.scandir(place)
            except OSError as error:
                if place == self._folder:
                    raise _meaning(place, error) from error
                self.whole = False
                continue
            with entries:
                for entry in entries:
                    seen += 1
                    if seen > MOST_ENTRIES or time.monotonic() > ends:
                        self.whole = False
                        return
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            if self._deep:
                                waiting.append(entry.path)
                            continue
                        found = entry.stat(follow_symlinks=False)
                    except OSError:  # it has gone since
                        continue
                    if stat.S_ISREG(found.st_mode) and fnmatch(entry.name, self._pattern):
                        yield entry.path, found


def look(folder: str, pattern: str) -> FolderSeen:
    """Return what is in a folder. Raise a ProbeError where it can't be looked at."""
    walk, now = _Walk(folder, pattern), time.time()
    files = size = 0
    newest: list[tuple[float, str, int]] = []
    for path, found in walk.files():
        files += 1
        size += found.st_size
        entry = (found.st_mtime, path, found.st_size)
        if len(newest) < MOST_NEWEST:
            heapq.heappush(newest, entry)
        else:
            heapq.heappushpop(newest, entry)
    try:
        volume = shutil.disk_usage(folder)
    except OSError as error:
        raise _meaning(folder, error) from error
    return FolderSeen(
        folder[:255],
        files,
        size,
        tuple(
            FileSeen(path[-255:], length, now - changed)
            for changed, path, length in sorted(newest, reverse=True)
        ),
        walk.whole,
        volume.used + volume.free,
        volume.free,
    )


def count_errors(folder: str, pattern: str, expression: str) -> Lines:
    """Count the lines that an expression is found in, at the ends of the files of the last day."""
    search = re.compile(expression.encode()).search
    walk = _Walk(folder, pattern)
    since = time.time() - DAY_SECONDS
    written = sorted(
        ((found.st_mtime, path) for path, found in walk.files() if found.st_mtime >= since),
        reverse=True,
    )
    errors = read = 0
    whole = walk.whole
    for _, path in written:
        part = min(FILE_BYTES, ALL_BYTES - read)
        if part <= 0:
            whole = False
            break
        content, complete = _end_of(path, part)
        read += len(content)
        whole = whole and complete
        errors += sum(
            1 for line in content.splitlines() if search(line[:_LONGEST_LINE]) is not None
        )
    return Lines(errors, read, whole)


def _end_of(path: str, most: int) -> tuple[bytes, bool]:
    """Return the last bytes of a file, and whether they are all of it."""
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            return file.read(most), size <= most
    except OSError as error:
        raise _meaning(path, error) from error


def _meaning(path: str, error: OSError) -> ProbeError:
    words = error.strerror or str(error)
    if isinstance(error, PermissionError):
        return NotPermitted(path, words)
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return UnexpectedOutput(path, "no such folder")
    return Unreachable(path, words)
