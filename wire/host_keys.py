"""Public keys of SSH servers: as OpenSSH writes them in .pub files and in known_hosts.

Only text is read here: agent and collector both do it, and neither needs an SSH library for it.
The forms are those of sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
"""

import hashlib
import hmac
import re
import struct
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from enum import Enum
from fnmatch import translate

from msgspec import Struct

KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)
DEFAULT_PORT = 22
_REVOKED, _AUTHORITY = "@revoked", "@cert-authority"
_SHA1_BYTES = 20
_WORD = re.compile(r"[ \t]+")


class HostKey(Struct, frozen=True):
    """A public key of a server."""

    type: str
    blob: bytes

    @property
    def fingerprint(self) -> str:
        """Return it as `ssh-keygen -l` prints it: `SHA256:…`."""
        digest = b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")
        return f"SHA256:{digest}"

    @property
    def line(self) -> str:
        """Return it as it stands in a .pub file, without a comment."""
        return f"{self.type} {b64encode(self.blob).decode()}"

    def __str__(self) -> str:
        return f"{self.type} {self.fingerprint}"


class Fault(Enum):
    """Why a line of a known_hosts file gives no key."""

    FIELDS = "fields"
    """Fewer than names, type and key."""
    MARKER = "marker"
    """A marker that OpenSSH doesn't know."""
    NAMES = "names"
    """A hashed name that can't be read, or an empty one."""
    TYPE = "type"
    """A type of key that is not known here: ssh-dss, a security token's, a newer one."""
    KEY = "key"
    """The key was cut, or is of another type than the line says."""
    AUTHORITY = "authority"
    """@cert-authority: it certifies keys of hosts, which are not supported."""


class PassedOver(Struct, frozen=True):
    """A line that was passed over."""

    line: int
    """From 1."""
    fault: Fault


class KnownHost(Struct, frozen=True):
    """One line of a known_hosts file."""

    line: int
    """From 1."""
    names: tuple[str, ...]
    """As written: names, patterns, `!` for those that are not meant, or one hashed name."""
    key: HostKey
    revoked: bool = False
    """The key must never be accepted."""

    def is_about(self, host: str, port: int = DEFAULT_PORT) -> bool:
        """Tell whether the line is about a server, named as somebody connects to it."""
        name = known_as(host, port)
        found = False
        for written in self.names:
            if _matches(written.removeprefix("!"), name):
                if written.startswith("!"):
                    return False
                found = True
        return found

    def written(self) -> str:
        """Return the line as OpenSSH reads it."""
        marker = (_REVOKED,) if self.revoked else ()
        return " ".join((*marker, ",".join(self.names), self.key.line))


class KnownHosts(Struct, frozen=True):
    """What a known_hosts file says."""

    hosts: tuple[KnownHost, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()

    def keys(self, host: str, port: int = DEFAULT_PORT) -> tuple[HostKey, ...]:
        """Return the keys that a server may show, without those that are revoked."""
        revoked = self.revoked(host, port)
        about = (each for each in self.hosts if not each.revoked and each.is_about(host, port))
        return tuple(dict.fromkeys(each.key for each in about if each.key not in revoked))

    def revoked(self, host: str, port: int = DEFAULT_PORT) -> tuple[HostKey, ...]:
        """Return the keys that it must not show."""
        about = (each for each in self.hosts if each.revoked and each.is_about(host, port))
        return tuple(dict.fromkeys(each.key for each in about))


def known_as(host: str, port: int = DEFAULT_PORT) -> str:
    """Return the name by which known_hosts files know a server: `host`, or `[host]:port`."""
    bare = host.lower()
    return bare if port == DEFAULT_PORT else f"[{bare}]:{port}"


def read_keys(text: str) -> tuple[HostKey, ...]:
    """Return the keys of a text: one a line, as in a .pub file or as ssh-keyscan prints them.

    Lines that hold no key of a type known here are passed over: comments, newer types.
    """
    found = (_key_in(line) for line in text.splitlines())
    return tuple(key for key in found if key is not None)


def read_known_hosts(text: str) -> KnownHosts:
    """Return what a known_hosts file says, and which lines say nothing that is understood."""
    hosts: list[KnownHost] = []
    passed_over: list[PassedOver] = []
    for number, line in enumerate(text.split("\n"), start=1):
        bare = line.strip(" \t\r\0")
        if not bare or bare.startswith("#"):
            continue
        read = _known_host(number, bare)
        if isinstance(read, KnownHost):
            hosts.append(read)
        else:
            passed_over.append(PassedOver(number, read))
    return KnownHosts(tuple(hosts), tuple(passed_over))


def hashed(name: str, salt: bytes) -> str:
    """Return a name as `ssh-keygen -H` hides it: HMAC-SHA1 with a salt of 20 bytes."""
    return f"|1|{b64encode(salt).decode()}|{b64encode(_hash(name, salt)).decode()}"


def _hash(name: str, salt: bytes) -> bytes:
    return hmac.new(salt, name.encode("utf-8", "surrogatepass"), "sha1").digest()


def _known_host(number: int, line: str) -> KnownHost | Fault:
    words = _WORD.split(line)
    revoked = False
    if words[0].startswith("@"):
        marker = words.pop(0)
        if marker == _AUTHORITY:
            return Fault.AUTHORITY
        if marker != _REVOKED:
            return Fault.MARKER
        revoked = True
    if len(words) < 3:
        return Fault.FIELDS
    names = tuple(words[0].split(","))
    if not all(_is_name(name) for name in names):
        return Fault.NAMES
    if words[1] not in KEY_TYPES:
        return Fault.TYPE
    key = key_of(words[1], words[2])
    return Fault.KEY if key is None else KnownHost(number, names, key, revoked)


def _is_name(written: str) -> bool:
    bare = written.removeprefix("!")
    return _salt_and_digest(bare) is not None if bare.startswith("|") else bool(bare)


def _matches(written: str, name: str) -> bool:
    hidden = _salt_and_digest(written)
    if hidden is not None:
        salt, digest = hidden
        return _hash(name, salt) == digest
    # `[` is no pattern there, as in `[host]:port`.
    pattern = written.lower().replace("[", "[[]")
    return re.match(translate(pattern), name) is not None


def _salt_and_digest(written: str) -> tuple[bytes, bytes] | None:
    parts = written.split("|")
    if len(parts) != 4 or parts[:2] != ["", "1"]:
        return None
    salt, digest = _octets(parts[2]), _octets(parts[3])
    if salt is None or digest is None or {len(salt), len(digest)} != {_SHA1_BYTES}:
        return None
    return salt, digest


def _key_in(line: str) -> HostKey | None:
    words = line.split()
    if not words or words[0].startswith(("#", "@")):
        return None
    for place, word in enumerate(words[:-1]):
        if word in KEY_TYPES:
            return key_of(word, words[place + 1])
    return None


def key_of(name: str, text: str) -> HostKey | None:
    """Return the key of a type that a base64 text holds; None where it holds none."""
    blob = _octets(text)
    # The blob begins with the name of its type: whatever was cut or mixed up is no key.
    inside = struct.pack(">I", len(name)) + name.encode()
    if blob is None or not blob.startswith(inside) or len(blob) <= len(inside):
        return None
    return HostKey(name, blob)


def _octets(text: str) -> bytes | None:
    try:
        return b64decode(text, validate=True)
    except (BadBase64, ValueError):
        return None
