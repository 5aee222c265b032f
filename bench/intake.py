"""Durable uploads a second: 16 connections, batches of 100 observations, each answered after its
commit. The collector is a process of its own, the client another; both share the two cores."""

import asyncio
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles

import msgspec
import psutil
from sqlalchemy import func, select

from bench.figures import Figure
from collector.customers.service import ensure_agent
from collector.database import open_database
from collector.intake.models import StoredBatch
from wire.batch import encode_line, seal
from wire.messages import (
    WIRE_VERSION,
    Cost,
    Header,
    HostIdentity,
    Inspection,
    Observation,
    Planned,
)

CONNECTIONS = 16
UPLOADS_EACH = 250
OBSERVATIONS = 100


def measure() -> list[Figure]:
    """Return uploads a second, p99, memory and bytes on disk, on SQLite."""
    with tempfile.TemporaryDirectory(prefix="xunjian-bench-") as folder:
        url = f"sqlite:///{folder}/collector.db"
        database = open_database(url)
        agents = []
        with database.writing() as session:
            for number in range(CONNECTIONS):
                agents.append(
                    ensure_agent(
                        session,
                        customer="bench",
                        site="bench",
                        time_zone="Asia/Shanghai",
                        host=f"host-{number}",
                        now=datetime.now(UTC),
                    ).id
                )
        before = _disk_bytes(Path(folder))
        payloads = [
            [_payload(agent, seq) for seq in range(1, UPLOADS_EACH + 1)] for agent in agents
        ]
        command = [sys.executable, "-m", "collector", "serve", "--data", folder, "--port", "0"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            port = int(process.stderr.readline().rsplit("port=", 1)[1].split()[0].strip("\x1b[0m"))
            try:
                seconds, latencies = asyncio.run(_drive(port, agents, payloads))
                server = psutil.Process(process.pid)
                memory = server.memory_info().rss
            finally:
                process.terminate()
        with database.reading() as session:
            stored = session.scalar(select(func.count()).select_from(StoredBatch)) or 0
        database.close()
        uploads = CONNECTIONS * UPLOADS_EACH
        if stored != uploads:
            raise RuntimeError(f"{stored} of {uploads} uploads are stored")
        disk = (_disk_bytes(Path(folder)) - before) / uploads
    note = f"{uploads} uploads of {OBSERVATIONS} observations, {len(payloads[0][0])} bytes each"
    return [
        Figure("uploads a second, SQLite", uploads / seconds, "/s", 1000, False, note),
        Figure("upload p99, SQLite", quantiles(latencies, n=100)[98] * 1000, "ms", 100),
        Figure("collector memory while uploading", memory / 2**20, "MiB", 150),
        Figure("disk an upload, SQLite", disk / 1024, "KiB", 8),
    ]


async def _drive(
    port: int, agents: list[str], payloads: list[list[bytes]]
) -> tuple[float, list[float]]:
    latencies: list[float] = []
    await asyncio.gather(
        *(_one(port, agent, mine[:1], []) for agent, mine in zip(agents, payloads, strict=True))
    )
    started = time.perf_counter()
    await asyncio.gather(
        *(_one(port, agent, mine, latencies) for agent, mine in zip(agents, payloads, strict=True))
    )
    return time.perf_counter() - started, latencies


async def _one(port: int, agent: str, payloads: list[bytes], latencies: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for seq, payload in enumerate(payloads, start=1):
        head = (
            f"PUT /v1/agents/{agent}/epochs/bench/batches/{seq} HTTP/1.1\r\n"
            f"Host: localhost\r\nContent-Length: {len(payload)}\r\n\r\n"
        )
        started = time.perf_counter()
        writer.write(head.encode() + payload)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        await reader.readexactly(length)
        if b" 201 " not in answer[:20] and b" 200 " not in answer[:20]:
            raise RuntimeError(answer[:200].decode())
        latencies.append(time.perf_counter() - started)
    writer.close()


def _payload(agent: str, seq: int) -> bytes:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=seq)
    cost = Cost(0.001, 0.002, 20 * 2**20)
    observations = [
        Observation(
            check=f"host.check_{number}",
            observed_at=at + timedelta(milliseconds=number * 7 + seq),
            monotonic_seconds=1000.0 + number * 0.731 + seq,
            cost=cost,
            facts=_facts(number * 7919 + seq * 104729),
        )
        for number in range(OBSERVATIONS)
    ]
    run = Inspection(
        id=f"{agent[:8]}-{seq}",
        started_at=at,
        finished_at=at + timedelta(seconds=9),
        boot_id="bench",
        time_zone="Asia/Shanghai",
        host=HostIdentity("bench", "linux"),
        agent_version="bench",
        checks_digest="0" * 64,
        planned=tuple(Planned(each.check) for each in observations),
        cost=cost,
    )
    header = Header(
        wire=WIRE_VERSION,
        agent=agent,
        epoch="bench",
        seq=seq,
        inspection=run,
        observations=OBSERVATIONS,
    )
    return seal(header, [encode_line(each) for each in observations]).payload


def _facts(seed: int) -> msgspec.Raw:
    numbers = [(seed * (index + 3)) % 1_000_003 for index in range(6)]
    facts = {f"value_{index}_bytes": number for index, number in enumerate(numbers)}
    return msgspec.Raw(msgspec.json.encode({"rows": [facts]}))


def _disk_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("collector.db"))
