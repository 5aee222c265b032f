"""tar: read member by member to its end, where two blocks of zeros have to be."""

import tarfile
from typing import IO, cast

from agent.backups.damage import Damaged
from agent.backups.formats.format import Format, Structure, passed
from agent.backups.kind import Budget, Source
from agent.backups.streaming import Content, Seen

_BLOCK_BYTES = 512
_READ_BYTES = 2**20
_FACTORS = (20, 64, 128, 256, 512, 1024, 2048)
"""Blocks in a record (tar -b): all tools write 20 unless they are told otherwise."""


def _recognises(head: bytes) -> bool:
    return head[257:262] == b"ustar"


def walk_members(content: Content) -> frozenset[str]:
    """Read all members as they pass; return the name of the last one. Raise Damaged."""
    names = 0
    last = ""
    try:
        # The stream reader asks for nothing but read().
        stream = cast("IO[bytes]", content)
        with tarfile.open(fileobj=stream, mode="r|", bufsize=_READ_BYTES) as archive:
            while (member := archive.next()) is not None:
                names += 1
                last = member.name
                archive.members.clear()  # type: ignore[attr-defined] # else all of them stay in memory; no stub has it
            end = archive.offset
    except (tarfile.TarError, EOFError, ValueError, OverflowError) as error:
        raise Damaged(f"tar: {error}") from error
    content.drain()
    # tarfile takes a broken header behind the first one for the end.
    if content.nonzero_end > end:
        raise Damaged(f"tar: no header where one has to be, after {names} members")
    zeros = content.bytes - end
    if zeros < 2 * _BLOCK_BYTES:
        raise Damaged(f"tar: no end of the archive, after {names} members")
    if zeros >= 2 * _BLOCK_BYTES + _record_bytes(content.bytes):
        raise Damaged(f"tar: {zeros} zero bytes after {names} members: preallocated only")
    return frozenset({last})


def _record_bytes(size: int) -> int:
    """Return the largest record that an archive of this size may have been padded to."""
    fitting = (factor for factor in _FACTORS if size % (factor * _BLOCK_BYTES) == 0)
    return max(fitting, default=20) * _BLOCK_BYTES


def _judge(_source: Source, _seen: Seen, _budget: Budget) -> Structure:
    return passed("tar, read to its end")


FORMAT = Format(
    name="tar", declared=("tar",), recognises=_recognises, judge=_judge, consumer=walk_members
)
