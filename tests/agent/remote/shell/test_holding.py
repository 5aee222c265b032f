"""A shell between an engineer's terminal and a real server."""

import os
import pty
import re
import signal
import socket
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest

from agent.remote.shell import texts
from agent.remote.shell.holding import COMPLETED, INTERRUPTED, LOST, REFUSED, hold
from agent.remote.shell.near import Near
from agent.remote.shell.watch import Limits
from scripts.openssh import OpenSsh, serving
from tests.agent.remote.shell.desk import (
    Desk,
    events,
    received,
    recording,
    sent,
    signed_in,
    sitting,
    wait_for,
)
from tests.network import CLEAR, relaying
from wire.grants import Denial
from wire.record import Noted, Resized


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def pid_in(desk: Desk) -> int:
    """Wait until the shell has said `pid=…`, and return it."""
    wait_for(lambda: re.search(rb"pid=\d+\s", desk.shown))
    return int(re.findall(rb"pid=(\d+)\s", desk.shown)[0])


@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_the_exit_code_is_that_of_the_shell(
    shell_server: OpenSsh, tmp_path: Path, code: int
) -> None:
    path = tmp_path / "record"
    with signed_in(shell_server) as connection, recording(path) as recorder:
        with sitting(connection, recorder.write) as desk:
            desk.type(b"echo he''llo\r")
            desk.until(b"hello")
            desk.type(f"exit {code}\r".encode())
            outcome = desk.result()
        assert (outcome.how, outcome.exit_code) == (COMPLETED, code)
        assert sent(path) == b"echo he''llo\r" + f"exit {code}\r".encode()
        assert received(path) == bytes(desk.shown)
        assert events(path)[0] == Resized(80, 24)
        # The connection is still good for another one.
        assert connection.run("echo again", subject="again").output == b"again\n"


def test_a_script_comes_through_pipes_untouched(shell_server: OpenSsh, tmp_path: Path) -> None:
    path = tmp_path / "record"
    script = b"tty; printf 'a\\000b\\n'; echo wrong >&2; read line; echo \"got $line\"; exit 7\n"
    with (
        signed_in(shell_server) as connection,
        recording(path) as recorder,
        sitting(connection, recorder.write, terminal=False) as desk,
    ):
        desk.type(script + b"~.\n")
        outcome = desk.result()
    assert (outcome.how, outcome.exit_code) == (COMPLETED, 7)
    assert received(path) == bytes(desk.shown)
    # Its two streams come by two ways, which nobody orders.
    assert sorted(desk.shown.splitlines()) == [b"a\x00b", b"got ~.", b"not a tty", b"wrong"]
    assert sent(path) == script + b"~.\n"


def test_the_end_of_the_input_ends_a_shell_without_a_terminal(
    shell_server: OpenSsh, tmp_path: Path
) -> None:
    with (
        signed_in(shell_server) as connection,
        recording(tmp_path / "record") as recorder,
        sitting(connection, recorder.write, terminal=False) as desk,
    ):
        desk.type(b"echo done; (exit 5)\n")
        os.close(desk.typing)
        desk.typing = -1
        outcome = desk.result()
    assert outcome.exit_code == 5
    assert bytes(desk.shown) == b"done\n"


def test_ctrl_c_goes_to_the_host(shell_server: OpenSsh, tmp_path: Path) -> None:
    with (
        signed_in(shell_server) as connection,
        recording(tmp_path / "record") as recorder,
        sitting(connection, recorder.write) as desk,
    ):
        desk.type(b"echo be''gun; sleep 60; echo ended with $?\r")
        desk.until(b"begun")
        time.sleep(0.2)
        desk.type(b"\x03")
        desk.type(b"echo st''ill here\r")
        desk.until(b"still here")
        desk.type(b"exit\r")
        assert desk.result().how == COMPLETED


def test_an_escape_leaves_and_the_host_gets_nothing_of_it(
    shell_server: OpenSsh, tmp_path: Path
) -> None:
    path = tmp_path / "record"
    with signed_in(shell_server) as connection, recording(path) as recorder:
        with sitting(connection, recorder.write) as desk:
            desk.type(b"echo pid=$$; echo ~/; ~?")
            desk.type(b"\r")
            pid = pid_in(desk)
            desk.type(b"~?")
            desk.until("本帮助".encode())
            desk.type(b"~~\r~.never")
            outcome = desk.result()
        assert (outcome.how, outcome.detail, outcome.exit_code) == (COMPLETED, texts.LEFT, None)
        assert sent(path) == b"echo pid=$$; echo ~/; ~?\r~\r"
        wait_for(lambda: gone(pid), 1)


def test_the_terminal_has_its_size_there(shell_server: OpenSsh, tmp_path: Path) -> None:
    path = tmp_path / "record"
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (33, 101))
    near = Near(theirs, theirs)
    assert near.size() == (101, 33)
    near.close()
    os.close(ours)
    os.close(theirs)
    with (
        signed_in(shell_server) as connection,
        recording(path) as recorder,
        sitting(connection, recorder.write) as desk,
    ):
        desk.type(b"echo term=$TERM; stty size\r")
        desk.until(b"24 80")
        desk.type(b"exit\r")
        desk.result()


def test_the_terminal_is_raw_while_it_is_held_and_as_before_then() -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGWINCH)}
    near = Near(theirs, theirs)

    def work() -> None:
        with near.held():
            assert not termios.tcgetattr(theirs)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)
            os.write(ours, b"rm -rf important\r")  # for the host, which is gone
            termios.tcsetwinsize(theirs, (50, 120))
            os.kill(os.getpid(), signal.SIGWINCH)
            assert near.wait([], 5)
            assert near.resized
            os.kill(os.getpid(), signal.SIGTERM)
            assert near.wait([], 5)
            assert near.signalled == "SIGTERM"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert termios.tcgetattr(theirs) == before
    assert {each: signal.getsignal(each) for each in handlers} == handlers
    os.set_blocking(theirs, False)
    with pytest.raises(BlockingIOError):
        os.read(theirs, 100)
    near.close()
    os.close(ours)
    os.close(theirs)


def test_ten_mebibytes_are_shown_in_seconds(shell_server: OpenSsh, tmp_path: Path) -> None:
    path = tmp_path / "record"
    with (
        signed_in(shell_server) as connection,
        recording(path) as recorder,
        sitting(connection, recorder.write, terminal=False) as desk,
    ):
        began = time.monotonic()
        desk.type(b"head -c 10485760 /dev/urandom | tee /dev/null; exit 0\n")
        desk.result(60)
        took = time.monotonic() - began
    assert len(desk.shown) == 10 * 2**20
    assert received(path) == bytes(desk.shown)
    assert took < 20


def test_a_line_that_is_cut_is_told(shell_server: OpenSsh, tmp_path: Path) -> None:
    path = tmp_path / "record"
    with (
        relaying(shell_server.port, lambda _: CLEAR) as relay,
        recording(path) as recorder,
        signed_in(shell_server, relay.port) as connection,
        sitting(connection, recorder.write) as desk,
    ):
        desk.type(b"echo pid=$$; sleep 100\r")
        pid = pid_in(desk)
        began = time.monotonic()
        for end in tuple(relay.ends):
            with suppress(OSError):  # the relay has closed its other half already
                end.shutdown(socket.SHUT_RDWR)
        outcome = desk.result()
        assert time.monotonic() - began < 2
    assert outcome.how == LOST
    assert "连接中断" in outcome.detail.zh
    wait_for(lambda: gone(pid), 2)


def test_a_shell_that_is_killed_has_no_exit_code(shell_server: OpenSsh, tmp_path: Path) -> None:
    with (
        signed_in(shell_server) as connection,
        recording(tmp_path / "record") as recorder,
        sitting(connection, recorder.write) as desk,
    ):
        desk.type(b"kill -9 $$\r")
        outcome = desk.result()
    assert (outcome.how, outcome.exit_code) == (INTERRUPTED, None)
    assert "without an exit code" in outcome.detail.en


@pytest.mark.parametrize("terminal", [True, False])
def test_the_grants_end_closes_the_shell_and_a_warning_comes_before(
    shell_server: OpenSsh, tmp_path: Path, terminal: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "record"
    with signed_in(shell_server) as connection, recording(path) as recorder:
        limits = Limits(left=4, warn=2)
        with sitting(connection, recorder.write, terminal=terminal, limits=limits) as desk:
            began = time.monotonic()
            desk.type(b"echo pid=$$; exec sleep 100\n")
            outcome = desk.result()
            took = desk.ended_at - began
        pid = pid_in(desk)
        if terminal:
            wait_for(lambda: gone(pid), 1)
        elif not gone(pid):
            os.kill(
                pid, signal.SIGKILL
            )  # OpenSSH passes signals on to nobody who signed in as root
    assert (outcome.how, outcome.detail) == (REFUSED, texts.GRANT_ENDED)
    assert 3 < took < 5.2
    assert any(isinstance(each, Noted) and "grant ends in" in each.text for each in events(path))
    shown = desk.shown.decode() if terminal else capfd.readouterr().err
    assert "授权将在" in shown


def test_what_is_revoked_meanwhile_closes_the_shell(shell_server: OpenSsh, tmp_path: Path) -> None:
    answer: list[Denial | None] = [None]
    with signed_in(shell_server) as connection, recording(tmp_path / "record") as recorder:
        limits = Limits(left=3600, ask=0.3)
        with sitting(
            connection, recorder.write, limits=limits, still_permitted=lambda: answer[0]
        ) as desk:
            desk.type(b"echo pid=$$; sleep 100\r")
            pid = pid_in(desk)
            time.sleep(0.7)
            assert not desk.ended
            answer[0] = Denial.REVOKED
            outcome = desk.result(2)
        wait_for(lambda: gone(pid), 1)
    assert outcome.how == REFUSED
    assert "授权已被撤销" in outcome.detail.zh


def test_a_collector_that_does_not_answer_holds_nothing_up(
    shell_server: OpenSsh, tmp_path: Path
) -> None:
    asked: list[float] = []

    def slow() -> Denial | None:
        asked.append(time.monotonic())
        time.sleep(5)
        return None

    with signed_in(shell_server) as connection, recording(tmp_path / "record") as recorder:
        limits = Limits(left=3, warn=0, ask=0.2)
        with sitting(connection, recorder.write, limits=limits, still_permitted=slow) as desk:
            wait_for(lambda: asked)
            began = time.monotonic()
            desk.type(b"echo pro''mpt\r")
            desk.until(b"prompt", 2)
            assert desk.result().how == REFUSED
            assert time.monotonic() - began < 4


def test_silence_closes_the_shell_and_a_key_keeps_it(shell_server: OpenSsh, tmp_path: Path) -> None:
    with signed_in(shell_server) as connection, recording(tmp_path / "record") as recorder:
        limits = Limits(left=3600, idle=2, warn=1)
        with sitting(connection, recorder.write, limits=limits) as desk:
            desk.until("按任意键继续".encode())
            desk.type(b"#")
            before = len(desk.shown)
            wait_for(lambda: "按任意键继续".encode() in desk.shown[before:])
            outcome = desk.result()
    assert outcome.how == REFUSED
    assert "没有任何输入或输出" in outcome.detail.zh


def test_a_terminal_that_stands_still_does_not_hold_up_the_end(
    shell_server: OpenSsh, tmp_path: Path
) -> None:
    path = tmp_path / "record"
    with signed_in(shell_server) as connection, recording(path) as recorder:
        stdin, typing = os.pipe()
        reading, stdout = os.pipe()
        os.write(typing, b"echo $$; exec yes\n")
        began = time.monotonic()
        outcome = hold(
            connection,
            recorder.write,
            stdin,
            stdout,
            limits=Limits(left=1.5, warn=0),
            still_permitted=lambda: None,
            spoken=str,
        )
        assert time.monotonic() - began < 3
        for descriptor in (stdin, typing, reading, stdout):
            os.close(descriptor)
    assert outcome.how == REFUSED
    pid = int(received(path).split()[0])
    wait_for(lambda: gone(pid), 1)


def test_a_terminal_that_is_gone_ends_the_shell(shell_server: OpenSsh, tmp_path: Path) -> None:
    path = tmp_path / "record"
    with signed_in(shell_server) as connection, recording(path) as recorder:
        with sitting(connection, recorder.write, terminal=False) as desk:
            desk.type(b"echo $$; sleep 0.5; exec yes\n")
            wait_for(lambda: b"\n" in desk.shown)
            reading, desk.reading = desk.reading, os.open(os.devnull, os.O_RDONLY)
            os.close(reading)
            outcome = desk.result()
        wait_for(lambda: gone(int(desk.shown.split()[0])), 1)
    assert (outcome.how, outcome.detail) == (INTERRUPTED, texts.TERMINAL_GONE)


def test_without_a_terminal_the_server_is_asked_to_end_what_runs(tmp_path: Path) -> None:
    with serving(shell=True, settings="LogLevel DEBUG1", as_nobody=False) as server:
        log = server.key.with_name("log")
        with (
            signed_in(server) as connection,
            recording(tmp_path / "record") as recorder,
            sitting(
                connection, recorder.write, terminal=False, limits=Limits(left=1, warn=0)
            ) as desk,
        ):
            desk.type(b"echo pid=$$; exec sleep 100\n")
            assert desk.result().how == REFUSED
            wait_for(lambda: b"req signal" in log.read_bytes())
            # The connection stands: closing a shell is nothing that a server ends it for.
            assert connection.run("echo on", subject="on").output == b"on\n"
            pid = pid_in(desk)
            if not gone(pid):
                os.kill(pid, signal.SIGKILL)
