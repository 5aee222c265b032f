"""Worse facts of MySQL and MariaDB never give a better state, and the worst tier has no end."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.api import Past, Rule
from checks.databases import Engine
from checks.mysql import (
    _lifecycle,
    _waiting,
    caches,
    connections,
    durability,
    error_log,
    galera,
    instance,
    memory,
    queries,
    replication,
    tables,
    transactions,
)
from checks.mysql._innodb_status import InnodbStatus
from checks.mysql._locks import Transaction, Waiting, Waits
from checks.mysql._log_lines import Counts
from checks.mysql._memory_sizes import Sizes
from checks.mysql._replicas import Channel
from checks.mysql._table_rows import Facts as Tables
from checks.mysql._table_rows import Numbered, Schema
from checks.mysql._transaction_facts import Facts as Transactions
from tests.worse import NOW, assert_never_better, assert_worst_has_no_bound, state_of


def rule(check: Any, code: str) -> Rule[Any, Any]:
    return next(each for each in check.CHECK.rules if each.code == code)


def instance_facts(login: float = 0.01, version: str = "10.11.19") -> _lifecycle.Facts:
    return _lifecycle.Facts(Engine.MARIADB, version, version, login, 10**6, read_only=False)


def connection_facts(peak: float = 1, aborted: float = 0) -> connections.Facts:
    counters = {"connections": 10_000, "aborted_connects": int(aborted), "aborted_clients": 0}
    return connections.Facts(100, 1, int(peak), 10**6, counters)


def replica_facts(lag: float) -> replication.Facts:
    channel = Channel("", "db1:3306", "Yes", "Yes", lag, 0, 0, 0, gtid=True)
    return replication.Facts((channel,), read_only=True, super_read_only=None, galera=False)


def durability_facts(forced: float) -> durability.Facts:
    return durability.Facts(Engine.MYSQL, 1, 1, True, "ON", "crc32", int(forced), galera=False)


def memory_facts(missed: float = 0, most: float = 100) -> memory.Facts:
    return memory.Facts(
        sizes=Sizes(2**31, 2**31, 3 * 2**20, int(most)),
        peak_connections=10,
        free_pages=0,
        total_pages=100,
        uptime_seconds=10**6,
        counters={"reads": int(missed), "requests": 10_000_000},
        host_bytes=8 * 2**30,
    )


def query_facts(slow: float = 0, on_disk: float = 0) -> queries.Facts:
    counters = {"questions": 10_000, "slow": int(slow), "tables": 10_000, "on_disk": int(on_disk)}
    return queries.Facts(True, 1.0, 10**6, counters)


def cache_facts(files: float) -> caches.Facts:
    counters = {"connections": 10_000, "threads": 0}
    return caches.Facts(int(files), 1000, 10, 400, False, 10**6, counters)


def transaction_facts(
    open_for: float = 0, history: float = 0, waiting: float = 0, deadlocks: float = 0
) -> Transactions:
    return Transactions(
        oldest=(Transaction(7, open_for),),
        waits=Waits((Waiting(8, waiting),), (), ()),
        innodb=InnodbStatus(int(history), None),
        innodb_refused=None,
        uptime_seconds=864_000,
        counters={"waited": 0, "immediate": 10**6, "deadlocks": int(deadlocks)},
    )


def table_facts(next_value: float) -> Tables:
    column = Numbered("erp.bill.id", "int(11)", int(next_value), 1000)
    return Tables((Schema("erp", 1, 1, "bill", 1),), 0, 1, (column,), (), 0, 0)


def log_facts(corrupt: float) -> Counts:
    return Counts("/log", 7, 0, int(corrupt), 0, 0, 0, 1, complete=True)


def galera_facts(gone: float) -> galera.Facts:
    size = max(0, 9 - int(gone))
    return galera.Facts("erp", "Primary", size, 9, "Synced", True, True, 0.0)


CASES: tuple[tuple[Rule[Any, Any], Callable[[float], Any], str, float, float], ...] = (
    # rule, facts of a value, its object, the largest value, a value that is critical
    (instance.CONNECTING, lambda x: instance_facts(login=x), "login", 1e4, 5),
    (rule(connections, "MY-002"), lambda x: connection_facts(peak=x), "", 1e5, 90),
    (
        rule(connections, "MY-003"),
        lambda x: connection_facts(aborted=x),
        "aborted_connects",
        1e5,
        1000,
    ),
    (rule(replication, "MY-004"), replica_facts, "", 1e9, 300),
    (rule(durability, "MY-008"), durability_facts, "", 100, 1),
    (rule(memory, "MY-010"), lambda x: memory_facts(missed=x), "hits", 1e8, 1_000_000),
    (rule(memory, "MY-011"), lambda x: memory_facts(most=x), "", 1e7, 2048),
    (rule(queries, "MY-013"), lambda x: query_facts(on_disk=x), "", 1e6, 5000),
    (rule(transactions, "MY-014"), lambda x: transaction_facts(open_for=x), "longest", 1e9, 3600),
    (
        rule(transactions, "MY-014"),
        lambda x: transaction_facts(history=x),
        "history_list",
        1e12,
        1_000_000,
    ),
    (_waiting.LOCKS, lambda x: transaction_facts(waiting=x), "lock_waits", 1e9, 300),
    (rule(tables, "MY-018"), table_facts, "erp.bill.id", 1e6, 851),
    (rule(error_log, "MY-020"), log_facts, "corruption", 1e6, 1),
    (rule(caches, "MY-022"), cache_facts, "open_files", 1e6, 950),
    (rule(galera, "MY-025"), galera_facts, "size", 9, 5),
)


@pytest.mark.parametrize(
    ("judging", "facts_of", "name", "largest", "worst"),
    CASES,
    ids=[f"{case[0].code}-{case[2]}" for case in CASES],
)
def test_worse_is_never_better_and_the_worst_has_no_end(
    judging: Rule[Any, Any],
    facts_of: Callable[[float], Any],
    name: str,
    largest: float,
    worst: float,
) -> None:
    @given(st.tuples(st.floats(0, largest), st.floats(0, largest)).map(sorted))
    def never_better(pair: list[float]) -> None:
        # Of what is well some rules tell in one verdict for all.
        told = [{each.object for each in judged_of(judging, facts_of(value))} for value in pair]
        if name in told[0]:
            assert name in told[1]
            assert_never_better(judging, facts_of, pair[0], pair[1], object=name)

    never_better()
    assert name in {each.object for each in judged_of(judging, facts_of(worst))}
    values = (worst, worst + (largest - worst) / 3, largest)
    assert_worst_has_no_bound(judging, facts_of, values)


def judged_of(judging: Rule[Any, Any], facts: Any) -> list[Any]:
    return list(judging.evaluate(facts, judging.thresholds(), Past(NOW)))


@given(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(sorted))
def test_more_deadlocks_are_never_better(pair: list[int]) -> None:
    def facts(number: float) -> Transactions:
        return transaction_facts(deadlocks=number)

    assert_never_better(_waiting.LOCKS, facts, pair[0], pair[1], object="deadlocks")


@given(st.tuples(st.integers(0, 10**4), st.integers(0, 10**4)).map(sorted))
def test_more_slow_statements_are_never_better(pair: list[int]) -> None:
    def facts(number: float) -> queries.Facts:
        return query_facts(slow=number)

    assert_never_better(rule(queries, "MY-012"), facts, pair[0], pair[1], object="share")


@given(st.tuples(st.integers(0, 10**4), st.integers(0, 10**4)).map(sorted))
def test_later_is_never_better_for_a_release(pair: list[int]) -> None:
    """The older of two releases of a series is judged no better."""

    def facts(age: float) -> _lifecycle.Facts:
        return instance_facts(version=f"10.11.{10**4 - int(age)}")

    assert_never_better(_lifecycle.SUPPORT, facts, pair[0], pair[1], object="release")


def test_a_replica_that_stands_still_is_critical_whatever_its_lag() -> None:
    for lag in (None, 0.0, 5.0):
        channel = Channel("", "db1:3306", "Yes", "No", lag, 0, 0, 1062, gtid=True)
        facts = replication.Facts((channel,), True, None, galera=False)
        assert state_of(rule(replication, "MY-004"), facts).value == "critical"
