"""Public keys of servers, as settings pin them and as OpenSSH writes them."""

import hashlib
import struct
from base64 import b64decode, b64encode
from binascii import Error as BadBase64

from msgspec import Struct

from checks.errors import NotConfigured

KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)
_RSA_SIGNATURES = ("rsa-sha2-512", "rsa-sha2-256")


class HostKey(Struct, frozen=True):
    """A public key of a server."""

    type: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """Return it as `ssh-keygen -l` prints it: `SHA256:…`."""
        digest = b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")
        return f"SHA256:{digest}"

    def __str__(self) -> str:
        return f"{self.type} {self.fingerprint}"


def read_keys(text: str) -> tuple[HostKey, ...]:
    """Return the keys of a text: one a line, as in a .pub file or as ssh-keyscan prints them.

    Lines that hold no key of a type known here are passed over: comments, newer types.
    """
    found = (_key_of(line) for line in text.splitlines())
    return tuple(key for key in found if key is not None)


def pinned_keys(text: str) -> tuple[HostKey, ...]:
    """Return the keys that the settings pin. Raise NotConfigured where there is none."""
    keys = read_keys(text)
    if not keys:
        what = "empty" if not text.strip() else "no public key in it"
        raise NotConfigured(
            "host_key", f"{what}: give the line of the server's /etc/ssh/ssh_host_ed25519_key.pub"
        )
    return keys


def signature_types(keys: tuple[HostKey, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the algorithms to ask a server for: those of the pinned keys first, then the others.

    The others, so that a server that has none of the pinned keys any more shows which it has.
    """
    wanted: list[str] = []
    for key in keys:
        wanted += _RSA_SIGNATURES if key.type == "ssh-rsa" else (key.type,)
    first = tuple(name for name in dict.fromkeys(wanted) if name in known)
    return first + tuple(name for name in known if name not in first)


def _key_of(line: str) -> HostKey | None:
    words = line.split()
    if not words or words[0].startswith(("#", "@")):
        return None
    for place, word in enumerate(words[:-1]):
        if word in KEY_TYPES:
            return _decoded(word, words[place + 1])
    return None


def _decoded(name: str, text: str) -> HostKey | None:
    try:
        blob = b64decode(text, validate=True)
    except (BadBase64, ValueError):
        return None
    # The blob begins with the name of its type: whatever was cut or mixed up is no key.
    inside = struct.pack(">I", len(name)) + name.encode()
    return HostKey(name, blob) if blob.startswith(inside) and len(blob) > len(inside) else None
