"""Ed25519 signatures over DSSE's pre-authentication encoding: one format for everything signed.

The encoding binds the payload to its type, so that no signature over one kind of message stands for
another; the payload itself is signed as it travels, without a canonical form (DSSE protocol 1.0.2,
https://github.com/secure-systems-lab/dsse). No clock takes part.
"""

import hashlib

from nacl import bindings
from nacl.exceptions import CryptoError

from wire.errors import BadSignature

SEED_BYTES = 32
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed: DSSEv1, the type and the payload, each with its length."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


class PrivateKey:
    """A private key. It can sign; it never shows itself."""

    __slots__ = ("_secret", "_seed", "id", "public")

    def __init__(self, seed: bytes) -> None:
        """Make the key of a seed of SEED_BYTES. Raise ValueError for another length."""
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a key has {SEED_BYTES} bytes, not {len(seed)}")
        self._seed = seed
        self.public, self._secret = bindings.crypto_sign_seed_keypair(seed)
        self.id = key_id(self.public)

    @classmethod
    def generate(cls) -> "PrivateKey":
        """Return a new key from the system's random source."""
        return cls(bindings.randombytes(SEED_BYTES))

    def seed(self) -> bytes:
        """Return the secret itself, for the one file that keeps it."""
        return self._seed

    def sign(self, payload_type: str, payload: bytes) -> bytes:
        """Return the signature over a payload of this type."""
        message = pre_authentication_encoding(payload_type, payload)
        return bindings.crypto_sign(message, self._secret)[:SIGNATURE_BYTES]

    def __repr__(self) -> str:
        return "PrivateKey(***)"


def verify(public: bytes, payload_type: str, payload: bytes, signature: bytes) -> None:
    """Return if the signature is of this key over this payload as this type, else BadSignature."""
    message = pre_authentication_encoding(payload_type, payload)
    try:
        bindings.crypto_sign_open(signature + message, public)
    except (CryptoError, ValueError) as error:
        raise BadSignature("The signature is not of this key over these bytes.") from error


def key_id(public: bytes) -> str:
    """Return the name of a public key: SHA-256 of its bytes, in hexadecimal."""
    return hashlib.sha256(public).hexdigest()
