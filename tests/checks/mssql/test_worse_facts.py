"""Worse facts never give a better state, and the worst tier has no upper bound."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.api import Past, Point, Rule, State
from checks.mssql import (
    _job_facts,
    _login_facts,
    _replica_facts,
    _wait_facts,
    availability,
    error_log,
    identities,
    jobs,
    latency,
    limits,
    security,
    sessions,
    sizes,
    waits,
)
from checks.mssql._counters import increase
from tests.worse import (
    NOW,
    assert_never_better,
    assert_worst_has_no_bound,
    state_of,
)

DAY = 86400


class Case(NamedTuple):
    rule: Rule[Any, Any]
    facts_of: Callable[[float], Any]
    """Greater values are worse."""
    worst: float
    """From here on it is critical."""


def rule_of(check: Any, code: str) -> Rule[Any, Any]:
    return next(rule for rule in check.CHECK.rules if rule.code == code)


def file_of(reads: int, ms: float) -> latency.File:
    return latency.File("erp", "erp", "ROWS", reads, round(reads * ms), 0, 0)


def blocked(seconds: float) -> sessions.Facts:
    return sessions.Facts((sessions.Blocked(61, 55, seconds, "LCK_M_X", "erp"),), (), ())


def opened(seconds: float) -> sessions.Facts:
    one = sessions.Transaction(61, "erp", seconds, "sleeping", "erp", "APP1", "ERP")
    return sessions.Facts((), (), (one,))


def counted(poison: float = 0, deadlocks: int = 0, up: float = 20 * DAY) -> _wait_facts.Facts:
    return _wait_facts.Facts(up, up, (_wait_facts.Wait("THREADPOOL", 1, poison),), deadlocks)


def failed(times: float) -> _job_facts.Facts:
    job = _job_facts.Job("导入", True, True, 1, 60, 2000, round(times))
    return _job_facts.Facts("Standard", True, (job,), False, (), (), (), 1)


def refused(times: float) -> error_log.Facts:
    return error_log.Facts(30 * DAY, (), (error_log.Refused(8, round(times)),), False)


def severe(severity: float) -> error_log.Facts:
    one = error_log.Errors(5000, round(severity), 1, 60)
    return error_log.Facts(30 * DAY, (one,), (), False)


def restored(hours: float) -> _replica_facts.Facts:
    return _replica_facts.Facts((), (), (), (_replica_facts.Shipped("crm", "DB9", hours * 3600),))


def used(percent: float) -> identities.Facts:
    number = identities.Number("dbo", "voucher.id", percent)
    return identities.Facts((identities.DatabaseNumbers("erp", (number,)),), 0)


def express(share: float) -> limits.Facts:
    one = limits.DataSize("erp", round(share * 10 * 2**30 / 100))
    return limits.Facts("Express Edition", True, 10 * 2**30, False, None, (one,))


def installed(days: float) -> limits.Facts:
    return limits.Facts("Evaluation", False, 0, True, days * DAY, ())


CASES = {
    "read latency": Case(
        rule_of(latency, "MSSQL-031"),
        lambda ms: latency.Facts(10 * DAY, (file_of(10**6, ms),)),
        200,
    ),
    "poison waits": Case(rule_of(waits, "MSSQL-032"), lambda v: counted(poison=v), 24000),
    "blocking": Case(rule_of(sessions, "MSSQL-033"), blocked, 300),
    "transactions": Case(rule_of(sessions, "MSSQL-034"), opened, 3600),
    "deadlocks": Case(rule_of(waits, "MSSQL-035"), lambda v: counted(deadlocks=round(v)), 20 * 10),
    "failed runs": Case(rule_of(jobs, "MSSQL-036"), failed, 5),
    "severity": Case(rule_of(error_log, "MSSQL-038"), severe, 23),
    "refused logins": Case(rule_of(error_log, "MSSQL-039"), refused, 1000),
    "shipped logs": Case(rule_of(availability, "MSSQL-048"), restored, 48),
    "numbers used": Case(rule_of(identities, "MSSQL-049"), used, 80),
    "Express": Case(rule_of(limits, "MSSQL-053"), express, 90),
    "Evaluation": Case(rule_of(limits, "MSSQL-053"), installed, 173),
    "restarted": Case(
        rule_of(waits, "MSSQL-055"), lambda hours: counted(up=max(0, 100 - hours) * 3600), 88
    ),
}


@pytest.mark.parametrize("name", CASES)
@given(values=st.lists(st.floats(0, 10**7), min_size=2, max_size=2))
def test_worse_facts_never_give_a_better_state(name: str, values: list[float]) -> None:
    case = CASES[name]
    assert_never_better(case.rule, case.facts_of, min(values), max(values))


@pytest.mark.parametrize("name", CASES)
def test_the_worst_tier_begins_at_its_limit_and_has_no_end(name: str) -> None:
    case = CASES[name]
    beyond = [case.worst * factor for factor in (1, 2, 10, 1000)]
    assert_worst_has_no_bound(case.rule, case.facts_of, beyond)
    assert state_of(case.rule, case.facts_of(case.worst * 0.95 - 1)) is not State.CRITICAL


@given(operations=st.lists(st.integers(1, 10**7), min_size=2, max_size=2), ms=st.floats(0, 5000))
def test_more_slow_reads_are_never_better(operations: list[int], ms: float) -> None:
    def facts_of(reads: float) -> latency.Facts:
        return latency.Facts(10 * DAY, (file_of(10**8, 0), file_of(round(reads), round(ms))))

    case = rule_of(latency, "MSSQL-031")
    assert_never_better(case, facts_of, min(operations), max(operations))


@given(count=st.lists(st.integers(0, 20), min_size=2, max_size=2))
def test_more_administrators_are_never_better(count: list[int]) -> None:
    def facts_of(number: float) -> _login_facts.Facts:
        names = tuple(
            _login_facts.Administrator(f"dba{n}", "sysadmin", "SQL_LOGIN", False)
            for n in range(round(number))
        )
        return _login_facts.Facts(names, (), ())

    rule = rule_of(security, "MSSQL-042")
    assert_never_better(rule, facts_of, min(count), max(count), object="sysadmin")
    assert state_of(rule, facts_of(4), "sysadmin") is State.WARNING


@given(growth=st.lists(st.floats(0, 10**4), min_size=2, max_size=2))
def test_faster_growth_is_never_better(growth: list[float]) -> None:
    rule = rule_of(sizes, "MSSQL-057")

    def state(percent: float) -> State:
        size = 2**40
        points = (
            Point(NOW - timedelta(days=30), size / (1 + percent / 100)),
            Point(NOW, float(size)),
        )
        facts = sizes.Facts((sizes.DatabaseSize("erp", size, 0, ()),), 0)
        return state_of(rule, facts, "erp", Past(NOW, series=lambda _measure, _object: points))

    order = (State.OK, State.WARNING)
    assert order.index(state(max(growth))) >= order.index(state(min(growth)))
    assert state(20.1) is State.WARNING
    assert state(19.9) is State.OK


@pytest.mark.parametrize(
    ("value", "before", "up", "elapsed", "wanted"),
    [
        (100, None, 5000, None, (100, 5000)),
        (100, 40, 5000, 600, (60, 600)),
        (100, 140, 5000, 600, (100, 5000)),  # it fell: cleared
        (100, 40, 300, 600, (100, 300)),  # started since
        (100, 100, 5000, 600, (0, 600)),
        (100, 40, 5000, 0, (100, 5000)),
    ],
)
def test_a_counter_counts_from_the_last_inspection_or_from_the_start(
    value: float,
    before: float | None,
    up: float,
    elapsed: float | None,
    wanted: tuple[float, float],
) -> None:
    grown = increase(value, before, up, elapsed)
    assert (grown.value, grown.seconds) == wanted
