"""A remote inspection and an installed agent on one host: neither speaks for the other."""

from datetime import datetime, timedelta

import msgspec
import pytest
from sqlalchemy import select

from checks.discovery import discover
from collector.assessment.models import StoredFinding, StoredInspection, StoredVerdict
from collector.assessment.service import assess_pending
from collector.database import Database
from collector.intake.service import accept
from collector.sessions.inspections import left_out_of, made_of
from tests.collector.place import Place, uploaded
from tests.collector.sessions.place import NOW, Visit, visit
from tests.enrolled import enrolled
from tests.messages import batch_of, inspection, observation
from wire.messages import Failure, Observation, Reason, Remote, Skipped

CATALOGUE = discover()
UPTIME = "host.uptime"


@pytest.fixture
def here(database: Database) -> Visit:
    place = visit(database)
    place.open()
    return place


@pytest.fixture
def installed(here: Visit) -> Place:
    place = enrolled(here.database)
    assert place.host_id == here.host_id
    return place


def send(
    here: Visit,
    place: Place,
    at: datetime,
    *observations: Observation,
    seq: int = 1,
    remote: Remote | None = None,
    skipped: tuple[Skipped, ...] = (),
    interval: float | None = 86400.0,
) -> None:
    """Take in an inspection and judge it."""
    run = msgspec.structs.replace(
        inspection(*observations, id=f"{place.agent[:8]}-{seq}", at=at),
        remote=remote,
        skipped=skipped,
        interval_seconds=interval,
    )
    batch = batch_of(*observations, agent=place.agent, seq=seq, of=run)
    with here.database.writing() as session:
        accept(session, [uploaded(place, batch.payload, seq=seq, at=at + timedelta(minutes=1))])
    assert assess_pending(here.database, CATALOGUE) == 1


def remotely(here: Visit, at: datetime, *observations: Observation, seq: int = 1) -> None:
    """Take in what was read in the session."""
    said = Remote(session="another", grant="another", person="李四", mode="agentless")
    left_out = (
        Skipped("host.accounts", Failure(Reason.NOT_GRANTED, "config")),
        Skipped("host.mounts", Failure(Reason.NEEDS_AGENT)),
        Skipped("host.memory", Failure(Reason.NOT_SELECTED, "", "pattern")),
    )
    place = Place(here.customer_id, here.host_id, here.agent, here.key)
    send(here, place, at, *observations, seq=seq, remote=said, skipped=left_out, interval=None)


def verdicts(here: Visit, code: str) -> dict[tuple[str, str], str]:
    with here.database.reading() as session:
        rows = session.scalars(select(StoredVerdict).where(StoredVerdict.code == code))
        return {(row.target, row.object): row.state for row in rows}


def facts(at: datetime) -> Observation:
    return observation("sample.unknown", {"x": 1}, at=at)


def test_who_made_an_inspection_is_told_by_its_key(here: Visit) -> None:
    remotely(here, NOW, facts(NOW))
    with here.database.reading() as session:
        row = session.scalars(select(StoredInspection)).one()
        left_out = left_out_of(session, here.customer_id, here.host_id)
    made = made_of(row)
    assert made is not None
    assert made.remote == Remote(
        session=here.session, grant=here.grant.id, person="张工", mode="agentless"
    )
    assert [(each.check, each.failure.reason) for each in left_out] == [
        ("host.accounts", Reason.NOT_GRANTED),
        ("host.mounts", Reason.NEEDS_AGENT),
    ]


def test_an_installed_agent_can_not_say_that_it_is_remote(here: Visit, installed: Place) -> None:
    said = Remote(session=here.session, grant="g", person="x", mode="package")
    send(here, installed, NOW, facts(NOW), remote=said)
    with here.database.reading() as session:
        assert session.scalars(select(StoredInspection)).one().remote is None
    assert ("", "completion") in verdicts(here, "AGT-001")


def test_a_remote_inspection_can_not_miss_a_schedule(here: Visit) -> None:
    for seq, days in enumerate((0, 90), start=1):
        at = NOW + timedelta(days=days)
        remotely(here, at, facts(at), seq=seq)
    assert verdicts(here, "AGT-001")[("remote", "interval")] == "not_applicable"
    with here.database.reading() as session:
        assert "AGT-001" not in session.scalars(select(StoredFinding.code)).all()


def test_a_missed_schedule_is_neither_hidden_nor_resolved(here: Visit, installed: Place) -> None:
    for seq, days in enumerate((0, 10), start=1):
        at = NOW + timedelta(days=days)
        send(here, installed, at, facts(at), seq=seq)
    assert verdicts(here, "AGT-001")[("", "interval")] == "critical"
    at = NOW + timedelta(days=11)
    remotely(here, at, facts(at))
    assert verdicts(here, "AGT-001")[("", "interval")] == "critical"
    with here.database.reading() as session:
        row = session.scalars(select(StoredFinding).where(StoredFinding.code == "AGT-001")).one()
        assert row.resolved_at is None
    # The next one of the agent is late by its own chain, whoever has been there in between.
    remotely(here, NOW + timedelta(days=19.5), facts(NOW + timedelta(days=19.5)), seq=2)
    at = NOW + timedelta(days=20)
    send(here, installed, at, facts(at), seq=3)
    assert verdicts(here, "AGT-001")[("", "interval")] == "critical"


def test_a_check_that_a_remote_plan_leaves_out_keeps_its_verdict(
    here: Visit, installed: Place
) -> None:
    read = observation("host.accounts", failure=Reason.PERMISSION, at=NOW)
    send(here, installed, NOW, read)
    before = {code: verdicts(here, code) for code in ("OS-ACC-001", "OS-ACC-002")}
    assert before["OS-ACC-001"]
    at = NOW + timedelta(days=1)
    remotely(here, at, facts(at))
    assert {code: verdicts(here, code) for code in before} == before


def test_what_a_grant_leaves_out_is_no_fault_and_is_not_covered(here: Visit) -> None:
    remotely(here, NOW, facts(NOW))
    states = verdicts(here, "AGT-002")
    assert set(states) == {("remote", "")}
    assert states["remote", ""] != "critical"
    with here.database.reading() as session:
        score = session.scalars(select(StoredInspection.score)).one()
    assert score is not None
    assert score["coverage"] < 50
    assert verdicts(here, "OS-ACC-001") == {}
