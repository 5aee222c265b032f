"""A collector of sessions as small as tests need it: it signs what it answers, and keeps it all."""

import base64
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from tests.agent.remote.desk import COLLECTOR
from wire import envelope
from wire.batch import digest_of
from wire.control import ACKNOWLEDGEMENT, KEY_HEADER, SIGNATURE_HEADER
from wire.envelope import enclose, from_header
from wire.grants import Denial
from wire.messages import WIRE_VERSION, Acknowledgement, Standing
from wire.sessions import OPENED, RECORD, RECORD_KEPT, Opened, Proof, RecordKept
from wire.signing import PrivateKey, verify

Answer = tuple[int, bytes]


@dataclass
class SmallCollector:
    """What came, and how it answers."""

    denial: Denial | None = None
    detail: str = ""
    proof: Proof | None = None
    key: PrivateKey = COLLECTOR
    broken: Callable[[str, str], Answer | None] = lambda _method, _path: None
    """Answers in place of the collector where it gives something."""
    engineer: bytes = b""
    """His public key: parts of records must be signed by it."""
    requests: list[tuple[str, str]] = field(default_factory=list)
    openings: dict[str, bytes] = field(default_factory=dict)
    keys: list[bytes] = field(default_factory=list)
    parts: dict[int, bytes] = field(default_factory=dict)
    closings: list[bytes] = field(default_factory=list)
    batches: dict[str, bytes] = field(default_factory=dict)
    url: str = ""

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> Answer:
        self.requests.append((method, path))
        instead = self.broken(method, path)
        if instead is not None:
            return instead
        words = path.split("/")
        if words[2] == "agents":
            return self._batch(words, body)
        session = words[3]
        match words[4:]:
            case []:
                self.openings[session] = body
                return self._opened(session, body)
            case ["keys"]:
                self.keys.append(body)
                return self._opened(session, body)
            case ["closing"]:
                self.closings.append(body)
                return self._opened(session, body)
            case ["record", number]:
                signature = from_header(headers[SIGNATURE_HEADER])
                assert len(headers[KEY_HEADER]) == 64
                verify(self.engineer, RECORD, body, signature)
                self.parts[int(number)] = body
                kept = RecordKept(
                    wire=WIRE_VERSION,
                    session=session,
                    part=int(number),
                    digest=hashlib.sha256(body).hexdigest(),
                    server_time=datetime.now(UTC),
                )
                return 200, enclose(kept, RECORD_KEPT, self.key)
        return 404, b""

    def _opened(self, session: str, body: bytes) -> Answer:
        told = Opened(
            wire=WIRE_VERSION,
            session=session,
            digest=hashlib.sha256(envelope.read(body).payload).hexdigest(),
            denial=self.denial,
            detail=self.detail,
            proof=self.proof,
            server_time=datetime.now(UTC),
        )
        signed = enclose(told, OPENED, self.key)
        if self.denial is None:
            return 200, signed
        problem = {"status": 403, "detail": "no", "signed": base64.b64encode(signed).decode()}
        return 403, msgspec.json.encode(problem)

    def _batch(self, words: list[str], body: bytes) -> Answer:
        self.batches["/".join(words[3:])] = body
        answer = Acknowledgement(
            wire=WIRE_VERSION,
            agent=words[3],
            epoch=words[5],
            seq=int(words[7]),
            digest=digest_of(body),
            received_at=datetime.now(UTC),
            server_time=datetime.now(UTC),
            standing=Standing.ACTIVE,
        )
        return 201, enclose(answer, ACKNOWLEDGEMENT, self.key)


@contextmanager
def collecting(**chosen: Any) -> Iterator[SmallCollector]:
    """Serve on loopback until the block ends."""
    collector = SmallCollector(**chosen)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, content = collector.answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_PUT  # noqa: N815 - as http.server names it

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
