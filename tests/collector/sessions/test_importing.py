"""The file of a session is imported whole or not at all, and as often as you like."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from collector.bundles import refusals
from collector.cli import app
from collector.database import Database
from collector.enrolment.models import AgentKey, Alarm
from collector.errors import BundleRefused
from collector.identity import open_identity
from collector.sessions.importing import ImportedSession, import_session
from collector.sessions.models import RecordPart, RemoteSession
from collector.sessions.outcome import Outcome
from tests.bundling import STRANGER
from tests.collector.sessions.place import NOW, Visit, a_record, parts_stored, revoke, visit
from tests.enrolled import COLLECTOR
from wire import session_file
from wire.session_parts import SignedPart
from wire.sessions import RECORD
from wire.signing import PrivateKey

LATE = NOW + timedelta(days=2)


@pytest.fixture
def here(database: Database) -> Visit:
    return visit(database)


def written(
    here: Visit,
    folder: Path,
    *statements: bytes,
    parts: list[SignedPart] | None = None,
    recipient: str = COLLECTOR.recipient,
) -> Path:
    lines = a_record(here)
    signed = statements or (
        here.opening,
        here.key_statement(PrivateKey.generate()),
        here.closing(lines),
    )
    path = folder / "visit.inspr"
    with path.open("wb") as file:
        session_file.write(file, signed, here.parts(lines) if parts is None else parts, [recipient])
    return path


def take(here: Visit, path: Path, customer: str | None = None) -> ImportedSession:
    return import_session(
        here.database, COLLECTOR, path, path.parent, "tester", LATE, lambda _: None, customer
    )


def nothing_stored(here: Visit) -> bool:
    with here.database.reading() as session:
        return not any(
            session.scalars(select(model)).all() for model in (RemoteSession, RecordPart, AgentKey)
        )


def test_a_file_is_imported_whole_and_again(here: Visit, tmp_path: Path) -> None:
    path = written(here, tmp_path)
    for _ in range(2):
        came = take(here, path)
        assert (came.row.outcome, came.parts, came.row.denial) == (Outcome.GOOD, 1, None)
    assert parts_stored(here) == 1
    with here.database.reading() as session:
        assert len(session.scalars(select(AgentKey)).all()) == 2


def test_network_and_file_meet(here: Visit, tmp_path: Path) -> None:
    here.open()
    here.deliver(a_record(here))
    lines = a_record(here)
    path = written(here, tmp_path, here.opening, here.closing(lines))
    assert take(here, path).row.outcome is Outcome.GOOD
    assert parts_stored(here) == 1


def test_a_refused_session_comes_in_as_evidence(here: Visit, tmp_path: Path) -> None:
    revoke(here, NOW - timedelta(hours=1))
    came = take(here, written(here, tmp_path))
    assert came.row.denial is not None
    assert came.row.found.story.lines == 7
    with here.database.reading() as session:
        assert session.scalars(select(Alarm.kind)).all() == ["session_late"]
        assert session.scalars(select(AgentKey)).all() == []


def test_any_cut_or_flip_of_a_file_imports_nothing(here: Visit, tmp_path: Path) -> None:
    content = written(here, tmp_path).read_bytes()
    path = tmp_path / "broken.inspr"
    step = len(content) // 40
    for place in range(0, len(content), step):
        changed = bytearray(content)
        changed[place] ^= 4
        for broken in (content[:place], bytes(changed)):
            path.write_bytes(broken)
            with pytest.raises(BundleRefused):
                take(here, path)
    assert nothing_stored(here)


def test_what_is_not_signed_as_it_must_be_imports_nothing(here: Visit, tmp_path: Path) -> None:
    lines = a_record(here)
    payload = b"".join(lines)
    forged = SignedPart(1, payload, here.engineer.id, PrivateKey.generate().sign(RECORD, payload))
    other = here.another("session-2")
    for path in (
        written(here, tmp_path, here.opening, here.closing(lines), parts=[forged]),
        written(here, tmp_path, here.closing(lines)),
        written(here, tmp_path, here.opening, other.opening),
        written(here, tmp_path, here.opening, b"{}"),
    ):
        with pytest.raises(BundleRefused) as refused:
            take(here, path)
        assert refused.value.text == refusals.SESSION_INVALID
    with pytest.raises(BundleRefused) as refused:
        take(here, written(here, tmp_path, recipient=STRANGER.recipient))
    assert refused.value.text == refusals.NOT_FOR_US
    with pytest.raises(BundleRefused):
        take(here, written(here, tmp_path), customer="另一家公司")
    assert nothing_stored(here)


def test_another_content_of_a_session_is_alarmed(here: Visit, tmp_path: Path) -> None:
    here.open()
    here.deliver(a_record(here))
    payload = b"other\n"
    key = here.engineer
    part = SignedPart(1, payload, key.id, key.sign(RECORD, payload))
    with pytest.raises(BundleRefused) as refused:
        take(here, written(here, tmp_path, here.opening, parts=[part]))
    assert refused.value.text == refusals.SESSION_CHANGED
    with here.database.reading() as session:
        assert session.scalars(select(Alarm.kind)).all() == ["record_changed"]


def test_both_commands_know_the_file(database: Database, tmp_path: Path) -> None:
    url = database.url
    identity = open_identity(tmp_path / "key", database)
    place_of = visit(database, collector=identity)
    path = written(place_of, tmp_path, recipient=identity.recipient)
    environment = {"XUNJIAN_DATABASE_URL": url, "XUNJIAN_KEY_FILE": str(tmp_path / "key")}
    for words in (["import"], ["session", "import"]):
        ran = CliRunner().invoke(
            app, [*words, str(path), "--json", "--data", str(tmp_path)], env=environment
        )
        assert ran.exit_code == 0, (ran.output, ran.exception)
        (told,) = json.loads(ran.stdout)
        assert (told["id"], told["denial"]) == ("session-1", None)
        shown = CliRunner().invoke(
            app, [*words, str(path), "--data", str(tmp_path)], env=environment
        )
        assert "张工" in shown.stdout
    (tmp_path / "none.inspr").write_bytes(b"something else")
    broken = CliRunner().invoke(
        app, ["session", "import", str(tmp_path / "none.inspr")], env=environment
    )
    assert (broken.exit_code, "不是远程会话文件" in broken.stderr) == (2, True)
