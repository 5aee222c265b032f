"""A collector and agents as processes of their own, which a test may kill at any moment."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
from sqlalchemy.orm import Session

from agent import enrolment as agent_enrolment
from agent.settings import written
from collector.customers.models import Agent
from collector.customers.service import ensure_host_of
from collector.database import Database, open_database
from collector.enrolment.service import approve, enrol, open_slot
from collector.identity import open_identity
from tests.agent.workbench import REPOSITORY
from tests.network import free_port
from wire.messages import HostIdentity

_START_SECONDS = 60.0
CUSTOMER = "示例公司"


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1", "PYTHONPATH": str(REPOSITORY), **more}


@dataclass
class Served:
    """A collector that is started, killed and started again on the same port."""

    folder: Path
    database: str
    port: int = field(default_factory=free_port)
    options: Sequence[str] = ()
    around: Sequence[str] = ()
    """Words before the command: a tracer, say."""
    scheme: str = "http"
    process: "subprocess.Popen[bytes] | None" = None
    _said: int = 0
    """Bytes of the log before the latest start."""

    @property
    def url(self) -> str:
        """Return where the agents reach it."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """Return the file with all that it ever said."""
        return self.folder / "serve.log"

    def launch(self) -> None:
        """Start it; `listening` tells when it is there."""
        self._said = self.log.stat().st_size if self.log.exists() else 0
        command = ["serve", "--data", str(self.folder), "--port", str(self.port), *self.options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.around, sys.executable, "-m", "collector", *command],
                cwd=self.folder,
                env=environment(XUNJIAN_DATABASE_URL=self.database),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def listening(self) -> bool:
        """Tell whether it has said that it listens since it was launched."""
        with self.log.open("rb") as log:
            log.seek(self._said)
            return b"listening" in log.read()

    def start(self) -> None:
        """Start it and wait until it listens."""
        self.launch()
        assert self.process is not None
        end = time.monotonic() + _START_SECONDS
        while not self.listening():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)

    def ended(self) -> int | None:
        """Return its exit code; None while it runs."""
        assert self.process is not None
        return self.process.poll()

    def kill(self) -> None:
        """Kill it (-9). Its assessor ends by itself: its pipe is closed."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it as a service manager does, whatever is around it too."""
        if self.process is None or self.process.poll() is not None:
            return
        inside = psutil.Process(self.process.pid)
        for child in inside.children() if self.around else [inside]:
            child.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def serving(served: Served) -> Iterator[Served]:
    """Run a collector while the block runs."""
    served.start()
    try:
        yield served
    finally:
        served.stop()


@dataclass
class Inspecting:
    """An agent process that inspects without a pause; see tests/faults/agent_process.py."""

    folder: Path
    agent: str
    around: Sequence[str] = ()
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def state(self) -> Path:
        """Return its state folder."""
        return self.folder / "state"

    @property
    def settings(self) -> Path:
        """Return its settings."""
        return self.folder / "agent.toml"

    @property
    def record(self) -> Path:
        """Return the file that names what was durable in its spool."""
        return self.folder / "record"

    def launch(self, inspections: int | None = None) -> None:
        """Start it: until `finish`, or for so many inspections."""
        number = [] if inspections is None else [str(inspections)]
        command = [sys.executable, "-m", "tests.faults.agent_process"]
        with (
            (self.folder / "events").open("ab") as events,
            (self.folder / "errors").open("ab") as errors,
        ):
            self.process = subprocess.Popen(
                [*self.around, *command, str(self.settings), str(self.record), *number],
                cwd=self.folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=events,
                stderr=errors,
            )

    def kill(self) -> None:
        """Kill it (-9)."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def running(self) -> bool:
        """Tell whether it has not ended."""
        return self.process is not None and self.process.poll() is None

    def finish(self) -> None:
        """Tell it to make no more inspections and to end once all is handed over."""
        self.folder.joinpath("record.stop").touch()

    def ended(self, seconds: float = 120.0) -> int:
        """Return its exit code once it has ended."""
        assert self.process is not None
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise AssertionError(f"{self.folder} did not end: {self.said()}") from error

    def said(self) -> str:
        """Return what it complained of."""
        return (self.folder / "errors").read_text()

    def kept(self) -> set[tuple[str, str]]:
        """Return every (inspection, check) that was durable in its spool."""
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        return {(name, check) for name, check in (line.split() for line in lines)}


def enrolled_agents(
    served: Served, number: int, *, url: str | None = None, states: Path | None = None
) -> list[Inspecting]:
    """Enrol and approve so many agents, by the steps of both sides, without a server."""
    database = open_database(served.database)
    try:
        return [
            enrolled(served, database, (states or served.folder) / f"host-{place}", url)
            for place in range(number)
        ]
    finally:
        database.close()


def enrolled(
    served: Served, database: Database, folder: Path, url: str | None, *, host: str = ""
) -> Inspecting:
    """Enrol and approve one agent whose state is to be in a folder."""
    name = host or folder.name
    folder.mkdir(parents=True)
    state = folder / "state"
    (folder / "agent.toml").write_text(written(str(state), url or served.url))
    collector = open_identity(served.folder / "collector.key", database)
    now = datetime.now(UTC)
    with database.writing() as session:
        code = slot(session, name, now)
        request = agent_enrolment.request(state, code, HostIdentity(name, "linux", name))
        answer = enrol(session, collector, request, now)
        known = agent_enrolment.conclude(state, answer)
        agent = session.query(Agent).filter_by(id=known.agent).one()
        approve(session, agent, "tester", now)
    return Inspecting(folder, known.agent)


def slot(session: Session, host: str, now: datetime) -> str:
    """Open a slot for a host and return its one-time code."""
    machine = ensure_host_of(
        session,
        customer=CUSTOMER,
        site="总部机房",
        time_zone="Asia/Shanghai",
        host=host,
        now=now,
    )
    return open_slot(session, machine, "tester", now).code
