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

import msgspec
import psutil
import pytest
import urllib3
from sqlalchemy import select

from collector.customers.service import ensure_agent
from collector.database import open_database
from collector.intake.models import ASSESSED, PENDING, StoredBatch
from tests.journeys.command import collector, is_one_sentence
from tests.messages import START, batch_of, observation
from wire.messages import Acknowledgement

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Serving:
    url: str
    process: subprocess.Popen[str]


@contextmanager
def serve(folder: Path) -> Iterator[Serving]:
    command = [sys.executable, "-m", "collector", "serve", "--data", str(folder), "--port", "0"]
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        port = process.stderr.readline().rsplit("port=", 1)[1].split()[0]
        try:
            yield Serving(f"http://127.0.0.1:{port}", process)
        finally:
            process.kill()


def registered(folder: Path) -> str:
    database = open_database(f"sqlite:///{folder}/collector.db")
    with database.writing() as session:
        agent = ensure_agent(
            session, customer="c", site="s", time_zone="Asia/Shanghai", host="h", now=START
        ).id
    database.close()
    return agent


def put(url: str, agent: str, seq: int) -> Acknowledgement | None:
    """Send one batch; None where the collector was not there to acknowledge it."""
    batch = batch_of(observation("sample.load", {"loads": {"/": float(seq)}}), agent=agent, seq=seq)
    try:
        path = f"/v1/agents/{agent}/epochs/epoch-1/batches/{seq}"
        answer = urllib3.request("PUT", url + path, body=batch.payload, retries=False, timeout=10)
    except urllib3.exceptions.HTTPError:
        return None
    return msgspec.json.decode(answer.data, type=Acknowledgement) if answer.status < 300 else None


def test_what_was_acknowledged_before_a_kill_is_stored_once(tmp_path: Path) -> None:
    agent = registered(tmp_path)
    acknowledged: dict[int, str] = {}
    for life in range(6):
        with serve(tmp_path) as serving:
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
    with serve(tmp_path) as serving:
        again = put(serving.url, agent, 1)
        assert again is not None
        assert again.duplicate
    database = open_database(f"sqlite:///{tmp_path}/collector.db")
    with database.reading() as session:
        stored = {row.seq: row.digest for row in session.scalars(select(StoredBatch))}
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


def test_a_collector_that_serves_assesses_in_a_process_of_its_own(tmp_path: Path) -> None:
    agent = registered(tmp_path)
    with serve(tmp_path) as serving:
        assert put(serving.url, agent, 1) is not None
        database = open_database(f"sqlite:///{tmp_path}/collector.db")
        deadline = time.monotonic() + 60
        state = PENDING
        while state == PENDING and time.monotonic() < deadline:
            with database.reading() as session:
                state = session.scalars(select(StoredBatch.state)).one()
            time.sleep(0.1)
        database.close()
        children = psutil.Process(serving.process.pid).children()
        assert any("collector.assessment.worker" in child.cmdline() for child in children)
    assert state == ASSESSED
