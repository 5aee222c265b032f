"""After a long outage every agent delivers its backlog at the same time (R9).

Real `serve`, plain sockets of many agents, each with its batches of thirty days. What is not taken
is refused with 503 and a time to wait, which they keep to (shortened here: what is tested is the
collector, not patience). In the end everything is stored once, and the memory stayed flat.
"""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select

from collector.database import open_database
from collector.identity import open_identity
from collector.intake.models import StoredBatch
from scripts.postgresql import Cluster
from tests.collector.place import Place
from tests.collector.test_intake import signed_headers
from tests.enrolled import enrolled
from tests.faults.test_collector import serve
from tests.messages import batch_of, observation

MOST_MEMORY = 500 * 2**20
PATIENCE = 0.1
"""Of the wait that was asked for."""


@dataclass
class Seen:
    statuses: Counter[int] = field(default_factory=Counter)
    without_time: int = 0
    seconds: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)


def payloads(agent: str, days: int) -> list[bytes]:
    """Return a batch of each day; a hundred observations and some ballast that can't be packed."""
    noise = random.Random(agent)
    return [
        batch_of(
            *[
                observation("sample.load", {"loads": {noise.randbytes(30).hex(): 1.0}})
                for _ in range(40)
            ],
            agent=agent,
            seq=day,
        ).payload
        for day in range(1, days + 1)
    ]


async def deliver(port: int, place: Place, days: int, seen: Seen) -> None:
    # Made before anybody connects: a connection that says nothing for long is closed.
    backlog = payloads(place.agent, days)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for seq, payload in enumerate(backlog, start=1):
        head = "".join(f"{n}: {v}\r\n" for n, v in signed_headers(place.key, payload).items())
        path = f"/v1/agents/{place.agent}/epochs/epoch-1/batches/{seq}"
        whole = f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(payload)}\r\n{head}\r\n"
        while True:
            start = time.monotonic()
            writer.write(whole.encode() + payload)
            await writer.drain()
            answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            headers = dict(line.split(": ", 1) for line in answer.split("\r\n")[1:] if line)
            await reader.readexactly(int(headers["content-length"]))
            status = int(answer.split(" ", 2)[1])
            seen.statuses[status] += 1
            seen.seconds.append(time.monotonic() - start)
            if status not in (429, 503):
                break
            seen.without_time += "retry-after" not in headers
            await asyncio.sleep(float(headers.get("retry-after", "1")) * PATIENCE)
    writer.close()


async def storm(port: int, process: psutil.Process, places: list[Place], days: int) -> Seen:
    seen = Seen()

    async def watch() -> None:
        while True:
            seen.memory.append(process.memory_info().rss)
            await asyncio.sleep(0.2)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(deliver(port, place, days, seen) for place in places))
    watching.cancel()
    return seen


def blow(folder: Path, url: str, agents: int, days: int, least_rate: float) -> None:
    database = open_database(url)
    identity = open_identity(folder / "collector.key", database)
    places = [
        enrolled(database, host=f"host-{number}", collector=identity) for number in range(agents)
    ]
    with serve(folder, url) as serving:
        port = int(serving.url.rpartition(":")[2])
        start = time.monotonic()
        process = psutil.Process(serving.process.pid)
        seen = asyncio.run(storm(port, process, places, days))
        took = time.monotonic() - start
    with database.reading() as session:
        stored = session.scalar(select(func.count()).select_from(StoredBatch))
        sent = agents * days
        distinct = select(StoredBatch.agent_id, StoredBatch.seq).distinct().subquery()
        assert session.scalar(select(func.count()).select_from(distinct)) == sent
    database.close()
    rate = sent / took
    print(
        f"{agents} agents, {days} days: {rate:.0f} batches/s, {dict(seen.statuses)}, "
        f"p99 {sorted(seen.seconds)[len(seen.seconds) * 99 // 100]:.2f} s, "
        f"memory {seen.memory[0] >> 20} to {max(seen.memory) >> 20} MiB"
    )
    assert stored == sent
    assert seen.statuses.keys() <= {200, 201, 429, 503}
    assert seen.statuses[200] + seen.statuses[201] == sent
    assert seen.without_time == 0
    assert max(seen.memory) < MOST_MEMORY
    half = len(seen.memory) // 2
    assert max(seen.memory[half:]) < 1.2 * max(seen.memory[:half]), "it grows"
    assert rate > least_rate


def test_a_storm_is_weathered(tmp_path: Path) -> None:
    blow(tmp_path, f"sqlite:///{tmp_path}/collector.db", 200, 30, least_rate=50)


def test_a_storm_is_weathered_on_postgresql(tmp_path: Path, postgresql: Cluster) -> None:
    url = postgresql.url(postgresql.new_database())
    blow(tmp_path, url, 100, 10, least_rate=50)


@pytest.mark.faults
@pytest.mark.timeout(3000)
def test_a_thousand_agents_are_weathered(tmp_path: Path) -> None:
    blow(tmp_path, f"sqlite:///{tmp_path}/collector.db", 1000, 30, least_rate=200)
