"""A record is stored as it came, once; what comes otherwise the second time is alarmed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3
from sqlalchemy import select

from collector.app import create_app
from collector.database import Database
from collector.enrolment.models import Alarm
from collector.errors import Clash, NotABatch, UnknownKey
from collector.server import serving
from collector.sessions.models import RecordPart, RemoteSession
from collector.sessions.record_keeping import PartUpload, close, part_kept
from tests.collector.sample_checks import CATALOGUE
from tests.collector.sessions.place import NOW, Visit, a_record, parts_stored, visit
from tests.enrolled import COLLECTOR
from wire.control import KEY_HEADER, SIGNATURE_HEADER
from wire.envelope import disclose, to_header
from wire.session_parts import SignedPart
from wire.sessions import LARGEST_PART_BYTES, OPENED, RECORD, RECORD_KEPT, Opened, RecordKept
from wire.signing import PrivateKey

KEYS = {COLLECTOR.key.id: COLLECTOR.key.public}


@pytest.fixture
def here(database: Database) -> Visit:
    place = visit(database)
    place.open()
    return place


def keep(here: Visit, upload: PartUpload) -> RecordKept:
    with here.database.writing() as session:
        return part_kept(session, upload, NOW)


def test_parts_are_stored_to_the_byte_and_may_come_again(here: Visit) -> None:
    lines = a_record(here)
    (part,) = here.parts(lines)
    first, again = (keep(here, here.upload(part)) for _ in range(2))
    assert first == again
    with here.database.reading() as session:
        row = session.scalars(select(RecordPart)).one()
    assert (row.part, row.payload, row.signature) == (1, b"".join(lines), part.signature)
    assert row.digest == first.digest


def test_a_part_of_whoever_else_is_not_stored(here: Visit) -> None:
    stranger = PrivateKey.generate()
    (part,) = here.parts(a_record(here))
    other = visit(here.database, engineer=stranger, grant_id="grant-2")
    (of_other,) = other.parts(a_record(here))
    for upload in (
        PartUpload(here.session, 1, part.payload, part.key_id, of_other.signature),
        PartUpload(here.session, 1, part.payload, of_other.key_id, of_other.signature),
        PartUpload("nobody's", 1, part.payload, part.key_id, part.signature),
        PartUpload(here.session, 1, part.payload + b" ", part.key_id, part.signature),
    ):
        with pytest.raises(UnknownKey):
            keep(here, upload)
    assert parts_stored(here) == 0


def kept_or_clash(here: Visit, payload: bytes) -> bool:
    """Deliver part 1 as the routes do: an alarm stays although it is refused."""
    part = SignedPart(1, payload, here.engineer.id, here.engineer.sign(RECORD, payload))
    with here.database.writing() as session:
        try:
            part_kept(session, here.upload(part), NOW)
        except Clash:
            return False
        return True


def test_other_bytes_at_a_part_are_alarmed_and_the_first_stay(here: Visit) -> None:
    assert kept_or_clash(here, b"first\n")
    assert not kept_or_clash(here, b"second\n")
    assert not kept_or_clash(here, b"second\n")
    assert not kept_or_clash(here, b"third\n")
    assert kept_or_clash(here, b"first\n")
    with here.database.reading() as session:
        assert session.scalars(select(RecordPart.payload)).one() == b"first\n"
        assert list(session.scalars(select(Alarm.kind))) == ["record_changed"] * 2


def test_a_record_is_kept_of_a_refused_session_too(here: Visit) -> None:
    held = here.another("session-2", scopes=())
    shell = here.shell()
    assert shell.open().denial is not None
    shell.deliver(a_record(shell))
    assert parts_stored(here) == 1
    assert held.open().denial is None


def test_an_end_is_kept_once(here: Visit) -> None:
    lines = a_record(here)
    stranger = PrivateKey.generate()

    def end(body: bytes, session_id: str = here.session) -> Opened:
        with here.database.writing() as session:
            answer = close(session, COLLECTOR, session_id, body, NOW)
        return disclose(answer, OPENED, Opened, KEYS)

    for body, session_id, wrong in (
        (here.opening, here.session, NotABatch),
        (b"{}", here.session, NotABatch),
        (here.closing(lines), "nobody's", UnknownKey),
        (
            visit(here.database, engineer=stranger, grant_id="g").closing(lines),
            here.session,
            UnknownKey,
        ),
        (here.another("session-2").closing(lines), here.session, NotABatch),
    ):
        with pytest.raises(wrong):
            end(body, session_id)
    assert end(here.closing(lines)).denial is None
    assert end(here.closing(lines)).session == here.session
    with here.database.writing() as session, pytest.raises(Clash):
        close(session, COLLECTOR, here.session, here.closing(lines, "lost"), NOW)
    with here.database.reading() as session:
        row = session.scalars(select(RemoteSession)).one()
        assert (row.ended, row.closing) == ("completed", here.closing(lines))
        assert session.scalars(select(Alarm.kind)).one() == "record_changed"


@pytest.fixture
def url(here: Visit) -> Iterator[str]:
    with serving(create_app(here.database, CATALOGUE, COLLECTOR)) as address:
        yield address


def put(url: str, here: Visit, part: SignedPart, **headers: str) -> urllib3.BaseHTTPResponse:
    return urllib3.request(
        "PUT",
        f"{url}/v1/sessions/{here.session}/record/{part.number}",
        body=part.payload,
        headers={
            "Content-Type": RECORD,
            KEY_HEADER: part.key_id,
            SIGNATURE_HEADER: to_header(part.signature),
            **headers,
        },
        retries=False,
        timeout=20,
    )


def test_a_part_over_http_is_answered_when_it_is_durable(here: Visit, url: str) -> None:
    (part,) = here.parts(a_record(here))
    # The collector dies between part and answer: the workstation sends it again.
    keep(here, here.upload(part))
    answer = put(url, here, part)
    assert answer.status == 200
    kept = disclose(answer.data, RECORD_KEPT, RecordKept, KEYS)
    assert (kept.session, kept.part) == (here.session, 1)
    assert parts_stored(here) == 1


def test_a_part_has_limits(here: Visit, url: str) -> None:
    def signed(payload: bytes, number: int = 1) -> SignedPart:
        key = here.engineer
        return SignedPart(number, payload, key.id, key.sign(RECORD, payload))

    assert put(url, here, signed(b"x" * (LARGEST_PART_BYTES + 1))).status == 413
    assert put(url, here, signed(b"")).status == 422
    assert put(url, here, signed(b"x", 0)).status == 422
    assert put(url, here, signed(b"x", 100_001)).status == 422
    assert put(url, here, signed(b"x"), **{"Content-Type": "text/plain"}).status == 415
    assert put(url, here, signed(b"x"), **{SIGNATURE_HEADER: "none"}).status == 401
    assert parts_stored(here) == 0
    assert put(url, here, signed(b"x" * LARGEST_PART_BYTES)).status == 200
    assert put(url, here, signed(b"y")).status == 409
    with here.database.reading() as session:
        assert session.scalars(select(Alarm.kind)).one() == "record_changed"


def test_the_end_of_a_session_over_http(here: Visit, url: str, tmp_path: Path) -> None:
    lines = a_record(here)
    for path, method, body in (
        ("", "PUT", here.opening),
        ("/keys", "POST", here.key_statement(PrivateKey.generate())),
        ("/closing", "PUT", here.closing(lines)),
    ):
        answer = urllib3.request(
            method,
            f"{url}/v1/sessions/{here.session}{path}",
            body=body,
            headers={"Content-Type": "application/json"},
            retries=False,
        )
        assert answer.status == 200, answer.data
        assert disclose(answer.data, OPENED, Opened, KEYS).denial is None
