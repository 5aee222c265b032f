"""What one run of the agent costs on the host: its light checks read, spooled, sent, acknowledged.

The processor time is that of the agent and all it started, user and system, as the kernel accounts
for them (wait4), from the start of the interpreter on. The median of the runs counts, the best is
noted: on a machine that does other things, too, the best is nearer to the agent's own.
"""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

import msgspec

from bench.figures import Figure
from checks.discovery import discover
from wire.batch import digest_of
from wire.messages import WIRE_VERSION, Acknowledgement

RUNS = 9


def measure() -> list[Figure]:
    """Return processor time and peak memory of a run of all light checks, package queries apart."""
    light = [
        check_id for check_id, check in discover().checks.items() if check.probe and not check.heavy
    ]
    with _acknowledging() as url, tempfile.TemporaryDirectory(prefix="xunjian-bench-") as folder:
        settings = Path(folder, "agent.toml")
        settings.write_text(
            f'[agent]\nid = "bench"\nstate = "{folder}/state"\n[collector]\nurl = "{url}"\n'
        )
        only = [word for check_id in light for word in ("--only", check_id)]
        command = [sys.executable, "-m", "agent", "run", "--settings", str(settings), *only]
        _cost(command)  # makes the spool and the byte code that an installation has
        costs = [_cost(command) for _ in range(RUNS)]
    seconds = [cost[0] for cost in costs]
    note = f"{len(light)} checks, {RUNS} runs, best {min(seconds):.3f} s"
    return [
        Figure("processor time of a light run", median(seconds), "s", 0.20, note=note),
        Figure("peak memory of a light run", max(cost[1] for cost in costs), "MiB", 40),
    ]


def _cost(command: list[str]) -> tuple[float, float]:
    """Run to the end; return seconds of processor time and MiB at the peak."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parent.parent),
    }
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the agent ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


class _Acknowledging(BaseHTTPRequestHandler):
    """Acknowledges every batch as a collector does, and forgets it."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        _, _, _, agent, _, epoch, _, seq = self.path.split("/")
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = msgspec.json.encode(
            Acknowledgement(
                wire=WIRE_VERSION,
                agent=agent,
                epoch=epoch,
                seq=int(seq),
                digest=digest_of(body),
                received_at=datetime.now(UTC),
                duplicate=False,
            )
        )
        self.send_response(201)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: the table is the output."""


@contextmanager
def _acknowledging() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Acknowledging)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
