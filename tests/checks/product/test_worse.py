"""Worse facts of a product never give a better state; the worst tier has no upper bound."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.api import Past, Rule, State, Text
from checks.databases import Engine
from checks.product import access, attachments, automatic_backups, licence, logs, metrics
from checks.product._books import AccountSet, Book, Facts
from checks.product._care import CARE
from checks.product._year_end import YEAR_END
from checks.product.metrics import Asked, Value
from checks.product_packs import MetricKind
from checks.products import Expiry, Fetched, FileSeen, FolderSeen, Lines
from tests.worse import NOW, assert_never_better, assert_worst_has_no_bound, state_of


def book(**changed: Any) -> Facts:
    given = {"backup_seconds": 0.0, "checked_seconds": 0.0, "size_bytes": 1, **changed}
    return Facts(
        Engine.MSSQL,
        (AccountSet("001", "x"),),
        (Book("001", "UFDATA_001", state="ONLINE", **given),),
    )


def folder(size: int = 0, age: float = 0.0, free: int = 0) -> FolderSeen:
    return FolderSeen("/f", 1, size, (FileSeen("/f/a", 1, age),), True, 1000, free)


def page(seconds: float) -> access.Facts:
    return access.Facts((), Fetched("http://a/", seconds, 200), (200,))


def ends(days: float) -> licence.Facts:
    return licence.Facts((Expiry(expires=(NOW - timedelta(days=round(days))).date()),))


def backups(seconds: float) -> automatic_backups.Facts:
    return automatic_backups.Facts("*", (automatic_backups.Looked("/f", folder(age=seconds)),))


def log_size(size: float) -> logs.Facts:
    return logs.Facts((logs.Looked("/f", folder(round(size)), lines=Lines(0, 0, True)),))


def store(used: float) -> attachments.Facts:
    return attachments.Facts(
        (attachments.Looked("/f", folder(free=1000 - min(1000, round(used)))),)
    )


def pool(value: float) -> metrics.Facts:
    asked = Asked(MetricKind.POOL, Text("池", "Pool"), "%", 80, 95, False, (Value("", value),))
    return metrics.Facts((asked,))


(BY_PAGE,) = access.CHECK.rules
(BY_LICENCE,) = licence.CHECK.rules
(BY_BACKUP,) = automatic_backups.CHECK.rules
(BY_LOG,) = logs.CHECK.rules
(BY_STORE,) = attachments.CHECK.rules
BY_POOL = metrics.CHECK.rules[0]
RULES: tuple[tuple[Rule[Any, Any], Callable[[float], Any], str | None], ...] = (
    (BY_PAGE, page, None),
    (BY_LICENCE, ends, None),
    (BY_BACKUP, backups, None),
    (BY_LOG, log_size, "/f"),
    (BY_STORE, store, None),
    (BY_POOL, pool, None),
    (CARE, lambda seconds: book(backup_seconds=seconds), None),
    (CARE, lambda seconds: book(checked_seconds=seconds), None),
)
NUMBERS = st.floats(0, 2**50)


@pytest.mark.parametrize(("rule", "facts_of", "object"), RULES)
@given(first=NUMBERS, second=NUMBERS)
def test_worse_is_never_better(
    rule: Rule[Any, Any],
    facts_of: Callable[[float], Any],
    object: str | None,
    first: float,
    second: float,
) -> None:
    if facts_of is ends:
        first, second = first % 100_000, second % 100_000
    better, worse = sorted((first, second))
    assert_never_better(rule, facts_of, better, worse, object=object)


@pytest.mark.parametrize(
    ("rule", "facts_of", "values"),
    [
        (BY_LICENCE, ends, (-15, 0, 400, 700_000)),
        (BY_BACKUP, backups, (180_000, 1e9, 1e15)),
        (CARE, lambda seconds: book(backup_seconds=seconds), (180_000, 1e9, 1e12)),
        (CARE, lambda seconds: book(checked_seconds=seconds), (1_296_000, 1e9, 1e12)),
        (BY_POOL, pool, (95, 1e6, 1e300)),
        (BY_STORE, store, (900, 950, 1000)),
    ],
)
def test_the_worst_has_no_bound(
    rule: Rule[Any, Any], facts_of: Callable[[float], Any], values: tuple[float, ...]
) -> None:
    assert_worst_has_no_bound(rule, facts_of, values)


def test_logs_beyond_all_measure_are_critical() -> None:
    for size in (20 * 2**30, 2**50):
        assert state_of(BY_LOG, log_size(size), "/f") is State.CRITICAL


@pytest.mark.parametrize(
    ("day", "years", "state"),
    [
        ((2026, 12, 15), (2026,), State.OK),
        ((2026, 12, 16), (2026,), State.WARNING),
        ((2026, 12, 31), (2026,), State.WARNING),
        ((2027, 1, 1), (2026,), State.CRITICAL),
        ((2027, 6, 1), (2025, 2026), State.CRITICAL),
        ((2026, 12, 31), (2026, 2027), State.OK),
        ((2027, 1, 1), (2026, 2027), State.OK),
        ((2027, 1, 1), (2025,), State.NOT_APPLICABLE),
        ((2027, 1, 1), (), State.NOT_APPLICABLE),
    ],
)
def test_the_next_year_is_wanted_in_december(
    day: tuple[int, int, int], years: tuple[int, ...], state: State
) -> None:
    facts = Facts(Engine.MSSQL, (AccountSet("001", "x", years),), ())
    past: Past[Facts] = Past(datetime(*day, 8, tzinfo=UTC))
    assert state_of(YEAR_END, facts, past=past) is state
