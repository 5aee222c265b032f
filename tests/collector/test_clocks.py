"""Whatever a host's clock says, what happened is placed by the collector's."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from collector.assessment.clocks import Clocks, clocks_of
from collector.assessment.models import (
    SeriesPoint,
    StoredFinding,
    StoredInspection,
    StoredVerdict,
)
from collector.assessment.service import assess_pending
from collector.database import Database
from collector.intake.service import accept
from tests.collector.place import Place, uploaded
from tests.collector.sample_checks import CATALOGUE
from tests.messages import START, batch_of, inspection, observation
from wire.batch import digest_of
from wire.control import DELIVERY, Delivery
from wire.envelope import to_header
from wire.messages import Cost, Observation
from wire.signing import PrivateKey

KEY = PrivateKey(bytes(32))
RECEIVED = START + timedelta(hours=1)


def note(
    *,
    wall: datetime,
    monotonic: float = 2000.0,
    boot: str = "boot-1",
    agent: str = "agent-1",
    payload: bytes = b"",
    key: PrivateKey = KEY,
) -> str:
    """Return the header that tells a host's clocks."""
    message = msgspec.json.encode(
        Delivery(
            agent=agent,
            digest=digest_of(payload),
            boot_id=boot,
            wall=wall,
            monotonic_seconds=monotonic,
        )
    )
    return f"{to_header(message)}.{to_header(key.sign(DELIVERY, message))}"


def clocks(header: str | None) -> Clocks:
    return clocks_of(
        RECEIVED, header, agent="agent-1", digest=digest_of(b""), public_key=KEY.public
    )


def observed(at: datetime, monotonic: float = 1400.0) -> Observation:
    return msgspec.structs.replace(
        observation("sample.load", {"loads": {}}, at=at), monotonic_seconds=monotonic
    )


@given(st.floats(-3.2e8, 8e8), st.floats(0, 3e7))
def test_in_one_boot_the_monotonic_clock_places_whatever_the_wall_clock_says(
    off: float, age: float
) -> None:
    wall = RECEIVED + timedelta(seconds=off)
    seen = observed(wall - timedelta(seconds=age) + timedelta(hours=3), 1e9 - age)
    placed = clocks(note(wall=wall, monotonic=1e9)).placed(inspection(at=wall), [seen])
    assert abs(placed[1][0].observed_at - (RECEIVED - timedelta(seconds=age))) < timedelta(
        milliseconds=1
    )


@given(st.floats(-3.2e8, 8e8))
def test_after_another_boot_the_offset_of_the_wall_clock_is_taken_off(off: float) -> None:
    wall = RECEIVED + timedelta(seconds=off)
    seen = observed(wall - timedelta(days=2))
    told = clocks(note(wall=wall, boot="boot-2"))
    assert told.offset_seconds == pytest.approx(off, abs=1e-5)
    run, placed = told.placed(inspection(at=wall - timedelta(days=2)), [seen])
    assert abs(placed[0].observed_at - (RECEIVED - timedelta(days=2))) < timedelta(seconds=1)
    assert abs(run.started_at - (RECEIVED - timedelta(days=2))) < timedelta(seconds=1)


def test_a_clock_that_was_set_between_run_and_delivery_was_wrong_for_the_run() -> None:
    ahead = timedelta(days=30)
    seen = observed(RECEIVED - timedelta(seconds=600) + ahead, 1400.0)
    run = inspection(at=RECEIVED - timedelta(seconds=610) + ahead)
    moved, placed = clocks(note(wall=RECEIVED, monotonic=2000.0)).placed(run, [seen])
    assert placed[0].observed_at == RECEIVED - timedelta(seconds=600)
    assert moved.started_at == RECEIVED - timedelta(seconds=610)


def test_without_a_note_the_host_is_believed_but_nothing_comes_from_the_future() -> None:
    past, future = observed(START), observed(RECEIVED + timedelta(days=9000))
    assert clocks(None).placed(inspection(), [past])[1][0].observed_at == START
    both = clocks(None).placed(inspection(), [past, future])[1]
    assert both[1].observed_at == RECEIVED
    assert both[1].observed_at - both[0].observed_at == future.observed_at - past.observed_at


@pytest.mark.parametrize(
    "header",
    [
        "",
        ".",
        "no base64.at all",
        note(wall=START, key=PrivateKey(b"x" * 32)),
        note(wall=START, agent="agent-2"),
        note(wall=START, payload=b"another batch"),
        note(wall=START).replace(".", ".AAAA"),
    ],
)
def test_a_note_that_is_not_of_this_batch_and_key_tells_nothing(header: str) -> None:
    assert clocks(header).delivery is None


def test_a_moment_beyond_the_calendar_breaks_nothing() -> None:
    seen = observed(datetime(1, 1, 1, tzinfo=UTC))
    header = note(wall=datetime(9999, 12, 31, tzinfo=UTC), boot="other")
    assert clocks(header).placed(inspection(), [seen])[1][0].observed_at.year == 1


def test_verdicts_and_inspections_stand_at_the_corrected_time(
    database: Database, place: Place
) -> None:
    ahead = timedelta(days=9000)
    seen = observation("sample.load", {"loads": {"/": 1.0}}, at=RECEIVED + ahead)
    run = inspection(seen, at=RECEIVED + ahead, boot_id="boot-9")
    payload = batch_of(seen, agent=place.agent, of=run).payload
    header = note(wall=RECEIVED + ahead, agent=place.agent, payload=payload, key=place.key)
    with database.writing() as session:
        accept(session, [uploaded(place, payload, at=RECEIVED, delivery=header)])
    assert assess_pending(database, CATALOGUE) == 1
    with database.reading() as session:
        stored = session.scalars(select(StoredInspection)).one()
        assert stored.offset_seconds == pytest.approx(ahead.total_seconds())
        assert stored.started_at == RECEIVED
        verdict = session.scalars(
            select(StoredVerdict).where(StoredVerdict.code == "T-LOAD-001")
        ).one()
        assert verdict.observed_at == RECEIVED


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(days=1)], ids=["back", "forward"])
def test_a_clock_that_jumps_during_a_run_leaves_it_where_it_was(jump: timedelta) -> None:
    """The run took from 1390 to 1400 by the monotonic clock; delivered at 2000."""
    began = RECEIVED - timedelta(seconds=610)
    ended = began + timedelta(seconds=10)
    readings = (
        observed(ended + jump, 1400.0),
        observed(began + timedelta(seconds=2) + jump, 1392.0),
    )
    run = msgspec.structs.replace(
        inspection(*readings, at=began),
        finished_at=ended + jump,
        cost=Cost(0.1, 10.0, 2**20),
    )
    placed, moved = clocks(note(wall=RECEIVED + jump)).placed(run, readings)
    assert placed.started_at == began
    assert placed.finished_at == ended
    assert [each.observed_at for each in moved] == [ended, began + timedelta(seconds=2)]


def test_a_reading_that_is_handed_over_again_is_one_however_long_each_delivery_took(
    database: Database, place: Place
) -> None:
    """A heavy reading goes up with every inspection: its placed time moves with the network."""
    seen = observation("sample.load", {"loads": {"/": 95.0}}, at=START)
    for number, late in enumerate((0.0, 0.8, 0.2), start=1):
        run = inspection(seen, id=f"run-{number}", at=START + timedelta(hours=number))
        payload = batch_of(seen, agent=place.agent, of=run, seq=number).payload
        sent = START + timedelta(hours=number)
        header = note(
            wall=sent,
            monotonic=1000.0 + number * 3600,
            agent=place.agent,
            payload=payload,
            key=place.key,
        )
        at = sent + timedelta(seconds=late)
        with database.writing() as session:
            accept(session, [uploaded(place, payload, seq=number, at=at, delivery=header)])
        assert assess_pending(database, CATALOGUE) == 1
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(SeriesPoint)) == 1
        assert [row.times for row in session.scalars(select(StoredFinding))] == [1]
