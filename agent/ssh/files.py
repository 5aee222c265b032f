"""The files of a server over SFTP: listed, looked at and read, never changed.

Names are octets: Linux knows no encoding, and paramiko's own listing raises on a name in GBK. The
requests are made by its SFTPClient, the pipeline is ours: its `readv` asks for 32 KiB at a time
(60 MB/s on loopback), this one for what OpenSSH gives at most, many at once (200 MB/s).
"""

import os
import stat
import struct
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING

from msgspec import Struct

from agent.ssh.connection import Connection
from agent.ssh.library import paramiko
from checks.errors import NotPermitted, ProbeError, UnexpectedOutput, Unsupported

if TYPE_CHECKING:
    from paramiko import SFTPClient

_OPEN, _CLOSE, _READ, _LSTAT, _OPENDIR, _READDIR, _STAT = 3, 4, 5, 7, 11, 12, 17
_EXTENDED, _STATUS, _HANDLE, _DATA, _NAME, _ATTRIBUTES, _EXTENDED_REPLY = 200, *range(101, 106), 201
_OK, _EOF, _NO_SUCH_FILE, _DENIED, _UNSUPPORTED = 0, 1, 2, 3, 8
_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES, _HAS_MORE = 1, 2, 4, 8, 2**31
_NUMBER, _LONG_NUMBER = struct.Struct(">I"), struct.Struct(">Q")
_READ_ONLY = 1
_PIECE_BYTES = 261_120
"""What OpenSSH answers at most to one request to read (255 KiB)."""
_AHEAD = 32
"""Requests under way: 8 MiB, the window of the channel; measured best of 4, 8 and 32 MiB."""
_LIST_AHEAD = 16
_ENCODING_SHIFT = "surrogateescape"


class Missing(ProbeError):
    """There is no such file or folder."""


class Attributes(Struct, frozen=True):
    """What a server tells of an entry."""

    bytes: int
    modified: int
    """Seconds since 1970, by the server's clock."""
    mode: int

    @property
    def is_folder(self) -> bool:
        """Tell whether it is a folder."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_file(self) -> bool:
        """Tell whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_link(self) -> bool:
        """Tell whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)


class Space(Struct, frozen=True):
    """Room on a volume."""

    total_bytes: int
    free_bytes: int
    """That this user may take."""


class _Piece(Struct, frozen=True):
    """One request to read; `range` is the place of the range that it is of."""

    range: int
    offset: int
    length: int


class Files:
    """The files of a connection's server. Paths are those of os.fsdecode."""

    def __init__(self, connection: Connection, client: "SFTPClient") -> None:
        self._connection = connection
        self._client = client
        self._answers: dict[int, tuple[int, bytes]] = {}

    def folder(self, path: str) -> Iterator[tuple[str, Attributes]]:
        """Yield name and attributes of each entry of a folder, links not followed.

        Raise Missing, NotPermitted, UnexpectedOutput (no folder), TimedOut, Unreachable.
        """
        handle = self._handle(path, _OPENDIR, _octets(path))
        found: list[tuple[str, Attributes]] = []
        ahead, ended = 2, False
        while not ended:
            with self._working(path):
                asked = [self._ask(_READDIR, handle) for _ in range(ahead)]
                for number in asked:
                    kind, body = self._answer(number)
                    if kind == _STATUS and _code(body) == _EOF:
                        ended = True
                    elif not ended:
                        _demand(path, kind, body, _NAME)
                        found += _entries(body)
            ahead = _LIST_AHEAD
            yield from found
            found.clear()
        self._close(path, handle)

    def look(self, path: str, *, follow: bool = True) -> Attributes:
        """Return the attributes of an entry. Raise as `folder` does."""
        with self._working(path):
            kind, body = self._answer(self._ask(_STAT if follow else _LSTAT, _octets(path)))
            _demand(path, kind, body, _ATTRIBUTES)
            return _attributes(body)[0]

    def read(self, path: str, *ranges: tuple[int, int]) -> Iterator[bytes]:
        """Yield the bytes of the ranges (offset, length), one after the other, in pieces.

        A range ends early at the end of the file. Raise as `folder` does; TimedOut also where
        nothing comes for a while in the middle.
        """
        handle = self._handle(path, _OPEN, _octets(path), _READ_ONLY, paramiko().SFTPAttributes())
        wanted = _pieces(ranges)
        waiting: deque[tuple[int, _Piece]] = deque()
        ended = -1
        """The range whose end was found to be the end of the file."""
        try:
            while True:
                with self._working(path):
                    while len(waiting) < _AHEAD and (piece := next(wanted, None)) is not None:
                        if piece.range != ended:
                            waiting.append((self._ask_bytes(handle, piece), piece))
                        else:
                            wanted = _pieces(ranges, piece.range + 1)
                    if not waiting:
                        break
                    number, piece = waiting.popleft()
                    content = self._bytes(path, handle, number, piece)
                if len(content) < piece.length:
                    ended = piece.range
                if content:
                    yield content
        finally:
            for number, _ in waiting:
                self._answers.pop(number, None)
        self._close(path, handle)

    def space(self, path: str) -> Space:
        """Return the room on the volume of a folder. Raise Unsupported where it isn't told."""
        with self._working(path):
            asked = self._ask(_EXTENDED, b"statvfs@openssh.com", _octets(path))
            kind, body = self._answer(asked)
            if kind == _STATUS and _code(body) == _UNSUPPORTED:
                raise Unsupported(
                    f"{self._connection.server}: free space", "no statvfs@openssh.com"
                )
            _demand(path, kind, body, _EXTENDED_REPLY)
            _, fragment, blocks, _, available = struct.unpack(">5Q", body[:40])
        return Space(blocks * fragment, available * fragment)

    def _working(self, path: str) -> AbstractContextManager[None]:
        return self._connection.working(
            f"{self._connection.server}:{path}", self._connection.limits.silence
        )

    def _handle(self, path: str, request: int, *values: object) -> bytes:
        with self._working(path):
            kind, body = self._answer(self._ask(request, *values))
        _demand(path, kind, body, _HANDLE)
        handle: bytes = paramiko().Message(body).get_string()
        return handle

    def _close(self, path: str, handle: bytes) -> None:
        with self._working(path):
            self._answer(self._ask(_CLOSE, handle))

    def _ask_bytes(self, handle: bytes, piece: "_Piece") -> int:
        return self._ask(_READ, handle, paramiko().sftp.int64(piece.offset), piece.length)

    def _bytes(self, path: str, handle: bytes, number: int, piece: "_Piece") -> bytes:
        """Return the bytes of one piece; a server may give them in smaller ones."""
        parts: list[bytes] = []
        while True:
            kind, body = self._answer(number)
            if kind == _STATUS and _code(body) == _EOF:
                break
            _demand(path, kind, body, _DATA)
            part = body[4:]
            parts.append(part)
            left = piece.length - len(part)
            if left <= 0 or not part:
                break
            piece = _Piece(piece.range, piece.offset + len(part), left)
            number = self._ask_bytes(handle, piece)
        return b"".join(parts)

    def _ask(self, request: int, *values: object) -> int:
        number: int = self._client._async_request(type(None), request, *values)
        return number

    def _answer(self, number: int) -> tuple[int, bytes]:
        """Return the kind of the answer to a request and what it holds."""
        while number not in self._answers:
            kind, packet = self._client._read_packet()
            self._answers[struct.unpack(">I", packet[:4])[0]] = (kind, packet[4:])
        return self._answers.pop(number)


@contextmanager
def files_of(connection: Connection) -> Iterator[Files]:
    """Open SFTP on a connection. Raise NotPermitted where the server has none for this user."""
    subject = f"{connection.server}: SFTP"
    channel = connection.open_channel(subject)
    try:
        with connection.working(subject, connection.limits.request):
            try:
                channel.invoke_subsystem("sftp")
                client = paramiko().SFTPClient(channel)
            except (paramiko().SSHException, paramiko().sftp.SFTPError, EOFError) as error:
                if connection.transport.is_active():
                    raise NotPermitted(subject, "the server offers none to this user") from error
                raise
        yield Files(connection, client)
    finally:
        # A line that broke is told by what broke it; closing it says nothing new.
        with suppress(paramiko().SSHException, EOFError, OSError):
            channel.close()


def _octets(path: str) -> bytes:
    return path.encode("utf-8", _ENCODING_SHIFT)


def _pieces(ranges: tuple[tuple[int, int], ...], first: int = 0) -> Iterator[_Piece]:
    for place, (start, length) in enumerate(ranges[first:], start=first):
        for offset in count(start, _PIECE_BYTES):
            left = start + length - offset
            if left <= 0:
                break
            yield _Piece(place, offset, min(left, _PIECE_BYTES))


def _entries(body: bytes) -> Iterator[tuple[str, Attributes]]:
    # By hand: paramiko's Message takes three times as long, and there may be 10^6 of them.
    at = 4
    for _ in range(_NUMBER.unpack_from(body)[0]):
        name, at = _string(body, at)
        _, at = _string(body, at)  # the line of `ls -l`
        attributes, at = _attributes(body, at)
        if name not in (b".", b".."):
            yield os.fsdecode(name), attributes


def _string(body: bytes, at: int) -> tuple[bytes, int]:
    start = at + 4
    end = start + _NUMBER.unpack_from(body, at)[0]
    return body[start:end], end


def _attributes(body: bytes, at: int = 0) -> tuple[Attributes, int]:
    """Return the attributes that stand at a place, and where they end."""
    (flags,) = _NUMBER.unpack_from(body, at)
    at += 4
    size = modified = mode = 0
    if flags & _HAS_SIZE:
        (size,) = _LONG_NUMBER.unpack_from(body, at)
        at += 8
    if flags & _HAS_OWNER:
        at += 8
    if flags & _HAS_MODE:
        (mode,) = _NUMBER.unpack_from(body, at)
        at += 4
    if flags & _HAS_TIMES:
        (modified,) = _NUMBER.unpack_from(body, at + 4)
        at += 8
    if flags & _HAS_MORE:
        (pairs,) = _NUMBER.unpack_from(body, at)
        at += 4
        for _ in range(2 * pairs):
            _, at = _string(body, at)
    return Attributes(size, modified, mode), at


def _code(body: bytes) -> int:
    code: int = struct.unpack(">I", body[:4])[0]
    return code


def _demand(path: str, kind: int, body: bytes, wanted: int) -> None:
    """Raise what a refusal means, unless the answer is of the wanted kind."""
    if kind == wanted:
        return
    if kind != _STATUS:
        raise UnexpectedOutput(path, f"the server answered with packet type {kind}")
    code = _code(body)
    words = paramiko().Message(body[4:]).get_string().decode("utf-8", "replace")
    if code == _NO_SUCH_FILE:
        raise Missing(path, "no such file there")
    if code == _DENIED:
        raise NotPermitted(path, words or "permission denied there")
    raise UnexpectedOutput(path, words or f"the server refused with code {code}")
