"""What the agent's tests share: plug-in checks, a small collector, the agent as a process."""

import base64
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from agent import identity
from wire.batch import Opened, digest_of, open_batch
from wire.control import (
    ACKNOWLEDGEMENT,
    BATCH,
    DELIVERY,
    DELIVERY_HEADER,
    ENROLLED,
    KEY_HEADER,
    REFUSAL,
    ROTATED,
    ROTATION,
    SIGNATURE_HEADER,
    TIME,
    Delivery,
    Enrolled,
    Refusal,
    RefusalKind,
    Rotated,
    Rotation,
    TimeAnswer,
)
from wire.envelope import enclose, from_header, opened, read
from wire.errors import WireError
from wire.messages import WIRE_VERSION, Acknowledgement, Standing
from wire.signing import PrivateKey, key_id, verify

AGENT = "agent-1"
AGENT_KEY = PrivateKey(b"a" * 32)
COLLECTOR_KEY = PrivateKey(b"c" * 32)
ENROLMENT = Enrolled(
    wire=WIRE_VERSION,
    nonce="0" * 32,
    agent=AGENT,
    customer_id="customer-1",
    customer="示例公司",
    site="总部机房",
    host="erp-db",
    standing=Standing.ACTIVE,
    collector_key=COLLECTOR_KEY.public,
    recipients=("age1" + "q" * 58,),
    server_time=datetime(2026, 11, 21, tzinfo=UTC),
    proof="0" * 64,
)
REPOSITORY = Path(__file__).parents[2]

CHECK = """
import ctypes, os, signal, subprocess, sys, time
from checks.api import Chapter, Check, Host, Struct, Text

class Facts(Struct, frozen=True):
    value: str = "read"

def probe(host: Host) -> Facts:
    {body}
    return Facts()

CHECK = Check(title=Text("样例", "Sample"), chapter=Chapter.HOST, facts=Facts, rules=(),
              reads=("nothing",), probe=probe, {options})
"""


def plug_in(folder: Path, bodies: dict[str, str], options: dict[str, str] | None = None) -> None:
    """Install checks as a distribution in `folder`: the body of each probe by the check's id."""
    information = folder / "sample_checks-1.0.dist-info"
    information.mkdir(parents=True, exist_ok=True)
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: sample-checks\nVersion: 1\n"
    )
    entries = ["[xunjian.checks]"]
    for check_id, body in bodies.items():
        module = "sample_" + check_id.replace(".", "_")
        source = CHECK.format(body=body, options=(options or {}).get(check_id, ""))
        (folder / f"{module}.py").write_text(source)
        entries.append(f"{check_id} = {module}")
    (information / "entry_points.txt").write_text("\n".join(entries) + "\n")


Answer = tuple[int, dict[str, str], bytes]
Reaction = Callable[["FakeCollector", int, bytes], Answer | None]


@dataclass
class FakeCollector:
    """Takes batches as the real one does, unless `reactions` (used up in order) say otherwise."""

    reactions: list[Reaction] = field(default_factory=list)
    stored: dict[tuple[str, int], bytes] = field(default_factory=dict)
    requests: list[tuple[str, int]] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    """The clocks told with each request."""
    strict: bool = False
    """Whether what is not signed, or sent to another place than its own, is refused."""
    unsigned: list[str] = field(default_factory=list)
    """What was wrong with the signature of a request."""
    key: PrivateKey = COLLECTOR_KEY
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    rotations: list[str] = field(default_factory=list)
    asked_time: list[str] = field(default_factory=list)
    """The nonces with which the time was asked for."""
    url: str = ""

    def take(self, path: str, body: bytes) -> Answer | None:
        _, _, _, agent, _, epoch, _, number = path.split("/")
        seq = int(number)
        self.requests.append((epoch, seq))
        if self.reactions:
            return self.reactions.pop(0)(self, seq, body)
        return self.accept(agent, epoch, seq, body)

    def check(self, path: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Return whether the real collector would take it; note why not."""
        try:
            assert headers["Content-Type"] == BATCH
            assert headers[KEY_HEADER] == AGENT_KEY.id
            verify(AGENT_KEY.public, BATCH, body, from_header(headers[SIGNATURE_HEADER]))
            told, _, signature = headers[DELIVERY_HEADER].partition(".")
            clocks = base64.b64decode(told)
            verify(AGENT_KEY.public, DELIVERY, clocks, from_header(signature))
            self.deliveries.append(msgspec.json.decode(clocks, type=Delivery))
            assert self.deliveries[-1].digest == digest_of(body)
            header = open_batch(body).header
            assert path.split("/")[3:8:2] == [header.agent, header.epoch, str(header.seq)]
        except (AssertionError, KeyError, ValueError, WireError) as error:
            self.unsigned.append(f"{type(error).__name__}: {error}")
            return False
        return True

    def accept(
        self, agent: str, epoch: str, seq: int, body: bytes, *, forked: bool = False
    ) -> Answer:
        duplicate = self.stored.get((epoch, seq)) == body
        self.stored[epoch, seq] = body
        answer = Acknowledgement(
            wire=WIRE_VERSION,
            agent=agent,
            epoch=epoch,
            seq=seq,
            digest=digest_of(body),
            received_at=datetime.now(UTC),
            server_time=datetime.now(UTC),
            standing=Standing.ACTIVE,
            duplicate=duplicate,
            forked=forked,
        )
        status = 409 if forked else 200 if duplicate else 201
        return status, {}, enclose(answer, ACKNOWLEDGEMENT, self.key)

    def refuse(self, body: bytes, kind: RefusalKind = RefusalKind.REVOKED) -> Answer:
        """Refuse for good; `body` is what the refusal repeats the digest of."""
        refusal = Refusal(
            agent=AGENT, kind=kind, digest=digest_of(body), server_time=datetime.now(UTC)
        )
        signed = base64.b64encode(enclose(refusal, REFUSAL, self.key)).decode()
        return 403, {}, msgspec.json.encode({"status": 403, "detail": "", "signed": signed})

    def rotate(self, path: str, body: bytes) -> Answer:
        """Confirm a new key."""
        self.rotations.append(path)
        rotation = opened(read(body), ROTATION, Rotation)
        answer = Rotated(
            wire=WIRE_VERSION,
            agent=rotation.agent,
            key_id=key_id(rotation.public_key),
            server_time=datetime.now(UTC),
        )
        return 200, {}, enclose(answer, ROTATED, self.key)

    def tell_time(self, path: str) -> Answer:
        (nonce,) = parse_qs(urlsplit(path).query)["nonce"]
        self.asked_time.append(nonce)
        return 200, {}, enclose(TimeAnswer(nonce=nonce, time=self.now()), TIME, self.key)

    def batches(self) -> list[Opened]:
        return [open_batch(payload) for _, payload in sorted(self.stored.items())]

    def observed(self) -> list[str]:
        """Return the checks of all observations stored, in order."""
        return [entry.check for batch in self.batches() for entry in batch.observations]


def answering(status: int, body: bytes = b"", **headers: str) -> Reaction:
    return lambda _collector, _seq, _body: (status, headers, body)


def accepting_without_answer(collector: FakeCollector, seq: int, body: bytes) -> None:
    """Store the batch, then cut the connection before the answer."""
    header = open_batch(body).header
    collector.accept(header.agent, header.epoch, seq, body)


@contextmanager
def collecting(*reactions: Reaction, tls: ssl.SSLContext | None = None) -> Iterator[FakeCollector]:
    collector = FakeCollector(list(reactions))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self.answer(collector.tell_time(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(collector.rotate(self.path, body))

        def do_PUT(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            # What was cut off on the way is taken by nobody.
            if len(body) < length:
                self.answer(None)
                return
            if not collector.check(self.path, self.headers, body) and collector.strict:
                self.answer((401, {}, b""))
                return
            self.answer(collector.take(self.path, body))

        def answer(self, answer: Answer | None) -> None:
            if answer is None:
                self.close_connection = True
                self.connection.close()
                return
            status, headers, content = answer
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

        def finish(self) -> None:
            if not self.connection._closed:  # type: ignore[attr-defined] # cut on purpose above
                super().finish()

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            # Connections break in these tests; anything else is a fault of the test.
            if not isinstance(sys.exception(), OSError):
                super().handle_error(request, client_address)

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    collector.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Site:
    """A host with an agent: its plug-in checks, its settings, its state."""

    folder: Path
    url: str = "http://127.0.0.1:9"
    environment: dict[str, str] = field(default_factory=dict)
    """What the agent's process gets beside its paths."""

    @property
    def plugins(self) -> Path:
        return self.folder / "plugins"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def checks(self, bodies: dict[str, str], options: dict[str, str] | None = None) -> None:
        plug_in(self.plugins, bodies, options)

    def configure(self, more: str = "") -> Path:
        path = self.folder / "agent.toml"
        path.write_text(
            f'[agent]\nstate = "{self.state}"\n[collector]\nurl = "{self.url}"\n{more}\n'
        )
        self.enrol()
        return path

    def enrol(self) -> None:
        """Give the agent its identity, as an enrolment would have."""
        folder = identity.folder_of(self.state)
        if (folder / identity.ANSWER).exists() or self.state.is_file():
            return
        identity.keep_key(folder / identity.KEY, AGENT_KEY)
        identity.keep(folder / identity.ANSWER, enclose(ENROLMENT, ENROLLED, COLLECTOR_KEY))

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{REPOSITORY}:{self.plugins}"}
        environment |= self.environment
        return subprocess.Popen(
            [sys.executable, "-m", "agent", *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def agent(self, *arguments: str, timeout: float = 60) -> "Finished":
        process = self.start(*arguments)
        try:
            output, errors = process.communicate(timeout=timeout)
        finally:
            process.kill()
        assert "Traceback" not in errors, errors
        return Finished(process.returncode, output, errors)

    def run(self, *arguments: str, timeout: float = 60) -> "Finished":
        """Inspect the sample checks and nothing else; events as JSON."""
        settings = str(
            self.configure()
            if not (self.folder / "agent.toml").exists()
            else self.folder / "agent.toml"
        )
        only = ("--only", "sample")
        return self.agent(
            "run", "--json", "--settings", settings, *only, *arguments, timeout=timeout
        )

    def deliver(self, *arguments: str) -> "Finished":
        """Hand over what waits, without an inspection; events as JSON."""
        settings = str(self.folder / "agent.toml")
        return self.agent("deliver", "--json", "--settings", settings, *arguments)

    def status(self) -> dict[str, Any]:
        finished = self.agent("status", "--json", "--settings", str(self.folder / "agent.toml"))
        return json.loads(finished.output)


@dataclass
class Finished:
    """How the agent ended."""

    exit_code: int
    output: str
    errors: str

    @property
    def values(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.splitlines()]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [value for value in self.values if value["event"] == name]
