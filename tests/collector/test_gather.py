"""The material of a report: what is known, and why the rest is not."""

from datetime import date, timedelta
from types import MappingProxyType

import msgspec
import pytest

from checks.api import Chapter, Check, State, Text
from checks.databases import Instance, instance_of
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


class InstanceFacts(msgspec.Struct, frozen=True):
    instance: Instance


INSTANCE = Check(
    title=Text("实例", "Instance"),
    chapter=Chapter.DATABASE,
    facts=InstanceFacts,
    probe=lambda database: InstanceFacts(instance_of(database)),
    rules=(),
    reads=(),
    target="mysql",
)
WITH_INSTANCES = Catalogue(MappingProxyType({**CATALOGUE.checks, "sample.instance": INSTANCE}), ())


def told(number_of: int, version: str, target: str = "erp") -> Observation:
    facts = {"engine": "mysql", "version": version, "release": "", "login_seconds": 0.1}
    at = START + timedelta(days=number_of)
    return observation("sample.instance", {"instance": facts}, at=at, target=target)


def test_the_newest_facts_of_each_target_are_told(database: Database, place: Place) -> None:
    def on(number_of: int, *observations: Observation) -> HostMaterial:
        day(database, place, number_of, *observations, catalogue=WITH_INSTANCES)
        (host,) = material(database, WITH_INSTANCES).hosts
        return host

    on(0, told(0, "8.0.1"), told(0, "5.7.1", "old"))
    both = on(1, told(1, "8.0.2")).targets
    assert [each.target for each in both] == ["erp", "old"]
    # The other was not tried for longer than a verdict is good: the settings have it no more.
    (found,) = on(37, told(37, "8.0.3")).targets
    assert found.facts is not None
    assert found.facts["instance"]["version"] == "8.0.3"  # type: ignore[index]
    assert found.reason is None
    at = START + timedelta(days=38)
    refused = observation(
        "sample.instance", failure=Reason.LOGIN, subject="10.0.0.1:3306", at=at, target="erp"
    )
    (found,) = on(38, refused).targets
    assert found.facts is not None
    assert found.observed_at == START + timedelta(days=37)
    assert found.reason is not None
    assert found.reason.zh == "登录失败：10.0.0.1:3306"


def test_a_target_that_never_answered_has_a_reason_alone(database: Database, place: Place) -> None:
    refused = observation(
        "product.account_sets", failure=Reason.TIMEOUT, subject="60 s", target="u8"
    )
    day(database, place, 0, refused, catalogue=discover())
    (host,) = material(database, discover()).hosts
    (found,) = host.targets
    assert (found.target, found.facts) == ("u8", None)
    assert found.reason is not None
    assert found.reason.zh == "超时：60 s"
    assert {row.target for row in host.verdicts if row.code == "APP-004"} == {"u8"}
