"""The material of a report: what is known, and why the rest is not."""

from datetime import date, timedelta

import pytest

from checks.api import State
from checks.discovery import Catalogue, discover
from collector.assessment.service import assess_pending
from collector.customers.service import find_customer
from collector.database import Database
from collector.errors import NotDerivable
from collector.intake.service import accept
from collector.reports.gather import gather
from collector.reports.material import HostMaterial, Material
from tests.collector.place import Place, uploaded
from tests.collector.sample_checks import CATALOGUE
from tests.collector.test_assessment import day, loads
from tests.messages import START, batch_of, observation
from wire.messages import Observation, Reason


def material(database: Database, catalogue: Catalogue, year: int = 2026) -> Material:
    with database.reading() as session:
        customer = find_customer(session, "示例公司")
        return gather(session, customer, catalogue, year=year, today=date(year, 12, 31))


def states(host: HostMaterial) -> dict[str, State]:
    return {row.code: row.state for row in host.verdicts}


def number(day_of: int) -> Observation:
    return observation("sample.number", {"number": 1}, at=START + timedelta(days=day_of))


def test_a_rule_that_was_never_tried_is_not_run_with_its_reason(
    database: Database, place: Place
) -> None:
    day(database, place, 0, loads(0, a=10))
    (host,) = material(database, CATALOGUE).hosts
    row = next(row for row in host.verdicts if row.code == "T-NUM-001")
    assert row.state is State.NOT_RUN
    assert row.reason is not None
    assert row.reason.zh == "未纳入本次巡检"


def test_a_verdict_much_older_than_the_newest_inspection_is_stale(
    database: Database, place: Place
) -> None:
    day(database, place, 0, loads(0, a=10), number(0))
    day(database, place, 36, loads(36, a=10))
    (host,) = material(database, CATALOGUE).hosts
    assert states(host)["T-NUM-001"] is State.STALE
    assert states(host)["T-LOAD-001"] is State.OK


def test_a_verdict_from_before_the_year_is_stale(database: Database, place: Place) -> None:
    day(database, place, 0, loads(0, a=10))
    gathered = material(database, CATALOGUE, year=2027)
    (host,) = gathered.hosts
    assert states(host)["T-LOAD-001"] is State.STALE
    assert gathered.score.score is None
    assert gathered.inspections == ()


def test_the_numbers_before_are_those_of_the_inspection_before(
    database: Database, place: Place
) -> None:
    day(database, place, 0, loads(0, a=95), number(0))
    day(database, place, 1, loads(1, a=10), number(1))
    gathered = material(database, CATALOGUE)
    assert gathered.previous_score is not None
    # The host has 0, security 100 points; their weights are 0.20 and 0.15.
    assert gathered.previous_score.score == pytest.approx(100 * 0.15 / 0.35)
    assert gathered.score.score == 100
    assert gathered.previous_date == date(2026, 11, 21)


def test_a_resolved_finding_stands_behind_the_open_ones(database: Database, place: Place) -> None:
    day(database, place, 0, loads(0, a=95, b=85))
    day(database, place, 1, loads(1, a=10, b=85))
    found = [(row.object, row.change) for row in material(database, CATALOGUE).findings]
    assert found == [("b", "recurring"), ("a", "resolved")]


def test_an_inventory_that_could_not_be_read_says_why(database: Database, place: Place) -> None:
    refused = observation("host.inventory", failure=Reason.PERMISSION, subject="/sys/class/dmi")
    batch = batch_of(refused, agent=place.agent)
    upload = uploaded(place, batch.payload)
    catalogue = discover()
    with database.writing() as session:
        accept(session, [upload])
    assess_pending(database, catalogue)
    (host,) = material(database, catalogue).hosts
    assert host.inventory is None
    assert host.inventory_reason is not None
    assert host.inventory_reason.zh == "权限不足：/sys/class/dmi"
    assert host.software_reason is not None
    assert host.software_reason.zh == "未纳入本次巡检"


def test_an_earlier_day_is_never_told_by_later_verdicts(database: Database, place: Place) -> None:
    day(database, place, 0, loads(0, a=10))
    with pytest.raises(NotDerivable, match=r"2026-11-21.*2025-12-31"):
        material(database, CATALOGUE, year=2025)
