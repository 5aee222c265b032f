"""What lies in a folder of backups, bounded: memory by the newest points, time by a deadline.

Symbolic links are never followed below the place: one that leads to somewhere inside is listed
where it leads to, one that leads out is told. So there are no loops.
"""

import heapq
import os
import stat
import time
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from msgspec import Struct

from agent.backups.dates import name_date
from agent.backups.folders import is_backup
from agent.backups.naming import shown
from agent.backups.patterns import Pattern, final_name
from agent.backups.refusals import refusal, refusals
from checks.backup_sets import MOST_POINTS
from checks.errors import TimedOut

LISTING_SECONDS = 60.0
"""A local folder of 10^6 files takes 5 to 10 s; what takes longer than this does not answer."""
_COMPANIONS = (
    ".sha256",
    ".sha256sum",
    ".sha512",
    ".sha512sum",
    ".sha1",
    ".md5",
    ".md5sum",
    ".ok",
    ".done",
    ".sig",
    ".asc",
    "-wal",
    "-shm",
    "-journal",
)
"""What belongs to the file that is called the same without it."""
_LOGGED = (".dmp", ".DMP", ".dump", ".sql", ".sql.gz", ".bak", ".xb", ".tar", ".tar.gz")
_LISTS = ("SHA256SUMS", "SHA512SUMS", "SHA1SUMS", "MD5SUMS")
_ASK_CLOCK_EVERY = 512
_ODD_AT_MOST = 20


class Entry(Struct, frozen=True):
    """A file or folder that fits the pattern."""

    path: str
    """Below the place, as on disk."""
    object: str
    is_folder: bool
    is_partial: bool
    """Its name says that it is still being written."""
    bytes: int
    modified_ns: int
    inode: int


class Listing(Struct, frozen=True):
    """What was found."""

    entries: tuple[Entry, ...]
    """The newest, at most `most`."""
    left_out: int
    left_out_bytes: int
    unmatched: int
    odd: tuple[str, ...]


def listed(
    place: str,
    pattern: Pattern,
    zone: tzinfo | None,
    *,
    any_folder: bool = False,
    most: int = MOST_POINTS,
    seconds: float = LISTING_SECONDS,
) -> Listing:
    """List a place. `any_folder`: each folder that fits is a backup, whatever is in it.

    Raise a ProbeError where the place can't be listed, or not to its end.
    """
    with refusals(place):
        walk = _Walk(os.path.realpath(place, strict=True), pattern, zone, any_folder, most, seconds)
        os.scandir(walk.place).close()
    return walk.result()


class _Walk:
    """One walk through a place; what is kept is bounded."""

    def __init__(
        self,
        place: str,
        pattern: Pattern,
        zone: tzinfo | None,
        any_folder: bool,
        most: int,
        seconds: float,
    ) -> None:
        self.place = place
        self._pattern = pattern
        self._zone = zone
        self._any_folder = any_folder
        self._most = most
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._newest: list[tuple[float, str, Entry]] = []
        self._left_out = 0
        self._left_out_bytes = 0
        self._unmatched = 0
        self._seen = 0
        self._outside = 0
        self._refused: list[OSError] = []
        self._odd: list[str] = []

    def result(self) -> Listing:
        """Walk, and return what was found."""
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                self._folder(folder, folders)
            except OSError as error:
                if not folder:
                    raise refusal(self.place, error) from error
                self._refused.append(error)
                words = error.strerror or str(error)
                self._odd.append(f"{shown(folder)} can't be listed: {words}")
        if self._refused and not self._newest:
            # What is behind the refusal may be all there is.
            subject = shown(str(self._refused[0].filename or self.place))
            raise refusal(subject, self._refused[0])
        if self._outside:
            self._odd.append(
                f"{self._outside} symbolic links that lead out of the place or nowhere "
                "were not followed"
            )
        if self._left_out:
            self._odd.append(f"{self._left_out} older restore points are not listed one by one")
        entries = [entry for *_, entry in sorted(self._newest, reverse=True)]
        return Listing(
            tuple(entries),
            self._left_out,
            self._left_out_bytes,
            self._unmatched,
            tuple(self._odd[:_ODD_AT_MOST]),
        )

    def _folder(self, folder: str, folders: list[str]) -> None:
        with os.scandir(str(Path(self.place, folder))) as entries:
            for entry in entries:
                self._seen += 1
                if self._seen % _ASK_CLOCK_EVERY == 0 and time.monotonic() > self._deadline:
                    raise TimedOut(
                        shown(self.place),
                        f"not listed to its end in {self._seconds:g} s, {self._seen} entries seen",
                    )
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_symlink():
                    self._link(entry)
                elif entry.is_dir(follow_symlinks=False):
                    self._subfolder(entry, path, folders)
                elif not entry.is_file(follow_symlinks=False) or not self._file(entry, path):
                    self._unmatched += 1

    def _link(self, entry: "os.DirEntry[str]") -> None:
        target = os.path.realpath(entry.path)
        inside = f"{target}/".startswith(self.place.rstrip("/") + "/")
        if not inside or not os.path.lexists(target):
            self._outside += 1

    def _subfolder(self, entry: "os.DirEntry[str]", path: str, folders: list[str]) -> None:
        object_name, partial = self._fits(path)
        if object_name is not None and (self._any_folder or is_backup(entry.path)):
            self._keep(entry, path, object_name, partial)
        elif self._pattern.leads_through(path):
            folders.append(path)
        else:
            self._unmatched += 1

    def _file(self, entry: "os.DirEntry[str]", path: str) -> bool:
        """Keep a file that fits; return whether it fits or belongs to one."""
        if _is_companion(entry, self._pattern):
            return True
        object_name, partial = self._fits(path)
        if object_name is None:
            return False
        self._keep(entry, path, object_name, partial)
        return True

    def _fits(self, path: str) -> tuple[str | None, bool]:
        # {object} may be written in Chinese where the name on disk is GBK.
        readable = path if path.isascii() else shown(path)
        final = final_name(readable)
        if final is not None:
            object_name = self._pattern.object_of(final)
            if object_name is not None:
                return object_name, True
        return self._pattern.object_of(readable), final is not None

    def _keep(self, entry: "os.DirEntry[str]", path: str, object_name: str, partial: bool) -> None:
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:  # gone since: retention has taken it
            return
        found = Entry(
            path,
            object_name,
            stat.S_ISDIR(status.st_mode),
            partial,
            status.st_size,
            status.st_mtime_ns,
            status.st_ino,
        )
        named = name_date(path, self._zone or UTC)
        at = named.at.timestamp() if named else status.st_mtime
        item = (at, path, found)
        if len(self._newest) < self._most:
            heapq.heappush(self._newest, item)
            return
        dropped = heapq.heappushpop(self._newest, item)[-1]
        self._left_out += 1
        self._left_out_bytes += dropped.bytes


def _is_companion(entry: "os.DirEntry[str]", pattern: Pattern) -> bool:
    """Return whether a file belongs to another one, and the pattern does not ask for its like."""
    name = entry.name
    if name in _LISTS:
        return True
    for suffix in _COMPANIONS:
        if name.endswith(suffix) and not pattern.ends_with(suffix):
            return os.path.lexists(entry.path[: -len(suffix)])
    if name.endswith(".log") and not pattern.ends_with(".log"):
        return any(os.path.lexists(entry.path[:-4] + suffix) for suffix in _LOGGED)
    return False


def moment(nanoseconds: int) -> datetime:
    """Return a time of a file (UTC). Times that no calendar has become its first or last year."""
    try:
        return datetime.fromtimestamp(nanoseconds / 1e9, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime(1 if nanoseconds < 0 else 9999, 1, 2, tzinfo=UTC)
