"""What a person or the settings sign in with: nothing is looked for, everything is named."""

import io
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from msgspec import Struct
from msgspec.structs import replace

from agent.redaction import SHORTEST_CHARACTERS
from agent.secret import LONGEST_BYTES, Secret
from agent.ssh.library import paramiko
from checks.errors import NotConfigured, NotPermitted

if TYPE_CHECKING:
    from paramiko import PKey

_PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey
ATTEMPTS = 3
"""How often a person is asked for the same secret."""
_OPENSSH = "-----BEGIN OPENSSH PRIVATE KEY-----"
_NO_KEY = "is no private key that OpenSSH writes (Ed25519, ECDSA, RSA)"


class Prompt(Protocol):
    """Asks a person."""

    def ask(self, title: str, instructions: str, question: str, *, echo: bool) -> str:
        """Return the answer to a question; `echo` tells whether it may be seen while typed.

        Title and instructions are the server's, cleaned of control characters, and may be empty. It
        is called in the thread that connects. What it raises ends the sign-in.
        """
        ...


class Credentials(Struct, frozen=True):
    """What to sign in with, in this order: a key, then what else the server wants."""

    key_file: Path | None = None
    """Of a private key, that nobody else can read."""
    key: Secret | None = None
    """A private key itself, in place of a file."""
    password: Secret | None = None
    """Of an account for programs, from the settings; for a person's there is `prompt`."""
    prompt: Prompt | None = None
    """Asks for passphrase, password and one-time codes; None: nobody is there to ask."""


class KeyFileRefused(NotPermitted):
    """A file with a private key that should not be used as it is."""


def identity_of(credentials: Credentials) -> "PKey | None":
    """Return the private key of the credentials, None where they name none.

    Raise NotConfigured where there is no such file or no key in it; KeyFileRefused for one that
    others can get at; NotPermitted after three wrong passphrases.
    """
    key = _private_key(credentials)
    if key is None:
        return None
    library = paramiko()
    if isinstance(key, Ed25519PrivateKey):
        form = library.Ed25519Key
    else:
        form = library.RSAKey if isinstance(key, RSAPrivateKey) else library.ECDSAKey
    try:
        return form.from_private_key(io.StringIO(_plain(key)))
    except (library.SSHException, ValueError):  # a curve that no server takes
        raise NotConfigured(_name(credentials), _NO_KEY) from None


def opened(credentials: Credentials) -> Credentials:
    """Return credentials whose key needs no file and no passphrase any more.

    So a person is asked once for many connections. Raise as `identity_of`.
    """
    key = _private_key(credentials)
    if key is None:
        return credentials
    return replace(credentials, key_file=None, key=Secret(_plain(key)))


def secret_of(answer: str) -> str:
    """Return what a person typed as a secret, known to the output filter from here on."""
    # A shorter one can't be told from other text: masking it would only spoil that.
    return Secret(answer).reveal() if len(answer) >= SHORTEST_CHARACTERS else answer


def _name(credentials: Credentials) -> str:
    return "key" if credentials.key_file is None else str(credentials.key_file)


def _private_key(credentials: Credentials) -> _PrivateKey | None:
    name = _name(credentials)
    if credentials.key_file is not None:
        text = _content(credentials.key_file)
    elif credentials.key is not None:
        text = credentials.key.reveal()
    else:
        return None
    key = _loaded(text, name, None)
    if key is not None:
        return key
    if credentials.prompt is None:
        raise NotConfigured(
            name, "has a passphrase: give a key of its own to the agent, without one"
        )
    for _ in range(ATTEMPTS):
        answer = credentials.prompt.ask("", "", f"{name} 的密码短语 / passphrase: ", echo=False)
        key = _loaded(text, name, secret_of(answer))
        if key is not None:
            return key
    raise NotPermitted(name, f"the passphrase was wrong {ATTEMPTS} times")


def _loaded(text: str, name: str, passphrase: str | None) -> _PrivateKey | None:
    """Return a key, None where it wants a passphrase or another one."""
    password = None if passphrase is None else passphrase.encode("utf-8", "surrogateescape")
    octets = text.encode("utf-8", "surrogateescape")
    load = (
        serialization.load_ssh_private_key
        if text.lstrip().startswith(_OPENSSH)
        else serialization.load_pem_private_key
    )
    try:
        key = load(octets, password)
    except TypeError:  # it wants a passphrase
        return None
    except (ValueError, UnsupportedAlgorithm):
        if password is not None:
            return None
        # Without the cause, which might hold some of it.
        raise NotConfigured(name, _NO_KEY) from None
    if not isinstance(key, Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey):
        raise NotConfigured(name, _NO_KEY)
    return key


def _plain(key: _PrivateKey) -> str:
    """Return a key as paramiko reads all kinds: it knows fewer forms than cryptography does."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    ).decode()


def _content(path: Path) -> str:
    """Return what a key file holds; refuse what others can read or put there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NotConfigured(str(path), "there is no such key file") from error
    except OSError as error:
        said = error.strerror or str(error)
        raise KeyFileRefused(str(path), f"the key file can't be read: {said}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotConfigured(str(path), "is no regular file")
        if status.st_uid != os.geteuid():
            said = f"the key file belongs to another user (uid {status.st_uid}): take your own"
            raise KeyFileRefused(str(path), said)
        mode = stat.S_IMODE(status.st_mode)
        if mode & 0o077:
            said = f"the key file has mode {mode:04o}, so that others can get at it: chmod 600"
            raise KeyFileRefused(str(path), f"{said} {path}")
        return os.read(descriptor, LONGEST_BYTES).decode("utf-8", "surrogateescape")
    finally:
        os.close(descriptor)
