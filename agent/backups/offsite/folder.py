"""Copies in a folder that is mounted here: a NAS, a mirror by rsync or rclone."""

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from agent.backups.kind import OffsiteWay, Source
from agent.backups.offsite import looking, mounts
from agent.backups.offsite.reaching import way_by
from agent.backups.offsite.same_host import ThisHost
from agent.backups.offsite.side import Entry, Found, Hashing, Room, Side
from checks.errors import (
    NotConfigured,
    NotPermitted,
    ProbeError,
    TimedOut,
    UnexpectedOutput,
    Unreachable,
)

LIST_SECONDS = 300.0
_DEEPEST = 64
_PIECE_BYTES = 2**20


class FolderSide:
    """agent.backups.offsite.side.Side of a folder."""

    def __init__(self, source: Source, this_host: ThisHost, table: Path) -> None:
        self._here = source.settings.place
        self._place = looking.offsite_settings(source).place
        self._this_host = this_host
        self._table = table

    @property
    def method(self) -> str:
        """How its bytes are read here."""
        return "read from the folder"

    def walk(self) -> Found:
        """List all files below the place. Links to files are followed, links to folders not."""
        ends = time.monotonic() + LIST_SECONDS
        entries: dict[str, Entry] = {}
        refused: dict[str, ProbeError] = {}
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                with _refusals(self._full(folder)):
                    for path, status in self._folder(folder):
                        if stat.S_ISDIR(status.st_mode):
                            folders.append(path)
                        elif stat.S_ISREG(status.st_mode):
                            entries[path] = _entry(path, status)
                if time.monotonic() > ends:
                    raise TimedOut(self._place, f"not listed to its end in {LIST_SECONDS:g} s")
            except _Gone:
                continue
            except NotPermitted as error:
                if not folder:
                    raise
                refused[folder] = error
        return Found(entries, refused)

    def again(self, path: str) -> Entry | None:
        """Look at one file once more."""
        try:
            with _refusals(self._full(path)):
                status = os.stat(self._full(path))  # noqa: PTH116 - Path would lose no time, os takes the text
        except _Gone:
            return None
        return _entry(path, status) if stat.S_ISREG(status.st_mode) else None

    def room(self) -> Room:
        """Return the room on the volume of the place."""
        with _refusals(self._place):
            told = os.statvfs(self._place)
        return Room(told.f_blocks * told.f_frsize, told.f_bavail * told.f_frsize)

    def clock_offset(self) -> float | None:
        """Nothing tells the clock of a NAS."""
        return None

    def same_host(self) -> bool | None:
        """Compare the volumes."""
        return mounts.is_same_host(self._here, self._place, self._this_host, self._table)

    def hashing(self) -> Hashing | None:
        """Nothing runs where the copies lie."""
        return None

    def read(self, path: str, *ranges: tuple[int, int]) -> Iterator[bytes]:
        """Yield the bytes of ranges of a file."""
        full = self._full(path)
        with _refusals(full), Path(full).open("rb", buffering=0) as file:
            for offset, length in ranges:
                end = offset + length
                while offset < end:
                    piece = os.pread(file.fileno(), min(_PIECE_BYTES, end - offset), offset)
                    if not piece:
                        break
                    offset += len(piece)
                    yield piece

    def _full(self, path: str) -> str:
        return f"{self._place}/{path}" if path else self._place

    def _folder(self, folder: str) -> Iterator[tuple[str, os.stat_result]]:
        with os.scandir(self._full(folder)) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                try:
                    status = entry.stat(follow_symlinks=not entry.is_dir())
                except OSError:  # gone meanwhile, a link that leads nowhere or in a circle
                    continue
                if path.count("/") < _DEEPEST:
                    yield path, status


class _Gone(ProbeError):
    """There is no such file or folder."""


def _entry(path: str, status: os.stat_result) -> Entry:
    return Entry(path, status.st_size, status.st_mtime)


@contextmanager
def _refusals(path: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _Gone(path, "no such file") from error
    except PermissionError as error:
        raise NotPermitted(path, error.strerror or str(error)) from error
    except OSError as error:
        words = error.strerror or str(error)
        kind = TimedOut if error.errno == errno.ETIMEDOUT else Unreachable
        raise kind(path, words) from error
    except ValueError as error:  # a NUL character in a path
        raise UnexpectedOutput(path, str(error)) from error


def way(
    this_host: ThisHost | None = None,
    table: Path = mounts.MOUNTS,
    watch_seconds: float = looking.WATCH_SECONDS,
) -> OffsiteWay:
    """Return the way; tests give it another host to be on, and less patience."""

    def reach(source: Source) -> AbstractContextManager[Side]:
        if not looking.offsite_settings(source).place:
            raise NotConfigured("offsite.place", "the folder of the copies")
        return nullcontext(FolderSide(source, this_host or ThisHost(), table))

    return way_by(reach, watch_seconds)


WAY = way()
