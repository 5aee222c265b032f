"""Judge one observation: its rules, one after the other, none able to stop the others."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from checks.api import Check, Failure, Past, Rule, State, Text, Thresholds, Verdict, not_run
from checks.wording import reason
from collector.assessment.naming import bounded
from collector.policy.layers import DEFAULT, Layer, Override, Policy
from wire.messages import Reason

logger = logging.getLogger(__name__)
Value = TypeVar("Value")


@dataclass(frozen=True)
class Judged:
    """One verdict and the rule that it is of."""

    code: str
    verdict: Verdict


_CAN_BE_WAIVED = frozenset({State.INFO, State.WARNING, State.CRITICAL, State.NOT_RUN})
_WAIVED = Text(
    "{why}（批准：{person}，有效期至：{until}）", "{why} (approved by {person}, until {until})"
)
MOST_OBJECTS = 1000
"""That one rule judges in one observation. Own figure: a hundred times what a large host has, and
a hostile one is judged within a second."""
MOST_MEASURES = 5000
"""Of one observation."""


def at_most(count: int, values: Iterable[Value]) -> list[Value]:
    """Return the values. Raise ValueError for more than `count`, without looking at the rest."""
    taken = list(islice(values, count + 1))
    if len(taken) > count:
        raise ValueError(f"more than {count} objects")
    return taken


def judge(
    check: Check[Any],
    facts: Any,  # noqa: ANN401 - the check's own Facts
    past: Past[Any],
    policy: Policy = DEFAULT,
    target: str = "",
) -> tuple[Judged, ...]:
    """Return the verdicts of every rule of a check on facts, by the policy of the host."""
    return tuple(
        Judged(rule.code, verdict)
        for rule in check.rules
        for verdict in _by_policy(rule, facts, past, policy, target)
    )


def judge_failure(
    check: Check[Any], failure: Failure, policy: Policy = DEFAULT, target: str = ""
) -> tuple[Judged, ...]:
    """Return the verdicts of a check that gave no facts: not run, or nothing there to judge."""
    if failure.reason is Reason.NOT_APPLICABLE:
        verdict = Verdict("", State.NOT_APPLICABLE, message=reason(failure), failure=failure)
    else:
        verdict = not_run("", failure)
    return tuple(
        Judged(rule.code, _waived(verdict, policy.of(rule.code), target)) for rule in check.rules
    )


def attempt(name: str, call: Callable[[], Value]) -> Value | Failure:
    """Return what `call` gives, or the failure of whatever it raises.

    Rules, measures and derived facts are the product's or a plug-in's code on a customer's data:
    whatever one raises is shown as not run, and the others go on. The one catch-all here.
    Raise SQLAlchemyError as it is.
    """
    try:
        return call()
    except SQLAlchemyError:
        # The past is read while a rule asks for it: a database that went away is no verdict.
        raise
    except Exception as error:
        logger.exception("%s failed", name)
        return Failure(Reason.ERROR, name, f"{type(error).__name__}: {error}"[:2000])


def _by_policy(
    rule: Rule[Any, Any],
    facts: Any,  # noqa: ANN401 - as above
    past: Past[Any],
    policy: Policy,
    target: str,
) -> list[Verdict]:
    """Judge by the host's thresholds, then again for the objects that have their own."""
    verdicts = _evaluate(rule, facts, policy.thresholds(rule), past)
    decisions = policy.of(rule.code)
    for each in decisions:
        if each.layer is Layer.OBJECT and each.thresholds:
            again = _evaluate(rule, facts, policy.thresholds(rule, each), past)
            kept = [verdict for verdict in verdicts if not each.fits(target, verdict.object)]
            verdicts = kept + [verdict for verdict in again if each.fits(target, verdict.object)]
    return [_waived(verdict, decisions, target) for verdict in verdicts]


def _waived(verdict: Verdict, decisions: Iterable[Override], target: str) -> Verdict:
    """Return the verdict as waived where somebody decided so; what is well stays as it is."""
    if verdict.state not in _CAN_BE_WAIVED:
        return verdict
    for each in decisions:
        if each.waived and each.fits(target, verdict.object):
            until = each.expires.isoformat() if each.expires else "-"
            said = _WAIVED.format(why=each.why, person=each.person, until=until)
            return msgspec.structs.replace(verdict, state=State.WAIVED, message=said, failure=None)
    return verdict


def _evaluate(
    rule: Rule[Any, Any],
    facts: Any,  # noqa: ANN401 - as above
    thresholds: Thresholds,
    past: Past[Any],
) -> list[Verdict]:
    verdicts = attempt(
        rule.code, lambda: at_most(MOST_OBJECTS, rule.evaluate(facts, thresholds, past))
    )
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
    return _each_once(verdicts)


def _each_once(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Number objects that a rule named twice, so that none hides another."""
    taken: set[str] = set()
    named = []
    for verdict in verdicts:
        name, twins = bounded(verdict.object), 1
        while name in taken:
            twins += 1
            name = bounded(f"{verdict.object} #{twins}")
        taken.add(name)
        named.append(msgspec.structs.replace(verdict, object=name))
    return named
