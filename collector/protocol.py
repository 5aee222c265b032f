"""HTTP on a connection, with the bounds that uvicorn leaves to a proxy in front of it.

Who connects needs no key to keep a connection open, so what anybody can make the collector hold is
bounded here: time and bytes until the header of a request is complete, and the connections. What is
refused before a route sees it is refused in the same form as everything else.
"""

import asyncio
import json
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from collector.answers import PROBLEM, problem
from collector.intake.admission import wait_seconds

HEADER_SECONDS = 20.0
"""From the first byte of a request, or from connecting, until its header is complete. Own figure:
an agent sends its header at once."""
REST_SECONDS = 90.0
"""For the rest of a body that is not wanted: who is cut off sooner may not see the answer."""
HEADER_BYTES = 2**16
"""Of the header of one request; own figure: an agent sends under 2 KiB."""
MOST_CONNECTIONS = 2000
"""Beyond, requests are answered 503; own figure: twice the agents that one collector serves."""
HARD_MOST_CONNECTIONS = 3000
"""Beyond, a connection is closed at once."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    _deadline: asyncio.TimerHandle | None = None
    _header_bytes = 0
    _in_header = True
    _surplus = False

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - as uvicorn declares it
        """Take a connection, or close it where there are too many."""
        super().connection_made(transport)
        self._surplus = len(self.connections) > MOST_CONNECTIONS
        if len(self.connections) > HARD_MOST_CONNECTIONS:
            transport.abort()
        else:
            self._start_deadline(HEADER_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; end a request whose header is too long, or takes too long."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._in_header:
            self._header_bytes += len(data)
            if self._header_bytes > HEADER_BYTES:
                self._refuse(431, _TOO_LONG)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_deadline()
        elif self._deadline is None:
            self._start_deadline(HEADER_SECONDS if self._in_header else REST_SECONDS)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(400, msg)

    def on_message_begin(self) -> None:
        """Begin to read a header."""
        super().on_message_begin()
        self._in_header = True
        self._header_bytes = 0

    def on_headers_complete(self) -> None:
        """End the header."""
        self._in_header = False
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:  # noqa: ANN401 - uvicorn's own
        scope = cycle.scope
        size = len(scope["raw_path"]) + len(scope["query_string"])
        if size + sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_BYTES:
            app = _too_long
        elif self._surplus:
            app = _full
        super()._start_asgi_task(cycle, app)

    def _start_deadline(self, seconds: float) -> None:
        self._deadline = self.loop.call_later(seconds, self._too_slow)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self._in_header and self._header_bytes:
            self._refuse(408, "The header of the request did not arrive in time.")
        else:
            self.transport.close()

    def _refuse(self, status: int, detail: str) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            # In the midst of another answer on this connection nothing can be said.
            self.transport.abort()
            return
        body = json.dumps({"status": status, "detail": detail}).encode()
        self.transport.write(
            b"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            % (status, HTTPStatus(status).phrase.encode(), PROBLEM.encode(), len(body))
            + body
        )
        self.transport.close()


_TOO_LONG = f"The header of a request has at most {HEADER_BYTES} bytes."


async def _too_long(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    await problem(431, _TOO_LONG, {"Connection": "close"})(scope, receive, send)


async def _full(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    text = "Too many connections: come again after the time given."
    await problem(503, text, {"Retry-After": str(wait_seconds())})(scope, receive, send)
