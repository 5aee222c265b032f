"""Signatures bind bytes, their type and their key; envelopes carry several; codes forgive eyes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.messages import START
from wire import envelope
from wire.codes import (
    answer_proof,
    code_id,
    fingerprint,
    new_code,
    numbers,
    read_code,
    request_proof,
    same_fingerprint,
    verifier,
    written,
)
from wire.control import TIME, TimeAnswer
from wire.errors import BadSignature, Unreadable, WireError
from wire.messages import CheckId, Digest, Identifier
from wire.signing import PrivateKey, pre_authentication_encoding, verify

KEY = PrivateKey(bytes(range(32)))
OTHER = PrivateKey(bytes(32))
ANSWER = TimeAnswer(nonce="0" * 32, time=START)


def test_the_encoding_is_that_of_the_dsse_specification() -> None:
    # The example of DSSE's protocol.md.
    encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


@given(st.binary(max_size=300), st.integers(0, 63), st.integers(0, 7))
def test_a_signature_with_any_bit_flipped_is_refused(payload: bytes, place: int, bit: int) -> None:
    signature = bytearray(KEY.sign(TIME, payload))
    verify(KEY.public, TIME, payload, bytes(signature))
    signature[place] ^= 1 << bit
    with pytest.raises(BadSignature):
        verify(KEY.public, TIME, payload, bytes(signature))


@given(st.binary(min_size=1, max_size=300), st.data())
def test_other_bytes_another_type_or_another_key_are_refused(
    payload: bytes, data: st.DataObject
) -> None:
    signature = KEY.sign(TIME, payload)
    changed = bytearray(payload)
    changed[data.draw(st.integers(0, len(payload) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    for public, kind, what in (
        (KEY.public, TIME, bytes(changed)),
        (KEY.public, TIME + "x", payload),
        (OTHER.public, TIME, payload),
    ):
        with pytest.raises(BadSignature):
            verify(public, kind, what, signature)


@pytest.mark.parametrize("signature", [b"", b"short", bytes(64), bytes(65)])
def test_what_is_no_signature_is_refused_as_one(signature: bytes) -> None:
    with pytest.raises(BadSignature):
        verify(KEY.public, TIME, b"payload", signature)


def test_a_key_never_shows_itself() -> None:
    for shown in (repr(KEY), str(KEY), f"{KEY}", f"{[KEY]}"):
        assert shown.strip("[]") == "PrivateKey(***)"


def test_an_envelope_of_two_keys_needs_both() -> None:
    both = envelope.enclose(ANSWER, TIME, KEY, OTHER)
    keys = {KEY.id: KEY.public, OTHER.id: OTHER.public}
    assert envelope.disclose(both, TIME, TimeAnswer, keys) == ANSWER
    one = envelope.enclose(ANSWER, TIME, KEY)
    with pytest.raises(BadSignature, match="has not signed"):
        envelope.disclose(one, TIME, TimeAnswer, keys)


def test_an_envelope_is_not_taken_for_another_kind() -> None:
    body = envelope.enclose(ANSWER, TIME, KEY)
    with pytest.raises(Unreadable, match="not 'another/type'"):
        envelope.disclose(body, "another/type", TimeAnswer, {KEY.id: KEY.public})


@given(st.binary(max_size=200))
def test_bytes_that_are_no_envelope_are_one_error(body: bytes) -> None:
    with pytest.raises(WireError):
        envelope.disclose(body, TIME, TimeAnswer, {KEY.id: KEY.public})


def test_every_flipped_bit_of_an_envelope_is_refused() -> None:
    body = envelope.enclose(ANSWER, TIME, KEY)
    for place in range(len(body)):
        for bit in range(8):
            changed = bytearray(body)
            changed[place] ^= 1 << bit
            try:
                told = envelope.disclose(bytes(changed), TIME, TimeAnswer, {KEY.id: KEY.public})
            except WireError:
                continue
            # Bits outside of what is signed may change: the names of unknown fields, spaces.
            assert told == ANSWER


@given(st.binary(min_size=16, max_size=16))
def test_a_code_is_read_back_however_it_was_typed(code: bytes) -> None:
    text = written(code)
    assert read_code(text) == code
    assert read_code(f"  {text.lower().replace('-', ' ')} ") == code
    assert read_code(text.replace("0", "O").replace("1", "l")) == code


@given(st.binary(min_size=16, max_size=16), st.integers(0, 26), st.data())
def test_one_mistyped_symbol_is_always_noticed(
    code: bytes, place: int, data: st.DataObject
) -> None:
    text = written(code).replace("-", "")
    other = data.draw(st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
    if other == text[place]:
        return
    with pytest.raises(Unreadable):
        read_code(text[:place] + other + text[place + 1 :])


def test_two_codes_are_never_alike_and_proofs_bind_key_and_nonce() -> None:
    first, second = read_code(new_code()), read_code(new_code())
    assert first != second
    assert code_id(first) != code_id(second)
    key = verifier(first)
    proofs = {
        request_proof(key, KEY.public, "1" * 32),
        request_proof(key, OTHER.public, "1" * 32),
        request_proof(key, KEY.public, "2" * 32),
        request_proof(verifier(second), KEY.public, "1" * 32),
        answer_proof(key, KEY.public, OTHER.public, "1" * 32),
        answer_proof(key, OTHER.public, KEY.public, "1" * 32),
    }
    assert len(proofs) == 6


def test_a_fingerprint_is_six_words_or_six_numbers_of_the_same_key() -> None:
    words = fingerprint(KEY.public)
    assert len(words) == 6
    assert all(word.isalpha() for word in words)
    assert fingerprint(OTHER.public) != words
    assert len(numbers(KEY.public)) == 6
    for typed in (" ".join(words), "-".join(words).upper(), " ".join(numbers(KEY.public)), KEY.id):
        assert same_fingerprint(typed, KEY.public)
        assert not same_fingerprint(typed, OTHER.public)
    assert not same_fingerprint("", KEY.public)
    assert not same_fingerprint(" ".join(words[:5]), KEY.public)
    # As it is printed, and what only looks so.
    assert same_fingerprint(f"{' '.join(words)}（{' '.join(numbers(KEY.public))}）", KEY.public)
    mixed = f"{' '.join(words)} ({' '.join(numbers(OTHER.public))})"
    assert not same_fingerprint(mixed, KEY.public)


@pytest.mark.parametrize("kind", [Identifier, CheckId, Digest])
def test_a_name_has_no_line_end_behind_it(kind: object) -> None:
    right = {Identifier: "epoch-1", CheckId: "host.volumes", Digest: "0" * 64}[kind]
    assert msgspec.convert(right, kind) == right
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(right + "\n", kind)
