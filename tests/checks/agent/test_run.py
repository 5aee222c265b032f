"""Facts about an inspection, made from what came over the wire."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from checks.agent._run_facts import Absent, Facts, coverage_percent, derive
from checks.agent.run import ContactThresholds, CostThresholds, contact, cost, measures
from checks.api import Arrival, Past, State
from wire.messages import (
    Cost,
    Failure,
    HostIdentity,
    Inspection,
    Observation,
    Planned,
    Reason,
    Remote,
    Skipped,
    Target,
)

AT = datetime(2026, 11, 21, 1, tzinfo=UTC)
DATABASES = (Target("postgresql", "erp"), Target("postgresql", "oa"))


def inspection(*planned: Planned, finished: bool = True) -> Inspection:
    return Inspection(
        id="one",
        started_at=AT,
        finished_at=AT if finished else None,
        boot_id="boot",
        time_zone="Asia/Shanghai",
        host=HostIdentity("erp01", "linux"),
        agent_version="0.1.0",
        checks_digest="0" * 64,
        planned=planned,
        skipped=(Skipped("backup.sets", Failure(Reason.NOT_CONFIGURED)),),
        broken=("acme.x: can't be loaded",),
        cost=Cost(0.2, 6.0, 1000),
    )


def observation(
    check: str, why: Reason | None = None, cpu_seconds: float = 0.1, target: Target | None = None
) -> Observation:
    return Observation(
        check=check,
        target=target or Target(),
        observed_at=AT,
        monotonic_seconds=1.0,
        cost=Cost(cpu_seconds, cpu_seconds, 1000),
        facts=msgspec.UNSET if why else msgspec.Raw(b"{}"),
        failure=Failure(why) if why else None,
    )


def test_a_reading_that_is_used_again_counts_and_costs_nothing() -> None:
    again = replace(observation("patch.apt", cpu_seconds=4), observed_at=AT - timedelta(hours=3))
    run = inspection(Planned("host.clock"), Planned("patch.apt"))
    facts = derive(Arrival(run, [observation("host.clock"), again]))
    assert facts.with_facts == 2
    assert [one.check for one in facts.dearest] == ["host.clock"]


def test_what_was_read_over_a_channel_has_no_cost_to_judge() -> None:
    here = inspection(Planned("host.clock"))
    remote = Remote(session="s", grant="g", person="张工", mode="agentless")
    facts = derive(Arrival(replace(here, remote=remote), [observation("host.clock")]))
    assert not facts.cost_known
    (verdict,) = cost(facts, CostThresholds(), Past(AT))
    assert verdict.state is State.NOT_APPLICABLE
    assert {each.name for each in measures(facts)} == {"coverage_percent"}
    by_package = replace(here, remote=replace(remote, mode="package"))
    assert derive(Arrival(by_package, [observation("host.clock")])).cost_known


def test_what_was_planned_and_did_not_come_is_interrupted() -> None:
    run = inspection(Planned("host.clock"), Planned("host.volumes"), finished=False)
    facts = derive(Arrival(run, [observation("host.clock")]))
    assert (facts.planned, facts.with_facts, facts.finished_at) == (2, 1, None)
    assert facts.absent == (Absent(Reason.INTERRUPTED, ("host.volumes",)),)


def test_failures_are_grouped_and_targets_told_apart() -> None:
    planned = [Planned("postgresql.settings", target) for target in DATABASES]
    came = [
        observation("postgresql.settings", target=DATABASES[0]),
        observation("postgresql.settings", Reason.UNREACHABLE, target=DATABASES[1]),
    ]
    facts = derive(Arrival(inspection(*planned), came))
    assert facts.with_facts == 1
    assert facts.absent == (Absent(Reason.UNREACHABLE, ("postgresql.settings (oa)",)),)
    assert coverage_percent(facts) == pytest.approx(50)


def test_what_the_host_does_not_have_lowers_no_coverage() -> None:
    came = [observation("host.clock"), observation("patch.dnf", Reason.NOT_APPLICABLE)]
    facts = derive(Arrival(inspection(Planned("host.clock"), Planned("patch.dnf")), came))
    assert coverage_percent(facts) == pytest.approx(100)


def test_the_dearest_checks_come_first_and_the_rest_is_passed_on() -> None:
    came = [observation(f"host.c{number}", cpu_seconds=number / 10) for number in range(8)]
    facts = derive(Arrival(inspection(*(Planned(one.check) for one in came)), came))
    assert [one.check for one in facts.dearest][:2] == ["host.c7", "host.c6"]
    assert len(facts.dearest) == 5
    assert facts.not_planned == (Absent(Reason.NOT_CONFIGURED, ("backup.sets",)),)
    assert facts.broken == ("acme.x: can't be loaded",)


CHECKS = st.sampled_from(["host.a", "host.b", "host.c", "host.d"])


@given(st.lists(CHECKS, unique=True), st.dictionaries(CHECKS, st.none() | st.sampled_from(Reason)))
def test_every_planned_check_is_counted_once(
    planned: list[str], came: dict[str, Reason | None]
) -> None:
    observations = [observation(check, why) for check, why in came.items()]
    facts = derive(Arrival(inspection(*map(Planned, planned)), observations))
    assert facts.planned == facts.with_facts + sum(len(one.checks) for one in facts.absent)
    share = coverage_percent(facts)
    assert share is None or 0 <= share <= 100
    assert msgspec.json.decode(msgspec.json.encode(facts), type=Facts) == facts


def gap_of(days: float, **changes: object) -> dict[str, State]:
    """Return the states of AGT-001 by object, so many days after the inspection before."""
    facts = replace(derive(Arrival(inspection(), [])), **changes)
    past: Past[Facts] = Past(observed_at=AT, previous=facts, elapsed_seconds=days * 86400)
    return {each.object: each.state for each in contact(facts, ContactThresholds(), past)}


def test_inspections_started_by_hand_can_miss_no_schedule() -> None:
    assert gap_of(300, interval_seconds=0)["interval"] is State.NOT_APPLICABLE


def test_a_missed_schedule_is_told_by_the_hosts_own_timer() -> None:
    assert gap_of(6, interval_seconds=7 * 86400.0)["interval"] is State.OK
    assert gap_of(10, interval_seconds=7 * 86400.0)["interval"] is State.WARNING
    assert gap_of(22, interval_seconds=7 * 86400.0)["interval"] is State.CRITICAL


def test_an_agent_that_tells_no_timer_is_held_to_one_inspection_a_day() -> None:
    assert gap_of(1, interval_seconds=None)["interval"] is State.OK
    assert gap_of(3.1, interval_seconds=None)["interval"] is State.CRITICAL
