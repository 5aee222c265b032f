"""Durable uploads a second: 16 connections, batches of 100 observations, each answered after its
commit. The collector is a process of its own, as `serve` runs it, its assessment at work beside it;
the client is another process; all share the machine's cores."""

import asyncio
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles

import msgspec
from sqlalchemy import func, select

from bench.agents import Enrolment, clocks, upload
from bench.figures import Figure, Origin, Peer
from bench.intake_stores import (
    Store,
    enrolled_agents,
    on_postgresql,
    on_sqlite,
    tidied_bytes,
)
from bench.processes import environment, memory_of_tree
from bench.server import Server, facts, moment
from bench.year import EPOCH, inspection
from checks.discovery import discover
from collector.assessment.service import assess_pending
from collector.database import Database, open_database
from collector.intake.models import StoredBatch
from collector.intake.service import accept
from scripts.postgresql import CannotStart
from wire.batch import Batch, encode_line, seal
from wire.control import (
    BATCH,
    DELIVERY_HEADER,
    KEY_HEADER,
    SIGNATURE_HEADER,
)
from wire.envelope import to_header
from wire.messages import WIRE_VERSION, Cost, Header, Observation, Target

CONNECTIONS = 16
OBSERVATIONS = 100
BUDGET_P99_MILLISECONDS = 100
BUDGET_MEMORY_MEBIBYTES = 150
BUDGET_DISK_KIBIBYTES = 8

_SMALL_CHECKS = (
    "host.clock",
    "host.memory",
    "host.network_interfaces",
    "host.processor",
    "host.uptime",
)
_PORT = re.compile(r"port\W+(?:\x1b\[\d*m)*(\d+)")
# Measured for this project on a like machine (design, §9); highest of each range.
_PUSHGATEWAY = Peer("Pushgateway, pushes/s at 500 groups", (55,), Origin.EARLIER)
_PEERS = {
    "SQLite": (
        Peer("Healthchecks, pings/s (one observation each)", (254,), Origin.EARLIER),
        _PUSHGATEWAY,
    ),
    "PostgreSQL": (
        Peer("Healthchecks, pings/s (one observation each)", (507,), Origin.EARLIER),
        _PUSHGATEWAY,
    ),
}
_SERVERS = [Server(f"host-{number}", number) for number in range(CONNECTIONS)]


@dataclass(frozen=True)
class _Run:
    """One run of the client against a collector of its own."""

    seconds: float
    latencies: list[float]
    memory_bytes: int


def measure(*, tiny: bool = False) -> list[Figure]:
    """Return uploads a second, p99 and memory on SQLite and PostgreSQL, and bytes on disk."""
    each = 2 if tiny else 250
    servers = _SERVERS[:2] if tiny else _SERVERS
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="xunjian-bench-") as name:
        folder = Path(name)
        for make in (on_sqlite, on_postgresql):
            place = folder / make.__name__
            try:
                figures += _uploads(make(place, servers), place, servers, each, 1 if tiny else 3)
            except CannotStart as error:
                print(f"bench: left out: {error}", file=sys.stderr)
        stored, judged = _disk(folder / "disk", servers, each=1 if tiny else 6)
    return [
        *figures,
        Figure(
            "disk an upload, SQLite, as evidence",
            (stored / 1024,),
            "KiB",
            BUDGET_DISK_KIBIBYTES,
            note="The raw batch, its signature and clocks, and its indexes; nothing judged yet.",
            peers=(Peer("blob and rows", (12.1,), Origin.EARLIER),),
        ),
        Figure(
            "disk an upload, SQLite, judged",
            (judged / 1024,),
            "KiB",
            note="With what judging adds for good: points of series, events of findings.",
        ),
    ]


def _uploads(
    made: AbstractContextManager[tuple[Store, list[Enrolment]]],
    folder: Path,
    servers: Sequence[Server],
    each: int,
    runs: int,
) -> list[Figure]:
    with made as (store, agents):
        batches = [
            [_batch(server, agent.id, seq) for seq in range(1, each + 1)]
            for server, agent in zip(servers, agents, strict=True)
        ]
        places = [folder / str(run) for run in range(runs)]
        done = [_run(place, store.new(place), agents, batches) for place in places]
    return _figures(store, batches, done)


def _figures(
    store: Store, batches: Sequence[Sequence[Batch]], runs: Sequence[_Run]
) -> list[Figure]:
    uploads = sum(len(mine) for mine in batches)
    note = (
        f"{uploads} signed uploads of {OBSERVATIONS} "
        f"observations, {len(batches[0][0].payload)} bytes packed, on {len(batches)} connections; "
        "each answered after its durable commit, while the assessment runs beside it."
    )
    return [
        Figure(
            f"uploads a second, {store.name}",
            tuple(uploads / run.seconds for run in runs),
            "/s",
            store.budget_uploads_a_second,
            lower_is_better=False,
            note=note,
            peers=_PEERS[store.name],
        ),
        Figure(
            f"upload p99, {store.name}",
            tuple(1000 * quantiles(run.latencies, n=100)[98] for run in runs),
            "ms",
            BUDGET_P99_MILLISECONDS,
            note=note,
        ),
        Figure(
            f"collector memory while uploading, {store.name}",
            tuple(run.memory_bytes / 2**20 for run in runs),
            "MiB",
            BUDGET_MEMORY_MEBIBYTES,
            note="Serving and assessing process together: own pages of both, mapped files of one; "
            "not the database server's.",
        ),
    ]


def _batch(server: Server, agent: str, seq: int) -> Batch:
    """Return 100 observations of five small checks on twenty targets, no two alike."""
    observations = []
    for number in range(OBSERVATIONS // len(_SMALL_CHECKS)):
        like = Server(f"target-{number}", server.number * 31 + number)
        read = facts(like, seq)
        observations += [
            Observation(
                check=check,
                target=Target(name=like.name),
                observed_at=moment(server, seq) + timedelta(milliseconds=number),
                monotonic_seconds=1000.0 + number * 0.731 + seq,
                cost=Cost(0.001, 0.002, 20 * 2**20),
                facts=msgspec.Raw(msgspec.json.encode(read[check])),
            )
            for check in _SMALL_CHECKS
        ]
    header = Header(
        wire=WIRE_VERSION,
        agent=agent,
        epoch=EPOCH,
        seq=seq,
        inspection=inspection(server, seq, observations),
        observations=len(observations),
    )
    return seal(header, [encode_line(each) for each in observations])


def _run(
    folder: Path, url: str, agents: Sequence[Enrolment], batches: Sequence[Sequence[Batch]]
) -> _Run:
    with _serving(folder, url) as (process, port):
        run = asyncio.run(_drive(port, process.pid, agents, batches))
    database = open_database(url)
    with database.reading() as session:
        stored = session.scalar(select(func.count()).select_from(StoredBatch))
    database.close()
    if stored != len(run.latencies):
        raise RuntimeError(f"{stored} of {len(run.latencies)} acknowledged uploads are stored")
    return run


@contextmanager
def _serving(folder: Path, url: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run `xunjian-collector serve` on a free port; give the process and the port it tells."""
    command = [sys.executable, "-m", "collector", "serve", "--data", str(folder), "--port", "0"]
    with (folder / "serve.log").open("w+") as log:
        process = subprocess.Popen(
            command,
            env=environment() | {"XUNJIAN_DATABASE_URL": url},
            stdout=log,
            stderr=log,
            text=True,
        )
        try:
            ends = time.monotonic() + 30
            while (found := _PORT.search((folder / "serve.log").read_text())) is None:
                if process.poll() is not None or time.monotonic() > ends:
                    said = (folder / "serve.log").read_text()[-500:]
                    raise RuntimeError(f"the collector does not listen: {said}")
                time.sleep(0.05)
            yield process, int(found[1])
        finally:
            process.terminate()
            process.wait()


async def _drive(
    port: int, process: int, agents: Sequence[Enrolment], batches: Sequence[Sequence[Batch]]
) -> _Run:
    await _until_healthy(port)
    latencies: list[float] = []
    peak = 0

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, await asyncio.to_thread(memory_of_tree, process))
            await asyncio.sleep(0.25)

    watching = asyncio.create_task(watch())
    started = time.perf_counter()
    await asyncio.gather(
        *(_send(port, agent, mine, latencies) for agent, mine in zip(agents, batches, strict=True))
    )
    seconds = time.perf_counter() - started
    watching.cancel()
    return _Run(seconds, latencies, peak)


async def _until_healthy(port: int) -> None:
    """Wait until requests are answered and the assessing process has started up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    await reader.read()
    writer.close()
    await asyncio.sleep(2)


async def _send(
    port: int, agent: Enrolment, batches: Sequence[Batch], latencies: list[float]
) -> None:
    # Signed before the clock starts: on a customer's host that is the agent's work.
    heads = [_head(agent, seq, batch) for seq, batch in enumerate(batches, start=1)]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for head, batch in zip(heads, batches, strict=True):
        started = time.perf_counter()
        writer.write(head + batch.payload)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        await reader.readexactly(length)
        if b" 201 " not in answer[:20]:
            raise RuntimeError(answer[:200].decode())
        latencies.append(time.perf_counter() - started)
    writer.close()


def _head(agent: Enrolment, seq: int, batch: Batch) -> bytes:
    return (
        f"PUT /v1/agents/{agent.id}/epochs/{EPOCH}/batches/{seq} HTTP/1.1\r\n"
        f"Host: localhost\r\nContent-Type: {BATCH}\r\nContent-Length: {len(batch.payload)}\r\n"
        f"{KEY_HEADER}: {agent.key.id}\r\n"
        f"{SIGNATURE_HEADER}: {to_header(agent.key.sign(BATCH, batch.payload))}\r\n"
        f"{DELIVERY_HEADER}: {clocks(agent, batch, datetime.now(UTC))}\r\n\r\n"
    ).encode()


def _disk(folder: Path, servers: Sequence[Server], each: int) -> tuple[float, float]:
    """Return bytes an upload on disk: of the evidence, and with all that judging adds.

    What is kept once for each host (the newest verdicts) is there before counting begins.
    """
    url = f"sqlite:///{folder}/collector.db"
    agents = dict(zip(servers, enrolled_agents(folder, url, servers), strict=True))
    catalogue = discover()
    database = open_database(f"sqlite:///{folder}/collector.db")
    _store(database, agents, range(1, 3))
    assess_pending(database, catalogue)
    before = tidied_bytes(database)
    _store(database, agents, range(3, 3 + each))
    stored = tidied_bytes(database)
    assess_pending(database, catalogue)
    judged = tidied_bytes(database)
    database.close()
    uploads = each * len(agents)
    return (stored - before) / uploads, (judged - before) / uploads


def _store(database: Database, agents: Mapping[Server, Enrolment], numbers: range) -> None:
    for seq in numbers:
        uploads = []
        for server, agent in agents.items():
            batch = _batch(server, agent.id, seq)
            uploads.append(upload(agent, EPOCH, seq, batch, moment(server, seq)))
        with database.writing() as session:
            accept(session, uploads)
