"""Commands and shells while they run: bytes both ways, from several threads, always with an end."""

import os
import select
import threading
import time
from collections.abc import Iterator

import pytest

from agent.ssh.connection import Connection, Limits
from agent.ssh.running import Ended, Running
from checks.errors import NotPermitted, TimedOut, UnexpectedOutput, Unreachable
from scripts.openssh import OpenSsh, serving
from tests.agent.ssh.reaching import connected, within
from tests.network import Line, Way, relaying, until


@pytest.fixture
def connection(ssh_server: OpenSsh) -> Iterator[Connection]:
    with connected(ssh_server, limits=Limits(silence=1)) as given:
        yield given


def all_of(running: Running, timeout: float = 5) -> bytes:
    parts = []
    while (piece := running.receive(timeout)) is not None:
        assert piece, "nothing came in time"
        parts.append(piece)
    return b"".join(parts)


def test_a_command_is_talked_to_while_it_runs(connection: Connection) -> None:
    script = 'while read -r line; do echo "<$line>"; echo "!$line" >&2; done; exit 7'
    with connection.start(script, subject="echo") as running:
        for word in (b"one", b"two"):
            running.send(word + b"\n")
            assert running.receive(5) == b"<" + word + b">\n"
        running.end_input()
        running.end_input()
        assert running.receive(5) is None
        assert running.receive(5) is None
        assert running.exit_code(5) == 7
        assert running.errors == b"!one\n!two\n"


def test_nothing_yet_is_told_apart_from_the_end(connection: Connection) -> None:
    with connection.start("sleep 0.5; echo late", subject="late") as running:
        assert running.receive(0) == b""
        with within(0.1):
            assert running.receive(0.1) == b""
        assert running.receive(5) == b"late\n"
        assert running.receive(5) is None


def test_bytes_pass_unchanged_both_ways_at_once(connection: Connection) -> None:
    content = os.urandom(5_000_000)
    with connection.start("cat", subject="cat") as running:
        sender = threading.Thread(target=lambda: (running.send(content), running.end_input()))
        sender.start()
        assert all_of(running) == content
        sender.join()
        assert running.exit_code(5) == 0


def test_errors_are_kept_up_to_their_limit_and_never_block(connection: Connection) -> None:
    script = "head -c 20000000 /dev/zero >&2; echo done"
    with connection.start(script, subject="errors", errors_bytes=1000) as running:
        assert all_of(running) == b"done\n"
        assert running.errors == bytes(1000)


def test_an_exit_code_that_does_not_come_times_out_and_the_rest_goes_on(
    connection: Connection,
) -> None:
    with connection.start("cat", subject="other") as other:
        with (
            connection.start("sleep 100", subject="sleep") as running,
            within(0.3),
            pytest.raises(TimedOut, match=r"sleep: has not ended after 0.3 s"),
        ):
            running.exit_code(0.3)
        other.send(b"alive\n")
        assert other.receive(5) == b"alive\n"


def test_a_command_that_takes_no_input_times_out(connection: Connection) -> None:
    with (
        connection.start("sleep 100", subject="sleep") as running,
        within(1 + 1),  # it takes 2 MiB of window first, and what the pipe holds
        pytest.raises(TimedOut, match="sleep: took no input for 1 s"),
    ):
        running.send(bytes(2**24))


def test_a_command_that_has_ended_takes_no_input(connection: Connection) -> None:
    with connection.start("exit 3", subject="exit") as running:
        assert running.receive(5) is None
        assert running.exit_code(5) == 3
        with pytest.raises(Ended, match="takes no more input"):
            running.send(bytes(2**24))


def test_a_command_that_is_killed_has_no_exit_code(connection: Connection) -> None:
    with connection.start("kill -9 $$", subject="killed") as running:
        assert running.receive(5) is None
        with pytest.raises(UnexpectedOutput, match="killed: ended without an exit code"):
            running.exit_code(5)


def test_closing_tells_the_command_that_its_input_has_ended(connection: Connection) -> None:
    with connection.start("cat; echo gone > /tmp/nothing 2>&1", subject="cat") as running:
        running.send(b"x")
        assert running.receive(5) == b"x"
    running.close()
    with pytest.raises(Ended):
        running.send(b"y")


def test_closing_a_connection_ends_what_waits_on_it(ssh_server: OpenSsh) -> None:
    caught: list[BaseException] = []
    with connected(ssh_server) as connection:
        running = connection.start("sleep 100", subject="sleep")

        def wait() -> None:
            try:
                running.receive(60)
            except Unreachable as error:
                caught.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.2)
    with within(0):
        thread.join()
    assert "the connection was lost" in str(caught[0])


def test_a_line_that_went_silent_is_noticed_without_a_word(ssh_server: OpenSsh) -> None:
    limits = Limits(keep_alive=0.3, silence=0.5)
    silent = Line(to_client=Way(cut_after=6000), ending="silence")
    with (
        relaying(ssh_server.port, lambda _: silent) as relay,
        connected(ssh_server, port=relay.port, limits=limits) as connection,
        connection.start("head -c 10000 /dev/zero; sleep 100", subject="work") as running,
        within(0.3 + 0.5),
        pytest.raises(Unreachable, match=r"nothing came from 127.0.0.1:\d+ for 0.8 s"),
    ):
        all_of(running, 60)


def test_a_line_on_which_nothing_happens_is_kept_alive(ssh_server: OpenSsh) -> None:
    limits = Limits(keep_alive=0.2, silence=0.4)
    with (
        connected(ssh_server, limits=limits) as connection,
        connection.start("sleep 2; echo end", subject="sleep") as running,
    ):
        assert all_of(running) == b"end\n"


def test_what_hangs_in_the_connection_itself_ends_all_with_the_reason(
    ssh_server: OpenSsh,
) -> None:
    """A watch that expires cuts: its own operation times out, the others name it."""
    with connected(ssh_server) as connection, connection.start("cat", subject="cat") as other:
        with (
            within(0.3),
            pytest.raises(TimedOut, match=r"stuck: took more than 0.3 s"),
            connection.working("stuck", 0.3),
        ):
            until(lambda: not connection.transport.is_active())
        with pytest.raises(Unreachable, match=r"cat: stuck took more than 0.3 s"):
            all_of(other)


def test_a_server_that_has_enough_sessions_says_so() -> None:
    with (
        serving(shell=True, settings="MaxSessions 1") as running,
        connected(running) as connection,
        connection.start("cat", subject="cat") as first,
    ):
        with pytest.raises(NotPermitted, match=r"^second: the server opens no more sessions: "):
            connection.start("cat", subject="second")
        first.send(b"alive\n")
        assert first.receive(5) == b"alive\n"


def expect(shell: Running, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        piece = shell.receive(5)
        assert piece, seen
        seen += piece
    return seen


def test_a_shell_has_a_terminal_of_the_size_that_was_told(ssh_server: OpenSsh) -> None:
    with connected(ssh_server) as connection, connection.shell("xterm-256color", 97, 31) as shell:
        shell.send(b"stty size; echo $TERM.\n")
        expect(shell, b"31 97\r\nxterm-256color.\r\n")
        shell.resize(120, 40)
        shell.send(b"stty size\n")
        expect(shell, b"40 120\r\n")
        shell.send(b"exit 5\n")
        while shell.receive(5) is not None:
            pass
        assert shell.exit_code(5) == 5
        assert shell.errors == b""


def test_an_interrupt_typed_into_a_shell_reaches_its_command(ssh_server: OpenSsh) -> None:
    with connected(ssh_server) as connection, connection.shell("dumb", 80, 24) as shell:
        shell.send(b"echo rea''dy; sleep 100; echo aft''er\n")
        expect(shell, b"ready")
        time.sleep(0.2)
        shell.send(b"\x03")
        shell.send(b"echo go''ne\n")
        assert b"after" not in expect(shell, b"gone")


def test_a_shell_can_be_selected_on(ssh_server: OpenSsh) -> None:
    with connected(ssh_server) as connection, connection.shell("dumb", 80, 24) as shell:
        descriptor = shell.fileno()
        seen = b""
        shell.send(b"echo selec''ted; exit\n")
        while True:
            readable, _, _ = select.select([descriptor], [], [], 5)
            assert readable
            piece = shell.receive(0)
            if piece is None:
                break
            seen += piece
        assert b"selected" in seen
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_nothing_of_this_environment_reaches_a_shell(
    ssh_server: OpenSsh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_SECRET", "of the workstation")
    with connected(ssh_server) as connection:
        assert b"LC_SECRET" not in connection.run("env", subject="env").output
