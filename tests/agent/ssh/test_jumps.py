"""Jump hosts: each pinned, each signed in to, and an error says at which hop."""

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest

from agent.secret import Secret
from agent.ssh import connecting
from agent.ssh.connecting import Hop
from agent.ssh.connection import Limits
from agent.ssh.credentials import Credentials
from agent.ssh.dialing import dial
from agent.ssh.files import files_of
from agent.ssh.host_keys import Pins
from agent.ssh.running import Running
from checks.errors import NotConfigured, NotPermitted, ProbeError, TimedOut, Unreachable
from scripts.openssh import OpenSsh, serving
from tests.agent.ssh.reaching import (
    GRACE_SECONDS,
    IMPATIENT,
    connected,
    listening,
    own_threads,
    server,
    within,
)
from tests.network import Line, Way, free_port, relaying


@pytest.fixture(scope="module")
def jumps() -> Iterator[tuple[OpenSsh, OpenSsh]]:
    with serving(shell=True) as first, serving(shell=True, kind="ecdsa") as second:
        yield first, second


def hop(running: OpenSsh, **changed: object) -> Hop:
    return Hop(server(running, **changed), Credentials(key_file=running.key))


def failure(running: OpenSsh, by: Sequence[Hop], **changed: object) -> ProbeError:
    with pytest.raises(ProbeError) as caught, connected(running, jumps=by, **changed):
        pass
    assert own_threads() == []
    return caught.value


@pytest.mark.parametrize("count", [1, 2])
def test_a_server_behind_jump_hosts_is_reached(
    ssh_server: OpenSsh, jumps: tuple[OpenSsh, OpenSsh], count: int
) -> None:
    by = [hop(each) for each in jumps[:count]]
    content = os.urandom(3_000_000)
    with connected(ssh_server, jumps=by) as connection:
        assert connection.host_key.line == ssh_server.host_key
        assert connection.peer_address == "127.0.0.1"
        answer = connection.run("cat", subject="cat", feed=content, limit_bytes=2**22)
        assert answer.output == content
        with connection.shell("dumb", 80, 24) as shell:
            shell.send(b"exit 4\n")
            while shell.receive(5) is not None:
                pass
            assert shell.exit_code(5) == 4
        with files_of(connection) as files:
            assert files.look(ssh_server.place).is_folder
    assert own_threads() == []


def test_the_key_of_each_hop_is_demanded(
    ssh_server: OpenSsh, jumps: tuple[OpenSsh, OpenSsh]
) -> None:
    first, second = jumps
    wrong = [hop(first, host_key=first.other_host_key), hop(second)]
    error = failure(ssh_server, wrong)
    assert isinstance(error, NotPermitted)
    assert error.subject == f"host key of jump host 1 of 2 (127.0.0.1:{first.port})"

    error = failure(ssh_server, [hop(first), hop(second, host_key=Pins())])
    assert isinstance(error, NotPermitted)
    assert error.subject == f"host key of jump host 2 of 2 (127.0.0.1:{second.port})"

    error = failure(ssh_server, [hop(first), hop(second)], host_key=ssh_server.other_host_key)
    assert isinstance(error, NotPermitted)
    assert error.subject == f"host key of 127.0.0.1:{ssh_server.port}"


def test_the_credentials_of_each_hop_are_its_own(
    ssh_server: OpenSsh, jumps: tuple[OpenSsh, OpenSsh]
) -> None:
    first, second = jumps
    stranger = Hop(server(first), Credentials(key_file=second.key))
    error = failure(ssh_server, [stranger])
    assert str(error) == (
        f"sign-in to jump host 127.0.0.1:{first.port}: the key of {first.user} was refused"
    )


def test_a_hop_without_credentials_is_named_before_anybody_is_called(ssh_server: OpenSsh) -> None:
    nobody = Hop(server(ssh_server, port=free_port()), Credentials())
    error = failure(ssh_server, [nobody])
    assert isinstance(error, NotConfigured)


def test_a_jump_host_that_does_not_forward_is_named(ssh_server: OpenSsh) -> None:
    with serving(shell=True, settings="AllowTcpForwarding no") as closed:
        error = failure(ssh_server, [hop(closed)])
    assert isinstance(error, NotPermitted)
    assert str(error) == (
        f"jump host 127.0.0.1:{closed.port}: does not forward to 127.0.0.1:{ssh_server.port} "
        "(AllowTcpForwarding, PermitOpen)"
    )


def test_a_server_that_the_jump_host_can_not_reach_is_named(
    ssh_server: OpenSsh, jumps: tuple[OpenSsh, OpenSsh]
) -> None:
    port = free_port()
    error = failure(ssh_server, [hop(jumps[0])], port=port)
    assert isinstance(error, Unreachable)
    assert str(error) == (
        f"127.0.0.1:{port}: jump host 127.0.0.1:{jumps[0].port} can't reach it: Connect failed"
    )


def test_a_jump_host_that_is_not_there_is_named(ssh_server: OpenSsh) -> None:
    port = free_port()
    nowhere = Hop(server(ssh_server, port=port), Credentials(key_file=ssh_server.key))
    error = failure(ssh_server, [nowhere])
    assert isinstance(error, Unreachable)
    assert str(error) == f"jump host 127.0.0.1:{port}: Connection refused"


def test_a_greeting_that_hangs_behind_a_jump_host_times_out(
    ssh_server: OpenSsh, jumps: tuple[OpenSsh, OpenSsh]
) -> None:
    with listening(lambda line, ended: ended.wait(20)) as port, within(2 + IMPATIENT.greeting):
        error = failure(ssh_server, [hop(jumps[0])], port=port, limits=IMPATIENT)
    assert isinstance(error, TimedOut)
    assert error.subject == f"127.0.0.1:{port}: greeting"


def test_a_command_behind_jump_hosts_is_left_at_its_deadline(
    ssh_server: OpenSsh, jumps: tuple[OpenSsh, OpenSsh]
) -> None:
    with connected(ssh_server, jumps=[hop(each) for each in jumps]) as connection:
        with within(0.5), pytest.raises(TimedOut, match=r"took more than 0.5 s"):
            connection.run("yes", subject="yes", timeout_seconds=0.5, limit_bytes=2**40)
        began = time.monotonic()
    assert time.monotonic() - began < 1
    assert own_threads() == []


def test_a_line_that_goes_silent_before_the_first_hop_is_noticed_at_the_last(
    ssh_server: OpenSsh, jumps: tuple[OpenSsh, OpenSsh]
) -> None:
    limits = Limits(keep_alive=0.3, silence=0.5)
    silent = Line(to_client=Way(cut_after=20_000), ending="silence")
    with (
        relaying(jumps[0].port, lambda _: silent) as relay,
        connected(ssh_server, jumps=[hop(jumps[0], port=relay.port)], limits=limits) as connection,
        within(3),
        pytest.raises((Unreachable, TimedOut)),
    ):
        connection.run("head -c 50000 /dev/zero; sleep 60", subject="work", timeout_seconds=60)


def test_leaving_does_not_wait_for_a_jump_host_that_stopped_reading(
    ssh_server: OpenSsh, jumps: tuple[OpenSsh, OpenSsh], monkeypatch: pytest.MonkeyPatch
) -> None:
    def narrow(*given: Any) -> socket.socket:
        line = dial(*given)
        # Else the kernel takes more than the window of a channel, and nothing ever waits.
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16_384)
        return line

    monkeypatch.setattr(connecting, "dial", narrow)
    deaf = Line(to_server=Way(cut_after=200_000), ending="silence")
    ended = threading.Event()

    def send(running: Running) -> None:
        with suppress(Unreachable):
            running.send(bytes(2**26))
        ended.set()

    with relaying(jumps[0].port, lambda _: deaf) as relay:
        by = [hop(jumps[0], port=relay.port)]
        with connected(ssh_server, jumps=by) as connection:
            running = connection.start("cat >/dev/null", subject="cat")
            threading.Thread(target=send, args=(running,)).start()
            assert not ended.wait(2)  # the line is full now, for the next half minute
            began = time.monotonic()
        assert time.monotonic() - began < GRACE_SECONDS
        assert ended.wait(GRACE_SECONDS)


def test_names_are_resolved_by_the_jump_host(
    ssh_server: OpenSsh, jumps: tuple[OpenSsh, OpenSsh], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    real = socket.getaddrinfo

    def noting(host: object, *more: object, **others: object) -> object:
        asked.append(host)
        return real(host, *more, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", noting)
    with connected(ssh_server, host="localhost", jumps=[hop(jumps[0])]) as connection:
        assert connection.peer_address == "localhost"
    assert asked == ["127.0.0.1"]


def test_a_password_of_the_settings_is_for_its_own_hop_alone(
    ssh_server: OpenSsh, jumps: tuple[OpenSsh, OpenSsh]
) -> None:
    by = Hop(server(jumps[0]), Credentials(password=Secret("wrong-password")))
    error = failure(ssh_server, [by])
    assert str(error).startswith(f"sign-in to jump host 127.0.0.1:{jumps[0].port}: the password")
