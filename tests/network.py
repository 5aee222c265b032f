"""A bad network of our own: a relay between client and server that does to bytes what lines do.

netem is not in every kernel; this is a relay in threads, one pair for each connection.
"""

import base64
import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECE_BYTES = 4096


@dataclass(frozen=True)
class Way:
    """What happens to the bytes of one direction."""

    delay_seconds: float = 0.0
    """For each piece."""
    bytes_per_second: float | None = None
    cut_after: int | None = None
    """So many bytes pass, then the connection ends as `ending` says."""
    corrupt_at: int | None = None
    """This byte is changed."""


@dataclass(frozen=True)
class Line:
    """What happens to one connection."""

    to_server: Way = Way()
    to_client: Way = Way()
    ending: str = "close"
    """How a cut ends: `close` (FIN), `reset` (RST), `silence` (half-open: nothing moves any more)
    or `half` (only the direction that was cut ends)."""


CLEAR = Line()


@dataclass
class Relay:
    """A relay that is running."""

    port: int
    connections: list[Line] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    ends: set[socket.socket] = field(default_factory=set)


@contextmanager
def relaying(target: int, line_of: Callable[[int], Line]) -> Iterator[Relay]:
    """Relay to a port of this host; `line_of` gives the fate of the n-th connection, from 0."""
    listener = socket.create_server(("127.0.0.1", 0))
    relay = Relay(listener.getsockname()[1])
    carriers: list[threading.Thread] = []

    def serve() -> None:
        with listener:
            while not relay.stopped.is_set():
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                line = line_of(len(relay.connections))
                relay.connections.append(line)
                carrier = threading.Thread(target=_carry, args=(relay, client, target, line))
                carriers.append(carrier)
                carrier.start()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield relay
    finally:
        relay.stopped.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for end in tuple(relay.ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for carrier in carriers:
            carrier.join()


def _carry(relay: "Relay", client: socket.socket, target: int, line: Line) -> None:
    try:
        server = socket.create_connection(("127.0.0.1", target))
    except OSError:
        _reset(client)
        return
    with client, server:
        pair = (client, server)
        for end in pair:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        relay.ends.update(pair)
        back = threading.Thread(
            target=_pump, args=(relay, pair, server, client, line.to_client, line.ending)
        )
        back.start()
        _pump(relay, pair, client, server, line.to_server, line.ending)
        back.join()
        relay.ends.difference_update(pair)


def _pump(
    relay: Relay,
    pair: tuple[socket.socket, socket.socket],
    source: socket.socket,
    drain: socket.socket,
    way: Way,
    ending: str,
) -> None:
    passed = 0
    with suppress(OSError):
        while True:
            if passed == way.cut_after:
                _end(relay, pair, drain, ending)
                return
            room = PIECE_BYTES if way.cut_after is None else way.cut_after - passed
            piece = source.recv(min(PIECE_BYTES, room))
            if not piece:
                drain.shutdown(socket.SHUT_WR)
                return
            if way.corrupt_at is not None and 0 <= way.corrupt_at - passed < len(piece):
                place = way.corrupt_at - passed
                piece = piece[:place] + bytes([piece[place] ^ 0x55]) + piece[place + 1 :]
            pause = way.delay_seconds
            if way.bytes_per_second is not None:
                pause += len(piece) / way.bytes_per_second
            if pause and relay.stopped.wait(pause):
                return
            drain.sendall(piece)
            passed += len(piece)


def _end(
    relay: Relay, pair: tuple[socket.socket, socket.socket], drain: socket.socket, ending: str
) -> None:
    if ending == "silence":
        relay.stopped.wait()
    elif ending == "half":
        drain.shutdown(socket.SHUT_WR)
    else:
        for end in pair:
            if ending == "reset":
                _reset(end)
            else:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)


def _reset(end: socket.socket) -> None:
    """Close with RST."""
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # The pump of the other direction may sit in recv, which keeps the connection until it returns.
    with suppress(OSError):
        end.shutdown(socket.SHUT_RD)
    end.close()


@dataclass
class Proxy:
    """A proxy that is running, and what it was asked for: `CONNECT host:port`, `PUT http://…`."""

    port: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def proxying(credentials: str | None = None, refusal: int | None = None) -> Iterator[Proxy]:
    """Run an HTTP proxy that wants `user:password`, or refuses everything with a status."""
    proxy = Proxy()
    wanted = credentials and "Basic " + base64.b64encode(credentials.encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def allowed(self) -> bool:
            proxy.asked.append(f"{self.command} {self.path}")
            status = refusal
            if wanted and self.headers["Proxy-Authorization"] != wanted:
                status = 407
            if status is None:
                return True
            self.close_connection = True
            self.send_response(status)
            self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return False

        def do_CONNECT(self) -> None:
            if not self.allowed():
                return
            self.close_connection = True
            host, _, port = self.path.rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_copy, args=(server, self.connection), daemon=True)
                back.start()
                _copy(self.connection, server)
                back.join()

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if not self.allowed():
                return
            place, _, path = self.path.removeprefix("http://").partition("/")
            connection = http.client.HTTPConnection(place)
            kept = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in ("proxy-authorization", "host", "content-length")
            }
            connection.request(self.command, f"/{path}", body or None, kept)
            answer = connection.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            connection.close()

        def do_GET(self) -> None:
            self.forward()

        def do_PUT(self) -> None:
            self.forward()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    proxy.port = server.server_port
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _copy(source: socket.socket, drain: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            drain.sendall(piece)
    with suppress(OSError):
        drain.shutdown(socket.SHUT_WR)


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
