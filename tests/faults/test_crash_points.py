"""R2: a crash at every point of an upload, on the agent's side and inside the collector."""

import http.client
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from sqlalchemy import event, func, select

from agent import delivery, identity, spool_file
from agent.delivery import Situation
from agent.host import LocalHost
from agent.settings import load
from agent.spool import Spool
from agent.spool_file import exclusive
from checks.discovery import discover
from collector.app import create_app
from collector.database import Database, open_database
from collector.identity import open_identity
from collector.intake.models import PENDING, StoredBatch
from collector.server import configuration, listen
from tests.faults.agent_process import CHECKS, inspect
from tests.faults.conftest import Note
from tests.faults.processes import Inspecting, Served, enrolled_agents, serving
from tests.faults.tally import tallied
from tests.faults.test_spool_crashes import KILLED, Crashing, Points

_PATIENCE_SECONDS = 120


def cycle(agent: Inspecting, inspections: int = 2) -> None:
    """Make inspections and hand them over, as a run of the agent does; ends when all is there."""
    host = LocalHost()
    with (
        exclusive(agent.state),
        closing(Spool(agent.state)) as spool,
        agent.record.open("a", buffering=1) as record,
    ):
        assert spool.set_aside is None
        spool.finish_interrupted()
        known = identity.load(agent.state)
        situation = Situation(load(str(agent.settings)), known, spool, host, lambda _: None, "en")
        for _ in range(inspections):
            inspect(spool, host, lambda name, check: print(name, check, file=record))
        end = time.monotonic() + _PATIENCE_SECONDS
        while not delivery.due(situation, now=True):
            assert time.monotonic() < end
        assert not spool.pending()


def crashing_cycle(agent: Inspecting, crash_at: int) -> tuple[int, int]:
    """Run a cycle in a child that crashes at a point; return (its exit code, the points)."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            points = Points(crash_at)
            Crashing.points = points
            connect = spool_file.sqlite3.connect
            spool_file.sqlite3.connect = (  # type: ignore[assignment] # in this child alone
                lambda *given, **named: connect(*given, **named, factory=Crashing)
            )
            for name in ("connect", "request", "getresponse"):
                with_points(http.client.HTTPConnection, name, points)
            with_points(http.client.HTTPResponse, "read", points)
            cycle(agent)
            os.write(writing, str(points.seen).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(reading) as pipe:
        seen = pipe.read()
    return os.waitstatus_to_exitcode(status), int(seen or 0)


def with_points(owner: Any, name: str, points: Callable[[], None]) -> None:
    """Put a point before and after each call."""
    plain = getattr(owner, name)

    def called(*given: Any, **named: Any) -> Any:
        points()
        answer = plain(*given, **named)
        points()
        return answer

    setattr(owner, name, called)


def renewed(agent: Inspecting) -> None:
    """Take the spool away, so that each crash meets the same: a spool that is made anew."""
    for path in agent.state.iterdir():
        if path.is_file():
            path.unlink()


@pytest.mark.timeout(600)
def test_an_agent_that_crashes_at_any_point_of_an_upload_loses_and_doubles_nothing(
    tmp_path: Path, url: str, note: Note
) -> None:
    served = Served(tmp_path, url)
    (agent,) = enrolled_agents(served, 1)
    with serving(served):
        code, points = crashing_cycle(agent, crash_at=0)
        assert code == 0
        assert points > 80
        for crash_at in range(1, points + 1):
            renewed(agent)
            assert crashing_cycle(agent, crash_at) == (KILLED, 0)
            cycle(agent)
    found = tallied(url, agent.kept())
    note(
        "R2 crash points, agent",
        url,
        batches=found.batches,
        faults=points,
        lost=found.lost,
        duplicated=found.duplicated,
    )
    assert (found.lost, found.duplicated, found.integrity) == (0, 0, "ok")
    assert "Traceback" not in served.log.read_text()


class Forked:
    """The collector's application in a child that crashes at a point of its database work."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder, self._url = folder, url
        self._catalogue = discover()
        self.listener = listen("127.0.0.1", 0)
        self.pid = 0

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def start(self, crash_at: int) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self._serve(Points(crash_at))
            finally:
                os._exit(1)

    def _serve(self, points: Points) -> None:
        one_at_a_time = threading.Lock()

        def point() -> None:
            with one_at_a_time:
                points()

        database = open_database(self._url)
        keys = open_identity(self._folder / "collector.key", database)
        # Only from here on: the first statement of an upload is the first point.
        for name in ("before_cursor_execute", "after_cursor_execute"):
            event.listen(database.engine, name, lambda *_: point())
        with_points(database.engine.dialect, "do_commit", point)
        app = create_app(database, self._catalogue, keys)
        uvicorn.Server(configuration(app)).run(sockets=[self.listener])

    def ended(self) -> bool:
        """Tell whether it crashed at its point; fail if it ended in another way."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return False
        assert os.waitstatus_to_exitcode(status) == KILLED
        return True

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


@contextmanager
def forked(folder: Path, url: str) -> Iterator[Forked]:
    child = Forked(folder, url)
    try:
        yield child
    finally:
        child.listener.close()
        if child.pid:
            with suppress(ChildProcessError):
                child.kill()


def survived(agent: Inspecting, collector: Forked, url: str) -> bool:
    """Hand over one inspection to a collector that may crash, and is started again then.

    Wait until it is assessed; return whether all that was done without a crash.
    """
    whole = True
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            cycle(agent, inspections=1)
            code = 0
        finally:
            os._exit(code)
    delivered = False
    end = time.monotonic() + _PATIENCE_SECONDS
    while not (delivered and all_assessed(url)):
        if collector.ended():
            assert whole, "it crashed once more"
            whole = False
            collector.start(crash_at=0)
        if not delivered:
            ended, status = os.waitpid(pid, os.WNOHANG)
            delivered = ended != 0
            assert status == 0
        assert time.monotonic() < end
        time.sleep(0.005)
    return whole and not collector.ended()


def all_assessed(url: str) -> bool:
    # Closed again at once: nothing of it may be carried over into a child.
    database = Database(url)
    try:
        with database.reading() as session:
            waiting = select(func.count()).select_from(StoredBatch).filter_by(state=PENDING)
            return session.scalar(waiting) == 0
    finally:
        database.close()


def sweep(tmp_path: Path, url: str, note: Note, stride: int) -> None:
    """Crash the collector at its first point, `stride` points later, and so on to the last."""
    with forked(tmp_path, url) as collector:
        served = Served(tmp_path, url, port=collector.port)
        (agent,) = enrolled_agents(served, 1)
        crash_at, crashes = 1, 0
        while True:
            collector.start(crash_at)
            whole = survived(agent, collector, url)
            collector.kill()
            if whole:
                break
            crash_at += stride
            crashes += 1
    assert crash_at > 30
    found = tallied(url, agent.kept())
    note(
        "R2 crash points, collector",
        url,
        batches=found.batches,
        faults=crashes,
        lost=found.lost,
        duplicated=found.duplicated,
    )
    assert (found.lost, found.duplicated, found.integrity) == (0, 0, "ok")
    assert found.observations == len(CHECKS) * (crashes + 1)
    assert all_assessed(url)


@pytest.mark.timeout(600)
def test_a_collector_that_crashes_in_its_work_loses_and_doubles_nothing(
    tmp_path: Path, url: str, note: Note
) -> None:
    sweep(tmp_path, url, note, stride=5)


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_a_collector_that_crashes_at_any_point_of_its_work_loses_and_doubles_nothing(
    tmp_path: Path, url: str, note: Note
) -> None:
    sweep(tmp_path, url, note, stride=1)
