"""Which algorithms a connection may use: what is safe; on request also what once was."""

from typing import TYPE_CHECKING

from agent.ssh.host_keys import Pins, signature_types

if TYPE_CHECKING:
    from paramiko import Transport

_WEAK = ("cbc", "sha1", "md5")
"""Parts of names, from weak to weakest. paramiko has no SHA-1 signatures or key exchanges."""
_FAST_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
"""They encrypt and authenticate in one, which is cheaper than a counter mode with a digest."""


def choose(transport: "Transport", pins: Pins, *, weak: bool) -> None:
    """Set what a transport offers; weak ones, where the grant allows them, come last."""
    options = transport.get_security_options()
    ciphers = _sorted(options.ciphers, weak=weak)
    options.ciphers = sorted(ciphers, key=lambda name: name not in _FAST_CIPHERS)
    options.digests = _sorted(options.digests, weak=weak)
    options.key_types = signature_types(pins.types, tuple(options.key_types))


def advice(words: str, *, weak: bool) -> str:
    """Return what to do about a server with which no algorithm is shared."""
    if "host key" in words:
        return (
            "it signs with SHA-1 (ssh-rsa) or DSA alone: this host needs another way, as an "
            "installed agent or a newer OpenSSH"
        )
    if "ciphers" in words or "macs" in words:
        if not weak:
            return "the customer's grant may allow weak algorithms for this host"
        return "not even among the weak ones: this host needs another way"
    return "this host needs another way, as an installed agent or a newer OpenSSH"


def _sorted(names: tuple[str, ...], *, weak: bool) -> list[str]:
    found = [name for name in names if weak or not _weakness(name)]
    return sorted(found, key=_weakness)


def _weakness(name: str) -> int:
    """Return 0 for what is safe."""
    weakest = max((place for place, part in enumerate(_WEAK, 1) if part in name), default=0)
    return weakest + ("3des" in name)
