"""Keys of SSH servers: read as OpenSSH writes them, and never more than it means."""

import struct
import subprocess
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.openssh import make_key
from wire.host_keys import (
    KEY_TYPES,
    Fault,
    HostKey,
    KnownHost,
    KnownHosts,
    PassedOver,
    hashed,
    known_as,
    read_keys,
    read_known_hosts,
)


def a_key(name: str = "ssh-ed25519", content: bytes = b"0123456789") -> HostKey:
    return HostKey(name, struct.pack(">I", len(name)) + name.encode() + content)


KEY = a_key()
OTHER = a_key(content=b"another key")
LINE = KEY.line


def names_of(text: str) -> list[tuple[str, ...]]:
    return [each.names for each in read_known_hosts(text).hosts]


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_fingerprints_are_those_of_ssh_keygen(kind: str, tmp_path: Path) -> None:
    line = make_key(tmp_path / kind, kind)
    command = ["ssh-keygen", "-lf", str(tmp_path / f"{kind}.pub")]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    [key] = read_keys(line)
    assert key.fingerprint == printed.split()[1]
    assert key.line == line


def test_names_hidden_by_ssh_keygen_are_found(tmp_path: Path) -> None:
    lines = [f"{name} {LINE}" for name in ("db.example", "[db.example]:2222", "10.0.0.7")]
    # Real keys, as ssh-keygen refuses what it can't read.
    real = make_key(tmp_path / "key")
    file = tmp_path / "known_hosts"
    file.write_text("\n".join(line.replace(LINE, real) for line in lines) + "\n")
    command = ["ssh-keygen", "-H", "-f", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    known = read_known_hosts(file.read_text())
    assert "db.example" not in file.read_text()
    assert known.passed_over == ()
    [key] = read_keys(real)
    for host, port in (("DB.example", 22), ("db.example", 2222), ("10.0.0.7", 22)):
        assert known.keys(host, port) == (key,)
    for host, port in (("db.example.", 22), ("db.example", 2223), ("10.0.0.7", 2222)):
        assert known.keys(host, port) == ()


def test_a_line_is_about_its_names_at_their_ports() -> None:
    known = read_known_hosts(
        f"a.example,10.0.0.5 {LINE}\n[b.example]:2222 {OTHER.line} a comment\n"
    )
    assert known.keys("a.example") == known.keys("10.0.0.5") == (KEY,)
    assert known.keys("b.example", 2222) == (OTHER,)
    assert known.keys("a.example", 2222) == known.keys("b.example") == ()


def test_patterns_mean_what_they_mean_to_openssh() -> None:
    known = read_known_hosts(f"*.example,!bad.example,192.0.2.? {LINE}")
    assert known.keys("good.example") == known.keys("192.0.2.9") == (KEY,)
    for host in ("bad.example", "192.0.2.10", "example"):
        assert known.keys(host) == ()


def test_brackets_are_no_pattern() -> None:
    assert read_known_hosts(f"[ab]:2222 {LINE}").keys("a", 2222) == ()


def test_a_revoked_key_is_no_key_even_where_another_line_has_it() -> None:
    known = read_known_hosts(f"h {LINE}\nh {OTHER.line}\n@revoked * {LINE}\n")
    assert known.keys("h") == (OTHER,)
    assert known.revoked("h") == (KEY,)


def test_each_line_that_gives_no_key_is_named() -> None:
    hidden = hashed("h", b"x" * 20)
    lines = [
        "# a comment",
        "",
        "only-a-name",
        f"@cert-authority *.example {LINE}",
        f"@nonsense h {LINE}",
        f"h,,i {LINE}",
        f"|1|short|x= {LINE}",
        "h ssh-dss AAAAB3NzaC1kc3M=",
        "h ssh-ed25519 AAAA",
        f"h ssh-rsa {LINE.split()[1]}",
        f"{hidden} {LINE}",
    ]
    known = read_known_hosts("\r\n".join(lines))
    assert known.passed_over == (
        PassedOver(3, Fault.FIELDS),
        PassedOver(4, Fault.AUTHORITY),
        PassedOver(5, Fault.MARKER),
        PassedOver(6, Fault.NAMES),
        PassedOver(7, Fault.NAMES),
        PassedOver(8, Fault.TYPE),
        PassedOver(9, Fault.KEY),
        PassedOver(10, Fault.KEY),
    )
    assert known.hosts == (KnownHost(11, (hidden,), KEY),)


NAMES = st.text("abc.*?[]:-0123456789", min_size=1, max_size=12) | st.builds(
    hashed, st.text(max_size=9), st.binary(min_size=20, max_size=20)
)
ENTRIES = st.builds(
    KnownHost,
    line=st.just(1),
    names=st.lists(st.tuples(st.sampled_from(["", "!"]), NAMES).map("".join), min_size=1).map(
        tuple
    ),
    key=st.builds(a_key, st.sampled_from(KEY_TYPES), st.binary(min_size=1, max_size=40)),
    revoked=st.booleans(),
)


@given(ENTRIES)
def test_what_is_written_is_read(entry: KnownHost) -> None:
    assert read_known_hosts(entry.written()) == KnownHosts((entry,), ())


@given(st.text(max_size=300), st.text(max_size=20), st.integers(1, 65535))
def test_no_text_is_an_error(text: str, host: str, port: int) -> None:
    known = read_known_hosts(text)
    assert known.keys(host, port) == () or LINE in text
    assert read_keys(text) == () or LINE in text


@given(st.lists(st.sampled_from([LINE, "h", "@revoked", "|1|", "*", ",", "!", " ", "#", "\t"])))
def test_no_order_of_words_is_an_error(words: list[str]) -> None:
    text = " ".join(words)
    for entry in read_known_hosts(text).hosts:
        assert entry.key == KEY
        assert isinstance(entry.is_about("h"), bool)


@given(st.text("ab.*?", min_size=1, max_size=30), st.text("ab.", min_size=1, max_size=60))
def test_patterns_agree_with_a_model(pattern: str, host: str) -> None:
    def model(written: str, name: str) -> bool:
        reached = {0}
        for letter in written:
            if letter == "*":
                reached = set(range(min(reached, default=len(name) + 1), len(name) + 1))
            else:
                good = {at for at in reached if at < len(name) and letter in ("?", name[at])}
                reached = {at + 1 for at in good}
        return len(name) in reached

    assert KnownHost(1, (pattern,), KEY).is_about(host) == model(pattern, host)


@given(st.binary(max_size=60))
def test_a_key_is_of_the_type_that_it_says(blob: bytes) -> None:
    line = f"ssh-rsa {b64encode(blob).decode()}"
    found = read_keys(line)
    assert found == () or found[0].blob.startswith(b"\0\0\0\x07ssh-rsa")


def test_known_as() -> None:
    assert known_as("Host.Example") == "host.example"
    assert known_as("::1", 2222) == "[::1]:2222"
