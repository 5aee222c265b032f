"""Worse facts of Oracle never give a better state, and the worst tier has no end."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from checks.api import Past, Point, Rule, State
from checks.databases import Engine, Instance
from checks.oracle import (
    _account_facts,
    _instance_facts,
    _space_facts,
    accounts,
    archiving,
    asm,
    data_guard,
    instance,
    jobs,
    memory,
    objects,
    redo,
    sessions,
    tablespaces,
)
from tests.worse import NOW, assert_never_better, assert_worst_has_no_bound, state_of


def rule(module: Any, code: str) -> Rule[Any, Any]:
    return next(each for each in module.CHECK.rules if each.code == code)


def spaces(percent: float) -> _space_facts.Facts:
    return _space_facts.Facts(spaces=(_space_facts.SpaceRow("ERP", percent, 100),))


def temporary(percent: float) -> _space_facts.Facts:
    return _space_facts.Facts(spaces=(), temporary=(_space_facts.SpaceRow("TEMP", percent, 100),))


def area(percent: float) -> archiving.Facts:
    return archiving.Facts(
        mode=archiving.ModeRow("ARCHIVELOG", "PRIMARY"),
        areas=(archiving.AreaRow("+FRA", 100, percent, 0),),
        destinations=(),
    )


def processes(percent: float) -> sessions.Facts:
    row = sessions.LimitRow("processes", int(percent), int(percent), "100")
    return sessions.Facts(limits=(row,), blocked=())


def waiting(seconds: float) -> sessions.Facts:
    return sessions.Facts(limits=(), blocked=(sessions.BlockedRow(1, 2, seconds),))


def switching(times: float) -> redo.Facts:
    return redo.Facts((redo.HourRow(1, "2026-11-21 02", int(times)),), (), ())


def lagging(seconds: float) -> data_guard.Facts:
    return data_guard.Facts("PHYSICAL STANDBY", (data_guard.Lag("apply lag", seconds),))


def disk_group(percent: float) -> asm.Facts:
    return asm.Facts((asm.GroupRow("DATA", "CONNECTED", "EXTERN", 100, 100 - percent),))


def old_statistics(days: float) -> jobs.Facts:
    return jobs.Facts((), (), (jobs.StatisticsRow("ENABLED", days),))


def misses(percent: float) -> memory.Facts:
    counters = memory.CounterRow(100_000, 1_000 * percent, 100, 1)
    return memory.Facts(counters, memory.LibraryRow(100_000, 100_000))


def expired(days_over: float) -> _account_facts.Facts:
    row = _account_facts.AccountRow("ERP", "OPEN", "DEFAULT", 10 - days_over)
    return _account_facts.Facts(accounts=(row,), default_passwords=(), powerful=())


RULES: list[tuple[Rule[Any, Any], Callable[[float], Any], list[float]]] = [
    (rule(tablespaces, "ORA-002"), spaces, [10, 84.9, 85, 94.9, 95, 100, 1000]),
    (rule(tablespaces, "ORA-004"), temporary, [0, 84.9, 85, 95, 100, 200]),
    (rule(archiving, "ORA-005"), area, [0, 79, 80, 90, 100, 150]),
    (rule(sessions, "ORA-009"), processes, [0, 79, 80, 95, 100, 120]),
    (rule(sessions, "ORA-010"), waiting, [1, 59, 60, 120, 1e9]),
    (rule(redo, "ORA-013"), switching, [1, 5, 6, 60, 100_000]),
    (rule(accounts, "ORA-014"), expired, [0, 3, 7, 10, 1e6]),
    (rule(data_guard, "ORA-015"), lagging, [-5, 0, 3600, 7200, 1e9]),
    (rule(asm, "ORA-017"), disk_group, [0, 84, 85, 95, 100]),
    (rule(memory, "ORA-020"), misses, [0, 4.9, 5, 10, 99]),
    (rule(jobs, "ORA-021"), old_statistics, [0, 8, 8.1, 1e6]),
]


@pytest.mark.parametrize(
    ("judging", "facts_of", "values"), RULES, ids=lambda it: getattr(it, "code", "")
)
def test_worse_is_never_better(
    judging: Rule[Any, Any], facts_of: Callable[[float], Any], values: list[float]
) -> None:
    for better, worse in pairwise(values):
        assert_never_better(judging, facts_of, better, worse)
    assert state_of(judging, facts_of(values[0])) is State.OK
    assert_worst_has_no_bound(judging, facts_of, values[-1:])


def test_more_invalid_objects_are_never_better() -> None:
    def facts(number: float) -> objects.Facts:
        return objects.Facts((objects.InvalidRow("ERP", "VIEW", int(number)),), ())

    for better, worse in ((0, 19), (19, 20), (20, 10**9)):
        assert_never_better(rule(objects, "ORA-012"), facts, better, worse)


def test_the_nearer_the_end_the_worse() -> None:
    def state(growth: float) -> State:
        series = [Point(NOW - timedelta(days=20 - day), day * growth) for day in range(21)]
        past: Past[Any] = Past(NOW, series=lambda _measure, _object: series)
        return state_of(rule(tablespaces, "ORA-003"), spaces(0), past=past)

    # 100 bytes are left.
    assert [state(growth) for growth in (0, 0.01, 1.5, 2.0, 5.0, 1e9)] == [
        State.OK,
        State.OK,
        State.WARNING,
        State.WARNING,
        State.CRITICAL,
        State.CRITICAL,
    ]


def test_later_days_and_older_updates_are_never_better() -> None:
    def release(update: float) -> _instance_facts.Facts:
        server = Instance(Engine.ORACLE, f"19.{30 - int(update)}.0.0.0", "", 0.0)
        row = _instance_facts.InstanceRow(
            "erp", "OPEN", "ALLOWED", 1, "ERP", "READ WRITE", "PRIMARY"
        )
        return _instance_facts.Facts(server=server, instance=row)

    judging = rule(instance, "ORA-016")
    for better in range(29):
        assert_never_better(judging, release, better, better + 1, object="release_update")
    found = [
        state_of(judging, release(0), "support", Past(NOW + timedelta(days=more)))
        for more in (0, 1000, 1200, 9999)
    ]
    assert found == [State.OK, State.WARNING, State.CRITICAL, State.CRITICAL]
