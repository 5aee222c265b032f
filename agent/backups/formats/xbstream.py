"""Streams of mariabackup and xtrabackup: every chunk has a checksum, every file an end.

The stream of a run that failed has the magic and is extracted without an error: what it lacks is
the file with the checkpoints, which is written last.
"""

import zlib

from agent.backups.damage import Damaged
from agent.backups.folders import CHECKPOINTS
from agent.backups.formats.format import Format, Structure, failed, passed
from agent.backups.kind import Budget, Source
from agent.backups.streaming import Content, Seen

_MAGIC = b"XBSTCK01"
_LONGEST_PATH = 4096
_IGNORABLE = 1


def _recognises(head: bytes) -> bool:
    return head.startswith(_MAGIC)


def walk_chunks(content: Content) -> frozenset[str]:
    """Check all chunks as they pass; return the names of the files that end. Raise Damaged."""
    open_files: set[bytes] = set()
    found: set[str] = set()
    while magic := content.read(len(_MAGIC)):
        if magic != _MAGIC:
            raise Damaged(f"xbstream: no chunk begins at byte {content.bytes}")
        flags, kind = _exactly(content, 2)
        length = int.from_bytes(_exactly(content, 4), "little")
        if not 0 < length <= _LONGEST_PATH:
            raise Damaged("xbstream: a file without a name")
        path = _exactly(content, length)
        if kind == ord("E"):
            open_files.discard(path)
            found.add(path.rpartition(b"/")[2].decode("utf-8", "replace"))
        elif kind in b"PS":
            open_files.add(path)
            _payload(content, sparse=kind == ord("S"))
        elif flags & _IGNORABLE:
            _payload(content, sparse=False)
        else:
            raise Damaged("xbstream: a chunk of no known type")
    if open_files:
        raise Damaged(f"xbstream: {len(open_files)} files have no end")
    return frozenset(found)


def _payload(content: Content, *, sparse: bool) -> None:
    entries = int.from_bytes(_exactly(content, 4), "little") if sparse else 0
    length = int.from_bytes(_exactly(content, 8), "little")
    _exactly(content, 8)
    checksum = int.from_bytes(_exactly(content, 4), "little")
    if entries:
        # The checksum covers the map of holes and the payload.
        _exactly(content, 8 * entries)
    crc = 0
    while length > 0:
        part = content.read(min(length, 2**20))
        if not part:
            raise Damaged("xbstream: it ends in the middle of a chunk")
        crc = zlib.crc32(part, crc)
        length -= len(part)
    if not sparse and crc != checksum:
        raise Damaged("xbstream: a chunk does not have its checksum")


def _exactly(content: Content, size: int) -> bytes:
    part = content.read(size)
    if len(part) < size:
        raise Damaged("xbstream: it ends in the middle of a chunk")
    return part


def _judge(_source: Source, seen: Seen, _budget: Budget) -> Structure:
    method = "xbstream, checkpoints"
    if seen.found.isdisjoint(CHECKPOINTS):
        return failed(method, f"there is no {CHECKPOINTS[0]} in it: the backup failed or was ended")
    return passed(method)


FORMAT = Format(
    name="xbstream",
    declared=("mariabackup", "xtrabackup", "xbstream"),
    recognises=_recognises,
    judge=_judge,
    consumer=walk_chunks,
)
