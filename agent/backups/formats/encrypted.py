"""Encrypted containers: their bytes can be hashed and compared, but never called valid."""

import re

from agent.backups.formats.format import Format, Structure, unproven
from agent.backups.kind import Budget, Source
from agent.backups.streaming import Seen
from checks.errors import Unsupported

SUFFIXES = (".enc", ".gpg", ".pgp", ".age", ".asc", ".aes")
"""Names that promise one."""
_TEXTS = (
    b"Salted__",
    b"-----BEGIN PGP MESSAGE-----",
    b"age-encryption.org/",
    b"-----BEGIN AGE ENCRYPTED FILE-----",
)
_PACKETS = re.compile(
    # RFC 9580: encrypted session keys by a public key (v3, v6) or by a passphrase (v4, v6).
    rb"\x85..[\x03\x06]|\x84.[\x03\x06]|\xc1(?:.|[\xc0-\xdf].)[\x03\x06]"
    rb"|\x8c.[\x04\x06]|\xc3.[\x04\x06]",
    re.DOTALL,
)


def _recognises(head: bytes) -> bool:
    return head.startswith(_TEXTS) or _PACKETS.match(head) is not None


def _judge(_source: Source, _seen: Seen, _budget: Budget) -> Structure:
    return unproven(
        "hash only",
        Unsupported(
            "encrypted", "it is encrypted: without its key it can only be hashed"
        ).failure(),
    )


FORMAT = Format(
    name="encrypted",
    declared=("encrypted",),
    recognises=_recognises,
    judge=_judge,
    encrypted=True,
)
