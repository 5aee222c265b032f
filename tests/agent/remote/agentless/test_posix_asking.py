"""What goes over the line: recorded before it goes, ended in time, nothing left behind."""

import hashlib
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.errors import RecordLost
from agent.remote.agentless import marks
from agent.remote.agentless.posix_host import PosixHost, posix_host
from agent.remote.recording import unrecorded
from agent.ssh.connection import Connection
from checks.api import Text
from checks.errors import TimedOut, UnexpectedOutput, Unreachable, Unsupported
from scripts.openssh import OpenSsh, serving
from tests.agent.remote.agentless.hosts import GREETING, connected
from wire.record import CommandEnded, CommandRun, Event


@pytest.fixture(scope="module")
def server() -> Iterator[OpenSsh]:
    with serving(shell=True, greeting=GREETING) as running:
        yield running


@pytest.fixture
def connection(server: OpenSsh) -> Iterator[Connection]:
    with connected(server) as connection:
        yield connection


def sleeping(seconds: str) -> bool:
    return subprocess.run(["pgrep", "-f", f"^sleep {seconds}"], check=False).returncode == 0


def test_every_command_is_recorded_before_it_goes_and_its_output_by_size_and_digest(
    connection: Connection,
) -> None:
    kept: list[Event] = []
    host = posix_host(connection, kept.append)
    assert host.run("echo", "hello").text == "hello\n"
    # What kind of host it is, and the command itself.
    survey, survey_ended, ran, ended = kept
    assert isinstance(survey, CommandRun)
    assert isinstance(survey_ended, CommandEnded)
    assert isinstance(ran, CommandRun)
    assert "echo" in ran.command
    assert "hello" in ran.command
    assert isinstance(ended, CommandEnded)
    assert ended.exit_code == 0
    assert ended.output_bytes > len("hello\n")
    assert len(ended.output_digest) == len(hashlib.sha256().hexdigest())
    host.exists("/etc")
    assert len(kept) == 6


def test_nothing_goes_out_that_can_not_be_recorded(connection: Connection, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    def full(_event: Event) -> None:
        raise RecordLost(Text("磁盘已满", "the disk is full"))

    host = posix_host(connection, full)
    with pytest.raises(RecordLost):
        host.run("touch", str(tmp_path / "touched"))
    assert isinstance(host.lost(), RecordLost)
    assert not (tmp_path / "touched").exists()


def test_a_timeout_ends_what_runs_on_the_host_and_the_connection_goes_on(
    connection: Connection,
) -> None:
    host = posix_host(connection, unrecorded)
    assert host.system == "linux"
    began = time.monotonic()
    with pytest.raises(TimedOut, match=r"no end after 0\.5 s"):
        host.run("sh", "-c", "sleep 4331 & sleep 4331", timeout_seconds=0.5)
    assert time.monotonic() - began < 3
    assert host.run("echo", "on").text == "on\n"
    ends = time.monotonic() + 5
    while sleeping("4331") and time.monotonic() < ends:
        time.sleep(0.05)
    assert not sleeping("4331")


def test_readings_end_with_the_time_of_the_check(connection: Connection) -> None:
    host = posix_host(connection, unrecorded)
    late = host.within(time.monotonic() + 0.5, threading.Event())
    began = time.monotonic()
    with pytest.raises(TimedOut):
        late.run("sleep", "4333", timeout_seconds=60)
    with pytest.raises(TimedOut):
        late.read("/etc/passwd")
    assert time.monotonic() - began < 3
    assert host.read("/etc/passwd")


def test_a_stop_ends_a_command_at_once(connection: Connection) -> None:
    stop = threading.Event()
    host = posix_host(connection, unrecorded).within(time.monotonic() + 60, stop)
    assert host.system == "linux"
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    with pytest.raises(TimedOut, match="stopped"):
        host.run("sleep", "4337", timeout_seconds=60)
    assert time.monotonic() - began < 3


def test_a_line_that_is_cut_is_unreachable(connection: Connection) -> None:
    host = posix_host(connection, unrecorded)
    assert host.lost() is None
    threading.Timer(0.3, connection.transport.close).start()
    with pytest.raises(Unreachable):
        host.run("sleep", "4339", timeout_seconds=60)
    with pytest.raises(Unreachable):
        host.read("/etc/passwd")
    assert isinstance(host.lost(), Unreachable)


def test_procfs_is_read_though_it_says_that_it_is_empty(connection: Connection) -> None:
    host = posix_host(connection, unrecorded)
    assert "proc" in host.read("/proc/self/mounts")
    assert len(host.read_bytes("/proc/kallsyms", limit_bytes=300_000)) == 300_000


def test_ten_mebibytes_on_both_streams_are_drained(connection: Connection) -> None:
    host = posix_host(connection, unrecorded)
    size = 10 * 2**20
    script = f"head -c {size} /dev/zero; head -c {size} /dev/zero >&2"
    output = host.run("sh", "-c", script, timeout_seconds=60, limit_bytes=size)
    assert (len(output.text), len(output.error_text)) == (size, size)


def test_an_argument_that_is_too_long_is_refused_here(connection: Connection) -> None:
    host = posix_host(connection, unrecorded)
    with pytest.raises(UnexpectedOutput, match="too long"):
        host.run("echo", "x" * 100_000)


@contextmanager
def shell(replaced: str) -> Iterator[Connection]:
    """Serve with another login shell's answer: every command runs this instead."""
    line = f"ForceCommand {replaced}"
    with (
        serving(shell=True, settings=line, as_nobody=False) as running,
        connected(running) as connection,
    ):
        yield connection


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("echo 'This account is not available.'", "This account is not available"),
        ("true", "silence"),
        ("cat", "the host did not run it"),
    ],
)
def test_a_host_that_runs_no_shell_says_what_it_says(command: str, words: str) -> None:
    with shell(command) as connection, pytest.raises(UnexpectedOutput, match=words):
        posix_host(connection, unrecorded).read("/etc/passwd")


def test_an_answer_without_its_end_is_no_answer() -> None:
    number = marks.draw()
    begin = f"\x1e{marks.begin(number)}\n".encode()
    whole = b"hello\n" + begin + b"\0\xff" + f"\x1e{marks.end(number)}read 0\n".encode() + b"bye"
    assert marks.between(whole, number, "x") == marks.Marked(b"\0\xff", "read 0")
    for cut in range(len(begin) + 6, len(whole) - len("\x1eread 0\nbye") - 20):
        with pytest.raises(UnexpectedOutput):
            marks.between(whole[:cut], number, "x")
    other = marks.draw()
    with pytest.raises(UnexpectedOutput):
        marks.between(whole, other, "x")


def test_a_host_whose_head_cuts_no_bytes_is_told(connection: Connection) -> None:
    host = posix_host(connection, unrecorded)
    asking = host._asking
    told = PosixHost(replace(asking, connection=_Without(connection)))  # type: ignore[arg-type]
    with pytest.raises(Unsupported, match="head"):
        told.read("/etc/passwd")


class _Without:
    """A connection to a host without `head`: its name leads nowhere there."""

    def __init__(self, real: Connection) -> None:
        self.real = real
        self.transport = real.transport
        self.server = real.server

    def start(self, command: str, **given: object) -> object:
        return _Renaming(self.real.start(command, **given))  # type: ignore[arg-type]


class _Renaming:
    def __init__(self, real: object) -> None:
        self.real = real

    def __enter__(self) -> "_Renaming":
        return self

    def __exit__(self, *error: object) -> None:
        self.real.close()  # type: ignore[attr-defined]

    def send(self, content: bytes) -> None:
        self.real.send(content.replace(b"head -c", b"nohead -c"))  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)


def test_dash_and_bash_and_busybox_read_the_same_script() -> None:
    from agent.remote.agentless import posix_scripts

    script = posix_scripts.framed(posix_scripts.tool(("echo", "a b"), 100, 0), "1")
    answers = {
        subprocess.run([*each, "-s"], input=script.encode(), capture_output=True, check=True).stdout
        for each in (["dash"], ["bash"], ["busybox", "sh"], ["bash", "--posix"])
        if shutil.which(each[0])
    }
    assert answers == {b"\x1exunjian begin 1\na b\n\x1exunjian end 1 ran 0\n"}
