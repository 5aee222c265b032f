"""A collector that acknowledges whatever comes: the far end of a measured agent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec

from agent import enrolment
from wire import codes, envelope
from wire.batch import digest_of
from wire.control import ACKNOWLEDGEMENT, ENROLLED, ENROLMENT, Enrolled, EnrolmentRequest
from wire.messages import WIRE_VERSION, Acknowledgement, HostIdentity, Standing
from wire.signing import PrivateKey

KEY = PrivateKey(bytes(32))
_RECIPIENT = "age1mz6zyp2msuyhq9yks8td8tp2v6qh2uq3a5k8xfk8gjcn62p66chs9f3u5w"
"""Nothing is ever encrypted to it."""


def enrol(state: Path) -> None:
    """Make the identity of an agent in its state folder, as this collector would."""
    code = codes.new_code()
    asked = envelope.read(enrolment.request(state, code, HostIdentity("bench", "linux")))
    request = msgspec.json.decode(asked.payload, type=EnrolmentRequest)
    assert asked.payload_type == ENROLMENT
    verifier = codes.verifier(codes.read_code(code))
    answer = Enrolled(
        wire=WIRE_VERSION,
        nonce=request.nonce,
        agent="bench",
        customer_id="bench",
        customer="bench",
        site="bench",
        host="bench",
        standing=Standing.ACTIVE,
        collector_key=KEY.public,
        recipients=(_RECIPIENT,),
        server_time=datetime.now(UTC),
        proof=codes.answer_proof(verifier, request.public_key, KEY.public, request.nonce),
    )
    enrolment.conclude(state, envelope.enclose(answer, ENROLLED, KEY))


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
        answer = envelope.enclose(
            Acknowledgement(
                wire=WIRE_VERSION,
                agent=agent,
                epoch=epoch,
                seq=int(seq),
                digest=digest_of(payload),
                received_at=datetime.now(UTC),
                server_time=datetime.now(UTC),
                standing=Standing.ACTIVE,
            ),
            ACKNOWLEDGEMENT,
            KEY,
        )
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the table is the output."""
