"""Hosts to visit: this one, through a shell of its own, and what a workstation brings and keeps."""

import hashlib
import io
import os
import select
import shlex
import subprocess
import sys
import tarfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent import VERSION
from agent.chain import Sealed
from agent.events import Event
from agent.remote.order import Order
from agent.remote.package import Package
from agent.remote.visit import Survey, Visit, by_package, survey
from agent.remote.visit.channel import Line
from agent.spool import Spool
from agent.spool_file import exclusive
from checks.errors import UnexpectedOutput
from tests.agent.remote.desk import COLLECTOR, granted, registered, signed
from tests.agent.workbench import REPOSITORY
from wire import record
from wire.grants import Coverage
from wire.messages import Remote
from wire.scopes import Scope
from wire.signing import PrivateKey

SESSION_KEY = PrivateKey(b"s" * 32)
LIGHT = ("host.uptime", "host.memory")


class LocalCommand:
    """A command of this host, as agent.ssh gives one of another."""

    def __init__(self, command: str, subject: str, environment: dict[str, str]) -> None:
        self.subject = subject
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
        self._errors = bytearray()
        assert self.process.stderr is not None
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        with suppress(ValueError, OSError):
            while piece := self.process.stderr.read1(65536):
                self._errors += piece

    @property
    def errors(self) -> bytes:
        return bytes(self._errors)

    def send(self, content: bytes | memoryview) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(content)
            self.process.stdin.flush()
        except (OSError, ValueError) as error:
            raise UnexpectedOutput(self.subject, "takes no more input") from error

    def end_input(self) -> None:
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.close()

    def receive(self, timeout: float) -> bytes | None:
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        if not select.select([descriptor], [], [], timeout)[0]:
            return b""
        return os.read(descriptor, 65536) or None

    def exit_code(self, timeout: float) -> int:
        code = self.process.wait(timeout)
        self._reader.join(timeout)
        if code < 0:
            raise UnexpectedOutput(self.subject, "ended without an exit code")
        return code

    def close(self) -> None:
        self.end_input()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def reap(self) -> None:
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join(5)
            assert self.process.stderr is not None
            self.process.stderr.close()


class LocalLine:
    """A connection to this very host; `environment` is what its shell has."""

    def __init__(self, **environment: str) -> None:
        self.environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere"} | environment
        self.commands: list[LocalCommand] = []

    def start(self, command: str, *, subject: str) -> LocalCommand:
        started = LocalCommand(command, subject, self.environment)
        self.commands.append(started)
        return started

    def subject(self, name: str) -> LocalCommand:
        return next(each for each in self.commands if each.subject == name)


@contextmanager
def local_line(**environment: str) -> Iterator[LocalLine]:
    line = LocalLine(**environment)
    try:
        yield line
    finally:
        for command in line.commands:
            command.close()
        for command in line.commands:
            command.reap()


def starter(beside: Path | None = None) -> str:
    """Return a script that is this source tree's agent; `beside` has plug-ins, sitecustomize."""
    path = f"{REPOSITORY}:{beside}" if beside else str(REPOSITORY)
    return (
        f"#!/bin/sh\nPYTHONDONTWRITEBYTECODE=1 PYTHONPATH={shlex.quote(path)} "
        f'exec {shlex.quote(sys.executable)} -m agent "$@"\n'
    )


def packed(folder: Path, script: str = "", **more: Any) -> Package:
    """Return a package whose agent is this source tree's, or a script."""
    start = script or starter()
    path = folder / f"package-{uuid.uuid4().hex}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content, mode in (
            ("xunjian-agent", start.encode(), 0o755),
            ("lib/filling", os.urandom(300_000), 0o644),
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.uid = len(content), mode, 1234
            archive.addfile(entry, io.BytesIO(content))
    content = path.read_bytes()
    fields: dict[str, Any] = {
        "version": VERSION,
        "system": "linux",
        "machine": os.uname().machine,
        "glibc": "2.17",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "files": 2,
        "checks_digest": "0" * 64,
    }
    return Package(**(fields | more), path=path)


@dataclass
class Desk:
    """A workstation: what it has permission for, and what came."""

    folder: Path
    recorded: list[record.Event] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)
    statements: list[bytes] = field(default_factory=list)
    kept: list[Sealed] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.known = registered(self.folder / "home")

    def order(self, **more: Any) -> Order:
        remote = Remote(session="session-1", grant="grant-1", person="张工", mode="package")
        fields: dict[str, Any] = {
            "agent": "remote-erp-db",
            "remote": remote,
            "coverage": Coverage((Scope.METADATA,)),
            "patterns": LIGHT,
        }
        return Order(**(fields | more))

    def grant(self, **more: Any) -> bytes:
        return signed(granted(self.known, **more), COLLECTOR)

    def visit(self, line: Line, **more: Any) -> Visit:
        fields: dict[str, Any] = {
            "connection": line,
            "order": self.order(),
            "grant": self.grant(),
            "session_key": SESSION_KEY,
            "keep": self.keep,
            "state": self.statements.append,
            "report": self.told.append,
            "record": self.recorded.append,
            "stop": self.stop,
        }
        return Visit(**(fields | more))

    def keep(self, sealed: Sealed) -> None:
        """Adopt a batch into a spool on the disk, as a session does."""
        with exclusive(self.folder / "spool"):
            spool = Spool(self.folder / "spool")
            try:
                spool.adopt(sealed)
            finally:
                spool.close()
        self.kept.append(sealed)

    def pending(self) -> int:
        """Return how many batches the spool holds, opened anew."""
        with exclusive(self.folder / "spool"):
            spool = Spool(self.folder / "spool")
            try:
                assert spool.set_aside is None
                return len(spool.pending())
            finally:
                spool.close()

    def events(self, kind: type) -> list[Any]:
        return [event for event in self.recorded if isinstance(event, kind)]


def look(line: Line, desk: Desk, folder: Path | str | None = None) -> Survey:
    """Survey a host; visit another folder of it than its own choice."""
    from msgspec.structs import replace

    found = survey(line, desk.recorded.append)
    return found if folder is None else replace(found, temporary_folder=str(folder))


def visited(line: Line, desk: Desk, package: Package, folder: Path, **more: Any) -> Any:
    return by_package(desk.visit(line, **more), package, look(line, desk, folder))


def left_in(folder: Path) -> list[str]:
    """Return what is in a folder, and which processes name it."""
    found = [str(path) for path in folder.rglob("*")]
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            if f"{folder}/.xunjian" in line:
                found.append(f"{place.name}: {line[:300]}")
    return found


def demand_clean(folder: Path, seconds: float = 3.0) -> None:
    """Assert that nothing is left there in time."""
    ends = time.monotonic() + seconds
    while (left := left_in(folder)) and time.monotonic() < ends:
        time.sleep(0.02)
    assert left == []


def demand_nobody(words: str, seconds: float = 1.0) -> None:
    """Assert that no process has these words in its command line."""
    ends = time.monotonic() + seconds
    while True:
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if words.encode() in (place / "cmdline").read_bytes() and place.name != str(
                    os.getpid()
                ):
                    found.append(place.name)
        if not found:
            return
        assert time.monotonic() < ends, found
        time.sleep(0.02)


def busy(folder: Path) -> None:
    """Make a folder that can't be removed."""
    (folder / "busy").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder / "busy"], check=True)


def free(folder: Path) -> None:
    """Let it be removed again."""
    subprocess.run(["umount", folder / "busy"], check=True)
