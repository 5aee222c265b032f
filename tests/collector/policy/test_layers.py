"""The narrowest decision counts, for its own objects alone, as long as it holds."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.api import Past, State
from collector.assessment.judging import judge
from collector.policy.layers import Layer, Override, Policy, policy_of
from tests.collector.sample_checks import LOAD, Facts, LoadThresholds

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
TODAY = NOW.date()
[RULE, _] = LOAD.rules


def decision(number: int = 0, **given: Any) -> Override:
    at = NOW + timedelta(seconds=number)
    return Override(id=str(number), code="T-LOAD-001", set_at=at, why="w", person="p", **given)


def states(policy: Policy, target: str = "", **loads: float) -> dict[str, State]:
    judged = judge(LOAD, Facts(loads), Past(NOW), policy, target)
    return {each.verdict.object: each.verdict.state for each in judged if each.code == RULE.code}


def on_host(*decisions: Override) -> Policy:
    return policy_of(decisions, "上海", "db1", TODAY)


def test_without_decisions_the_default_counts() -> None:
    assert on_host().thresholds(RULE) == LoadThresholds()


def test_the_narrower_layer_overrides_what_it_names_and_leaves_the_rest() -> None:
    policy = on_host(
        decision(3, host="db1", thresholds={"critical": 99}),
        decision(2, site="上海", thresholds={"critical": 98, "warning": 85}),
        decision(1, thresholds={"warning": 70, "critical": 71}),
    )
    assert policy.thresholds(RULE) == LoadThresholds(warning=85, critical=99)


def test_decisions_for_other_hosts_sites_and_days_do_not_count() -> None:
    policy = on_host(
        decision(1, host="db2", thresholds={"warning": 1}),
        decision(2, site="北京", thresholds={"warning": 2}),
        decision(3, thresholds={"warning": 3}, expires=TODAY - timedelta(days=1)),
        decision(4, thresholds={"warning": 70}, expires=TODAY),
    )
    assert policy.thresholds(RULE) == LoadThresholds(warning=70)


def test_an_object_has_its_own_thresholds_and_no_other_one_has_them() -> None:
    policy = on_host(decision(object="big*", thresholds={"warning": 95, "critical": 99}))
    assert states(policy, big1=96, big2=90, small=91, other=50) == {
        "big1": State.WARNING,
        "big2": State.OK,
        "small": State.CRITICAL,
        "other": State.OK,
    }


@pytest.mark.parametrize("pattern", ["erp: big", "erp: *", "big", "*: big"])
def test_an_object_is_named_as_the_report_shows_it_or_by_itself(pattern: str) -> None:
    policy = on_host(decision(object=pattern, thresholds={"warning": 95, "critical": 99}))
    assert states(policy, "erp", big=91) == {"big": State.OK}
    if ":" in pattern and pattern != "*: big":
        assert states(policy, "crm", big=91) == {"big": State.CRITICAL}


def test_what_is_waived_says_by_whom_and_why_and_what_is_well_stays_well() -> None:
    policy = on_host(decision(object="test*", waived=True, expires=date(2026, 12, 31)))
    judged = judge(LOAD, Facts({"test": 99, "test2": 10, "erp": 99}), Past(NOW), policy)
    found = {each.verdict.object: each.verdict for each in judged if each.code == RULE.code}
    assert {name: each.state for name, each in found.items()} == {
        "test": State.WAIVED,
        "test2": State.OK,
        "erp": State.CRITICAL,
    }
    assert found["test"].message is not None
    assert found["test"].message.zh == "w（批准：p，有效期至：2026-12-31）"


def test_thresholds_that_no_longer_fit_the_rule_leave_the_wider_layer_in_force() -> None:
    policy = on_host(
        decision(1, thresholds={"warning": 70}), decision(2, host="db1", thresholds={"gone": 1})
    )
    assert policy.thresholds(RULE) == LoadThresholds(warning=70)


places = st.fixed_dictionaries(
    {
        "site": st.sampled_from(["", "上海", "北京"]),
        "host": st.sampled_from(["", "db1", "db2"]),
        "thresholds": st.fixed_dictionaries({"warning": st.integers(1, 100)}),
        "object": st.sampled_from(["", "a", "b", "*"]),
    }
)


@given(st.lists(places, max_size=8))
def test_the_one_that_counts_is_the_narrowest_and_of_these_the_newest(
    given: Sequence[dict[str, Any]],
) -> None:
    decisions = [decision(number, **each) for number, each in enumerate(given)]
    policy = on_host(*reversed(decisions))
    wide = [
        (each.layer, each.set_at, each.thresholds["warning"])
        for each in decisions
        if each.layer is not Layer.OBJECT and each.site in ("", "上海") and each.host in ("", "db1")
    ]
    expected = max(wide)[2] if wide else 80
    chosen = policy.thresholds(RULE)
    assert isinstance(chosen, LoadThresholds)
    assert chosen.warning == expected
