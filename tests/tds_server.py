"""A server that speaks as much of SQL Server's protocol (TDS 7.4) as pyodbc over FreeTDS needs.

It knows one login and answers queries from a function with rows that a test made. What it shows is
that drivers, cursors, types and errors are handled as they are; it is no SQL Server, and says
nothing of whether a query would run on one.
"""

import socketserver
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

USER = "inspection"
PASSWORD = "Geheim; =号1"
"""Without `}`: FreeTDS does not undo its doubling, which ODBC asks for."""
Row = Mapping[str, object]
Answer = Callable[[str], "Sequence[Row] | Refusal | None"]
_COLLATION = bytes([0x09, 0x04, 0xD0, 0x00, 0x34])
_LARGEST_PACKET = 4096


class Refusal(Exception):
    """An error of the server: number, words, severity."""

    def __init__(self, number: int, words: str, severity: int = 16) -> None:
        super().__init__(words)
        self.number, self.words, self.severity = number, words, severity


class Server(socketserver.ThreadingTCPServer):
    """Listens on a free port of loopback; `answer` may be changed at any time."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.answer: Answer = lambda _query: []
        self.asked: list[str] = []

    def place(self) -> str:
        """Return the connection string, without user and password."""
        return (
            f"Driver={{FreeTDS}};Server=127.0.0.1;Port={self.server_address[1]};"
            "TDS_Version=7.4;ClientCharset=UTF-8;Encryption=off"
        )


@contextmanager
def serving() -> Iterator[Server]:
    """Give a server that listens until the end."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Session(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        self.request.settimeout(30)
        try:
            self._talk()
        except (EOFError, OSError):
            return

    def _talk(self) -> None:
        self._message()
        self._send(_prelogin())
        _, login = self._message()
        if not _welcome(login):
            self._send(_error(18456, f"Login failed for user '{USER}'.", 14) + _done(2))
            return
        self._send(_logged_in())
        while True:
            kind, content = self._message()
            if kind != 1:  # attention, transactions: nothing to do
                self._send(_done(0x20 if kind == 6 else 0))
                continue
            (headers,) = struct.unpack("<I", content[:4])
            query = content[headers:].decode("utf-16-le")
            self.server.asked.append(query)
            self._send(self._answered(query))

    def _answered(self, query: str) -> bytes:
        if "SELECT" not in query.upper():
            return _done(0)  # SET …, USE …: the driver's own
        given = self.server.answer(query)
        if isinstance(given, Refusal):
            return _error(given.number, given.words, given.severity) + _done(2)
        return _table(given or [])

    def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            part = self.request.recv(count - len(found))
            if not part:
                raise EOFError
            found += part
        return found

    def _message(self) -> tuple[int, bytes]:
        content = b""
        while True:
            kind, status, length = struct.unpack(">BBH", self._exactly(8)[:4])
            content += self._exactly(length - 8)
            if status & 1:
                return kind, content

    def _send(self, content: bytes) -> None:
        size = _LARGEST_PACKET - 8
        parts = [content[at : at + size] for at in range(0, len(content), size)] or [b""]
        for number, part in enumerate(parts, 1):
            last = number == len(parts)
            header = struct.pack(">BBHHBB", 4, last, len(part) + 8, 51, number & 255, 0)
            self.request.sendall(header + part)


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


def _error(number: int, words: str, severity: int) -> bytes:
    content = struct.pack("<iBB", number, 1, severity) + _long(words)
    return _token(0xAA, content + _short("tests") + _short("") + struct.pack("<i", 1))


def _prelogin() -> bytes:
    options = [(0, struct.pack(">BBHH", 16, 0, 4135, 0)), (1, b"\2"), (2, b"\0"), (4, b"\0")]
    head, content = b"", b""
    for kind, value in options:
        head += struct.pack(">BHH", kind, 5 * len(options) + 1 + len(content), len(value))
        content += value
    return head + b"\xff" + content


def _welcome(login: bytes) -> bool:
    fields = []
    for index in range(3):  # host, user, password
        offset, length = struct.unpack("<HH", login[36 + 4 * index : 40 + 4 * index])
        fields.append(login[offset : offset + 2 * length])
    plain = bytes((((octet ^ 0xA5) & 0xF) << 4) | ((octet ^ 0xA5) >> 4) for octet in fields[2])
    given = fields[1].decode("utf-16-le"), plain.decode("utf-16-le", "replace")
    return given == (USER, PASSWORD)


def _logged_in() -> bytes:
    def changed(kind: int, new: bytes, old: bytes) -> bytes:
        return _token(0xE3, bytes([kind]) + new + old)

    version = struct.pack(">BBH", 16, 0, 4135)
    welcome = b"\x01" + struct.pack(">I", 0x74000004) + _short("Microsoft SQL Server") + version
    return (
        changed(1, _short("master"), _short("master"))
        + changed(7, bytes([5]) + _COLLATION, b"\0")
        + _token(0xAD, welcome)
        + changed(4, _short("4096"), _short("4096"))
        + _done(0)
    )


def _table(rows: Sequence[Row]) -> bytes:
    names = list(rows[0]) if rows else ["nothing"]
    wide = {name: any(isinstance(row[name], str) for row in rows) for name in names if rows}
    content = b"\x81" + struct.pack("<H", len(names))
    for name in names:
        number = b"\x26\x08"
        text = b"\xe7" + struct.pack("<H", 8000) + _COLLATION
        content += struct.pack("<IH", 0, 9) + (text if wide.get(name) else number) + _short(name)
    for row in rows:
        content += b"\xd1" + b"".join(_cell(row[name], bool(wide[name])) for name in names)
    return content + _done(0x10, len(rows))


def _cell(value: object, wide: bool) -> bytes:
    if value is None:
        return b"\xff\xff" if wide else b"\0"
    if wide:
        return struct.pack("<H", len(_wide(str(value)))) + _wide(str(value))
    assert isinstance(value, int)
    return b"\x08" + struct.pack("<q", value)
