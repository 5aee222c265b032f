"""Worse tables, indexes, sequences and counters are never judged better."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.api import Past, Point, Rule, State
from checks.databases import Engine, Instance
from checks.lifecycle import table
from checks.postgresql import (
    _bloat_facts,
    _database_counters,
    _index_facts,
    _size_facts,
    _table_facts,
    bloat,
    checkpoints,
    extensions,
    files,
    growth,
    indexes,
    sequences,
    statistics,
    tables,
    versions,
)
from checks.postgresql._each_database import Part, Parts
from checks.postgresql._extension_facts import Collation, Inside
from checks.postgresql._extension_facts import Facts as ExtensionFacts
from checks.postgresql._lifecycle import cycle_and_minor, entry_of, minors_behind
from tests.worse import NOW, assert_never_better, assert_worst_has_no_bound, state_of

GIB = 2**30


def only(found: Any) -> Parts[Any]:
    return Parts((Part("erp", (found,)),))


def tended(**given: Any) -> _table_facts.Facts:
    settings = _table_facts.Settings("on", "on", False, 10**8)
    row = {
        "schema": "public",
        "name": "bill",
        "size_bytes": GIB,
        "live_rows": 100_000,
        "dead_rows": 0,
        "changed_rows": 0,
        "vacuum_seconds": 0,
        "analyze_seconds": 0,
        "autovacuum_off": False,
        "matching": 1,
    }
    return _table_facts.Facts(settings, only(_table_facts.Table(**row | given)))


def counted(**given: Any) -> _database_counters.Facts:
    row = {
        "name": "erp",
        "commits": 10**6,
        "rollbacks": 0,
        "blocks_read": 0,
        "blocks_hit": 10**6,
        "temp_files": 0,
        "temp_bytes": 0,
        "deadlocks": 0,
        "checksum_failures": 0,
        "counted_seconds": 86400,
    }
    return _database_counters.Facts((_database_counters.Counters(**row | given),), True, True)


def estimated(wasted: float) -> _bloat_facts.Facts:
    size = int(wasted) + GIB
    return _bloat_facts.Facts(
        only(_bloat_facts.Estimate("table", "public", "bill", size, True, needed_bytes=GIB))
    )


def volume(used: float) -> _size_facts.Facts:
    total = 10**12
    free = max(0, int(total * (1 - used / 100)))
    room = _size_facts.Volume("pg_default", "/data", total, free)
    return _size_facts.Facts((), (), Parts(()), True, (room,))


def sequence(used: float) -> sequences.Facts:
    return sequences.Facts(
        only(sequences.Sequence("public", "no", True, False, 1, 1, 0, used_percent=used))
    )


def invalid(number: float) -> _index_facts.Facts:
    one = _index_facts.Invalid("public", "bill", "bill_no", False, False, False)
    return _index_facts.Facts(only(_index_facts.Indexes((one,) * int(number), (), 10**7)))


def collations(number: float) -> ExtensionFacts:
    return ExtensionFacts(only(Inside((), (Collation("", "1", "2"),) * int(number))), True)


def rule(module: Any, code: str) -> Rule[Any, Any]:
    return next(each for each in module.CHECK.rules if each.code == code)


CASES: dict[str, tuple[Rule[Any, Any], Callable[[float], Any], tuple[float, ...]]] = {
    "dead rows": (
        rule(tables, "PG-018"),
        lambda value: tended(dead_rows=int(value)),
        (10**5, 10**9, 10**15),
    ),
    "stale statistics": (
        rule(tables, "PG-018"),
        lambda value: tended(changed_rows=10**6, analyze_seconds=int(value)),
        (14 * 86400, 10**8, 10**12),
    ),
    "bloat": (rule(bloat, "PG-016"), estimated, (5 * GIB, 10**13, 10**15)),
    "sequences": (rule(sequences, "PG-021"), sequence, (95, 100, 10**6)),
    "invalid indexes": (rule(indexes, "PG-019"), invalid, (1, 2, 50)),
    "checksums": (
        rule(statistics, "PG-022"),
        lambda value: counted(checksum_failures=int(value)),
        (1, 10**6, 10**12),
    ),
    "deadlocks": (
        rule(statistics, "PG-024"),
        lambda value: counted(deadlocks=int(value)),
        (100, 10**6, 10**12),
    ),
    "temporary files": (
        rule(statistics, "PG-025"),
        lambda value: counted(temp_bytes=int(value)),
        (50 * GIB, 10**14, 10**17),
    ),
    "cache": (
        rule(statistics, "PG-026"),
        lambda value: counted(blocks_read=int(value)),
        (10**6, 10**9, 10**15),
    ),
    "backup_label": (
        rule(files, "PG-034"),
        lambda value: files.Facts(True, True, int(value)),
        (86400, 10**8, 10**12),
    ),
    "volumes": (rule(growth, "PG-035"), volume, (98, 99.9, 100)),
    "collations": (rule(extensions, "PG-037"), collations, (1, 2, 100)),
}
MOST = {"volumes": 100.0, "invalid indexes": 20.0, "collations": 20.0}


@pytest.mark.parametrize("name", CASES)
def test_worse_is_never_better_and_the_worst_has_no_bound(name: str) -> None:
    judged, facts_of, worst = CASES[name]

    @given(st.lists(st.floats(0, MOST.get(name, 10**14)), min_size=2, max_size=2))
    def never_better(values: list[float]) -> None:
        assert_never_better(judged, facts_of, min(values), max(values))

    never_better()
    assert_worst_has_no_bound(judged, facts_of, worst)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_requested_checkpoints_are_never_better(timed: int, one: int, other: int) -> None:
    def facts_of(requested: float) -> checkpoints.Facts:
        return checkpoints.Facts(timed, int(requested), 86400, "1GB", "5min", False)

    assert_never_better(rule(checkpoints, "PG-027"), facts_of, min(one, other), max(one, other))


@given(st.integers(0, 40), st.integers(0, 40))
def test_an_older_minor_release_is_never_better(one: int, other: int) -> None:
    def facts_of(behind: float) -> Instance:
        return Instance(Engine.POSTGRESQL, f"15.{40 - int(behind)}", "", 0.1)

    assert_never_better(rule(versions, "PG-029"), facts_of, min(one, other), max(one, other))


def test_every_major_version_since_9_6_is_in_the_table() -> None:
    known = {entry.cycle for entry in table().entries if entry.product == "postgresql"}
    assert known == {"9.6", *map(str, range(10, 19))}
    for cycle in known:
        entry = entry_of(f"{cycle}.1")
        assert entry is not None
        assert entry.latest_released is not None
        assert cycle_and_minor(entry.latest)[0] == cycle
        assert minors_behind(entry.latest, entry) == 0


def test_older_major_versions_end_earlier() -> None:
    states = [
        state_of(rule(versions, "PG-030"), Instance(Engine.POSTGRESQL, f"{major}.1", "", 0.1))
        for major in range(18, 9, -1)
    ]
    order = (State.OK, State.WARNING, State.CRITICAL)
    assert sorted(states, key=order.index) == states
    assert states[-1] is State.CRITICAL


@pytest.mark.parametrize("days", [14, 30, 60])
def test_growth_is_judged_by_the_month_however_long_it_was_watched(days: int) -> None:
    judged = rule(growth, "PG-035")

    def state(percent_a_month: float) -> State:
        now = 100 * GIB
        before = now / (1 + percent_a_month / 100 * days / 30)
        points = (Point(NOW - timedelta(days=days), before), Point(NOW, now))
        facts = _size_facts.Facts((_size_facts.DatabaseSize("erp", now),), (), Parts(()), False)
        return state_of(judged, facts, "erp", Past(NOW, series=lambda *_: points))

    assert state(-10) is State.OK
    assert state(19) is State.OK
    assert state(21) is State.WARNING
    assert state(10**6) is State.WARNING
