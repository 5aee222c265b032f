"""Verdicts a second on one core: the real rules of the real catalogue on a server's facts.

First judging alone: facts decoded, a year of daily points behind each series, the previous facts
known. Then the whole path of a batch: opened, judged with the history read from SQLite, recorded
durably.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import func, select

from bench.figures import Figure, Origin, Peer
from bench.server import SERVERS, Server, boot_id, moment
from bench.year import deliver, enrolled, inspection, observations, write_year
from checks.api import Arrival, Check, Past, Point, Rule
from checks.discovery import Catalogue, discover
from collector.assessment.judging import judge
from collector.assessment.models import StoredVerdict
from collector.assessment.service import assess_pending

BUDGET_VERDICTS_A_SECOND = 20_000

_CHECKMK = Peer("Checkmk, checks/s on a Core i7", (10_000,), Origin.PUBLISHED)


@dataclass(frozen=True)
class Case:
    """What one check is judged on."""

    check_id: str
    check: Check[Any]
    facts: Any
    past: Past[Any]


def measure(*, tiny: bool = False) -> list[Figure]:
    """Return verdicts a CPU second, for judging alone and for the whole path."""
    catalogue = discover()
    cases = list(_cases(catalogue, days=15 if tiny else 365))
    runs = tuple(_judged_a_second(cases, 0.05 if tiny else 1.0) for _ in range(1 if tiny else 5))
    verdicts = _judge_all(cases)
    note = (
        f"{len(cases)} checks of {len(SERVERS)} servers give {verdicts} verdicts, one process, by "
        "CPU time; a year of daily points behind each series. Most time: "
        f"{_dominant(cases, 1 if tiny else 20)}."
    )
    figures = [
        Figure(
            "verdicts a second a core, judging",
            runs,
            "/s",
            BUDGET_VERDICTS_A_SECOND,
            lower_is_better=False,
            note=note,
            peers=(_CHECKMK,),
        )
    ]
    return figures + _whole_path(catalogue, weeks=2 if tiny else 52, batches=1 if tiny else 5)


def _cases(catalogue: Catalogue, days: int) -> Iterator[Case]:
    for server in SERVERS:
        series: dict[tuple[str, str, str], list[Point]] = {}
        for day in range(days - 1):
            for check_id, check, facts in _decoded(catalogue, server, day):
                for measure in check.measures(facts):
                    key = (check_id, measure.name, measure.object)
                    point = Point(moment(server, day), float(measure.value))
                    series.setdefault(key, []).append(point)
        before = {check_id: facts for check_id, _, facts in _decoded(catalogue, server, days - 2)}
        for check_id, check, facts in _decoded(catalogue, server, days - 1):
            past = _past(server, days - 1, check_id, before[check_id], series)
            yield Case(check_id, check, facts, past)


def _decoded(
    catalogue: Catalogue, server: Server, day: int
) -> Iterator[tuple[str, Check[Any], Any]]:
    """Yield the facts of each check on a day, derived ones too."""
    read = observations(server, day)
    for each in read:
        check = catalogue.checks[each.check]
        assert isinstance(each.facts, msgspec.Raw)
        yield each.check, check, check.decoder.decode(each.facts)
    for check_id, check in catalogue.checks.items():
        if check.derive is not None:
            yield check_id, check, check.derive(Arrival(inspection(server, day, read), read))


def _past(
    server: Server,
    day: int,
    check_id: str,
    previous: Any,  # noqa: ANN401 - the check's own Facts
    series: dict[tuple[str, str, str], list[Point]],
) -> Past[Any]:
    def known(measure: str, name: str) -> Sequence[Point]:
        return series.get((check_id, measure, name), ())

    return Past(
        observed_at=moment(server, day),
        previous=previous,
        elapsed_seconds=86400.0,
        same_boot=boot_id(server, day) == boot_id(server, day - 1),
        series=known,
    )


def _judge_all(cases: Sequence[Case]) -> int:
    return sum(len(judge(case.check, case.facts, case.past)) for case in cases)


def _judged_a_second(cases: Sequence[Case], least_seconds: float) -> float:
    _judge_all(cases)
    verdicts, began = 0, time.process_time()
    while (taken := time.process_time() - began) < least_seconds:
        verdicts += _judge_all(cases)
    return verdicts / taken


def _dominant(cases: Sequence[Case], times: int) -> str:
    """Return which rules take most of the time, in words."""
    taken: dict[str, float] = {}
    for case in cases:
        for rule in case.check.rules:
            taken[rule.code] = taken.get(rule.code, 0) + _seconds(case, rule, times)
    whole = sum(taken.values())
    first = sorted(taken, key=lambda code: -taken[code])[:4]
    return ", ".join(f"{code} {100 * taken[code] / whole:.0f} %" for code in first)


def _seconds(case: Case, rule: Rule[Any, Any], times: int) -> float:
    thresholds = rule.thresholds()
    began = time.perf_counter()
    for _ in range(times):
        list(rule.evaluate(case.facts, thresholds, case.past))
    return time.perf_counter() - began


def _whole_path(catalogue: Catalogue, weeks: int, batches: int) -> list[Figure]:
    """Assess the last batches of a year on SQLite, and return what each took."""
    days = range(0, 7 * weeks, 7)
    with tempfile.TemporaryDirectory(prefix="xunjian-bench-") as folder:
        database = write_year(Path(folder), catalogue, dict.fromkeys(SERVERS, days))
        agents = enrolled(database, Path(folder))
        seconds = []
        for day in range(days[-1] + 1, days[-1] + 1 + batches):
            deliver(database, agents, day)
            began = time.process_time()
            assessed = assess_pending(database, catalogue)
            seconds.append((time.process_time() - began) / assessed)
        with database.reading() as session:
            newest = session.scalar(select(func.count()).select_from(StoredVerdict)) or 0
        database.close()
    verdicts = newest / len(SERVERS)
    note = (
        f"The whole path: a batch opened, judged with its history from SQLite, recorded durably; "
        f"{verdicts:.0f} verdicts a batch, {weeks} weekly inspections of each server before."
    )
    return [
        Figure(
            "verdicts a second a core, whole path",
            tuple(verdicts / each for each in seconds),
            "/s",
            lower_is_better=False,
            note=note,
        ),
        Figure(
            "one batch assessed, whole path: CPU",
            tuple(1000 * each for each in seconds),
            "ms",
            note=note,
        ),
    ]
