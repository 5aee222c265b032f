"""A real MariaDB with settings gone bad, connections near the limit, and an error log."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from checks.api import Check, State, Verdict
from checks.errors import NotApplicable
from checks.mysql import (
    binary_log,
    connections,
    durability,
    error_log,
    galera,
    instance,
    memory,
    queries,
)
from tests import mariadb as throw_away
from tests.checks.mysql.sessions import session
from tests.databases import judged, mariadb_database


@pytest.fixture(scope="module")
def server() -> Iterator[throw_away.Server]:
    with throw_away.server(
        "--log-bin",
        "--server-id=1",
        "--max-connections=20",
        "--log-error=err.log",
        TZ="Asia/Shanghai",
    ) as running:
        yield running


def look(server: throw_away.Server, check: Check[Any], code: str, name: str = "") -> Verdict:
    with mariadb_database(server) as database:
        return judged(check, database)[code, name]


def test_connections_near_the_limit_are_seen_until_the_limit_is_raised(
    server: throw_away.Server,
) -> None:
    assert look(server, connections.CHECK, "MY-002").state is State.OK
    with ExitStack() as held:
        for _ in range(16):
            held.enter_context(session(server))
        assert look(server, connections.CHECK, "MY-002").state is State.WARNING
        held.enter_context(session(server))
        assert look(server, connections.CHECK, "MY-002").state is State.CRITICAL
    assert look(server, connections.CHECK, "MY-002").state is State.CRITICAL
    server.run("set global max_connections = 200;")
    assert look(server, connections.CHECK, "MY-002").state is State.OK


@pytest.mark.parametrize(
    ("name", "bad", "state", "good"),
    [
        ("innodb_flush_log_at_trx_commit", "0", State.CRITICAL, "1"),
        ("innodb_flush_log_at_trx_commit", "2", State.WARNING, "3"),
        ("sync_binlog", "0", State.WARNING, "1"),
    ],
)
def test_relaxed_durability_is_seen_until_it_is_set_right(
    server: throw_away.Server, name: str, bad: str, state: State, good: str
) -> None:
    server.run(f"set global {name} = {bad};")
    assert look(server, durability.CHECK, "MY-007", name).state is state
    server.run(f"set global {name} = {good};")
    assert look(server, durability.CHECK, "MY-007", name).state is State.OK


def test_the_binary_log_without_an_end_is_seen_until_it_has_one(server: throw_away.Server) -> None:
    verdict = look(server, binary_log.CHECK, "MY-006", "expiry")
    assert verdict.state is State.WARNING
    assert "1 个文件" in verdict.current.zh
    server.run("set global expire_logs_days = 7;")
    assert look(server, binary_log.CHECK, "MY-006", "expiry").state is State.OK
    server.run("set global binlog_format = 'statement';")
    assert look(server, binary_log.CHECK, "MY-006", "format").state is State.INFO
    server.run("set global binlog_format = 'row';")
    assert look(server, binary_log.CHECK, "MY-006", "format").state is State.OK


def test_a_server_without_a_binary_log_is_seen(mariadb: throw_away.Server) -> None:
    assert look(mariadb, binary_log.CHECK, "MY-006", "log_bin").state is State.WARNING
    assert look(mariadb, durability.CHECK, "MY-007", "innodb_doublewrite").state is State.CRITICAL


def test_the_slow_log_is_seen_off_and_on(server: throw_away.Server) -> None:
    assert look(server, queries.CHECK, "MY-012", "slow_query_log").state is State.WARNING
    server.run("set global slow_query_log = on; set global long_query_time = 60;")
    assert look(server, queries.CHECK, "MY-012", "slow_query_log").state is State.OK
    assert look(server, queries.CHECK, "MY-012", "long_query_time").state is State.WARNING
    server.run("set global long_query_time = 2;")
    assert look(server, queries.CHECK, "MY-012", "long_query_time").state is State.OK
    assert look(server, queries.CHECK, "MY-012", "share").state is State.NOT_APPLICABLE


def test_settings_beyond_the_hosts_memory_are_seen(server: throw_away.Server) -> None:
    assert look(server, memory.CHECK, "MY-011").state is State.OK
    server.run("set global sort_buffer_size = 4294967296;")
    try:
        assert look(server, memory.CHECK, "MY-011").state is State.CRITICAL
    finally:
        server.run("set global sort_buffer_size = 2097152;")


def test_a_new_server_says_its_release_and_that_it_has_just_started(
    server: throw_away.Server,
) -> None:
    assert look(server, instance.CHECK, "MY-001", "login").state is State.OK
    assert look(server, instance.CHECK, "MY-001", "uptime").state is State.INFO
    assert look(server, instance.CHECK, "MY-021", "support").state is State.OK


def test_a_server_without_galera_has_no_cluster(server: throw_away.Server) -> None:
    with mariadb_database(server) as database, pytest.raises(NotApplicable):
        galera.probe(database)


def test_a_damaged_table_is_found_in_the_error_log(server: throw_away.Server) -> None:
    assert look(server, error_log.CHECK, "MY-020", "corruption").state is State.OK
    server.run(
        "create database old; create table old.stock (id int primary key) engine=myisam;"
        "insert into old.stock values (1), (2), (3); flush tables;"
    )
    index = server.folder / "data/old/stock.MYI"
    index.write_bytes(index.read_bytes()[:100])
    with session(server) as connection, pytest.raises(Exception, match="stock"):
        connection.execute("select * from old.stock").fetchall()
    server.run("drop table old.stock; drop database old;")
    with mariadb_database(server) as database:
        facts = error_log.probe(database)
        verdict = judged(error_log.CHECK, database)["MY-020", "corruption"]
    assert verdict.state is State.CRITICAL, (facts, (server.folder / "data/err.log").read_text())
    assert facts.source == f"{server.folder}/data/err.log"
