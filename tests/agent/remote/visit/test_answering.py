"""The host's side alone, as a process of its own, asked by a test."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agent.identity import ANSWER, folder_of, keep
from agent.processes import identity
from agent.remote.lines import (
    LARGEST_LINE_BYTES,
    MARK,
    PROTOCOL,
    Begin,
    Done,
    Fetch,
    FromHost,
    Hello,
    Refused,
    Stated,
    Told,
    Took,
    heard_from_host,
    packed,
)
from tests.agent.remote.desk import COLLECTOR
from tests.agent.remote.visit.hosts import Desk
from tests.agent.workbench import ENROLMENT, REPOSITORY, plug_in
from tests.unprivileged import open_folder
from wire.batch import digest_of, open_batch
from wire.control import ENROLLED
from wire.envelope import enclose
from wire.grants import Coverage
from wire.messages import Reason
from wire.scopes import Scope
from wire.signing import PrivateKey


class Answering:
    """A process that answers."""

    def __init__(self, folder: Path, *arguments: str, beside: Path | None = None) -> None:
        self.state = folder / "state"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent", "remote", "answer", *arguments],
            cwd="/",
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": f"{REPOSITORY}:{beside}" if beside else str(REPOSITORY),
                "TMPDIR": str(folder),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.input, self.output = self.process.stdin, self.process.stdout

    def hear(self) -> FromHost | None:
        """Return the next message, None at the end."""
        while (line := self.output.readline()) == b"\n":
            pass
        assert not line or line.startswith(MARK), line
        return heard_from_host(line.rstrip(b"\n"))

    def say(self, content: bytes) -> None:
        self.input.write(content)
        self.input.flush()

    def rest(self) -> list[FromHost]:
        """Return all that still comes."""
        found = []
        while (message := self.hear()) is not None:
            found.append(message)
        return found

    def ended(self, seconds: float = 20) -> int:
        code = self.process.wait(seconds)
        assert self.process.stderr is not None
        assert b"Traceback" not in self.process.stderr.read()
        return code


@contextmanager
def answering(folder: Path, *arguments: str, beside: Path | None = None) -> Iterator[Answering]:
    host = Answering(folder, *arguments, beside=beside)
    try:
        yield host
    finally:
        host.process.kill()
        host.process.wait()
        for stream in (host.process.stdin, host.process.stdout, host.process.stderr):
            with suppress(OSError):
                stream.close()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder with the plug-ins of the host, and with what its administrator has laid down."""
    folder = tmp_path / "beside"
    plug_in(folder, {"sample.one": "pass", "sample.hangs": "time.sleep(1000)"})
    return folder


def begun(desk: Desk, *, mode: str = "package", grant: bytes | None = None, **more: Any) -> bytes:
    order = desk.order(**({"patterns": ("sample.one",)} | more))
    order = replace(order, remote=replace(order.remote, mode=mode))
    return packed(Begin(protocol=PROTOCOL, order=order, grant=grant or desk.grant()))


def refused(desk: Desk, place: Path, content: bytes, *arguments: str, beside: Path) -> Refused:
    """Return how the host refuses."""
    with answering(place, *arguments, beside=beside) as host:
        assert isinstance(host.hear(), Hello)
        host.say(content)
        (said,) = host.rest()
        assert host.ended() == 2
    assert isinstance(said, Refused)
    assert said.zh
    assert list(place.iterdir()) == []
    return said


def test_it_greets_states_tells_hands_over_and_ends(desk: Desk, place: Path, beside: Path) -> None:
    with answering(place, "--folder", str(place / "state"), beside=beside) as host:
        hello = host.hear()
        assert isinstance(hello, Hello)
        assert not hello.forced
        host.say(begun(desk))
        assert isinstance(host.hear(), Stated)
        while isinstance(message := host.hear(), Told):
            pass
        assert isinstance(message, Fetch)
        assert (place / "state" / "spool.db").exists()
        opened = open_batch(message.payload)
        assert [entry.check for entry in opened.observations] == ["sample.one"]
        host.say(b"\n")
        host.say(packed(Took(seq=message.seq, digest=digest_of(message.payload))))
        assert isinstance(host.hear(), Done)
        assert host.ended() == 0
    assert list(place.iterdir()) == []


def test_it_ends_where_another_batch_is_taken(desk: Desk, place: Path, beside: Path) -> None:
    with answering(place, beside=beside) as host:
        host.hear()
        host.say(begun(desk))
        while not isinstance(message := host.hear(), Fetch):
            pass
        host.say(packed(Took(seq=message.seq, digest="0" * 64)))
        assert [type(said) for said in host.rest()] == [Refused]
        assert host.ended() == 2
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"hello\n",
        MARK + b"\n",
        MARK + b"{}\n",
        MARK + b'{"say":"begin"}\n',
        MARK + b'{"say":"hello"}\n',
        MARK + b"[" * 100_000 + b"\n",
        MARK + b'{"say":"begin","protocol":' + b"9" * 5000 + b"}\n",
        packed(Took(seq=1, digest="0" * 64)),
        b"\xff\xfe\x00\n",
        MARK + b"x" * (LARGEST_LINE_BYTES + 100_000),
    ],
    ids=range(10),
)
def test_what_is_no_order_is_refused(desk: Desk, place: Path, beside: Path, content: bytes) -> None:
    with answering(place, beside=beside) as host:
        assert isinstance(host.hear(), Hello)
        try:
            host.say(content)
        except BrokenPipeError:
            assert len(content) > LARGEST_LINE_BYTES
        (said,) = host.rest()
        assert isinstance(said, Refused)
        assert host.ended() == 2
    assert list(place.iterdir()) == []


def test_another_protocol_is_refused(desk: Desk, place: Path, beside: Path) -> None:
    content = packed(Begin(protocol=99, order=desk.order(), grant=desk.grant()))
    assert "99" in refused(desk, place, content, beside=beside).zh


@pytest.mark.parametrize(
    ("coverage", "granted"),
    [
        (Coverage((Scope.METADATA, Scope.CONFIG)), {}),
        (Coverage((Scope.METADATA, Scope.SYSTEM_PASSWORD)), {"scopes": (Scope.METADATA,)}),
        (Coverage((Scope.METADATA,)), {"checks": ("host.uptime",)}),
        (Coverage((Scope.METADATA,), ("host.*",)), {"checks": ("host.uptime",)}),
        (Coverage((Scope.CHANGE,)), {"scopes": (Scope.METADATA, Scope.CHANGE)}),
    ],
)
def test_an_order_beyond_the_grant_is_refused(
    desk: Desk, place: Path, beside: Path, coverage: Coverage, granted: dict[str, Any]
) -> None:
    content = begun(desk, coverage=coverage, grant=desk.grant(**granted))
    assert "超出授权" in refused(desk, place, content, beside=beside).zh


@pytest.mark.parametrize("more", [{"agent": "remote-other"}, {"person": 1}, {"grant": 1}])
def test_an_order_of_another_grant_is_refused(
    desk: Desk, place: Path, beside: Path, more: dict[str, Any]
) -> None:
    remote = desk.order().remote
    if "person" in more:
        more = {"remote": replace(remote, person="李工")}
    elif "grant" in more:
        more = {"remote": replace(remote, grant="grant-2")}
    assert "不符" in refused(desk, place, begun(desk, **more), beside=beside).zh


def test_what_the_grant_lacks_is_not_run(desk: Desk, place: Path, beside: Path) -> None:
    with answering(place, beside=beside) as host:
        host.hear()
        host.say(begun(desk, patterns=("host.uptime", "host.accounts", "sample.one")))
        while not isinstance(message := host.hear(), Fetch):
            pass
    inspection = open_batch(message.payload).header.inspection
    lacking = {
        each.check for each in inspection.skipped if each.failure.reason is Reason.NOT_GRANTED
    }
    planned = {each.check for each in inspection.planned}
    assert not lacking & planned
    assert planned >= {"sample.one", "host.uptime"}


@pytest.mark.parametrize(
    "settings",
    [
        '[collector]\nurl = "https://inspection.example.com"',
        '[agent]\nstate = "/var/lib/xunjian"',
        "[databases.erp",
        "[unknown]",
    ],
)
def test_settings_that_are_not_an_orders_are_refused(
    desk: Desk, place: Path, beside: Path, settings: str
) -> None:
    refused(desk, place, begun(desk, settings=settings), beside=beside)


def test_a_pattern_that_fits_no_check_is_refused(desk: Desk, place: Path, beside: Path) -> None:
    assert (
        "host.nothing"
        in refused(desk, place, begun(desk, patterns=("host.nothing",)), beside=beside).zh
    )


def test_the_settings_of_an_order_count(desk: Desk, place: Path, beside: Path) -> None:
    content = begun(desk, settings='[checks."sample.one"]\nenabled = false')
    with answering(place, beside=beside) as host:
        host.hear()
        host.say(content)
        while not isinstance(message := host.hear(), Fetch):
            pass
    assert open_batch(message.payload).observations == ()


@pytest.fixture
def administered(beside: Path) -> Iterator[Path]:
    """A folder that is root's, in which veto, settings and state of the host are looked for."""
    with open_folder() as folder:
        (beside / "sitecustomize.py").write_text(
            "from agent import settings, veto\n"
            f"veto.PATH = {str(folder / 'veto.toml')!r}\n"
            f"settings.DEFAULT_PATH = {str(folder / 'agent.toml')!r}\n"
        )
        (folder / "agent.toml").write_text(
            f'[agent]\nstate = "{folder / "state"}"\n[collector]\nurl = "http://127.0.0.1:9"\n'
        )
        yield folder


@pytest.mark.skipif(os.geteuid() != 0, reason="a veto is root's")
@pytest.mark.parametrize(
    ("text", "words"),
    [("off = true", "已停用"), ("upload = false", "禁止上传"), ("x = 1", "不可信")],
)
def test_the_administrators_veto_beats_everything(
    desk: Desk, place: Path, beside: Path, administered: Path, text: str, words: str
) -> None:
    (administered / "veto.toml").write_text(text)
    assert words in refused(desk, place, begun(desk), beside=beside).zh
    said = refused(desk, place, begun(desk, mode="forced"), "--forced", beside=beside)
    assert words in said.zh


@pytest.mark.skipif(os.geteuid() != 0, reason="a veto is root's")
def test_a_vetoed_check_does_not_run(
    desk: Desk, place: Path, beside: Path, administered: Path
) -> None:
    (administered / "veto.toml").write_text('checks = ["sample.one"]')
    with answering(place, beside=beside) as host:
        host.hear()
        host.say(begun(desk))
        while not isinstance(message := host.hear(), Fetch):
            pass
    inspection = open_batch(message.payload).header.inspection
    assert "sample.one" not in {each.check for each in inspection.planned}


def enrolled(administered: Path, **more: Any) -> None:
    answer = replace(ENROLMENT, **({"collector_key": COLLECTOR.public} | more))
    place = folder_of(administered / "state") / ANSWER
    keep(place, enclose(answer, ENROLLED, COLLECTOR))


def forced(desk: Desk, place: Path, beside: Path, content: bytes) -> list[FromHost]:
    """Return all that a host says over a forced command up to the first batch."""
    with answering(place, "--forced", beside=beside) as host:
        hello = host.hear()
        assert isinstance(hello, Hello)
        assert hello.forced
        host.say(content)
        said = []
        while (message := host.hear()) is not None and not isinstance(message, Fetch):
            said.append(message)
        host.input.close()
        if message is not None:
            said.append(message)
        assert host.ended() in (0, 1, 2)
    assert list(place.iterdir()) == []
    return said


def test_where_an_agent_is_enrolled_its_collector_has_to_have_signed(
    desk: Desk, place: Path, beside: Path, administered: Path
) -> None:
    enrolled(administered)
    said = forced(desk, place, beside, begun(desk, mode="forced"))
    assert isinstance(said[-1], Fetch)
    from tests.agent.remote.desk import granted, signed

    forged = signed(granted(desk.known), PrivateKey(b"x" * 32))
    said = forced(desk, place, beside, begun(desk, mode="forced", grant=forged))
    assert isinstance(said[-1], Refused)
    assert "授权" in said[-1].zh


def test_another_customers_grant_is_refused(
    desk: Desk, place: Path, beside: Path, administered: Path
) -> None:
    enrolled(administered, customer_id="customer-2")
    said = forced(desk, place, beside, begun(desk, mode="forced"))
    assert isinstance(said[-1], Refused)
    assert "另一客户" in said[-1].zh


def test_an_identity_that_was_changed_permits_nothing(
    desk: Desk, place: Path, beside: Path, administered: Path
) -> None:
    keep(folder_of(administered / "state") / ANSWER, b"{}")
    said = forced(desk, place, beside, begun(desk, mode="forced"))
    assert isinstance(said[-1], Refused)


@pytest.mark.parametrize("hours", [-3, 3])
def test_over_a_forced_command_the_hosts_clock_counts(
    desk: Desk, place: Path, beside: Path, administered: Path, hours: int
) -> None:
    now = datetime.now(UTC) + timedelta(hours=hours)
    window = {"not_before": now - timedelta(hours=1), "not_after": now + timedelta(hours=1)}
    grant = desk.grant(**window)
    said = forced(desk, place, beside, begun(desk, mode="forced", grant=grant))
    assert isinstance(said[-1], Refused)
    assert "时钟" in said[-1].zh


@pytest.mark.parametrize(
    ("mode", "more"),
    [
        ("package", {}),
        ("agentless", {}),
        ("forced", {"settings": '[databases.x]\npassword = { command = ["/bin/true"] }'}),
    ],
)
def test_over_a_forced_command_nothing_else_can_be_had(
    desk: Desk, place: Path, beside: Path, administered: Path, mode: str, more: dict[str, Any]
) -> None:
    said = forced(desk, place, beside, begun(desk, mode=mode, **more))
    assert [type(message) for message in said] == [Refused]


def test_over_a_forced_command_the_hosts_own_settings_count(
    desk: Desk, place: Path, beside: Path, administered: Path
) -> None:
    with (administered / "agent.toml").open("a") as file:
        file.write('[checks."sample.one"]\nenabled = false\n')
    said = forced(desk, place, beside, begun(desk, mode="forced"))
    assert isinstance(said[-1], Fetch)
    assert open_batch(said[-1].payload).observations == ()
    assert not (administered / "state").exists()


def child_of(parent: int) -> int:
    """Return the child of a process, once there is one."""
    ends = time.monotonic() + 5
    while time.monotonic() < ends:
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                fields = (place / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == parent and fields[0] not in "ZX":
                    return int(place.name)
    raise AssertionError("it has no child")


def hanging(host: Answering, desk: Desk) -> tuple[int, int]:
    """Let a probe hang, and return the process that answers, and that of the probe."""
    host.hear()
    host.say(begun(desk, patterns=("sample.hangs",)))
    while b"started" not in bytes(getattr(host.hear(), "event", b"")):
        pass
    answers = child_of(host.process.pid)
    return answers, child_of(answers)


@pytest.mark.parametrize("way", ["end", signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_it_ends_at_once_with_its_probes(
    desk: Desk, place: Path, beside: Path, way: signal.Signals | str
) -> None:
    with answering(place, beside=beside) as host:
        _, probe = hanging(host, desk)
        began = time.monotonic()
        if isinstance(way, str):
            host.input.close()
        else:
            host.process.send_signal(way)
        assert host.ended() == 1
        assert time.monotonic() - began < 1.5
        assert identity(probe) == ""
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_killed_it_leaves_nothing(
    desk: Desk, place: Path, beside: Path, number: signal.Signals
) -> None:
    with answering(place, beside=beside) as host:
        answers, probe = hanging(host, desk)
        assert list(place.iterdir())
        os.kill(answers, number)
        assert host.ended() == 128 + number
        assert identity(probe) == ""
    assert list(place.iterdir()) == []


def test_without_the_process_above_it_clears_away_itself(
    desk: Desk, place: Path, beside: Path
) -> None:
    with answering(place, beside=beside) as host:
        answers, probe = hanging(host, desk)
        host.process.kill()
        host.process.wait()
        host.input.close()
        ends = time.monotonic() + 3
        while (identity(answers) or list(place.iterdir())) and time.monotonic() < ends:
            time.sleep(0.02)
        assert (identity(answers), identity(probe)) == ("", "")
    assert list(place.iterdir()) == []


def test_it_ends_where_the_workstation_falls_silent(desk: Desk, place: Path, beside: Path) -> None:
    (beside / "sitecustomize.py").write_text(
        "from agent.remote import ear\near.Ear.__init__.__defaults__ = (2.0,)\n"
    )
    with answering(place, beside=beside) as host:
        _, probe = hanging(host, desk)
        for _ in range(4):  # longer than the silence that it bears
            time.sleep(0.7)
            host.say(b"\n")
            assert host.process.poll() is None
        assert host.ended() == 1
        assert identity(probe) == ""
    assert list(place.iterdir()) == []


def test_an_input_that_never_says_anything_ends_it(place: Path, beside: Path) -> None:
    with answering(place, beside=beside) as host:
        host.hear()
        host.input.close()
        assert host.ended() == 1
    assert list(place.iterdir()) == []


def test_a_folder_that_can_not_be_made_is_told(place: Path, beside: Path) -> None:
    with answering(place, "--folder", str(place / "a" / "b"), beside=beside) as host:
        (said,) = host.rest()
        assert isinstance(said, Refused)
        assert host.ended() == 2
