"""The file of a session: what was written is read, whatever else there is, is one error."""

import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pyrage.x25519 import Identity

from wire import bundle, session_file
from wire.errors import Damaged, NotABundle, TooLarge, WireError
from wire.session_parts import SignedPart, parts_of
from wire.sessions import LARGEST_PART_BYTES, RECORD
from wire.signing import PrivateKey, verify

IDENTITY = Identity.generate()
RECIPIENT = str(IDENTITY.to_public())
KEY = PrivateKey(bytes(32))
LINES = [b'{"number":1}\n', b'{"number":2}\n']


def written(*statements: bytes, lines: list[bytes] = LINES) -> io.BytesIO:
    file = io.BytesIO()
    session_file.write(file, statements or (b"opening",), parts_of(lines, KEY), [RECIPIENT])
    file.seek(0)
    return file


def plain_of(file: io.BytesIO) -> io.BytesIO:
    session_file.read_start(file)
    plain = io.BytesIO()
    bundle.decrypt(file, plain, IDENTITY)
    plain.seek(0)
    return plain


def test_what_is_written_is_read_again() -> None:
    plain = plain_of(written(b"opening", b"key", b"closing"))
    assert session_file.read_statements(plain) == (b"opening", b"key", b"closing")
    parts = list(session_file.read_parts(plain))
    assert [(part.number, part.payload) for part in parts] == [(1, b"".join(LINES))]
    verify(KEY.public, RECORD, parts[0].payload, parts[0].signature)


def test_a_bundle_and_a_session_are_told_apart() -> None:
    with pytest.raises(NotABundle):
        bundle.read_start(written())
    batches = io.BytesIO()
    bundle.write(batches, b"manifest", (), [RECIPIENT])
    batches.seek(0)
    with pytest.raises(NotABundle):
        session_file.read_start(batches)


@given(some.lists(some.integers(1, LARGEST_PART_BYTES), max_size=5))
def test_parts_are_whole_lines_and_not_too_large(sizes: list[int]) -> None:
    lines = [b"x" * (size - 1) + b"\n" for size in sizes]
    parts = list(parts_of(lines, KEY))
    assert b"".join(part.payload for part in parts) == b"".join(lines)
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert all(1 <= len(part.payload) <= LARGEST_PART_BYTES for part in parts)
    assert all(part.payload.endswith(b"\n") for part in parts)


def test_what_is_cut_or_goes_on_is_damaged() -> None:
    whole = plain_of(written()).getvalue()
    for end in range(len(whole)):
        with pytest.raises(Damaged):
            read_all(whole[:end])
    with pytest.raises(Damaged, match="behind the last part"):
        read_all(whole + b"x")


def test_a_length_beyond_the_limits_is_not_believed() -> None:
    part = SignedPart(1, b"line\n", KEY.id, bytes(64))
    file = io.BytesIO()
    session_file.write(file, (b"opening",), [part], [RECIPIENT])
    file.seek(0)
    plain = bytearray(plain_of(file).getvalue())
    place = plain.index(b"line\n") - 4
    plain[place : place + 4] = b"\xff" * 4
    with pytest.raises(TooLarge):
        read_all(bytes(plain))


def read_all(content: bytes) -> None:
    plain = io.BytesIO(content)
    session_file.read_statements(plain)
    list(session_file.read_parts(plain))


@given(some.binary(max_size=300))
def test_any_bytes_are_a_session_or_one_error(content: bytes) -> None:
    with suppress(WireError):
        read_all(content)
