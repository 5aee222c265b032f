"""A disk that is full, a workstation that dies: the host's shell ends, the record has all of it."""

import os
import pty
import random
import re
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.errors import RecordLost
from agent.remote.recorder import Recorder, resume
from scripts.openssh import OpenSsh
from tests.agent.remote.shell.desk import (
    events,
    received,
    recording,
    sent,
    signed_in,
    sitting,
    wait_for,
)
from tests.agent.remote.shell.test_bytes import capturing
from tests.agent.remote.shell.test_holding import gone
from wire.record import Ended, Event, Resized

AT_ONCE = 1.0
"""Seconds, of the contract."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 256 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("mounting a tmpfs is refused here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def pid_of(file: Path) -> int:
    """Wait for the peer to write its id, and return it."""
    wait_for(lambda: file.exists() and file.read_text().endswith("\n"))
    return int(file.read_text())


@dataclass
class Watched:
    """A recorder, and when it was lost."""

    recorder: Recorder
    lost_at: float = 0.0

    def write(self, event: Event) -> None:
        try:
            self.recorder.write(event)
        except RecordLost:
            self.lost_at = self.lost_at or time.monotonic()
            raise


@pytest.fixture
def host(tmp_path: Path) -> Iterator[tuple[OpenSsh, Path]]:
    kept = tmp_path / "kept"
    with capturing(kept) as server:
        yield server, kept


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("direction", ["typed", "printed"])
def test_a_full_disk_closes_the_shell_and_the_record_has_all_that_passed(
    host: tuple[OpenSsh, Path], small_disk: Path, terminal: bool, direction: str
) -> None:
    server, kept = host
    path = small_disk / "record"
    size_in, size_out = (10**9, 0) if direction == "typed" else (1, 10**7)
    with (
        recording(path) as recorder,
        signed_in(server) as connection,
        sitting(connection, (watched := Watched(recorder)).write, terminal=terminal) as desk,
    ):
        desk.until(b"ready\n")
        desk.type(f"full {size_in} {size_out} 1 0\n".encode())
        pid = pid_of(kept / "full.pid")
        chance = random.Random(3)
        ends = time.monotonic() + 30
        while direction == "typed" and not desk.ended and time.monotonic() < ends:
            with suppress(BrokenPipeError):
                desk.type(chance.randbytes(700).replace(b"~", b"-"))
            time.sleep(0.002)
        with pytest.raises(RecordLost, match="the disk is full") as error:
            desk.result(30)
        wait_for(lambda: gone(pid), AT_ONCE)
        took = time.monotonic() - watched.lost_at
        assert took < AT_ONCE + 0.3  # looked at a little later
        assert desk.ended_at - watched.lost_at < AT_ONCE
    assert "磁盘已满" in error.value.text.zh
    reached = (kept / "full.in").read_bytes()
    assert sent(path).startswith(reached)
    # What is typed after the end is echoed by this computer.
    shown = desk.shown[: len(b"ready\n")] if direction == "typed" else desk.shown
    assert received(path).startswith(bytes(shown))
    assert watched.recorder.lines == len(events(path))
    if direction == "typed":
        assert len(reached) > 10_000
    else:
        assert len(desk.shown) > 10_000


def started(
    server: OpenSsh, path: Path, stdin: int, stdout: int, *, terminal: bool
) -> "subprocess.Popen[bytes]":
    arguments = [str(server.port), server.user, str(server.key), str(path), server.host_key]
    command = [sys.executable, "-m", "tests.agent.remote.shell.workstation", *arguments]
    if terminal:
        command = ["setsid", "--ctty", *command]
    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[4]), "TERM": "xterm"},
    )


@dataclass
class Workstation:
    process: "subprocess.Popen[bytes]"
    typing: int
    shown: bytearray
    terminal: int
    """The descriptor of the terminal, where there is one; else -1."""

    def until(self, what: bytes) -> None:
        wait_for(lambda: what in self.shown)

    def said(self) -> str:
        assert self.process.stderr is not None
        with self.process.stderr as stream:
            return stream.read().decode()


@contextmanager
def workstation(server: OpenSsh, path: Path, *, terminal: bool) -> Iterator[Workstation]:
    if terminal:
        typing, stdin = pty.openpty()
        reading, stdout = typing, stdin
    else:
        stdin, typing = os.pipe()
        reading, stdout = os.pipe()
    shown = bytearray()

    def read() -> None:
        while True:
            try:
                piece = os.read(reading, 2**16)
            except OSError:
                return
            if not piece:
                return
            shown.extend(piece)

    process = started(server, path, stdin, stdout, terminal=terminal)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield Workstation(process, typing, shown, stdin if terminal else -1)
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None and not process.stderr.closed:
            process.stderr.close()
        for descriptor in {stdin, stdout}:
            os.close(descriptor)
        reader.join()
        for descriptor in {typing, reading}:
            os.close(descriptor)


@pytest.mark.parametrize("terminal", [True, False])
def test_a_workstation_that_is_killed_leaves_no_shell_and_a_whole_record(
    host: tuple[OpenSsh, Path], tmp_path: Path, terminal: bool
) -> None:
    server, kept = host
    path = tmp_path / "record"
    with workstation(server, path, terminal=terminal) as desk:
        desk.until(b"ready\n")
        os.write(desk.typing, b"kill 1000000000 20000000 1 0\n")
        pid = pid_of(kept / "kill.pid")
        chance = random.Random(4)
        for _ in range(100):
            os.write(desk.typing, chance.randbytes(700).replace(b"~", b"-"))
            time.sleep(0.002)
        desk.process.kill()
        wait_for(lambda: gone(pid), AT_ONCE)
        desk.process.wait()
    resumed = resume(path)
    resumed.write(Ended("interrupted"))
    resumed.close()
    reached = (kept / "kill.in").read_bytes()
    assert len(reached) > 10_000
    assert sent(path).startswith(reached)
    assert received(path).startswith(bytes(desk.shown))
    assert isinstance(events(path)[-1], Ended)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_shell_and_gives_the_terminal_back(
    shell_server: OpenSsh, tmp_path: Path, number: signal.Signals
) -> None:
    with workstation(shell_server, tmp_path / "record", terminal=True) as desk:
        before = termios.tcgetattr(desk.terminal)
        wait_for(lambda: termios.tcgetattr(desk.terminal) != before)
        os.write(desk.typing, b"echo pid=$$; sleep 100\r")
        wait_for(lambda: re.search(rb"pid=(\d+)\r", desk.shown))
        pid = int(re.findall(rb"pid=(\d+)\r", desk.shown)[0])
        desk.process.send_signal(number)
        wait_for(lambda: gone(pid), AT_ONCE)
        assert desk.process.wait(5) == 0
        assert termios.tcgetattr(desk.terminal) == before
        assert desk.said() == f"interrupted None this program was sent {number.name}\n"


def test_a_terminal_that_gets_another_size_has_it_on_the_host_too(
    shell_server: OpenSsh, tmp_path: Path
) -> None:
    path = tmp_path / "record"
    with workstation(shell_server, path, terminal=True) as desk:
        before = termios.tcgetattr(desk.terminal)
        wait_for(lambda: termios.tcgetattr(desk.terminal) != before)
        os.write(desk.typing, b"echo term=$TERM; echo set''tled\r")
        desk.until(b"settled")
        assert b"term=xterm\r" in desk.shown
        termios.tcsetwinsize(desk.terminal, (50, 121))
        wait_for(lambda: Resized(121, 50) in events(path))
        os.write(desk.typing, b"stty size; exit 4\r")
        desk.until(b"50 121")
        assert desk.process.wait(5) == 0
        assert desk.said() == "completed 4 \n"
