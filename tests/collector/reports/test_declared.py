"""What checks declare for the report is there: trends are drawn, facts have names, units words."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import get_args, get_origin

import msgspec
import pytest

from checks.api import Failure, Point, Struct
from checks.discovery import discover
from checks.host import inventory
from collector.policy.service import explain
from collector.reports.blocks import Chapter, Figure, Gallery
from collector.reports.chapters.inventory import FAILURE_OF, KEYS
from collector.reports.compose import compose
from collector.reports.gather import trend_rows
from collector.reports.material import TrendRow
from collector.reports.terms import UNITS
from collector.reports.words import Language
from tests.collector.reports import sample
from tests.situation import situations

CATALOGUE = discover()
TRENDS = trend_rows(CATALOGUE)
START = datetime(2026, 3, 1, tzinfo=UTC)


def figures(parts: tuple[object, ...]) -> Iterator[Figure]:
    for part in parts:
        if isinstance(part, Chapter):
            yield from figures(part.blocks)
        if isinstance(part, Gallery):
            yield from part.figures


@cache
def measured() -> dict[tuple[str, str], float]:
    """Return a value of every measure that a situation of the real checks gives."""
    found: dict[tuple[str, str], float] = {}
    ids = {id(check): check_id for check_id, check in CATALOGUE.checks.items()}
    for situation in situations():
        facts = situation.observe()
        if not isinstance(facts, Failure):
            for measure in situation.check.measures(facts):
                found[ids[id(situation.check)], measure.name] = measure.value
    return found


def named(trend: TrendRow) -> str:
    return f"{trend.check}:{trend.measure}"


def test_the_catalogue_declares_trends() -> None:
    assert {trend.check for trend in TRENDS} >= {"host.processor", "host.memory", "host.volumes"}


@pytest.mark.parametrize("trend", TRENDS, ids=named)
@pytest.mark.parametrize("language", Language)
def test_a_declared_measure_is_measured_and_drawn_with_its_title(
    trend: TrendRow, language: Language
) -> None:
    value = measured()[trend.check, trend.measure]
    points = tuple(Point(START + timedelta(days=day), value) for day in range(3))
    material = sample.small()
    series = {(trend.check, trend.measure, ""): points}
    host = replace(material.hosts[0], series=series)
    report = compose(replace(material, hosts=(host,), trends=TRENDS), language)
    (figure,) = figures(report.chapters)
    title = trend.title.zh if language is Language.CHINESE else trend.title.en
    assert figure.caption == f"{host.name}: {title}"
    limits = [line.points[0].value for line in figure.lines if line.limit]
    assert limits == [value for value in (trend.warning, trend.critical) if value is not None]
    assert bool(limits) == bool(trend.warning or trend.critical)


def paths(kind: type[Struct], prefix: str = "") -> Iterator[str]:
    """Yield the path of every fact; the columns of a table stand by their names alone."""
    for field in msgspec.structs.fields(kind):
        yield f"{prefix}{field.name}"
        parts = list(flattened(field.type))
        table = any(get_origin(part) is tuple for part in parts)
        for part in parts:
            if isinstance(part, type) and issubclass(part, Struct) and part is not Failure:
                yield from paths(part, "" if table else f"{prefix}{field.name}.")


def flattened(kind: object) -> Iterator[object]:
    yield kind
    for part in get_args(kind):
        yield from flattened(part)


@pytest.mark.parametrize("path", [*dict.fromkeys(paths(inventory.Facts))])
def test_every_fact_of_the_inventory_has_words(path: str) -> None:
    if path == "hardware":  # a group: its facts have names, it has none
        return
    assert KEYS.get(path.removesuffix(FAILURE_OF)) or path in KEYS


def test_no_words_are_left_over() -> None:
    assert {"hardware.disks", "interfaces"} <= set(paths(inventory.Facts))
    assert set(KEYS) <= set(paths(inventory.Facts))


def test_every_unit_of_a_threshold_has_words_or_is_a_sign() -> None:
    rules = [rule for check in CATALOGUE.checks.values() for rule in check.rules]
    units = {row.unit for rule in rules for row in explain(rule)}
    assert units - set(UNITS) <= {"%", "bytes"}
