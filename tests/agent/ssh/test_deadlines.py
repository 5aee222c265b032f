"""Whatever a network or a server does: one error, one sentence, and in time."""

import socket
import threading
import time

import pytest

from agent.ssh.connection import Limits, Server
from checks.errors import ProbeError, TimedOut, Unreachable
from scripts.openssh import OpenSsh
from tests.agent.ssh.reaching import IMPATIENT, connected, listening, own_threads, within
from tests.network import Line, Way, free_port, relaying, until


def failure(running: OpenSsh, **changed: object) -> ProbeError:
    with pytest.raises((Unreachable, TimedOut)) as caught, connected(running, **changed):
        pass
    assert own_threads() == []
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "Traceback" not in sentence
    return caught.value


def test_a_port_where_nobody_listens_is_unreachable(ssh_server: OpenSsh) -> None:
    port = free_port()
    assert str(failure(ssh_server, port=port)) == f"127.0.0.1:{port}: Connection refused"


@pytest.mark.parametrize("host", ["x" * 70 + ".invalid", "nowhere.invalid", "a..b", "\udc80"])
def test_a_name_that_cannot_be_is_unreachable(ssh_server: OpenSsh, host: str) -> None:
    with within(IMPATIENT.connect):
        assert isinstance(failure(ssh_server, host=host, limits=IMPATIENT), Unreachable)


def test_a_resolver_that_does_not_answer_is_left(
    ssh_server: OpenSsh, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    real = socket.getaddrinfo

    def slow(*given: object, **more: object) -> object:
        answered.wait(20)
        return real(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    try:
        with (
            within(0.5),
            pytest.raises(Unreachable, match=r"no connection within 0.5 s"),
            connected(ssh_server, limits=Limits(connect=0.5)),
        ):
            pass
    finally:
        answered.set()
        while own_threads():
            time.sleep(0.01)


def test_a_banner_that_never_comes_times_out(ssh_server: OpenSsh) -> None:
    with listening(lambda line, ended: ended.wait(20)) as port, within(IMPATIENT.greeting):
        error = failure(ssh_server, port=port, limits=IMPATIENT)
    assert str(error) == f"127.0.0.1:{port}: greeting: took more than 1 s"


def test_a_banner_without_an_end_times_out_or_is_no_banner(ssh_server: OpenSsh) -> None:
    def drip(line: socket.socket, ended: threading.Event) -> None:
        try:
            while not ended.wait(0.02):
                line.sendall(b"welcome\r\n")
        except OSError:  # the client has left
            return

    with listening(drip) as port, within(IMPATIENT.greeting):
        failure(ssh_server, port=port, limits=IMPATIENT)


@pytest.mark.parametrize(
    "words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\xff" * 4000, b"SSH-1.5-old\r\n"]
)
def test_another_service_is_no_ssh_server(
    ssh_server: OpenSsh, words: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        listening(lambda line, ended: line.sendall(words)) as port,
        within(IMPATIENT.greeting),
    ):
        failure(ssh_server, port=port, limits=IMPATIENT)
    assert capfd.readouterr() == ("", "")


def test_a_hello_that_is_followed_by_nothing_leaves_no_timer(ssh_server: OpenSsh) -> None:
    def greet(line: socket.socket, ended: threading.Event) -> None:
        line.sendall(b"SSH-2.0-hanging\r\n")
        ended.wait(20)

    with listening(greet) as port, within(IMPATIENT.greeting):
        error = failure(ssh_server, port=port, limits=IMPATIENT)
    assert isinstance(error, TimedOut)
    # A timer of paramiko would keep the process from ending.
    timers = threading.Timer
    until(lambda: not any(isinstance(each, timers) for each in threading.enumerate()), 1)


FEED = bytes(100_000)
CUTS = (1, 20, 41, 100, 600, 1000, 1400, 1700, 1800, 2000, 2500, 3000, 5000, 9000, 20_000, 60_000)


@pytest.mark.parametrize("ending", ["close", "reset", "silence"])
@pytest.mark.parametrize("cut_after", CUTS)
def test_a_connection_that_is_cut_anywhere_ends_with_one_error(
    ssh_server: OpenSsh, cut_after: int, ending: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Through greeting, sign-in, opening a channel and a transfer, at both directions."""
    way = Way(cut_after=cut_after)
    for line in (Line(to_client=way, ending=ending), Line(to_server=way, ending=ending)):
        limits = Limits(connect=1, greeting=0.5, sign_in=0.5, request=0.5, silence=0.5)
        with (
            relaying(ssh_server.port, lambda _, line=line: line) as relay,
            within(4 * 0.5),
            pytest.raises((Unreachable, TimedOut)) as caught,
            connected(ssh_server, port=relay.port, limits=limits) as connection,
        ):
            connection.run("cat; sleep 60", subject="cat", feed=FEED, timeout_seconds=0.5)
        assert "\n" not in str(caught.value)
        assert own_threads() == []
    assert capfd.readouterr() == ("", "")


def test_a_byte_that_is_changed_anywhere_is_an_error_of_ours(
    ssh_server: OpenSsh, capfd: pytest.CaptureFixture[str]
) -> None:
    """Through greeting, key exchange, sign-in and a command: whatever a parser makes of it."""
    limits = Limits(connect=1, greeting=0.5, sign_in=0.5, request=0.5, silence=0.5)
    seen = set()
    for place in range(3, 2200, 47):
        line = Line(to_client=Way(corrupt_at=place))
        with (
            relaying(ssh_server.port, lambda _, line=line: line) as relay,
            within(4 * 0.5),
            pytest.raises((Unreachable, TimedOut)) as caught,
            connected(ssh_server, port=relay.port, limits=limits) as connection,
        ):
            connection.run("echo x; sleep 60", subject="echo", timeout_seconds=0.5)
        seen.add(type(caught.value))
    assert Unreachable in seen
    assert capfd.readouterr() == ("", "")


def test_a_server_that_stops_reading_is_left(ssh_server: OpenSsh) -> None:
    """Not only the command: nothing is taken from the socket any more."""
    deaf = Line(to_server=Way(cut_after=50_000), ending="silence")
    limits = Limits(silence=0.5, request=1)
    with (
        relaying(ssh_server.port, lambda _: deaf) as relay,
        connected(ssh_server, port=relay.port, limits=limits) as connection,
        connection.start("cat >/dev/null", subject="cat") as running,
        within(0.5 + 0.5),
        pytest.raises((TimedOut, Unreachable)),
    ):
        running.send(bytes(2**26))


def test_a_transfer_that_is_slow_but_moves_is_let_go_on(ssh_server: OpenSsh) -> None:
    slow = Line(to_server=Way(bytes_per_second=400_000))
    limits = Limits(silence=0.5, keep_alive=0.2)
    content = bytes(600_000)
    with (
        relaying(ssh_server.port, lambda _: slow) as relay,
        connected(ssh_server, port=relay.port, limits=limits) as connection,
    ):
        answer = connection.run("wc -c", subject="wc", feed=content)
    assert answer.output.strip() == b"600000"


def test_an_interrupt_in_the_middle_leaves_nothing(ssh_server: OpenSsh) -> None:
    def interrupt(_sent: int) -> None:
        raise KeyboardInterrupt

    with (
        within(1),
        pytest.raises(KeyboardInterrupt),
        connected(ssh_server) as connection,
    ):
        connection.run("sleep 100", subject="sleep", feed=bytes(10), progress=interrupt)
    assert own_threads() == []


def test_a_server_is_named_so_that_its_port_is_told_apart() -> None:
    assert str(Server("db.example", "root", "", 2222)) == "db.example:2222"
    assert str(Server("2001:db8::7", "root", "")) == "[2001:db8::7]:22"
