"""Whether the other side is this very host, and what hashes over there."""

import os
from base64 import b64encode
from pathlib import Path

import pytest

from agent.backups.offsite import mounts
from agent.backups.offsite.remote_hashing import read_answers, script, self_test
from agent.backups.offsite.same_host import ThisHost, is_same_host
from agent.backups.offsite.sftp import NO_SHELL, read_shell
from agent.ssh.host_keys import HostKey, read_keys
from wire.messages import Failure, Reason

BOOT = "0b1c2d3e-0000-4000-8000-000000000001"
OTHER = "0b1c2d3e-0000-4000-8000-000000000002"
DIGEST = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def key(letter: str) -> str:
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + letter.encode() * 32
    return f"ssh-ed25519 {b64encode(blob).decode()} root@host"


@pytest.fixture
def this(tmp_path: Path) -> ThisHost:
    (tmp_path / "ssh_host_ed25519_key.pub").write_text(key("a") + "\n")
    (tmp_path / "boot_id").write_text(f"{BOOT}\n")
    return ThisHost(tmp_path, tmp_path / "boot_id", frozenset({"192.0.2.1", "127.0.0.1"}))


def shown(letter: str) -> HostKey:
    return read_keys(key(letter))[0]


@pytest.mark.parametrize(
    ("letter", "address", "boot_id", "expected"),
    [
        ("a", "192.0.2.1", BOOT, True),
        ("b", "203.0.113.9", BOOT, True),  # through a tunnel, or a container's own sshd
        ("a", "192.0.2.1", OTHER, False),  # a clone behind a forwarded port
        ("a", "192.0.2.1", None, True),
        ("a", "::ffff:192.0.2.1", None, True),
        ("a", "127.0.0.5", None, True),
        ("b", "203.0.113.9", None, False),
        ("a", "203.0.113.9", None, None),  # a clone, or this host by its public address
        ("b", "127.0.0.1", None, None),  # a tunnel, or another sshd
    ],
)
def test_who_the_other_side_is(
    this: ThisHost, letter: str, address: str, boot_id: str | None, expected: bool | None
) -> None:
    found = is_same_host(this, shown=shown(letter), address=address, boot_id=boot_id)
    assert found is expected


def test_this_machine_has_its_own_addresses() -> None:
    assert ThisHost().has_address("127.0.0.1")
    assert not ThisHost().has_address("192.0.2.77")
    assert ThisHost(boot_id=Path("/nowhere")).boot() == ""


TABLE = r"""
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / /mnt/nas rw - nfs4 nas.example:/export/backup rw,addr=203.0.113.5
31 22 0:41 / /mnt/own rw - nfs 192.0.2.1:/srv rw
32 22 0:42 / /mnt/smb rw - cifs //203.0.113.6/share rw
33 22 0:43 / /mnt/with\040space rw - fuse.sshfs backup@203.0.113.7:/b rw
34 22 254:16 / /mnt/disk rw - ext4 /dev/vdb rw
35 22 0:44 / /mnt/sub rw - btrfs /dev/vda rw
36 22 0:45 / /mnt/local rw - nfs4 localhost:/srv rw
"""


@pytest.mark.parametrize(
    ("path", "server"),
    [
        ("/mnt/nas/a/b", "nas.example"),
        ("/mnt/own", "192.0.2.1"),
        ("/mnt/smb/x", "203.0.113.6"),
        ("/mnt/with space/x", "203.0.113.7"),
        ("/mnt/disk/x", None),
        ("/mnt/nasty", None),
    ],
)
def test_the_server_of_a_mounted_folder(path: str, server: str | None) -> None:
    mount = mounts.mount_of(path, TABLE)
    assert mount is not None
    assert mount.server == server


def test_a_share_is_elsewhere_unless_it_is_our_own(
    this: ThisHost, tmp_path: Path, other_volume: Path
) -> None:
    here = tmp_path / "here"
    here.mkdir()

    def told(kind: str, source: str) -> bool | None:
        lines = (
            f"1 0 0:1 / / rw - ext4 /dev/vda rw\n2 1 0:2 / {other_volume} rw - {kind} {source} rw"
        )
        table = tmp_path / "mountinfo"
        table.write_text(lines)
        return mounts.is_same_host(str(here), str(other_volume), this, table)

    assert told("nfs4", "nas.example:/export") is False
    assert told("nfs4", "192.0.2.1:/export") is True
    assert told("cifs", "//localhost/share") is True
    assert told("ext4", "/dev/vdb") is None
    assert told("btrfs", "/dev/vda") is True


def test_one_volume_is_one_host(this: ThisHost, tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    there = str(tmp_path / "there")
    assert mounts.is_same_host(str(tmp_path / "here"), there, this) is True
    assert mounts.is_same_host(str(tmp_path / "here"), f"{there}/gone", this) is None


def test_answers_are_taken_only_whole_and_in_their_form() -> None:
    good = [f"0 {DIGEST} *stdin", f"1 {DIGEST}  -", "end"]
    assert read_answers(good, 2) == [DIGEST, DIGEST]
    assert read_answers(good, 3) is None
    assert read_answers(good[:-1], 2) is None
    assert read_answers([], 0) is None
    assert read_answers(["This service allows sftp connections only."], 1) is None


def test_a_refusal_is_told_with_its_words() -> None:
    lines = ["0 /bin/sh: 3: cannot open ./a: Permission denied", "", f"1 {DIGEST} *stdin", "end"]
    found = read_answers(lines, 2)
    assert found is not None
    assert isinstance(found[0], Failure)
    assert found[0].reason is Reason.PERMISSION
    assert found[1] == DIGEST


@pytest.mark.parametrize(
    "line", ["0 e3b0c442 *stdin", f"0 {DIGEST.upper()} *stdin", f"0 {DIGEST} *a", "0 "]
)
def test_what_is_no_digest_is_a_failure(line: str) -> None:
    found = read_answers([line, "end"], 1)
    assert found is not None
    assert isinstance(found[0], Failure)


def test_names_stay_octets_in_the_script() -> None:
    name = os.fsdecode("备份".encode("gbk"))
    assert "备份".encode("gbk") in script("/b", [name], "sha256sum")
    assert b"'./a\nb'" in script("/b", ["a\nb"], "sha256sum")
    assert b"./-rf" in script("/b", ["-rf"], "sha256sum")


def test_a_shell_that_is_none_says_nothing() -> None:
    assert read_shell(["This service allows sftp connections only."], 0.0) == NO_SHELL
    assert read_shell([], 0.0) == NO_SHELL


@pytest.mark.parametrize("clock", ["1800000000.500000000", "1800000000.%N", "1800000000.N"])
def test_the_clock_is_read_with_and_without_a_fraction(clock: str) -> None:
    shell = read_shell([clock, BOOT, "0 x", "end"], 1_799_999_000.5)
    assert shell.clock_offset == pytest.approx(1000)
    assert (shell.boot_id, shell.self_test) == (BOOT, ("0 x", "end"))
    assert read_shell([clock, "", "end"], 0.0).boot_id is None


def test_the_self_test_tries_openssl_first() -> None:
    lines = self_test().splitlines()
    assert "openssl" in lines[0]
    assert lines[-1] == "echo end"
