"""A small catalogue: rules whose verdicts a test can steer by their facts."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import Annotated

from checks.api import (
    Arrival,
    Chapter,
    Check,
    Measure,
    Past,
    Rule,
    Struct,
    Text,
    Thresholds,
    Verdict,
    critical,
    limit,
    not_run,
    ok,
    warning,
)
from checks.discovery import Catalogue
from wire.messages import Failure, Reason


class Facts(Struct, frozen=True):
    loads: dict[str, float]


class NoThresholds(Thresholds, frozen=True):
    pass


class LoadThresholds(Thresholds, frozen=True):
    warning: Annotated[float, limit("%", "OWN")] = 80
    critical: Annotated[float, limit("%", "OWN")] = 90


class PastFacts(Struct, frozen=True):
    number: int


class RunFacts(Struct, frozen=True):
    planned: int
    observed: int


def number(value: object) -> Text:
    return Text.same(str(value))


def load(facts: Facts, thresholds: LoadThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    for name, value in facts.loads.items():
        if value >= thresholds.critical:
            yield critical(name, number(value), number(90), Text("过高", "too high"))
        elif value >= thresholds.warning:
            yield warning(name, number(value), number(80), Text("偏高", "high"))
        elif value < 0:
            yield not_run(name, Failure(Reason.ERROR, name))
        else:
            yield ok(name, number(value), number(80))


def broken(facts: Facts, thresholds: NoThresholds, past: Past[Facts]) -> Iterator[Verdict]:
    raise ZeroDivisionError("a rule with a defect")
    yield


def difference(
    facts: PastFacts, thresholds: NoThresholds, past: Past[PastFacts]
) -> Iterator[Verdict]:
    before = past.previous.number if past.previous else None
    series = [point.value for point in past.series("number", "")]
    text = f"{before}→{facts.number} {past.elapsed_seconds} {past.same_boot} {series}"
    yield ok("", number(text), number(""))


def run(facts: RunFacts, thresholds: NoThresholds, past: Past[RunFacts]) -> Iterator[Verdict]:
    yield ok("", number(f"{facts.observed}/{facts.planned}"), number(""))


def derive(arrival: Arrival) -> RunFacts:
    return RunFacts(len(arrival.inspection.planned), len(arrival.observations))


def rule(
    code: str,
    evaluate: object,
    priority: int = 1,
    thresholds: type[Thresholds] = NoThresholds,
) -> Rule:  # type: ignore[type-arg]
    text = Text("说明。", "Text.")
    return Rule(code, text, text, text, priority, thresholds, evaluate)  # type: ignore[arg-type]


def no_probe(_host: object) -> Facts:
    raise AssertionError("the collector runs no probe")


LOAD = Check(
    title=Text("负载", "Load"),
    chapter=Chapter.HOST,
    facts=Facts,
    probe=no_probe,
    rules=(
        rule("T-LOAD-001", load, thresholds=LoadThresholds),
        rule("T-LOAD-002", broken, priority=2),
    ),
    reads=(),
    measures=lambda facts: (Measure("load", name, value) for name, value in facts.loads.items()),
)
NUMBER = Check(
    title=Text("数", "Number"),
    chapter=Chapter.SECURITY,
    facts=PastFacts,
    probe=no_probe,  # type: ignore[arg-type]
    rules=(rule("T-NUM-001", difference),),
    reads=(),
    measures=lambda facts: iter([Measure("number", "", facts.number)]),
)
RUN = Check(
    title=Text("运行", "Run"),
    chapter=Chapter.AGENT,
    facts=RunFacts,
    derive=derive,
    rules=(rule("T-RUN-001", run),),
    reads=(),
)
CATALOGUE = Catalogue(
    MappingProxyType({"agent.run": RUN, "sample.load": LOAD, "sample.number": NUMBER}), ()
)
