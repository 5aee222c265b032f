"""Files over SFTP: octets, ranges and refusals as they are there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from agent.ssh.files import Files, Missing, files_of
from checks.errors import NotPermitted, ProbeError, TimedOut, Unreachable
from scripts.openssh import OpenSsh, serving
from tests.agent.ssh.reaching import IMPATIENT, connected, within
from tests.network import Line, Way, relaying


@contextmanager
def files(running: OpenSsh, **changed: Any) -> Iterator[Files]:
    with connected(running, **changed) as connection, files_of(connection) as found:
        yield found


@pytest.mark.parametrize(
    ("ending", "error"), [("silence", TimedOut), ("close", Unreachable), ("reset", Unreachable)]
)
def test_a_transfer_that_ends_in_mid_file(
    sftp_server: OpenSsh, ending: str, error: type[ProbeError]
) -> None:
    (sftp_server.folder / "large").write_bytes(bytes(5_000_000))
    line = Line(to_client=Way(cut_after=1_000_000), ending=ending)
    pieces: list[bytes] = []
    with (
        within(IMPATIENT.connect + IMPATIENT.silence),
        relaying(sftp_server.port, lambda _: line) as relay,
        pytest.raises(error),
        files(sftp_server, port=relay.port, limits=IMPATIENT) as found,
    ):
        pieces.extend(found.read(sftp_server.there("large"), (0, 5_000_000)))
    # A reset may throw away also what had come, but for nobody to take.
    assert (ending == "reset" or pieces) and len(b"".join(pieces)) < 1_000_000  # noqa: PT018


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
