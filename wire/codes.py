"""One-time codes of enrolment slots, and the six words by which people compare a key.

A code is 128 random bits in Crockford's base 32, with his check symbol (mod 37), in groups of five.
Reading one back forgives case, hyphens, and O, I, L for 0, 1, 1. What the collector keeps and what
travels is derived from it; the code itself is on paper only.
"""

import hashlib
import hmac
import secrets

from wire.errors import Unreadable

CODE_BITS = 128

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHECK_DIGITS = _DIGITS + "*~$=U"
_LENGTH = -(-CODE_BITS // 5)
_GROUP = 5
_LOOK_ALIKE = str.maketrans("OIL", "011", "- ")
_BETWEEN = str.maketrans(",-()（）", "      ")
_WORDS = 6
_WORD_BITS = 11


def new_code() -> str:
    """Return a new code as it is printed: `7ZQ2K-…`."""
    return written(secrets.token_bytes(CODE_BITS // 8))


def written(code: bytes) -> str:
    """Return the printed form of a code's bytes."""
    number = int.from_bytes(code)
    digits = "".join(_DIGITS[number >> 5 * place & 31] for place in reversed(range(_LENGTH)))
    text = digits + _CHECK_DIGITS[number % 37]
    return "-".join(text[place : place + _GROUP] for place in range(0, len(text), _GROUP))


def read_code(text: str) -> bytes:
    """Return the bytes of a code as a person typed it. Raise Unreadable if it can't be one."""
    digits = text.strip().upper().translate(_LOOK_ALIKE)
    if len(digits) != _LENGTH + 1:
        raise Unreadable(f"A code has {_LENGTH + 1} symbols, this one has {len(digits)}.")
    number = 0
    for place, digit in enumerate(digits[:-1], start=1):
        if digit not in _DIGITS:
            raise Unreadable(f"The symbol {digit!r} at place {place} stands in no code.")
        number = number * 32 + _DIGITS.index(digit)
    if number >> CODE_BITS or _CHECK_DIGITS.find(digits[-1]) != number % 37:
        raise Unreadable("The code is mistyped: its last symbol does not fit the others.")
    return number.to_bytes(CODE_BITS // 8)


def code_id(code: bytes) -> str:
    """Return what a code is looked up by: it tells nothing about the code."""
    return hashlib.sha256(b"xunjian code id\n" + code).hexdigest()[:32]


def verifier(code: bytes) -> bytes:
    """Return what proofs are made and checked with; the collector keeps this, not the code."""
    return hashlib.sha256(b"xunjian code verifier\n" + code).digest()


def request_proof(key: bytes, public_key: bytes, nonce: str) -> str:
    """Return an agent's proof that it knows the code, bound to its key; `key` is the verifier."""
    return hmac.digest(key, b"enrol\n" + nonce.encode() + public_key, "sha256").hex()


def answer_proof(key: bytes, public_key: bytes, collector_key: bytes, nonce: str) -> str:
    """Return the collector's proof that it knows the code, bound to both keys."""
    bound = b"enrolled\n" + nonce.encode() + public_key + collector_key
    return hmac.digest(key, bound, "sha256").hex()


def fingerprint(public_key: bytes) -> tuple[str, ...]:
    """Return six words of 11 bits each (BIP-39's English list) from the key's SHA-256.

    66 bits: another key that has the same words can't be found in practice. `numbers` are the same
    for people who don't like to read English words over the phone.
    """
    from mnemonic import Mnemonic

    words = Mnemonic("english").wordlist
    return tuple(words[number] for number in _numbers(public_key))


def numbers(public_key: bytes) -> tuple[str, ...]:
    """Return the fingerprint as six numbers of four digits, the places of the words in the list."""
    return tuple(f"{number:04d}" for number in _numbers(public_key))


def same_fingerprint(typed: str, public_key: bytes) -> bool:
    """Tell whether a person typed the fingerprint of this key: words, numbers, both, or its id.

    Both, with brackets around the numbers: as they are printed.
    """
    parts = tuple(typed.translate(_BETWEEN).lower().split())
    words, places = fingerprint(public_key), numbers(public_key)
    whole = hashlib.sha256(public_key).hexdigest()
    return parts in (words, places, words + places, (whole,))


def _numbers(public_key: bytes) -> tuple[int, ...]:
    number = int.from_bytes(hashlib.sha256(public_key).digest())
    return tuple(
        number >> 256 - _WORD_BITS * (place + 1) & 2**_WORD_BITS - 1 for place in range(_WORDS)
    )
