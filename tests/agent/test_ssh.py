"""SSH: only to the pinned server, and never without an end."""

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import paramiko
import pytest

from agent import redaction
from agent.secret import Secret
from agent.ssh.connecting import connect
from agent.ssh.connection import Connection, Limits, Server
from agent.ssh.files import Files, Missing, files_of
from agent.ssh.host_keys import pinned, read_keys
from checks.errors import (
    NotConfigured,
    NotPermitted,
    ProbeError,
    TimedOut,
    ToolMissing,
    UnexpectedOutput,
    Unreachable,
)
from scripts.openssh import OpenSsh, make_key, serving
from tests.network import Line, Way, relaying

IMPATIENT = Limits(connect=2, greeting=1, sign_in=2, request=5, silence=0.5)


@pytest.fixture(autouse=True)
def _forget_secrets() -> Iterator[None]:
    forms, needles = list(redaction._forms), list(redaction._needles)
    yield
    redaction._forms[:], redaction._needles[:] = forms, needles


def server(running: OpenSsh, **changed: Any) -> Server:
    given: dict[str, Any] = {
        "host": "127.0.0.1",
        "user": running.user,
        "host_key": running.host_key,
        "port": running.port,
    }
    return Server(**(given | changed))


def key_of(running: OpenSsh) -> Secret:
    return Secret(running.key.read_text())


@contextmanager
def connected(running: OpenSsh, **changed: Any) -> Iterator[Connection]:
    limits = changed.pop("limits", None)
    with connect(server(running, **changed), key=key_of(running), limits=limits) as connection:
        yield connection


@contextmanager
def files(running: OpenSsh, **changed: Any) -> Iterator[Files]:
    with connected(running, **changed) as connection, files_of(connection) as found:
        yield found


def run(running: OpenSsh, script: str, **more: Any) -> Any:
    with connected(running) as connection:
        feed = script.encode()
        return connection.run("/bin/sh -s", subject="a script", feed=feed, **more)


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if "ssh" in thread.name.lower()}


def test_a_command_gives_both_streams_and_its_exit_code(ssh_server: OpenSsh) -> None:
    answer = run(ssh_server, "echo out; echo err >&2; exit 3")
    assert (answer.output, answer.errors, answer.exit_code) == (b"out\n", b"err\n", 3)
    assert not threads()


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


def test_a_command_that_does_not_end_is_left_at_its_deadline(ssh_server: OpenSsh) -> None:
    began = time.monotonic()
    with pytest.raises(TimedOut, match="took more than"):
        run(ssh_server, "sleep 100", timeout_seconds=0.5)
    assert time.monotonic() - began < 10
    assert not threads()


def test_a_command_that_is_killed_has_no_exit_code(ssh_server: OpenSsh) -> None:
    with pytest.raises(UnexpectedOutput, match="without an exit code"):
        run(ssh_server, "kill -9 $$")


def test_an_account_without_a_shell_answers_with_words(sftp_server: OpenSsh) -> None:
    answer = run(sftp_server, "echo 0123")
    assert answer.exit_code == 1
    assert b"0123" not in answer.output


def test_a_changed_host_key_is_refused_with_both_fingerprints(ssh_server: OpenSsh) -> None:
    with (
        pytest.raises(NotPermitted) as refused,
        connected(ssh_server, host_key=ssh_server.other_host_key),
    ):
        pass
    [shown], [pinned] = read_keys(ssh_server.host_key), read_keys(ssh_server.other_host_key)
    assert f"it shows ssh-ed25519 {shown.fingerprint}" in refused.value.detail
    assert f"pinned is ssh-ed25519 {pinned.fingerprint}" in refused.value.detail


def test_a_host_key_of_another_type_is_shown_and_refused(
    ssh_server: OpenSsh, tmp_path: Path
) -> None:
    pinned = make_key(tmp_path / "rsa", "rsa", "-b", "2048")
    with (
        pytest.raises(NotPermitted, match="it shows ssh-ed25519"),
        connected(ssh_server, host_key=pinned),
    ):
        pass


def test_one_of_several_pinned_keys_is_enough(ssh_server: OpenSsh, tmp_path: Path) -> None:
    pinned = f"# two\n{make_key(tmp_path / 'ec', 'ecdsa')}\nbackup.example {ssh_server.host_key} c"
    with connected(ssh_server, host_key=pinned) as connection:
        assert str(connection.host_key) == str(read_keys(ssh_server.host_key)[0])


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_servers_with_older_types_of_keys_are_reached(kind: str) -> None:
    with serving(shell=False, kind=kind) as running, files(running) as found:
        assert list(found.folder(running.place)) == []


@pytest.mark.parametrize(
    "text", ["", "nonsense", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-dss AAAAB3NzaC1kc3M="]
)
def test_without_a_key_to_pin_nobody_is_trusted(text: str) -> None:
    with pytest.raises(NotConfigured, match="host_key"):
        pinned(text)


def test_a_wrong_key_is_refused(ssh_server: OpenSsh, tmp_path: Path) -> None:
    make_key(tmp_path / "wrong")
    wrong = Secret((tmp_path / "wrong").read_text())
    with (
        pytest.raises(NotPermitted, match=r"the key of .* was refused"),
        connect(server(ssh_server), key=wrong),
    ):
        pass


def test_a_wrong_password_is_refused_and_not_repeated(ssh_server: OpenSsh) -> None:
    with (
        pytest.raises(NotPermitted, match=r"the password of .* was refused") as refused,
        connect(server(ssh_server), password=Secret("hunter2-hunter2")),
    ):
        pass
    assert "hunter2" not in f"{refused.value} {refused.value.detail}"


def test_without_a_credential_nothing_is_tried(ssh_server: OpenSsh) -> None:
    with (
        pytest.raises(NotConfigured, match="neither a key nor a password"),
        connect(server(ssh_server)),
    ):
        pass


def test_a_key_with_a_passphrase_is_explained(ssh_server: OpenSsh, tmp_path: Path) -> None:
    key = paramiko.ECDSAKey.generate()
    key.write_private_key_file(str(tmp_path / "locked"), password="a-passphrase")
    locked = Secret((tmp_path / "locked").read_text())
    with (
        pytest.raises(NotConfigured, match="passphrase"),
        connect(server(ssh_server), key=locked),
    ):
        pass


def test_what_is_no_key_is_explained_without_being_shown(ssh_server: OpenSsh) -> None:
    with (
        pytest.raises(NotConfigured, match="no private key") as refused,
        connect(server(ssh_server), key=Secret("not-a-key-at-all")),
    ):
        pass
    assert "not-a-key" not in str(refused.value)


class _ByPassword(paramiko.ServerInterface):
    """A server that takes one password, plainly or in a dialogue."""

    def __init__(self, means: str) -> None:
        self._means = means

    def get_allowed_auths(self, username: str) -> str:
        return self._means

    def check_auth_password(self, username: str, password: str) -> int:
        good = self._means == "password" and password == "right-password"
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str) -> Any:
        return paramiko.InteractiveQuery("", "", ("Password: ", False))

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        return paramiko.AUTH_SUCCESSFUL if responses == ["right-password"] else paramiko.AUTH_FAILED


@contextmanager
def listening(serve: Any) -> Iterator[int]:
    """Run a function for the first connection to a port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ended = threading.Event()

        def accept() -> None:
            line, _ = listener.accept()
            with line:
                serve(line, ended)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            thread.join()


@pytest.mark.parametrize("means", ["password", "keyboard-interactive"])
def test_a_password_opens_plainly_and_in_a_dialogue(means: str) -> None:
    host_key = paramiko.ECDSAKey.generate()

    def serve(line: socket.socket, ended: threading.Event) -> None:
        transport = paramiko.Transport(line)
        transport.add_server_key(host_key)
        transport.start_server(server=_ByPassword(means))
        ended.wait(20)
        transport.close()

    with listening(serve) as port:
        pinned = f"{host_key.get_name()} {host_key.get_base64()}"
        where = Server("127.0.0.1", "inspection", pinned, port)
        with connect(where, password=Secret("right-password")) as connection:
            assert connection.transport.is_authenticated()


def test_a_port_where_nobody_listens_is_unreachable(ssh_server: OpenSsh) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(Unreachable, match="refused"), connected(ssh_server, port=port):
            pass


def test_a_name_that_cannot_be_is_unreachable(ssh_server: OpenSsh) -> None:
    with pytest.raises(Unreachable), connected(ssh_server, host="x" * 70 + ".invalid"):
        pass


def test_a_banner_that_never_comes_times_out(ssh_server: OpenSsh) -> None:
    with listening(lambda line, ended: ended.wait(20)) as port:
        began = time.monotonic()
        with (
            pytest.raises(TimedOut, match="greeting"),
            connected(ssh_server, port=port, limits=IMPATIENT),
        ):
            pass
        assert time.monotonic() - began < 8
    assert not threads()


@pytest.mark.parametrize("words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\xff" * 4000])
def test_another_service_is_no_ssh_server(
    ssh_server: OpenSsh, words: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with (
        listening(lambda line, ended: line.sendall(words)) as port,
        pytest.raises((Unreachable, TimedOut)),
        connected(ssh_server, port=port, limits=IMPATIENT),
    ):
        pass
    assert capfd.readouterr() == ("", "")


def test_a_server_that_goes_silent_at_sign_in_times_out(ssh_server: OpenSsh) -> None:
    silent = Line(to_client=Way(cut_after=1700), ending="silence")
    with (
        relaying(ssh_server.port, lambda _: silent) as relay,
        pytest.raises((TimedOut, Unreachable)),
        connected(ssh_server, port=relay.port, limits=IMPATIENT),
    ):
        pass


@pytest.mark.parametrize(
    ("ending", "error"), [("silence", TimedOut), ("close", Unreachable), ("reset", Unreachable)]
)
def test_a_transfer_that_ends_in_mid_file(
    sftp_server: OpenSsh, ending: str, error: type[ProbeError]
) -> None:
    (sftp_server.folder / "large").write_bytes(bytes(5_000_000))
    line = Line(to_client=Way(cut_after=1_000_000), ending=ending)
    began = time.monotonic()
    pieces: list[bytes] = []
    with (
        relaying(sftp_server.port, lambda _: line) as relay,
        pytest.raises(error),
        files(sftp_server, port=relay.port, limits=IMPATIENT) as found,
    ):
        pieces.extend(found.read(sftp_server.there("large"), (0, 5_000_000)))
    # A reset may throw away also what had come, but for nobody to take.
    assert (ending == "reset" or pieces) and len(b"".join(pieces)) < 1_000_000  # noqa: PT018
    assert time.monotonic() - began < 10
    assert not threads()


def test_without_the_extra_the_hint_names_it(
    ssh_server: OpenSsh, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = key_of(ssh_server)
    monkeypatch.setitem(sys.modules, "paramiko", None)
    with (
        pytest.raises(ToolMissing, match=r"xunjian\[remote\]"),
        connect(server(ssh_server), key=key),
    ):
        pass


def test_names_are_octets(sftp_server: OpenSsh) -> None:
    names = {"备份 1.bak", os.fsdecode("备份".encode("gbk")), "a\nb", 'it\'s "so"', "-rf", "~"}
    folder = sftp_server.folder / "names"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"12345")
    with files(sftp_server) as found:
        listed = dict(found.folder(sftp_server.there("names")))
        assert set(listed) == names
        for name in names:
            path = sftp_server.there(f"names/{name}")
            assert found.look(path) == listed[name]
            assert b"".join(found.read(path, (0, 99))) == b"12345"


def test_folders_of_any_size_are_listed_whole(sftp_server: OpenSsh) -> None:
    folder = sftp_server.folder / "many"
    folder.mkdir()
    for number in range(2345):
        (folder / f"{number}").touch()
    with files(sftp_server) as found:
        listed = [name for name, _ in found.folder(sftp_server.there("many"))]
    assert sorted(listed, key=int) == [str(number) for number in range(2345)]


def test_ranges_are_read_as_they_lie_there(sftp_server: OpenSsh) -> None:
    content = os.urandom(3_000_001)
    (sftp_server.folder / "ranges").write_bytes(content)
    with files(sftp_server) as found:
        path = sftp_server.there("ranges")
        whole = b"".join(found.read(path, (0, 2**40)))
        assert sha256(whole).digest() == sha256(content).digest()
        parts = b"".join(found.read(path, (5, 10), (1_000_000, 600_000), (2_999_999, 70), (9, 1)))
    assert parts == content[5:15] + content[1_000_000:1_600_000] + content[-2:] + content[9:10]


def test_what_is_not_there_is_told_apart_from_what_is_not_allowed(sftp_server: OpenSsh) -> None:
    closed = sftp_server.folder / "closed"
    closed.mkdir(mode=0o700)
    (sftp_server.folder / "a file").write_bytes(b"x")
    (sftp_server.folder / "mine").write_bytes(b"x")
    (sftp_server.folder / "mine").chmod(0)
    with files(sftp_server) as found:
        with pytest.raises(Missing):
            list(found.folder(sftp_server.there("nowhere")))
        with pytest.raises(Missing):
            found.look(sftp_server.there("nowhere"))
        with pytest.raises(NotPermitted):
            list(found.read(sftp_server.there("mine"), (0, 1)))
        if os.geteuid() == 0:
            with pytest.raises(NotPermitted):
                list(found.folder(sftp_server.there("closed")))
        # And the connection goes on.
        assert found.look(sftp_server.there("a file")).bytes == 1


def test_the_room_of_the_volume_is_that_of_statvfs(sftp_server: OpenSsh) -> None:
    own = os.statvfs(sftp_server.folder)
    with files(sftp_server) as found:
        space = found.space(sftp_server.place)
    assert space.total_bytes == own.f_blocks * own.f_frsize
    assert space.free_bytes == pytest.approx(own.f_bavail * own.f_frsize, rel=0.1)


def test_an_account_without_sftp_is_named(tmp_path: Path) -> None:
    with (
        serving(shell=True, settings="Subsystem other /bin/true", sftp=False) as running,
        pytest.raises(NotPermitted, match="SFTP"),
        files(running),
    ):
        pass
