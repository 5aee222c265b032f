"""Kill the collector while it is taking uploads, fill its disk, take its port."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import urllib3
from sqlalchemy import select

from collector.assessment import turn
from collector.database import open_database
from collector.identity import open_identity
from collector.intake.models import ASSESSED, PENDING, StoredBatch
from scripts.postgresql import Cluster, cluster
from tests.collector.place import Place
from tests.collector.test_intake import signed_headers
from tests.enrolled import enrolled
from tests.journeys.command import collector, is_one_sentence
from tests.messages import batch_of, observation
from wire import envelope
from wire.control import ACKNOWLEDGEMENT
from wire.messages import Acknowledgement

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Serving:
    url: str
    process: subprocess.Popen[str]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Name an empty database; PostgreSQL flushes, as in service."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/collector.db"
        return
    with cluster(durable=True) as running:
        yield running.url(running.new_database())


@contextmanager
def serve(folder: Path, database: str) -> Iterator[Serving]:
    command = [sys.executable, "-m", "collector", "serve", "--data", str(folder), "--port", "0"]
    environment = {
        **os.environ,
        "NO_COLOR": "1",
        "PYTHONPATH": str(ROOT),
        "XUNJIAN_DATABASE_URL": database,
    }
    with subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        port = process.stderr.readline().rsplit("port=", 1)[1].split()[0]
        try:
            yield Serving(f"http://127.0.0.1:{port}", process)
        finally:
            process.kill()


def registered(folder: Path, url: str) -> Place:
    """Enrol an agent with the collector whose key is in the folder."""
    database = open_database(url)
    place = enrolled(database, collector=open_identity(folder / "collector.key", database))
    database.close()
    return place


def put(url: str, place: Place, seq: int) -> Acknowledgement | None:
    """Send one batch; None where the collector was not there to acknowledge it."""
    seen = observation("sample.load", {"loads": {"/": float(seq)}})
    batch = batch_of(seen, agent=place.agent, seq=seq)
    try:
        answer = urllib3.request(
            "PUT",
            f"{url}/v1/agents/{place.agent}/epochs/epoch-1/batches/{seq}",
            body=batch.payload,
            headers=signed_headers(place.key, batch.payload),
            retries=False,
            timeout=10,
        )
    except urllib3.exceptions.HTTPError:
        return None
    if answer.status >= 300:
        return None
    told = envelope.opened(envelope.read(answer.data), ACKNOWLEDGEMENT, Acknowledgement)
    assert told.digest == batch.digest
    return told


def test_what_was_acknowledged_before_a_kill_is_stored_once(tmp_path: Path, url: str) -> None:
    agent = registered(tmp_path, url)
    acknowledged: dict[int, str] = {}
    for life in range(6):
        with serve(tmp_path, url) as serving:
            # Killed somewhere in the midst of sending, at another place each time.
            timer = threading.Timer(
                0.15 + 0.07 * life, serving.process.send_signal, [signal.SIGKILL]
            )
            timer.start()
            for seq in range(1, 2000):
                if seq in acknowledged:
                    continue
                answer = put(serving.url, agent, seq)
                if answer is None:
                    break
                acknowledged[seq] = answer.digest
            timer.join()
    assert len(acknowledged) > 20
    with serve(tmp_path, url) as serving:
        again = put(serving.url, agent, 1)
        assert again is not None
        assert again.duplicate
    database = open_database(url)
    with database.reading() as session:
        stored = {row.seq: row.digest for row in session.scalars(select(StoredBatch))}
        if not database.is_postgresql:
            assert session.connection().exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    database.close()
    assert {seq: stored.get(seq) for seq in acknowledged} == acknowledged
    # At most one batch a life was stored and its answer lost.
    assert len(stored) - len(acknowledged) <= 6


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = collector(tmp_path, "serve", "--port", port, "--data", str(tmp_path))
    assert result.returncode == 2
    assert is_one_sentence(result.stderr)
    assert f"127.0.0.1:{port}：Address already in use" in result.stderr


def test_a_full_disk_is_one_sentence_and_keeps_what_is_there(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is refused here")
    try:
        fill = ["dd", "if=/dev/zero", f"of={place}/filler", "bs=4096"]
        assert subprocess.run(fill, check=False, capture_output=True).returncode == 1
        result = collector(place, "inspect-here", "--only", "host.uptime")
        assert result.returncode == 2
        assert is_one_sentence(result.stderr)
        (place / "filler").unlink()
        assert collector(place, "quarantine").returncode in (0, 2)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_collector_that_serves_assesses_in_a_process_of_its_own(tmp_path: Path, url: str) -> None:
    agent = registered(tmp_path, url)
    with serve(tmp_path, url) as serving:
        assert put(serving.url, agent, 1) is not None
        assert state_of(url, 1) == ASSESSED
        assert assessor(serving) is not None


def state_of(url: str, seq: int) -> str:
    """Return the state of a batch, once it has been assessed or a minute is over."""
    database = open_database(url)
    deadline = time.monotonic() + 60
    state = PENDING
    while state == PENDING and time.monotonic() < deadline:
        with database.reading() as session:
            state = session.scalars(select(StoredBatch.state).filter_by(seq=seq)).one()
        time.sleep(0.1)
    database.close()
    return state


def assessor(serving: Serving) -> psutil.Process | None:
    children = psutil.Process(serving.process.pid).children()
    return next(
        (each for each in children if "collector.assessment.worker" in each.cmdline()), None
    )


def test_two_collectors_on_one_postgresql_share_the_work(
    postgresql: Cluster, tmp_path: Path
) -> None:
    """Uploads go through either; one assesses, the other takes over when its machine dies."""
    name = postgresql.new_database()
    url = postgresql.url(name)
    agent = registered(tmp_path, url)
    with serve(tmp_path, url) as first, serve(tmp_path, url) as second:
        serving = {first.process.pid: first, second.process.pid: second}
        for seq, way in enumerate([first, second, first, second], start=1):
            assert put(way.url, agent, seq) is not None
        twice = put(second.url, agent, 1)
        assert twice is not None
        assert twice.duplicate
        assert [state_of(url, seq) for seq in range(1, 5)] == [ASSESSED] * 4
        holder = owner_of_the_turn(postgresql, serving)
        other = second if holder is first else first
        working = assessor(holder)
        assert working is not None
        # The whole machine at once: first the server, so that it starts no assessor anew.
        holder.process.kill()
        working.kill()
        assert put(other.url, agent, 5) is not None
        assert state_of(url, 5) == ASSESSED
        assert owner_of_the_turn(postgresql, {other.process.pid: other}) is other
    postgresql.drop_database(name)


def owner_of_the_turn(postgresql: Cluster, serving: dict[int, Serving]) -> Serving:
    """Return whose assessor has the session that holds the assessor's advisory lock."""
    # By its key: an upload that is being written holds an advisory lock of its own for a moment.
    ports = postgresql.ask(
        "SELECT client_port FROM pg_locks JOIN pg_stat_activity USING (pid) "
        f"WHERE locktype = 'advisory' AND granted AND objid = {turn.ASSESSOR}"
    )
    assert len(ports) == 1
    for each in serving.values():
        process = assessor(each)
        local = [] if process is None else process.net_connections("tcp")
        if ports[0][0] in {connection.laddr.port for connection in local}:
            return each
    raise AssertionError("the turn is nobody's")
