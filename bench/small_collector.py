"""A collector that acknowledges whatever comes: the far end of a measured agent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

from wire.batch import digest_of
from wire.messages import WIRE_VERSION, Acknowledgement, Standing


@contextmanager
def acknowledging() -> Iterator[str]:
    """Serve on a free loopback port while the block runs; give the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        payload = self.rfile.read(int(self.headers["Content-Length"]))
        _, _, _, agent, _, epoch, _, seq = self.path.split("/")
        answer = msgspec.json.encode(
            Acknowledgement(
                wire=WIRE_VERSION,
                agent=agent,
                epoch=epoch,
                seq=int(seq),
                digest=digest_of(payload),
                received_at=datetime.now(UTC),
                server_time=datetime.now(UTC),
                standing=Standing.ACTIVE,
                duplicate=False,
            )
        )
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the table is the output."""
