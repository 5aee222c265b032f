"""Judge one observation: its rules, one after the other, none able to stop the others."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from checks.api import Check, Failure, Past, Rule, State, Text, Verdict, not_run
from checks.wording import reason
from collector.policy.service import thresholds
from wire.messages import Reason

logger = logging.getLogger(__name__)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Judged:
    """One verdict and the rule that it is of."""

    code: str
    verdict: Verdict


def judge(check: Check[Any], facts: Any, past: Past[Any]) -> tuple[Judged, ...]:  # noqa: ANN401 - the check's own Facts
    """Return the verdicts of every rule of a check on facts."""
    return tuple(
        Judged(rule.code, verdict)
        for rule in check.rules
        for verdict in _evaluate(rule, facts, past)
    )


def judge_failure(check: Check[Any], failure: Failure) -> tuple[Judged, ...]:
    """Return the verdicts of a check that gave no facts: not run, or nothing there to judge."""
    if failure.reason is Reason.NOT_APPLICABLE:
        verdict = Verdict("", State.NOT_APPLICABLE, message=reason(failure), failure=failure)
    else:
        verdict = not_run("", failure)
    return tuple(Judged(rule.code, verdict) for rule in check.rules)


def attempt(name: str, call: Callable[[], Value]) -> Value | Failure:
    """Return what `call` gives, or the failure of whatever it raises.

    Rules, measures and derived facts are the product's or a plug-in's code on a customer's data:
    whatever one raises is shown as not run, and the others go on. The one catch-all here.
    """
    try:
        return call()
    except Exception as error:
        logger.exception("%s failed", name)
        return Failure(Reason.ERROR, name, f"{type(error).__name__}: {error}"[:2000])


def _evaluate(rule: Rule[Any, Any], facts: Any, past: Past[Any]) -> list[Verdict]:  # noqa: ANN401 - as above
    verdicts = attempt(rule.code, lambda: list(rule.evaluate(facts, thresholds(rule), past)))
    if isinstance(verdicts, Failure):
        return [not_run("", verdicts)]
    if not verdicts:
        return [
            Verdict(
                "",
                State.NOT_APPLICABLE,
                message=Text("没有可检查的对象", "there is nothing for it to judge"),
            )
        ]
    return [_once(verdict, verdicts, index) for index, verdict in enumerate(verdicts)]


def _once(verdict: Verdict, verdicts: list[Verdict], index: int) -> Verdict:
    """Number objects that a rule named twice, so that none hides another."""
    twins = sum(1 for other in verdicts[:index] if other.object == verdict.object)
    name = f"{verdict.object} #{twins + 1}" if twins else verdict.object
    return Verdict(
        name[:500],
        verdict.state,
        verdict.current,
        verdict.reference,
        verdict.message,
        verdict.failure,
    )
