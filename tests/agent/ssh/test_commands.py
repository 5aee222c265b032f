"""Commands to their end: both streams, any input, an exit code, a deadline."""

import os
import threading
from collections.abc import Iterator

import pytest

from agent.ssh.credentials import Credentials
from checks.errors import NotPermitted, TimedOut, UnexpectedOutput
from scripts.openssh import OpenSsh, allow, serving
from tests.agent.ssh.reaching import connected, run, within


def test_a_command_gives_both_streams_and_its_exit_code(ssh_server: OpenSsh) -> None:
    answer = run(ssh_server, "echo out; echo err >&2; exit 3")
    assert (answer.output, answer.errors, answer.exit_code) == (b"out\n", b"err\n", 3)


def test_streams_that_are_full_one_after_the_other_do_not_dead_lock(ssh_server: OpenSsh) -> None:
    script = "head -c 6000000 /dev/zero >&2; head -c 6000000 /dev/zero"
    answer = run(ssh_server, script, limit_bytes=2**23)
    assert (len(answer.output), len(answer.errors)) == (6_000_000, 6_000_000)


def test_a_large_input_arrives_while_the_output_comes(ssh_server: OpenSsh) -> None:
    with connected(ssh_server) as connection:
        feed = os.urandom(3_000_000)
        answer = connection.run("cat", subject="cat", feed=feed, limit_bytes=2**22)
    assert answer.output == feed


def test_more_output_than_allowed_is_refused(ssh_server: OpenSsh) -> None:
    with pytest.raises(UnexpectedOutput, match="more than 1000 bytes"):
        run(ssh_server, "head -c 100000 /dev/zero", limit_bytes=1000)


def test_a_command_that_is_killed_has_no_exit_code(ssh_server: OpenSsh) -> None:
    with pytest.raises(UnexpectedOutput, match="without an exit code"):
        run(ssh_server, "kill -9 $$")


def test_an_account_without_a_shell_answers_with_words(sftp_server: OpenSsh) -> None:
    answer = run(sftp_server, "echo 0123")
    assert answer.exit_code == 1
    assert b"0123" not in answer.output


def test_10_mib_on_both_streams_at_once_arrive(ssh_server: OpenSsh) -> None:
    size = 10 * 2**20
    script = f"head -c {size} /dev/zero >&2 & head -c {size} /dev/zero; wait"
    answer = run(ssh_server, script, limit_bytes=2**24)
    assert (len(answer.output), len(answer.errors)) == (size, size)


def test_what_is_too_much_on_standard_error_is_refused_too(ssh_server: OpenSsh) -> None:
    with pytest.raises(UnexpectedOutput, match="more than 1000 bytes"):
        run(ssh_server, "head -c 1001 /dev/zero >&2", limit_bytes=1000)


def test_exactly_what_is_allowed_is_let_through(ssh_server: OpenSsh) -> None:
    answer = run(ssh_server, "head -c 1000 /dev/zero; head -c 1000 /dev/zero >&2", limit_bytes=1000)
    assert (len(answer.output), len(answer.errors)) == (1000, 1000)


def test_a_deadline_ends_the_command_and_not_the_connection(ssh_server: OpenSsh) -> None:
    with connected(ssh_server) as connection:
        with within(0.5), pytest.raises(TimedOut, match=r"^sleep: took more than 0.5 s$"):
            connection.run("sleep 100", subject="sleep", timeout_seconds=0.5)
        assert connection.run("echo still", subject="echo").output == b"still\n"


def test_a_flood_is_left_at_the_deadline_too(ssh_server: OpenSsh) -> None:
    with (
        connected(ssh_server) as connection,
        within(0.5),
        pytest.raises(TimedOut, match="took more than"),
    ):
        connection.run("yes", subject="yes", timeout_seconds=0.5, limit_bytes=2**40)


def test_a_command_that_closes_its_streams_and_goes_on_is_left_too(ssh_server: OpenSsh) -> None:
    script = "exec >/dev/null 2>&1 </dev/null; sleep 100"
    with (
        connected(ssh_server) as connection,
        within(0.5),
        pytest.raises(TimedOut, match=r"^daemon: took more than 0.5 s$"),
    ):
        connection.run(script, subject="daemon", timeout_seconds=0.5)


def test_input_comes_in_pieces_and_its_progress_is_told(ssh_server: OpenSsh) -> None:
    pieces = [os.urandom(70_000), b"", os.urandom(1), os.urandom(200_000)]
    told: list[int] = []
    with connected(ssh_server) as connection:
        answer = connection.run("cat", subject="cat", feed=iter(pieces), progress=told.append)
    assert answer.output == b"".join(pieces)
    assert told == sorted(told)
    assert told[-1] == 270_001


def test_a_command_that_reads_only_some_of_its_input_ends_well(ssh_server: OpenSsh) -> None:
    with connected(ssh_server) as connection:
        answer = connection.run("head -c 5", subject="head", feed=b"0123456789" * 10**6)
    assert answer.output == b"01234"


def test_a_piece_that_can_not_be_had_closes_the_command(ssh_server: OpenSsh) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x"
        raise OSError("the disk has gone")

    with connected(ssh_server) as connection:
        with pytest.raises(OSError, match="the disk has gone"):
            connection.run("cat", subject="cat", feed=broken())
        assert connection.run("echo still", subject="echo").output == b"still\n"


def test_commands_of_several_threads_share_a_connection(ssh_server: OpenSsh) -> None:
    found: dict[int, bytes] = {}
    with connected(ssh_server) as connection:

        def ask(number: int) -> None:
            feed = bytes([number]) * 300_000
            found[number] = connection.run("cat", subject=f"cat {number}", feed=feed).output

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {number: bytes([number]) * 300_000 for number in range(6)}


def test_a_forced_command_runs_instead_of_any_other() -> None:
    with serving(shell=True, as_nobody=False) as running:
        options = 'restrict,command="echo forced: $SSH_ORIGINAL_COMMAND"'
        key = allow(running, "forced", options=options)
        with connected(running, credentials=Credentials(key_file=key)) as connection:
            answer = connection.run("rm -rf /tmp/x", subject="rm")
            assert answer.output == b"forced: rm -rf /tmp/x\n"
            with pytest.raises(NotPermitted, match="the server gives no terminal"):
                connection.shell("xterm", 80, 24)
            # The refusal ends nothing but its own channel.
            assert connection.run("x", subject="x").output == b"forced: x\n"


def test_a_greeting_of_the_start_up_files_comes_before_the_answer() -> None:
    greeting = "echo Welcome; echo beware >&2\n"
    with serving(shell=True, greeting=greeting) as running, connected(running) as connection:
        answer = connection.run("echo answer", subject="echo")
    assert (answer.output, answer.errors) == (b"Welcome\nanswer\n", b"beware\n")
