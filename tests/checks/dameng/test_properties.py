"""Worse facts of DM8 never give a better state, and the worst tier has no end."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from checks.api import Rule, State
from checks.dameng import accounts, archiving, backups, instance, memory, sessions, tablespaces
from checks.databases import Engine, Instance
from tests.worse import assert_never_better, assert_worst_has_no_bound, state_of

SERVER = Instance(Engine.DAMENG, "8", "", 0.0)
OPEN = instance.InstanceRow("DMSERVER", "OPEN", "NORMAL", 1)


def rule(module: Any, code: str) -> Rule[Any, Any]:
    return next(each for each in module.CHECK.rules if each.code == code)


def licence(days_gone: float) -> instance.Facts:
    row = instance.LicenceRow("ENT", "2027-01-01", 100 - days_gone)
    return instance.Facts(SERVER, OPEN, (row,), "x")


def backup(hours: float) -> backups.Facts:
    return backups.Facts((backups.SetRow(0, hours * 3600, 1),), ())


def space(percent: float) -> tablespaces.Facts:
    return tablespaces.Facts((tablespaces.Space("MAIN", 0, 1, percent, 100),))


def crowd(number: float) -> sessions.Facts:
    return sessions.Facts((sessions.SessionRow(int(number), 100),), (), 0, ())


def waiting(number: float) -> sessions.Facts:
    return sessions.Facts((), (sessions.WaitRow(int(number)),), 0, ())


def left_open(seconds: float) -> sessions.Facts:
    return sessions.Facts((), (), 0, (sessions.OpenRow(seconds),))


def misses(percent: float) -> memory.Facts:
    row = memory.BufferRow("NORMAL", 1000 * (100 - percent), 1000 * percent)
    return memory.Facts((row,), ())


def lagging(seconds: float) -> archiving.Facts:
    return archiving.Facts(archiving.ModeRow("Y", "STANDBY"), (), (archiving.ApplyRow(seconds),))


RULES: list[tuple[Rule[Any, Any], Callable[[float], Any], list[float]]] = [
    (rule(instance, "DM-002"), licence, [0, 10, 70, 100, 10_000]),
    (rule(backups, "DM-004"), backup, [0, 25.9, 26, 168, 1e6]),
    (rule(tablespaces, "DM-005"), space, [0, 84.9, 85, 95, 100, 1000]),
    (rule(sessions, "DM-006"), crowd, [0, 79, 80, 90, 100, 1000]),
    (rule(sessions, "DM-007"), waiting, [0, 1, 2, 5, 10**6]),
    (rule(sessions, "DM-007"), left_open, [0, 59, 60, 300, 1e9]),
    (rule(memory, "DM-008"), misses, [0, 5, 5.1, 10.1, 100]),
    (rule(archiving, "DM-012"), lagging, [0, 59, 60, 300, 1e9]),
]


@pytest.mark.parametrize(("judging", "facts_of", "values"), RULES)
def test_worse_is_never_better(
    judging: Rule[Any, Any], facts_of: Callable[[float], Any], values: list[float]
) -> None:
    for better, worse in pairwise(values):
        assert_never_better(judging, facts_of, better, worse)
    assert state_of(judging, facts_of(values[0])) is State.OK
    assert_worst_has_no_bound(judging, facts_of, values[-1:])


def test_a_weaker_policy_is_never_better() -> None:
    def facts(weaker: float) -> accounts.Facts:
        return accounts.Facts((accounts.PolicyRow(int(31 - weaker)),), (), ())

    for better, worse in ((0, 30), (30, 31)):
        assert_never_better(rule(accounts, "DM-011"), facts, better, worse)
    assert state_of(rule(accounts, "DM-011"), facts(31)) is State.CRITICAL
