"""What a server's key is compared with: keys or fingerprints that somebody pinned.

A pin is a text: lines of public keys, fingerprints as `ssh-keygen -l` prints them, and lines of
known_hosts that say `@revoked`. What was never seen before is never trusted.
"""

import re

from msgspec import Struct

from checks.errors import NotConfigured
from wire.host_keys import HostKey, KnownHosts, read_keys, read_known_hosts

__all__ = ["Fingerprint", "HostKey", "Pins", "pinned", "pins_of", "read_keys", "read_pins"]

_RSA_SIGNATURES = ("rsa-sha2-512", "rsa-sha2-256")
_FINGERPRINT = re.compile(r"\bSHA256:([A-Za-z0-9+/]{43})=?(?![A-Za-z0-9+/])")
_PRINTED_TYPE = re.compile(r"\((ED25519|ECDSA|RSA)\)")
_TYPES = {
    "ED25519": ("ssh-ed25519",),
    "ECDSA": ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    "RSA": ("ssh-rsa",),
}


class Fingerprint(Struct, frozen=True):
    """The digest of a key, as somebody typed it."""

    digest: str
    """`SHA256:…`"""
    types: tuple[str, ...] = ()
    """Of what the key may be, where `ssh-keygen -l` was copied with its `(ED25519)`."""

    def __str__(self) -> str:
        return self.digest


class Pins(Struct, frozen=True):
    """What the key of a server may be. Without any, nothing is accepted."""

    keys: tuple[HostKey, ...] = ()
    fingerprints: tuple[Fingerprint, ...] = ()
    revoked: tuple[HostKey, ...] = ()
    """Refused even if pinned."""

    def __bool__(self) -> bool:
        return bool(self.keys or self.fingerprints)

    def __str__(self) -> str:
        return ", ".join(str(each) for each in (*self.keys, *self.fingerprints))

    def hold(self, key: HostKey) -> bool:
        """Tell whether a key is pinned, be it revoked or not."""
        return key in self.keys or key.fingerprint in {each.digest for each in self.fingerprints}

    @property
    def types(self) -> tuple[str, ...]:
        """Return the types of key to ask for first."""
        typed = [kind for each in self.fingerprints for kind in each.types]
        return tuple(dict.fromkeys([*(key.type for key in self.keys), *typed]))


def read_pins(text: str) -> Pins:
    """Return the pins of a text; none where there is none in it."""
    fingerprints: list[Fingerprint] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        kind = _PRINTED_TYPE.search(line)
        types = _TYPES[kind[1]] if kind else ()
        found = _FINGERPRINT.finditer(line)
        fingerprints += (Fingerprint(f"SHA256:{each[1]}", types) for each in found)
    revoked = tuple(each.key for each in read_known_hosts(text).hosts if each.revoked)
    return Pins(read_keys(text), tuple(fingerprints), revoked)


def pins_of(known: KnownHosts, host: str, port: int = 22) -> Pins:
    """Return what known_hosts lines pin for a server."""
    return Pins(known.keys(host, port), (), known.revoked(host, port))


def pinned(text: str) -> Pins:
    """Return the pins of the settings. Raise NotConfigured where there is none."""
    pins = read_pins(text)
    if not pins:
        what = "empty" if not text.strip() else "no public key in it"
        raise NotConfigured(
            "host_key", f"{what}: give the line of the server's /etc/ssh/ssh_host_ed25519_key.pub"
        )
    return pins


def signature_types(types: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the algorithms to ask a server for: those of the pinned types first, then the others.

    The others, so that a server that has none of the pinned keys any more shows which it has.
    """
    wanted: list[str] = []
    for each in types:
        wanted += _RSA_SIGNATURES if each == "ssh-rsa" else (each,)
    first = tuple(name for name in dict.fromkeys(wanted) if name in known)
    return first + tuple(name for name in known if name not in first)
