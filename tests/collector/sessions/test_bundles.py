"""A bundle brings the sessions that its batches were made in; a refused one brings nothing."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from agent.export import export
from agent.identity import Identity as Known
from agent.spool import Spool
from collector.bundles import refusals
from collector.database import Database
from collector.enrolment.models import AgentKey, Alarm
from collector.errors import BundleRefused
from collector.sessions.models import RemoteSession
from collector.sessions.opening import accept
from tests.agent.spooling import inspected
from tests.bundling import import_file, stored
from tests.collector.sessions.place import NOW, Visit, revoke, visit
from tests.enrolled import COLLECTOR
from tests.messages import observation
from wire.signing import PrivateKey

LATE = NOW + timedelta(days=2)


def known(here: Visit, key: PrivateKey) -> Known:
    """Return what the workstation signs a bundle as."""
    return Known(
        agent=here.agent,
        customer_id=here.customer_id,
        customer="示例公司",
        site="总部机房",
        host="erp-db",
        key=key,
        collector_key=COLLECTOR.key.public,
        recipients=(COLLECTOR.recipient,),
    )


def exported(here: Visit, folder: Path, key: PrivateKey, *sessions: bytes) -> Path:
    """Write a bundle of one inspection, with statements of sessions."""
    state = folder / f"spool-{time.monotonic_ns()}"
    state.mkdir()
    spool = Spool(state)
    try:
        inspected(spool, "inspection-1", observation("sample.load", {"loads": {"/": 1.0}}))
        target = folder / "visit.inspb"
        export(
            spool,
            known(here, key),
            target,
            part_bytes=2**31,
            replace=True,
            sessions=sessions,
        )
    finally:
        spool.close()
    return target


@pytest.fixture
def here(database: Database) -> Visit:
    return visit(database)


def rows(here: Visit) -> list[RemoteSession]:
    with here.database.reading() as session:
        return list(session.scalars(select(RemoteSession)))


def test_a_bundle_of_a_session_is_imported_once(here: Visit, tmp_path: Path) -> None:
    on_host = PrivateKey.generate()
    file = exported(here, tmp_path, on_host, here.opening, here.key_statement(on_host))
    for _ in range(2):
        imported = import_file(here.database, file, now=LATE)
        assert imported.batches == 1
    assert len(stored(here.database)) == 1
    (row,) = rows(here)
    assert (row.denial, row.received_at) == (None, LATE)


def test_without_its_session_a_bundle_is_of_nobody(here: Visit, tmp_path: Path) -> None:
    file = exported(here, tmp_path, here.key)
    with pytest.raises(BundleRefused) as refused:
        import_file(here.database, file, now=LATE)
    assert refused.value.text == refusals.UNKNOWN_AGENT


def test_a_refused_session_is_kept_and_its_bundle_waits(here: Visit, tmp_path: Path) -> None:
    revoke(here, NOW - timedelta(hours=1))
    file = exported(here, tmp_path, here.key, here.opening)
    for _ in range(2):
        with pytest.raises(BundleRefused) as refused:
            import_file(here.database, file, now=LATE)
        assert "授权已撤销" in refused.value.text.zh
    assert stored(here.database) == []
    (row,) = rows(here)
    assert row.denial == "revoked"
    with here.database.reading() as session:
        assert session.scalars(select(Alarm.kind)).all() == ["session_late"]
        assert session.scalars(select(AgentKey)).all() == []
    with here.database.writing() as session:
        accept(session, session.scalars(select(RemoteSession)).one(), "已补签", "manager", LATE)
    assert import_file(here.database, file, now=LATE).batches == 1


def test_what_was_revoked_after_it_was_read_is_imported(here: Visit, tmp_path: Path) -> None:
    here.open()
    revoke(here, NOW + timedelta(hours=1))
    file = exported(here, tmp_path, here.key, here.opening)
    assert import_file(here.database, file, now=LATE).batches == 1


def test_a_statement_that_does_not_fit_brings_nothing(here: Visit, tmp_path: Path) -> None:
    elsewhere = visit(here.database, host="web", grant_id="grant-2")
    stranger = visit(here.database, host="web", grant_id="grant-3")
    for statement in (
        b"{}",
        elsewhere.opening,
        stranger.key_statement(here.key),
        here.closing([b"{}"]),
        here.opening[:-10],
    ):
        file = exported(here, tmp_path, here.key, here.opening, statement)
        with pytest.raises(BundleRefused) as refused:
            import_file(here.database, file, now=LATE)
        assert refused.value.text == refusals.WRONG_SESSION
    assert (rows(here), stored(here.database)) == ([], [])
