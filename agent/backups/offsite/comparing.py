"""What two listings say of one restore point. Pure.

Names join as they are on disk, then as a person reads them: in NFC, where one side has GBK and the
other UTF-8.
"""

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256

from msgspec import Struct

from agent.backups.naming import shown
from agent.backups.offsite.side import Entry
from agent.backups.patterns import PARTIAL_SUFFIXES
from checks.backup_sets import Copy, CopyState, PointState, RestorePoint

_SUFFIXES = (*PARTIAL_SUFFIXES, ".!ut", "~")
_RSYNC = re.compile(r"\.(?P<name>.+)\.[A-Za-z0-9]{6}", re.DOTALL)
_RCLONE = re.compile(r"(?P<name>.+)\.[0-9a-z]{6,12}\.partial", re.DOTALL)
ABANDONED_SECONDS = 24 * 3600.0
"""A partial file that has not moved for so long is no transfer any more."""


class Wanted(Struct, frozen=True):
    """A file of a restore point as it is here."""

    path: str
    bytes: int


class Clock(Struct, frozen=True):
    """Time on the other side, as far as it is known."""

    now: float
    settle_seconds: float

    def is_young(self, entry: Entry) -> bool:
        """Tell whether a file was written so shortly ago that it may still be."""
        return abs(self.now - entry.modified) < self.settle_seconds

    def is_abandoned(self, entry: Entry) -> bool:
        """Tell whether nobody has written to a file for a day."""
        return self.now - entry.modified > ABANDONED_SECONDS


class Joined:
    """The other side's files, found by the names that they have here."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._exact = entries
        self._partials: dict[str, list[Entry]] = {}
        self._readable: dict[str, list[Entry]] | None = None
        for path, entry in entries.items():
            for final in final_names(path):
                self._partials.setdefault(join_key(final), []).append(entry)

    def of(self, path: str) -> Entry | None:
        """Return the file that is called like this, None if there is none or more than one."""
        exact = self._exact.get(path)
        if exact is not None:
            return exact
        if self._readable is None:
            self._readable = {}
            for name, entry in self._exact.items():
                self._readable.setdefault(join_key(name), []).append(entry)
        found = self._readable.get(join_key(path), [])
        return found[0] if len(found) == 1 else None

    def partials_of(self, path: str) -> Sequence[Entry]:
        """Return the files that will be called like this once they are whole."""
        return self._partials.get(join_key(path), []) if self._partials else []

    def others(self, wanted: Iterable[str]) -> list[str]:
        """Return the files, but partial ones, that are there and are none of these."""
        own = {entry.path for path in wanted if (entry := self.of(path)) is not None}
        return [path for path in self._exact if path not in own and not final_names(path)]


def join_key(path: str) -> str:
    """Return a path as a person reads it: the same for one name in UTF-8, GBK, NFC and NFD."""
    if path.isascii():
        return path
    octets = os.fsencode(path)
    for encoding in ("utf-8", "gb18030"):
        try:
            return unicodedata.normalize("NFC", octets.decode(encoding))
        except UnicodeDecodeError:
            continue
    return path


def final_names(path: str) -> tuple[str, ...]:
    """Return what a partly transferred file may be called at its end; none: it is no such file."""
    folder, slash, name = path.rpartition("/")
    if not name.startswith(".") and not name.lower().endswith(_SUFFIXES):
        return ()
    found = [match["name"] for form in (_RSYNC, _RCLONE) if (match := form.fullmatch(name))]
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            bare = name[: -len(suffix)]
            found += [bare, bare.removeprefix(".")]
    return tuple(dict.fromkeys(f"{folder}{slash}{each}" for each in found))


def file_state(wanted: Wanted, joined: Joined, clock: Clock, grown: frozenset[str]) -> CopyState:
    """Return the state of the copy of one file; `grown`: paths there that changed meanwhile."""
    entry = joined.of(wanted.path)
    if entry is None:
        under_way = (each for each in joined.partials_of(wanted.path) if each.path != wanted.path)
        if any(each.path in grown or not clock.is_abandoned(each) for each in under_way):
            return CopyState.PENDING
        return CopyState.MISSING
    if entry.path in grown or clock.is_young(entry):
        return CopyState.PENDING
    if entry.bytes == wanted.bytes:
        return CopyState.SAME_SIZE
    return CopyState.EMPTY if entry.bytes == 0 else CopyState.SIZE_DIFFERS


_WORST_FIRST = (
    CopyState.PENDING,
    CopyState.MISSING,
    CopyState.EMPTY,
    CopyState.SIZE_DIFFERS,
    CopyState.SAME_SIZE,
)
"""Of several files: while one of them is under way, the others need not be there yet."""


def copy_of(
    point: RestorePoint,
    files: Sequence[Wanted],
    joined: Joined,
    clock: Clock,
    grown: frozenset[str],
) -> Copy:
    """Return the copy of a restore point; `files` must not be empty."""
    states = {file_state(wanted, joined, clock, grown) for wanted in files}
    state = next(each for each in _WORST_FIRST if each in states)
    found = [entry for wanted in files if (entry := joined.of(wanted.path)) is not None]
    if state is CopyState.SAME_SIZE and not any(wanted.bytes for wanted in files):
        state = CopyState.EMPTY
    if point.state is PointState.GROWING and found:
        state = CopyState.PENDING  # what it is compared with is not whole itself
    return Copy(
        point=point.id,
        state=state,
        bytes=sum(entry.bytes for entry in found) if found else None,
        modified_at=_moment(max(entry.modified for entry in found)) if found else None,
    )


def manifest_digest(digests: Mapping[str, str]) -> str:
    """Return one digest for the files of a restore point: that of the file where it is one.

    Of several it is the SHA-256 of the lines that sha256sum would print of them in their folder,
    sorted by path, as the kind `files` has it.
    """
    if len(digests) == 1:
        return next(iter(digests.values()))
    folder = os.path.commonpath(list(digests))
    start = len(folder) + 1 if folder else 0
    lines = (f"{digests[path]}  {shown(path[start:])}\n" for path in sorted(digests))
    return sha256("".join(lines).encode()).hexdigest()


def _moment(seconds: float) -> datetime:
    """Return a time of a file; what no calendar has becomes the first or the last year."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime(1 if seconds < 0 else 9999, 1, 2, tzinfo=UTC)
