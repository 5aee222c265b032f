"""Declared thresholds hold like all others, and what travels is what was declared and no more."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.api import Past, State, Text
from checks.external._judging_rows import Row
from checks.external.sql import CHECK, Facts
from checks.queries import QUANTITIES, ColumnKind, Declaration, NoRows
from tests.recorded_query import recorded_query
from tests.worse import NOW, assert_never_better, assert_worst_has_no_bound, state_of

RULES = {rule.priority: rule for rule in CHECK.rules}
NUMBERS = st.floats(-1e12, 1e12)


def declared(**given: Any) -> Declaration:
    return Declaration(
        **{
            "title": Text.same("t"),
            "database": "erp",
            "kind": ColumnKind.NUMBER,
            "message": Text.same("{object} {value}"),
            **given,
        }
    )


def of_value(declaration: Declaration) -> Any:
    return lambda value: Facts(declaration, (Row("a", value),))


@given(
    st.sampled_from(sorted(QUANTITIES, key=lambda kind: kind.value)),
    st.booleans(),
    st.one_of(st.none(), NUMBERS),
    st.one_of(st.none(), NUMBERS),
    NUMBERS,
    NUMBERS,
    st.sampled_from((1, 2, 3)),
)
def test_worse_is_never_judged_better(
    kind: ColumnKind,
    lower: bool,
    first: float | None,
    second: float | None,
    one: float,
    other: float,
    priority: int,
) -> None:
    warning, critical = first, second
    if first is not None and second is not None:
        warning, critical = sorted((first, second), reverse=lower)
    declaration = declared(
        kind=kind, warning=warning, critical=critical, lower_is_worse=lower, priority=priority
    )
    better, worse = sorted((one, other), reverse=lower)
    assert_never_better(RULES[priority], of_value(declaration), better, worse, object="a")


@pytest.mark.parametrize("lower", [False, True])
def test_the_worst_tier_has_no_bound(lower: bool) -> None:
    sign = -1 if lower else 1
    declaration = declared(warning=sign * 10, critical=sign * 20, lower_is_worse=lower)
    values = [sign * 10**power for power in (2, 6, 12, 15, 300)]
    assert_worst_has_no_bound(RULES[2], of_value(declaration), values)


@pytest.mark.parametrize("priority", [1, 2, 3])
def test_a_query_is_judged_by_the_rule_of_its_priority_alone(priority: int) -> None:
    facts = Facts(declared(critical=1, priority=priority), (Row("a", 2),))
    judged = [
        rule.priority
        for rule in CHECK.rules
        for _ in rule.evaluate(facts, rule.thresholds(), Past(NOW))
    ]
    assert judged == [priority]


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "nan", "Infinity"])
def test_what_is_no_finite_number_is_never_a_pass(value: object) -> None:
    facts = asked([{"n": value}])
    assert state_of(RULES[2], facts) is State.NOT_RUN


@pytest.mark.parametrize("no_rows", list(NoRows))
def test_no_rows_mean_what_is_declared(no_rows: NoRows) -> None:
    facts = Facts(declared(critical=1, no_rows=no_rows), ())
    assert state_of(RULES[2], facts) is State(no_rows.value)


def asked(rows: list[dict[str, Any]], **settings: Any) -> Facts:
    assert CHECK.probe is not None
    query = recorded_query(
        {
            "rows": rows,
            "settings": {
                "database": "erp",
                "title": "t",
                "query": "SELECT n FROM app.t",
                "columns": {"n": "number", "name": "text", "secret": "text"},
                "value": "n",
                "critical": 1,
                **settings,
            },
        }
        if settings
        else {
            "rows": rows,
            "settings": {
                "database": "erp",
                "title": "t",
                "query": "SELECT n FROM app.t",
                "columns": {"n": "number"},
                "value": "n",
                "critical": 1,
            },
        }
    )
    facts: Facts = CHECK.probe(query)
    return facts


def test_columns_that_are_neither_object_nor_value_nor_shown_stay_on_the_host() -> None:
    rows = [{"n": 3, "name": "张三", "secret": "13800000000", "salary": "9000"}]
    facts = msgspec.json.encode(asked(rows, object="name")).decode()
    assert "张三" in facts
    assert "13800000000" not in facts
    assert "9000" not in facts
    assert "SELECT" not in facts


def test_braces_in_what_the_database_gives_are_only_text() -> None:
    rows = [{"n": 3, "name": "{value} {0.__class__}", "secret": ""}]
    facts = asked(rows, object="name", message="{object} = {value}")
    (verdict,) = RULES[2].evaluate(facts, RULES[2].thresholds(), Past(NOW))
    assert verdict.message is not None
    assert verdict.message.zh == "t：{value} {0.__class__} = 3"


def test_a_column_that_does_not_come_is_named() -> None:
    facts = asked([{"n": 3, "name": "a"}], object="name")
    assert not isinstance(facts.rows, tuple)
    assert (facts.rows.subject, facts.rows.detail) == ("secret", "the query gives no such column")
