"""Worse facts never give a better state: what every rule with thresholds must hold."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from checks.api import Past, Rule, State

_ORDER = (State.OK, State.INFO, State.WARNING, State.CRITICAL)
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)


def state_of(
    rule: Rule[Any, Any], facts: Any, object: str | None = None, past: Past[Any] | None = None
) -> State:
    """Return the worst state that a rule gives, of one object where it is named."""
    verdicts = rule.evaluate(facts, rule.thresholds(), past or Past(NOW))
    states = [each.state for each in verdicts if object is None or each.object == object]
    assert states, "the rule says nothing of it"
    unknown = [state for state in states if state not in _ORDER]
    return unknown[0] if unknown else max(states, key=_ORDER.index)


def assert_never_better(
    rule: Rule[Any, Any],
    facts_of: Callable[[float], Any],
    better: float,
    worse: float,
    *,
    object: str | None = None,
) -> None:
    """Demand that the worse of two values is judged no better than the other."""
    first = state_of(rule, facts_of(better), object)
    second = state_of(rule, facts_of(worse), object)
    assert _ORDER.index(second) >= _ORDER.index(first), (better, first, worse, second)


def assert_worst_has_no_bound(
    rule: Rule[Any, Any], facts_of: Callable[[float], Any], values: Iterable[float]
) -> None:
    """Demand that each of ever worse values is critical, whatever its size."""
    for value in values:
        assert state_of(rule, facts_of(value)) is State.CRITICAL, value
