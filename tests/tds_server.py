"""A server that speaks as much of SQL Server's protocol (TDS 7.4) as a driver needs to read rows.

It knows one login and answers queries from a function with rows that a test made, over TLS where it
is told to, for Microsoft's driver and for FreeTDS. What it shows is that drivers, cursors, types,
errors and time-outs are handled as they are; it is no SQL Server, and says nothing of whether a
query would run on one.
"""

import select
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.tds_types import COLLATION, KINDS, kind_of

USER = "inspection"
PASSWORD = "Geheim; =号1"
"""Without `}`: FreeTDS does not undo its doubling, which ODBC asks for."""
Row = Mapping[str, object]
_LARGEST_PACKET = 4096
_BATCH, _ATTENTION, _TRANSACTION, _PRELOGIN = 1, 6, 14, 18
_MORE_THAN_ERROR = 2
_ATTENTION_DONE = 0x20
_ASKING = ("SELECT", "WITH", "EXEC ")
"""What else comes are the session's settings and the driver's own: done, and nothing to show."""


class Refusal(Exception):
    """An error of the server: number, words, severity."""

    def __init__(self, number: int, words: str, severity: int = 16) -> None:
        super().__init__(words)
        self.number, self.words, self.severity = number, words, severity


@dataclass(frozen=True)
class Table:
    """Rows whose columns have types of their own (tests.tds_types.KINDS)."""

    columns: Mapping[str, str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Hang:
    """A query that gives nothing until it is broken off, or until so many seconds have gone."""

    seconds: float = 20


Answer = Callable[[str], "Sequence[Row] | Table | Refusal | Hang | None"]


class Server(socketserver.ThreadingTCPServer):
    """Listens on a free port of loopback; all that is public may be changed at any time."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.tls = tls
        self.answer: Answer = lambda _query: []
        self.asked: list[str] = []
        self.inside: list[str] = []
        """The database that each of `asked` was asked in."""
        self.signed_in = 0
        """How many connections there have been."""
        self.broken_off = 0
        """How many queries a driver gave up on."""
        self.refused_login: Refusal | None = None
        self.closed: dict[str, Refusal] = {}
        """Databases that USE does not enter."""

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def place(self) -> str:
        """Return the connection string, without user and password."""
        return (
            f"Driver={{FreeTDS}};Server=127.0.0.1;Port={self.port};"
            "TDS_Version=7.4;ClientCharset=UTF-8;Encryption=off"
        )


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Give a server that listens until the end."""
    with Server(tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Session(socketserver.BaseRequestHandler):
    server: Server

    def setup(self) -> None:
        self.request.settimeout(30)
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._clear = b""
        self._database = "master"

    def handle(self) -> None:
        try:
            self._talk()
        except (EOFError, OSError):
            return

    def _talk(self) -> None:
        _, hello = self._message()
        encrypted = self._agree(hello)
        _, login = self._message()
        if encrypted == _LOGIN_ONLY:
            self._tls = None
        refusal = self.server.refused_login
        if refusal is None and not _welcome(login):
            refusal = Refusal(18456, f"Login failed for user '{USER}'.", 14)
        if refusal is not None:
            self._send(_error(refusal) + _done(_MORE_THAN_ERROR))
            return
        self._database = _fields(login)[8] or "master"
        self.server.signed_in += 1
        self._send(_logged_in(self._database))
        while True:
            self._send(self._reply(*self._message()))

    def _agree(self, hello: bytes) -> int:
        """Answer the first message, and go over to TLS where both want it."""
        wanted = _encryption(hello)
        agreed = _NOT_SUPPORTED
        if self.server.tls is not None:
            agreed = _ON if wanted in (_ON, _REQUIRED) else _LOGIN_ONLY
        self._send(_prelogin(agreed))
        if self.server.tls is not None and agreed != _NOT_SUPPORTED:
            self._shake_hands(self.server.tls)
        return agreed

    def _reply(self, kind: int, content: bytes) -> bytes:
        if kind == _ATTENTION:
            return _done(_ATTENTION_DONE)
        if kind == _BATCH:
            (headers,) = struct.unpack("<I", content[:4])
            return self._answered(content[headers:].decode("utf-16-le"))
        # Requests of transactions end well; there are no parameters to be read.
        return _done(0) if kind == _TRANSACTION else _error(Refusal(50000, "not known")) + _done(2)

    def _answered(self, query: str) -> bytes:
        self.server.asked.append(query)
        self.server.inside.append(self._database)
        words = query.strip()
        if words.upper().startswith("USE "):
            return self._use(words[4:].strip().removeprefix("[").removesuffix("]"))
        if not words.upper().startswith(_ASKING):
            return _done(0)
        given = self.server.answer(query)
        if isinstance(given, Refusal):
            return _error(given) + _done(_MORE_THAN_ERROR)
        if isinstance(given, Hang):
            return self._hang(given.seconds)
        return _table(given if isinstance(given, Table) else _typed(given or []))

    def _use(self, name: str) -> bytes:
        name = name.replace("]]", "]")
        if name in self.server.closed:
            return _error(self.server.closed[name]) + _done(_MORE_THAN_ERROR)
        before, self._database = self._database, name
        words = f"Changed database context to '{name}'."
        return _changed(1, _short(name), _short(before)) + _information(5701, words) + _done(0)

    def _hang(self, seconds: float) -> bytes:
        if select.select([self.request], [], [], seconds)[0]:
            kind, _ = self._message()
            assert kind == _ATTENTION
            self.server.broken_off += 1
            return _done(_ATTENTION_DONE)
        return _done(0)

    def _shake_hands(self, context: ssl.SSLContext) -> None:
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            if waiting := self._outgoing.read():
                self._send(waiting, _PRELOGIN)
            if done:
                break
            self._incoming.write(self._message()[1])
        self._tls = tls

    def _exactly(self, count: int) -> bytes:
        while len(self._clear) < count:
            if self._tls is None:
                part = self.request.recv(count - len(self._clear))
            else:
                part = self._decrypted(self._tls)
            if not part:
                raise EOFError
            self._clear += part
        found, self._clear = self._clear[:count], self._clear[count:]
        return found

    def _decrypted(self, tls: ssl.SSLObject) -> bytes:
        while True:
            try:
                return tls.read(2**16)
            except ssl.SSLWantReadError:
                part = self.request.recv(2**16)
                if not part:
                    raise EOFError from None
                self._incoming.write(part)

    def _message(self) -> tuple[int, bytes]:
        content = b""
        while True:
            kind, status, length = struct.unpack(">BBH", self._exactly(8)[:4])
            content += self._exactly(length - 8)
            if status & 1:
                return kind, content

    def _send(self, content: bytes, kind: int = 4) -> None:
        size = _LARGEST_PACKET - 8
        parts = [content[at : at + size] for at in range(0, len(content), size)] or [b""]
        packets = bytearray()
        for number, part in enumerate(parts, 1):
            last = number == len(parts)
            header = struct.pack(">BBHHBB", kind, last, len(part) + 8, 51, number & 255, 0)
            packets += header + part
        if self._tls is not None:
            self._tls.write(packets)
            packets = bytearray(self._outgoing.read())
        self.request.sendall(packets)


_LOGIN_ONLY, _ON, _NOT_SUPPORTED, _REQUIRED = 0, 1, 2, 3


def _wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def _short(text: str) -> bytes:
    return bytes([len(_wide(text)) // 2]) + _wide(text)


def _long(text: str) -> bytes:
    return struct.pack("<H", len(_wide(text)) // 2) + _wide(text)


def _token(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + struct.pack("<H", len(content)) + content


def _done(status: int, rows: int = 0) -> bytes:
    return b"\xfd" + struct.pack("<HHQ", status, 0xC1 if rows else 0, rows)


def _told(token: int, number: int, words: str, severity: int) -> bytes:
    content = struct.pack("<iBB", number, 1, severity) + _long(words)
    return _token(token, content + _short("tests") + _short("") + struct.pack("<i", 1))


def _error(refusal: Refusal) -> bytes:
    return _told(0xAA, refusal.number, refusal.words, refusal.severity)


def _information(number: int, words: str) -> bytes:
    return _told(0xAB, number, words, 0)


def _encryption(hello: bytes) -> int:
    """Return what the client says of encryption in its first message."""
    at = 0
    while hello[at] != 0xFF:
        kind, offset, _length = struct.unpack(">BHH", hello[at : at + 5])
        if kind == 1:
            return hello[offset]
        at += 5
    return _NOT_SUPPORTED


def _prelogin(encryption: int) -> bytes:
    options = [
        (0, struct.pack(">BBHH", 16, 0, 4135, 0)),
        (1, bytes([encryption])),
        (2, b"\0"),
        (4, b"\0"),
    ]
    head, content = b"", b""
    for kind, value in options:
        head += struct.pack(">BHH", kind, 5 * len(options) + 1 + len(content), len(value))
        content += value
    return head + b"\xff" + content


def _fields(login: bytes) -> list[str]:
    """Return host, user, password (as it was sent), …, and the database at index 8."""
    found = []
    for index in range(9):
        offset, length = struct.unpack("<HH", login[36 + 4 * index : 40 + 4 * index])
        found.append(login[offset : offset + 2 * length].decode("utf-16-le", "surrogatepass"))
    return found


def _welcome(login: bytes) -> bool:
    fields = _fields(login)
    sent = fields[2].encode("utf-16-le", "surrogatepass")
    plain = bytes((((octet ^ 0xA5) & 0xF) << 4) | ((octet ^ 0xA5) >> 4) for octet in sent)
    return (fields[1], plain.decode("utf-16-le", "replace")) == (USER, PASSWORD)


def _changed(kind: int, new: bytes, old: bytes) -> bytes:
    return _token(0xE3, bytes([kind]) + new + old)


def _logged_in(database: str) -> bytes:
    version = struct.pack(">BBH", 16, 0, 4135)
    welcome = b"\x01" + struct.pack(">I", 0x74000004) + _short("Microsoft SQL Server") + version
    return (
        _changed(1, _short(database), _short("master"))
        + _information(5701, f"Changed database context to '{database}'.")
        + _changed(7, bytes([5]) + COLLATION, b"\0")
        + _changed(2, _short("us_english"), _short(""))
        + _token(0xAD, welcome)
        + _changed(4, _short("4096"), _short("4096"))
        + _done(0)
    )


def _typed(rows: Sequence[Row]) -> Table:
    names = list(rows[0]) if rows else ["nothing"]
    columns = {name: kind_of([row[name] for row in rows]) for name in names}
    return Table(columns, [[row[name] for name in names] for row in rows])


def _table(table: Table) -> bytes:
    kinds = [KINDS[kind] for kind in table.columns.values()]
    parts = [b"\x81" + struct.pack("<H", len(kinds))]
    for name, kind in zip(table.columns, kinds, strict=True):
        parts.append(struct.pack("<IH", 0, 9) + kind.column + _short(name))
    for row in table.rows:
        parts.append(b"\xd1")
        for kind, value in zip(kinds, row, strict=True):
            parts.append(kind.null if value is None else kind.write(value))
    return b"".join(parts) + _done(0x10, len(table.rows))
