"""From stored bytes to verdicts, findings and numbers; nothing that arrives stops the rest."""

import gzip
import re
import zlib
from datetime import datetime, timedelta, timezone

import msgspec
import pytest
from sqlalchemy import select

from checks.discovery import Catalogue
from collector.assessment.models import (
    FindingEvent,
    Series,
    SeriesPoint,
    StoredFinding,
    StoredInspection,
    StoredVerdict,
)
from collector.assessment.service import assess_pending
from collector.database import Database
from collector.intake.models import Quarantine, StoredBatch
from collector.intake.service import accept
from tests.collector.place import Place, uploaded
from tests.collector.sample_checks import CATALOGUE
from tests.messages import START, batch_of, header, inspection, observation
from wire.batch import Batch, encode_line, seal
from wire.messages import Observation, Reason


def deliver(
    database: Database,
    place: Place,
    payload: bytes,
    seq: int = 1,
    catalogue: Catalogue = CATALOGUE,
) -> None:
    """Accept bytes at a place of the chain and assess them."""
    # One inspection a day, handed over an hour later.
    upload = uploaded(place, payload, seq=seq, at=START + timedelta(days=seq - 1, hours=1))
    with database.writing() as session:
        accept(session, [upload])
    assert assess_pending(database, catalogue) == 1


def inspected(
    place: Place, *observations: Observation, day: int = 0, boot_id: str = "boot-1"
) -> Batch:
    """Return the batch of the inspection of one day."""
    run = inspection(
        *observations, id=f"inspection-{day}", at=START + timedelta(days=day), boot_id=boot_id
    )
    return batch_of(*observations, agent=place.agent, seq=day + 1, of=run)


def loads(day: int = 0, **values: float) -> Observation:
    return observation("sample.load", {"loads": values}, at=START + timedelta(days=day))


def day(
    database: Database,
    place: Place,
    number: int,
    *observations: Observation,
    catalogue: Catalogue = CATALOGUE,
) -> None:
    payload = inspected(place, *observations, day=number).payload
    deliver(database, place, payload, number + 1, catalogue)


def verdicts(database: Database, code: str) -> dict[str, str]:
    with database.reading() as session:
        rows = session.scalars(select(StoredVerdict).where(StoredVerdict.code == code))
        return {row.object: row.state for row in rows}


def finding(database: Database, name: str) -> StoredFinding:
    with database.reading() as session:
        return session.scalars(select(StoredFinding).where(StoredFinding.object == name)).one()


def quarantined(database: Database) -> list[str]:
    with database.reading() as session:
        return [row.reason for row in session.scalars(select(Quarantine))]


def test_every_object_has_a_verdict_the_good_ones_too(database: Database, place: Place) -> None:
    day(database, place, 0, loads(a=10, b=85, c=95))
    assert verdicts(database, "T-LOAD-001") == {"a": "ok", "b": "warning", "c": "critical"}


def test_a_failing_rule_is_not_run_and_stops_no_other(database: Database, place: Place) -> None:
    day(database, place, 0, loads(a=10))
    assert verdicts(database, "T-LOAD-002") == {"": "not_run"}
    assert verdicts(database, "T-LOAD-001") == {"a": "ok"}
    with database.reading() as session:
        row = session.scalars(select(StoredVerdict).where(StoredVerdict.code == "T-LOAD-002")).one()
    assert row.texts["failure"]["detail"] == "ZeroDivisionError: a rule with a defect"


def test_an_observation_without_facts_is_never_a_pass(database: Database, place: Place) -> None:
    day(database, place, 0, observation("sample.load", failure=Reason.PERMISSION, subject="/x"))
    assert verdicts(database, "T-LOAD-001") == {"": "not_run"}
    day(
        database,
        place,
        1,
        observation("sample.load", failure=Reason.NOT_APPLICABLE, at=START + timedelta(days=1)),
    )
    assert verdicts(database, "T-LOAD-001") == {"": "not_applicable"}


def test_a_finding_is_followed_over_inspections(database: Database, place: Place) -> None:
    changes = []
    for number, value in enumerate([85, 85, 95, 85, 10, 95]):
        day(database, place, number, loads(number, a=value))
        changes.append(finding(database, "a").change)
    assert changes == ["new", "recurring", "worsened", "improved", "resolved", "recurring"]
    last = finding(database, "a")
    assert (last.state, last.times, last.resolved_at) == ("critical", 5, None)
    assert (last.first_seen, last.last_seen) == (START, START + timedelta(days=5))
    with database.reading() as session:
        assert len(session.scalars(select(FindingEvent)).all()) == 6


def test_what_could_not_be_read_resolves_nothing(database: Database, place: Place) -> None:
    day(database, place, 0, loads(0, a=95, b=95))
    later = START + timedelta(days=1)
    day(database, place, 1, observation("sample.load", failure=Reason.TIMEOUT, at=later))
    assert finding(database, "a").resolved_at is None
    day(database, place, 2, loads(2, a=-1, b=10))
    assert finding(database, "a").resolved_at is None
    assert finding(database, "b").change == "resolved"


def test_an_object_that_is_gone_is_resolved(database: Database, place: Place) -> None:
    day(database, place, 0, loads(0, a=95, b=10))
    day(database, place, 1, loads(1, b=10))
    assert finding(database, "a").change == "resolved"
    assert verdicts(database, "T-LOAD-001") == {"b": "ok"}


def test_a_rule_knows_the_past_of_its_host(database: Database, place: Place) -> None:
    def number(value: int, at: int) -> Observation:
        return observation("sample.number", {"number": value}, at=START + timedelta(days=at))

    day(database, place, 0, number(1, 0))
    day(database, place, 1, number(2, 1))
    missed = observation("sample.number", failure=Reason.TIMEOUT, at=START + timedelta(days=2))
    day(database, place, 2, missed)
    day(database, place, 3, number(4, 3))
    with database.reading() as session:
        row = session.scalars(select(StoredVerdict).where(StoredVerdict.code == "T-NUM-001")).one()
    # Two days after the last facts: the day without facts is no past.
    assert row.texts["current"][0] == "2→4 172800.0 True [1.0, 2.0, 4.0]"


def test_a_reading_that_is_used_again_finds_nothing_once_more(
    database: Database, place: Place
) -> None:
    again = loads(day=0, a=85)
    day(database, place, 0, again)
    day(database, place, 1, again)
    assert (finding(database, "a").times, finding(database, "a").change) == (1, "new")
    assert verdicts(database, "T-LOAD-001") == {"a": "warning"}
    with database.reading() as session:
        counted = session.scalars(select(StoredInspection.collected)).all()
    assert counted == [1, 1]
    day(database, place, 2, loads(day=2, a=85))
    assert (finding(database, "a").times, finding(database, "a").change) == (2, "recurring")


def test_a_late_inspection_adds_to_the_series_and_changes_no_verdict(
    database: Database, place: Place
) -> None:
    day(database, place, 5, loads(5, a=10))
    day(database, place, 1, loads(1, a=95))
    assert verdicts(database, "T-LOAD-001") == {"a": "ok"}
    with database.reading() as session:
        assert session.scalars(select(StoredFinding)).all() == []
        values = session.scalars(select(SeriesPoint.value).order_by(SeriesPoint.at)).all()
        names = session.scalars(select(Series.object)).all()
    assert (list(values), list(names)) == ([95, 10], ["a"])


def test_the_same_inspection_in_parts_is_judged_as_one(database: Database, place: Place) -> None:
    first, second = loads(0, a=10), observation("sample.number", {"number": 1})
    run = inspection(first, second)
    parts = [
        batch_of(first, agent=place.agent, seq=1, of=run, last=False),
        batch_of(second, agent=place.agent, seq=2, of=run, part=2),
    ]
    for seq, part in enumerate(parts, start=1):
        deliver(database, place, part.payload, seq)
    with database.reading() as session:
        row = session.scalars(select(StoredVerdict).where(StoredVerdict.code == "T-RUN-001")).one()
        stored = session.scalars(select(StoredInspection)).one()
    assert row.texts["current"][0] == "2/2"
    assert (stored.planned, stored.collected) == (2, 2)


def test_score_and_coverage_are_kept_with_the_inspection(database: Database, place: Place) -> None:
    day(database, place, 0, loads(0, a=10), observation("sample.number", {"number": 1}))
    with database.reading() as session:
        stored = session.scalars(select(StoredInspection)).one()
    assert stored.score is not None
    # T-LOAD-002 (priority 2) fails: 9 of 11 points of weight were judged.
    assert stored.score["coverage"] == pytest.approx(100 * 9 / 11)
    assert stored.score["score"] == 100


def bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(100)) + packer.flush()


WHOLE = seal(header(0, agent="x"), []).payload


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"not gzip", "not gzip data"),
        (WHOLE[:-5], "cut off"),
        (WHOLE + b"more", "bytes behind the end"),
        (bomb(), "unpacks to more than"),
        (gzip.compress(b"not json", mtime=0), "header of the batch can't be read"),
        (gzip.compress(b"", mtime=0), "batch is empty"),
        (gzip.compress(b"[" * 100_000, mtime=0), "header of the batch can't be read"),
        (gzip.compress(b'{"wire":"1.0","agent":"\\u0000"}'), r"U\+0000"),
        (WHOLE, "not the place it was sent to"),
    ],
    ids=["no gzip", "cut", "trailing", "bomb", "no json", "empty", "deep", "nul", "elsewhere"],
)
def test_a_batch_that_cannot_be_read_is_kept_and_shown(
    database: Database, place: Place, payload: bytes, why: str
) -> None:
    deliver(database, place, payload)
    with database.reading() as session:
        batch = session.scalars(select(StoredBatch)).one()
    assert (batch.state, batch.payload) == ("quarantined", payload)
    assert re.search(why, str(quarantined(database)))
    day(database, place, 1, loads(1, a=10))
    assert verdicts(database, "T-LOAD-001") == {"a": "ok"}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (encode_line(observation("sample.unknown", {"a": 1})), "sample.unknown is not known"),
        (encode_line(observation("sample.number", {"number": "one"})), "don't fit"),
        (encode_line(observation("sample.number", {"number": 1e400})), "don't fit"),
        (b'{"facts":NaN}', "malformed"),
        (b"[" * 100_000, "Expected `object`"),
        (
            encode_line(observation("sample.number", {"number": 1})).replace(b":1}", b':"\xff"}'),
            "utf-8",
        ),
    ],
    ids=["unknown check", "misfit", "overflow", "nan", "deep", "bad utf-8"],
)
def test_a_bad_line_is_quarantined_and_the_others_are_judged(
    database: Database, place: Place, line: bytes, why: str
) -> None:
    run = inspection(loads(0, a=10))
    head = header(2, run, agent=place.agent)
    deliver(database, place, seal(head, [line, encode_line(loads(0, a=10))]).payload)
    assert verdicts(database, "T-LOAD-001") == {"a": "ok"}
    assert re.search(why, str(quarantined(database)))


def test_facts_of_a_newer_check_are_not_run(database: Database, place: Place) -> None:
    day(database, place, 0, observation("sample.number", {"number": 1}, version=2))
    assert verdicts(database, "T-NUM-001") == {"": "not_run"}


def test_a_batch_that_breaks_the_assessment_holds_up_no_other(
    database: Database, place: Place
) -> None:
    # A moment that has no UTC: the first day of the year 1, east of Greenwich.
    east = timezone(timedelta(hours=14))
    odd = loads(0, a=10)
    odd = msgspec.structs.replace(odd, observed_at=datetime(1, 1, 1, tzinfo=east))
    deliver(database, place, inspected(place, odd).payload)
    assert "can't be assessed" in str(quarantined(database))
    day(database, place, 1, loads(1, a=10))
    assert verdicts(database, "T-LOAD-001") == {"a": "ok"}
