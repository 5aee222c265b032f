"""A host is enrolled by a person, once; whatever is lost or forged on the way changes nothing."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from agent import enrolment, identity
from agent.errors import EnrolmentError, IdentityError, NotEnrolled
from tests.messages import START
from wire import codes, envelope
from wire.control import (
    ENROLLED,
    ENROLMENT,
    ROTATED,
    ROTATION,
    Enrolled,
    EnrolmentRequest,
    Reach,
    Rotated,
    Rotation,
)
from wire.messages import WIRE_VERSION, HostIdentity, Standing
from wire.signing import PrivateKey, key_id

HOST = HostIdentity("erp-db", "linux")
CODE = codes.written(bytes(range(16)))
COLLECTOR = PrivateKey(bytes(range(32)))


def asked(state: Path, code: str = CODE) -> EnrolmentRequest:
    """Return the request as the collector reads it."""
    sent = envelope.read(enrolment.request(state, code, HOST))
    request = envelope.opened(sent, ENROLMENT, EnrolmentRequest)
    envelope.check(sent, {key_id(request.public_key): request.public_key})
    return request


def answer(request: EnrolmentRequest, key: PrivateKey = COLLECTOR, code: str = CODE) -> bytes:
    """Return what the collector answers."""
    verifier = codes.verifier(codes.read_code(code))
    told = Enrolled(
        wire=WIRE_VERSION,
        nonce=request.nonce,
        agent="agent-1",
        customer_id="customer-1",
        customer="示例公司",
        site="总部机房",
        host="ERP-DB-01",
        standing=Standing.PENDING,
        collector_key=key.public,
        recipients=("age1mz6zyp2msuyhq9yks8td8tp2v6qh2uq3a5k8xfk8gjcn62p66chs9f3u5w",),
        server_time=START + timedelta(days=1),
        proof=codes.answer_proof(verifier, request.public_key, key.public, request.nonce),
    )
    return envelope.enclose(told, ENROLLED, key)


def enrolled(state: Path) -> identity.Identity:
    return enrolment.conclude(state, answer(asked(state)))


def test_a_code_and_an_answer_make_an_identity(tmp_path: Path) -> None:
    known = enrolled(tmp_path)
    assert (known.agent, known.customer, known.host) == ("agent-1", "示例公司", "ERP-DB-01")
    assert known.collector_keys == {COLLECTOR.id: COLLECTOR.public}
    assert identity.load(tmp_path).key.id == known.key.id
    folder = tmp_path / "identity"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()} == {
        "key": 0o600,
        "enrolled": 0o600,
    }


def test_the_request_proves_the_code_and_does_not_tell_it(tmp_path: Path) -> None:
    request = asked(tmp_path)
    secret = codes.read_code(CODE)
    assert request.proof == codes.request_proof(
        codes.verifier(secret), request.public_key, request.nonce
    )
    body = enrolment.request(tmp_path, CODE, HOST)
    for told in (CODE.encode(), secret.hex().encode(), secret):
        assert told not in body
    pending = (tmp_path / "identity" / "pending").read_bytes()
    assert CODE.encode() not in pending


def test_the_same_request_again_while_no_answer_came(tmp_path: Path) -> None:
    assert asked(tmp_path) == asked(tmp_path)


def test_a_new_code_keeps_the_key(tmp_path: Path) -> None:
    first = asked(tmp_path)
    second = asked(tmp_path, codes.new_code())
    assert second.public_key == first.public_key
    assert second.nonce != first.nonce


@pytest.mark.parametrize("code", ["", "7ZQ2K", CODE[:-1] + "~", "U" * 27])
def test_a_mistyped_code_is_told_before_anything_is_made(tmp_path: Path, code: str) -> None:
    with pytest.raises(EnrolmentError, match="mistyped"):
        enrolment.request(tmp_path, code, HOST)
    assert not (tmp_path / "identity").exists()


def test_a_host_that_is_enrolled_is_never_enrolled_again_by_itself(tmp_path: Path) -> None:
    enrolled(tmp_path)
    with pytest.raises(EnrolmentError, match=r"move .*identity away first"):
        enrolment.request(tmp_path, codes.new_code(), HOST)


def test_an_answer_of_somebody_who_does_not_know_the_code_is_refused(tmp_path: Path) -> None:
    request = asked(tmp_path)
    stranger = PrivateKey.generate()
    for forged in (
        answer(request, stranger, codes.new_code()),
        answer(msgspec.structs.replace(request, nonce="f" * 32)),
        answer(msgspec.structs.replace(request, public_key=stranger.public)),
    ):
        with pytest.raises(EnrolmentError, match="does not answer our request"):
            enrolment.conclude(tmp_path, forged)
    with pytest.raises(NotEnrolled):
        identity.load(tmp_path)


def test_another_collector_than_the_one_named_is_refused(tmp_path: Path) -> None:
    right = answer(asked(tmp_path))
    words = " ".join(codes.fingerprint(PrivateKey.generate().public))
    with pytest.raises(EnrolmentError, match="another collector answered"):
        enrolment.conclude(tmp_path, right, words)
    with pytest.raises(NotEnrolled):
        identity.load(tmp_path)
    assert enrolment.conclude(tmp_path, right, " ".join(codes.fingerprint(COLLECTOR.public)))


def test_every_flipped_bit_of_an_answer_is_refused_or_says_the_same(tmp_path: Path) -> None:
    right = answer(asked(tmp_path))
    told = enrolment.read_answer(tmp_path, right)
    for place in range(0, len(right), 3):
        changed = bytearray(right)
        changed[place] ^= 4
        try:
            assert enrolment.read_answer(tmp_path, bytes(changed)) == told
        except EnrolmentError:
            continue


def test_an_answer_without_a_request_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    with pytest.raises(EnrolmentError, match="no enrolment is under way"):
        enrolment.conclude(tmp_path, answer(asked(elsewhere)))


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    enrolled(tmp_path)
    (tmp_path / "identity" / "key").chmod(0o644)
    with pytest.raises(IdentityError, match="can be read by others"):
        identity.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"zz", b"00" * 31, b"\xff" * 64])
def test_a_damaged_key_is_one_sentence_and_stays(tmp_path: Path, content: bytes) -> None:
    enrolled(tmp_path)
    (tmp_path / "identity" / "key").write_bytes(content)
    with pytest.raises(IdentityError, match="is damaged"):
        identity.load(tmp_path)
    assert (tmp_path / "identity" / "key").read_bytes() == content


def test_a_changed_answer_on_disk_is_noticed(tmp_path: Path) -> None:
    enrolled(tmp_path)
    file = tmp_path / "identity" / "enrolled"
    file.write_bytes(file.read_bytes().replace(b'"payload":"e', b'"payload":"f'))
    with pytest.raises(IdentityError, match="was changed"):
        identity.load(tmp_path)


def test_a_lost_key_is_told_and_not_made_anew(tmp_path: Path) -> None:
    enrolled(tmp_path)
    (tmp_path / "identity" / "key").unlink()
    with pytest.raises(IdentityError, match="is gone"):
        identity.load(tmp_path)
    assert not (tmp_path / "identity" / "key").exists()


def confirmation(statement: bytes, key: PrivateKey = COLLECTOR) -> bytes:
    rotation = envelope.opened(envelope.read(statement), ROTATION, Rotation)
    told = Rotated(
        wire=WIRE_VERSION,
        agent=rotation.agent,
        key_id=key_id(rotation.public_key),
        server_time=START,
    )
    return envelope.enclose(told, ROTATED, key)


def test_a_rotation_is_signed_by_both_keys_and_the_same_until_it_is_confirmed(
    tmp_path: Path,
) -> None:
    old = enrolled(tmp_path)
    statement = enrolment.rotation(tmp_path, (Reach("epoch-1", 4),))
    assert enrolment.rotation(tmp_path, ()) == statement
    sent = envelope.read(statement)
    told = envelope.opened(sent, ROTATION, Rotation)
    envelope.check(sent, {old.key.id: old.key.public, key_id(told.public_key): told.public_key})
    assert told.sealed == (Reach("epoch-1", 4),)
    # What is sealed from now on is the new key's, and says so before it is sent.
    during = identity.load(tmp_path)
    assert during.key.public == told.public_key
    assert during.rotation == statement


def test_a_confirmed_rotation_puts_the_new_key_in_place(tmp_path: Path) -> None:
    old = enrolled(tmp_path)
    statement = enrolment.rotation(tmp_path, ())
    known = enrolment.confirm_rotation(tmp_path, confirmation(statement))
    assert known.key.id != old.key.id
    assert known.rotation is None
    assert sorted(file.name for file in (tmp_path / "identity").iterdir()) == ["enrolled", "key"]
    # The answer may come twice.
    assert enrolment.confirm_rotation(tmp_path, confirmation(statement)).key.id == known.key.id


def test_nobody_else_can_confirm_a_rotation(tmp_path: Path) -> None:
    enrolled(tmp_path)
    statement = enrolment.rotation(tmp_path, ())
    before = (tmp_path / "identity" / "key").read_bytes()
    with pytest.raises(EnrolmentError):
        enrolment.confirm_rotation(tmp_path, confirmation(statement, PrivateKey.generate()))
    assert (tmp_path / "identity" / "key").read_bytes() == before
    assert identity.load(tmp_path).rotation == statement


@pytest.mark.parametrize("left", ["next-key", "rotation", "both"])
def test_a_rotation_that_was_cut_off_between_two_files_goes_on(tmp_path: Path, left: str) -> None:
    enrolled(tmp_path)
    statement = enrolment.rotation(tmp_path, ())
    folder = tmp_path / "identity"
    new = (folder / "next-key").read_bytes()
    if left == "next-key":  # cut off before the statement was written: nothing has begun
        (folder / "rotation").unlink()
        assert identity.load(tmp_path).rotation is None
        return
    (folder / "key").write_bytes(new)  # cut off after the key was put in place
    if left == "rotation":
        (folder / "next-key").unlink()
    known = enrolment.confirm_rotation(tmp_path, confirmation(statement))
    assert known.key.seed().hex().encode() == new.strip()
    assert known.rotation is None
