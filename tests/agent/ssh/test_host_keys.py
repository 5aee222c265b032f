"""Only the pinned server: whatever else is shown is refused before anything secret is sent."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.ssh.host_keys import Fingerprint, Pins, pinned, pins_of, read_keys, read_pins
from checks.errors import NotConfigured, NotPermitted
from scripts.openssh import OpenSsh, make_key, serving
from tests.agent.ssh.reaching import connected
from wire.host_keys import read_known_hosts


def refusal(running: OpenSsh, host_key: str | Pins) -> NotPermitted:
    with (
        pytest.raises(NotPermitted) as refused,
        connected(running, host_key=host_key),
    ):
        pass
    assert refused.value.subject == f"host key of 127.0.0.1:{running.port}"
    # Nobody has tried to sign in.
    assert "ssh2" not in (running.home / "log").read_text().rpartition("Server listening")[2]
    return refused.value


def printed(line: str, folder: Path) -> str:
    """Return what `ssh-keygen -lf` prints for a public key."""
    (folder / "shown.pub").write_text(f"{line}\n")
    command = ["ssh-keygen", "-lf", str(folder / "shown.pub")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def fresh() -> Iterator[OpenSsh]:
    with serving(shell=True) as running:
        yield running


def test_a_changed_host_key_is_refused_with_both_fingerprints(fresh: OpenSsh) -> None:
    detail = refusal(fresh, fresh.other_host_key).detail
    [shown], [expected] = read_keys(fresh.host_key), read_keys(fresh.other_host_key)
    assert detail.startswith(
        f"it shows ssh-ed25519 {shown.fingerprint}, "
        f"pinned is ssh-ed25519 {expected.fingerprint}: another server"
    )


def test_a_host_key_of_another_type_is_shown_and_refused(fresh: OpenSsh, tmp_path: Path) -> None:
    other = make_key(tmp_path / "rsa", "rsa", "-b", "2048")
    assert refusal(fresh, other).detail.startswith("it shows ssh-ed25519")


def test_the_pinned_type_is_asked_for_first(tmp_path: Path) -> None:
    more = make_key(tmp_path / "more", "rsa")
    with serving(shell=True, settings=f"HostKey {tmp_path}/more") as running:
        # Without a preference it shows the other one.
        with connected(running) as connection:
            assert connection.host_key.type == "ssh-ed25519"
        for pin in (more, printed(more, tmp_path)):
            with connected(running, host_key=pin) as connection:
                assert connection.host_key.type == "ssh-rsa"


def test_an_unknown_server_is_never_trusted_and_the_way_to_its_key_is_told(fresh: OpenSsh) -> None:
    detail = refusal(fresh, Pins()).detail
    assert "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" in detail
    assert "known_hosts" in detail
    [shown] = read_keys(fresh.host_key)
    assert f"({shown} was offered, not verified)" in detail


def test_one_of_several_pinned_keys_is_enough(ssh_server: OpenSsh, tmp_path: Path) -> None:
    pin = f"# two\n{make_key(tmp_path / 'ec', 'ecdsa')}\nbackup.example {ssh_server.host_key} c"
    with connected(ssh_server, host_key=pin) as connection:
        assert str(connection.host_key) == str(read_keys(ssh_server.host_key)[0])


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_servers_with_each_type_of_key_are_reached(kind: str) -> None:
    with serving(shell=True, kind=kind) as running, connected(running) as connection:
        assert connection.run("echo in", subject="echo").output == b"in\n"


def test_a_typed_fingerprint_is_as_good_as_the_key(ssh_server: OpenSsh, tmp_path: Path) -> None:
    [key] = read_keys(ssh_server.host_key)
    for typed in (key.fingerprint, printed(ssh_server.host_key, tmp_path), f"x {key} y"):
        with connected(ssh_server, host_key=typed) as connection:
            assert connection.host_key == key


def test_a_wrong_fingerprint_is_refused_with_both(fresh: OpenSsh) -> None:
    [shown], [other] = read_keys(fresh.host_key), read_keys(fresh.other_host_key)
    detail = refusal(fresh, other.fingerprint).detail
    assert detail.startswith(f"it shows {shown}, pinned is {other.fingerprint}: ")
    assert "give all that ssh-keygen -l prints" in detail


def test_a_revoked_key_is_refused_even_if_it_is_pinned(fresh: OpenSsh) -> None:
    known = read_known_hosts(f"* {fresh.host_key}\n@revoked * {fresh.host_key}\n")
    [shown] = read_keys(fresh.host_key)
    for pins in (
        pins_of(known, "127.0.0.1", fresh.port),
        f"{fresh.host_key}\n@revoked * {fresh.host_key}",
    ):
        assert refusal(fresh, pins).detail == (
            f"it shows {shown}, which known_hosts says is revoked"
        )


def test_a_known_hosts_line_pins(ssh_server: OpenSsh) -> None:
    known = read_known_hosts(f"[127.0.0.1]:{ssh_server.port} {ssh_server.host_key}")
    pins = pins_of(known, "127.0.0.1", ssh_server.port)
    with connected(ssh_server, host_key=pins) as connection:
        assert connection.host_key == pins.keys[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-dss AAAAB3NzaC1kc3M=",
        "SHA256:tooshort",
        "MD5:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff",
        "# SHA256:" + "A" * 43,
        "SHA256:" + "A" * 44,
    ],
)
def test_without_a_key_to_pin_nobody_is_trusted(text: str) -> None:
    assert not read_pins(text)
    with pytest.raises(NotConfigured, match="host_key"):
        pinned(text)


@given(st.text(max_size=200))
def test_no_text_is_an_error_or_a_pin_by_accident(text: str) -> None:
    assert not read_pins(text)


def test_a_fingerprint_knows_its_type_where_it_was_printed() -> None:
    digest = "SHA256:" + "a" * 43
    assert read_pins(f"256 {digest} root@db (ED25519)").fingerprints == (
        Fingerprint(digest, ("ssh-ed25519",)),
    )
    assert read_pins(f"3072 {digest} no comment (RSA)").types == ("ssh-rsa",)
    assert read_pins(f"{digest}=").fingerprints == (Fingerprint(digest),)
