"""Worse facts never give a better state, for every rule of PostgreSQL with thresholds."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.api import Rule
from checks.databases import Engine, Instance
from checks.postgresql import (
    _age_facts,
    _archiving_facts,
    _replication_facts,
    _session_facts,
    archiving,
    connections,
    instance,
    replication,
    roles,
    sessions,
    slots,
    wraparound,
)
from tests.worse import assert_never_better, assert_worst_has_no_bound

STARTED = datetime(2026, 11, 1, tzinfo=UTC)
GIBIBYTE = 2**30


def rule(check: Any, code: str) -> Rule[Any, Any]:
    return next(rule for rule in check.CHECK.rules if rule.code == code)


def login(value: float) -> Any:
    asked = Instance(Engine.POSTGRESQL, "15.18", "PostgreSQL 15.18", value)
    return instance.Facts(asked, standby=False, started_at=STARTED, up_seconds=1)


def in_use(value: float) -> Any:
    return connections.Facts(100, 3, int(value), None, (), ())


def of_a_role(value: float) -> Any:
    return connections.Facts(100, 3, 1, None, (connections.Limited("ROLE a", 97, int(value)),), ())


def session(state: str, value: float) -> Any:
    found = _session_facts.Session(1, "erp", "app", "u8", "", state, value, value, value)
    return _session_facts.Facts(None, (found,), False, (), ())


def idle(value: float) -> Any:
    return session("idle in transaction", value)


def active(value: float) -> Any:
    return session("active", value)


def prepared(value: float) -> Any:
    found = _session_facts.Prepared("a", "erp", "app", value)
    return _session_facts.Facts(None, (), True, (found,), ())


def blocked(value: float) -> Any:
    found = _session_facts.Blocked(1, "erp", "app", "u8", value, 2, "app", "u8", "active")
    return _session_facts.Facts(None, (), False, (), (found,))


def age(value: float, *, autovacuum: bool = True) -> Any:
    ages = _age_facts.Ages("erp", int(value), 0)
    return _age_facts.Facts((ages,), 200_000_000, 400_000_000, autovacuum)


def age_without_autovacuum(value: float) -> Any:
    return age(value, autovacuum=False)


def multixacts(value: float) -> Any:
    ages = _age_facts.Ages("erp", 0, int(value))
    return _age_facts.Facts((ages,), 200_000_000, 400_000_000, autovacuum=True)


def wal(waiting: float = 0, held: float = 0) -> Any:
    return _archiving_facts.Facts(
        standby=False,
        mode="on",
        wal_level="replica",
        command="set",
        archiver=(_archiving_facts.Archiver(1, 0, None, 1.0, None),),
        waiting_files=int(waiting),
        waiting_seconds=None,
        receivers=0,
        wal_bytes=int(held),
        allowed_bytes=GIBIBYTE,
    )


def held(value: float) -> Any:
    return wal(held=value)


def follower(seconds: float, held_bytes: float) -> Any:
    found = _replication_facts.Standby("a", "", "streaming", "async", held_bytes, seconds)
    return _replication_facts.Facts(False, False, (found,), (), ())


def late(value: float) -> Any:
    return follower(value, 0)


def far(value: float) -> Any:
    return follower(0, value)


def standby(value: float) -> Any:
    replay = _replication_facts.Replay(False, False, value, 0, True)
    return _replication_facts.Facts(True, False, (), (replay,), ("streaming",))


def slot(value: float) -> Any:
    return slots.Facts((slots.Slot("a", "physical", "", True, value),))


def expires(value: float) -> Any:
    """Take days since a moment 100 days before the end: more is worse."""
    return roles.Facts((roles.Role("a", False, (100 - value) * 86400),), "scram-sha-256", ())


CASES: list[tuple[Any, str, Callable[[float], Any], float]] = [
    (instance, "PG-001", login, 5),
    (connections, "PG-002", in_use, 88),
    (connections, "PG-002", of_a_role, 88),
    (wraparound, "PG-003", age, 1_400_000_000),
    (wraparound, "PG-004", age, 220_000_000),
    (wraparound, "PG-004", age_without_autovacuum, 190_000_000),
    (wraparound, "PG-004", multixacts, 440_000_000),
    (archiving, "PG-005", wal, 15),
    (archiving, "PG-007", held, 4 * GIBIBYTE),
    (replication, "PG-008", late, 1800),
    (replication, "PG-008", far, 16 * GIBIBYTE),
    (replication, "PG-008", standby, 1800),
    (slots, "PG-009", slot, 20 * GIBIBYTE),
    (sessions, "PG-012", idle, 3600),
    (sessions, "PG-013", active, 3600),
    (sessions, "PG-014", prepared, 3600),
    (sessions, "PG-015", blocked, 120),
    (roles, "PG-032", expires, 97),
]
NAMES = [f"{code} {facts_of.__name__}" for _, code, facts_of, _ in CASES]


@pytest.mark.parametrize(("check", "code", "facts_of", "worst"), CASES, ids=NAMES)
@given(data=st.data())
def test_worse_facts_are_never_judged_better(
    check: Any, code: str, facts_of: Callable[[float], Any], worst: float, data: st.DataObject
) -> None:
    values = st.floats(0, worst * 3)
    better, worse = sorted((data.draw(values), data.draw(values)))
    assert_never_better(rule(check, code), facts_of, better, worse)


@pytest.mark.parametrize(("check", "code", "facts_of", "worst"), CASES, ids=NAMES)
def test_the_worst_tier_has_no_upper_bound(
    check: Any, code: str, facts_of: Callable[[float], Any], worst: float
) -> None:
    values = (worst, worst * 1.5, worst * 10, worst * 1000, worst * 1_000_000)
    assert_worst_has_no_bound(rule(check, code), facts_of, values)
