"""What is broken is not spoken, unless the grant allows it, and then last."""

import pytest

from checks.errors import Unreachable
from scripts.openssh import SHA1_ONLY, WEAK_ONLY, OpenSsh, serving
from tests.agent.ssh.reaching import connected


def refusal(running: OpenSsh, **changed: object) -> str:
    with pytest.raises(Unreachable) as caught, connected(running, **changed):
        pass
    assert caught.value.subject == f"127.0.0.1:{running.port}"
    return caught.value.detail


@pytest.mark.parametrize("weak", [False, True])
def test_a_server_that_signs_with_sha_1_alone_needs_another_way(weak: bool) -> None:
    with serving(shell=True, kind="rsa", settings=SHA1_ONLY) as running:
        assert refusal(running, weak_algorithms=weak) == (
            "no algorithm in common that is still safe: Incompatible ssh peer (no acceptable host "
            "key); it signs with SHA-1 (ssh-rsa) or DSA alone: this host needs another way, as an "
            "installed agent or a newer OpenSSH"
        )


@pytest.mark.parametrize(
    "settings",
    [WEAK_ONLY, "Ciphers aes128-cbc", "Ciphers aes128-ctr\nMACs hmac-md5", "Ciphers 3des-cbc"],
)
def test_weak_ciphers_and_digests_are_spoken_only_with_permission(settings: str) -> None:
    with serving(shell=True, settings=settings) as running:
        detail = refusal(running)
        assert detail.startswith("no algorithm in common that is still safe: ")
        assert detail.endswith("the customer's grant may allow weak algorithms for this host")
        with connected(running, weak_algorithms=True) as connection:
            assert connection.run("echo in", subject="echo").output == b"in\n"


def test_a_server_with_both_is_spoken_to_in_the_strong_one() -> None:
    settings = "Ciphers 3des-cbc,aes256-cbc,aes128-ctr\nMACs hmac-md5,hmac-sha1,hmac-sha2-256"
    with (
        serving(shell=True, settings=settings) as running,
        connected(running, weak_algorithms=True) as connection,
    ):
        assert connection.transport.remote_cipher == "aes128-ctr"
        assert connection.transport.remote_mac == "hmac-sha2-256"


def test_of_weak_ones_the_better_is_taken() -> None:
    settings = "Ciphers 3des-cbc,aes256-cbc\nMACs hmac-md5,hmac-sha1"
    with (
        serving(shell=True, settings=settings) as running,
        connected(running, weak_algorithms=True) as connection,
    ):
        assert connection.transport.remote_cipher == "aes256-cbc"
        assert connection.transport.remote_mac == "hmac-sha1"


def test_what_not_even_permission_helps_is_said() -> None:
    settings = "Ciphers chacha20-poly1305@openssh.com"
    with serving(shell=True, settings=settings) as running:
        assert refusal(running, weak_algorithms=True).endswith(
            "not even among the weak ones: this host needs another way"
        )


def test_key_exchanges_without_a_common_one_are_named() -> None:
    settings = "KexAlgorithms diffie-hellman-group1-sha1"
    with serving(shell=True, settings=settings) as running:
        assert "no acceptable kex algorithm" in refusal(running, weak_algorithms=True)
