"""健康评分 and 检查覆盖率 by the formula that the report prints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.api import State
from collector.assessment.score import Category, Grade, Judged, of_customer, of_host

RULES = st.lists(
    st.builds(
        Judged,
        st.one_of(st.none(), st.sampled_from(Category)),
        st.integers(1, 3),
        st.lists(st.sampled_from(State), min_size=1, max_size=4).map(tuple),
    ),
    max_size=20,
)


def judged(*states: State, priority: int = 1, category: Category = Category.HOST) -> Judged:
    return Judged(category, priority, states)


@given(RULES)
def test_both_numbers_stay_in_bounds_and_no_score_stands_without_coverage(
    rules: list[Judged],
) -> None:
    score = of_host(rules)
    assert 0 <= score.coverage <= 100
    if score.score is None:
        assert score.grade is None
    else:
        assert 0 <= score.score <= 100
        assert score.coverage >= 80


@given(RULES, st.integers(1, 3))
def test_a_rule_that_could_not_run_never_raises_the_coverage(
    rules: list[Judged], priority: int
) -> None:
    before = of_host(rules).coverage
    after = of_host([*rules, judged(State.NOT_RUN, priority=priority)]).coverage
    assert after <= before + 1e-9


def test_weights_are_three_two_one() -> None:
    score = of_host([judged(State.OK, priority=1), judged(State.WARNING, priority=3)])
    assert score.score == pytest.approx(100 * 3.5 / 4)


def test_many_mounts_count_as_their_worst_one() -> None:
    one = of_host([judged(State.WARNING), judged(State.OK)])
    many = of_host([judged(State.WARNING, State.WARNING, *[State.OK] * 30), judged(State.OK)])
    assert one.score == many.score == 75


def test_absent_categories_are_left_out_of_the_mean() -> None:
    score = of_host([judged(State.OK), judged(State.WARNING, category=Category.SECURITY)])
    assert score.score == pytest.approx((0.20 * 100 + 0.15 * 50) / 0.35)


def test_an_open_critical_of_priority_one_caps_the_total() -> None:
    rules = [judged(State.OK)] * 50
    capped = of_host([*rules, judged(State.CRITICAL)])
    assert (capped.score, capped.grade, capped.capped) == (59, Grade.POOR, True)
    assert of_host([*rules, judged(State.CRITICAL, priority=2)]).capped is False


def test_below_eighty_percent_coverage_there_is_no_score() -> None:
    score = of_host([judged(State.OK)] * 3 + [judged(State.NOT_RUN)])
    assert (score.score, score.grade, score.coverage) == (None, None, 75)


def test_waived_and_not_applicable_cost_neither_number() -> None:
    rules = [judged(State.OK), judged(State.WAIVED), judged(State.NOT_APPLICABLE)]
    score = of_host(rules)
    assert (score.score, score.coverage) == (100, 100)


def test_one_sick_server_is_not_averaged_away() -> None:
    well = of_host([judged(State.OK)])
    sick = of_host([judged(State.OK)] + [judged(State.WARNING, priority=1)] * 3)
    score = of_customer([well, well, sick])
    assert score.minimum == sick.score
    assert score.median == 100
    assert score.score == pytest.approx((200 + (sick.score or 0)) / 3)


def test_a_host_without_a_score_leaves_the_customer_without_one() -> None:
    unread = of_host([judged(State.NOT_RUN)])
    assert of_customer([of_host([judged(State.OK)]), unread]).score is None


def test_a_customer_without_hosts_has_no_score() -> None:
    assert of_customer([]).score is None
