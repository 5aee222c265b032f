"""Two real MariaDB servers: replication stopped, behind, failing, delayed, and mended each time."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from checks.api import Past, State, Verdict
from checks.mysql import replication
from tests import mariadb as throw_away
from tests.checks.mysql.sessions import eventually, session
from tests.databases import judged, mariadb_database
from tests.worse import NOW

Pair = tuple[throw_away.Server, throw_away.Server, int]


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    port = free_port()
    with (
        throw_away.server(
            "--log-bin",
            "--server-id=1",
            "--skip-networking=0",
            "--bind-address=127.0.0.1",
            f"--port={port}",
        ) as source,
        throw_away.server("--server-id=2", "--read-only=1") as replica,
    ):
        source.run(
            "create user copy@'127.0.0.1' identified by 'copy';"
            "grant replication slave on *.* to copy@'127.0.0.1';"
            "create database shop; create table shop.bill (id int primary key) engine=innodb;"
        )
        replica.run(
            f"change master to master_host='127.0.0.1', master_port={port}, master_user='copy',"
            "master_password='copy', master_use_gtid=slave_pos;"
        )
        yield source, replica, port


def verdicts(server: throw_away.Server) -> dict[tuple[str, str], Verdict]:
    with mariadb_database(server) as database:
        return judged(replication.CHECK, database)


def threads(server: throw_away.Server) -> Verdict:
    return verdicts(server)["MY-004", ""]


def test_a_server_that_copies_nobody_is_no_replica(pair: Pair) -> None:
    assert threads(pair[0]).state is State.NOT_APPLICABLE


def test_a_stopped_replica_is_seen_until_it_runs(pair: Pair) -> None:
    replica = pair[1]
    replica.run("stop slave;")
    assert threads(replica).state is State.CRITICAL
    replica.run("start slave;")
    eventually(lambda: threads(replica), State.OK)
    replica.run("stop slave sql_thread;")
    found = threads(replica)
    assert found.state is State.CRITICAL
    assert found.current.zh == "IO：Yes，SQL：No"
    replica.run("start slave;")
    eventually(lambda: threads(replica), State.OK)


def test_a_replica_that_is_behind_is_seen_until_it_has_caught_up(pair: Pair) -> None:
    source, replica, _ = pair
    replica.run("start slave;")
    eventually(lambda: threads(replica), State.OK)
    source.run("insert into shop.bill values (1);")
    with session(replica) as holder:
        eventually(lambda: rows(replica), State.OK)
        holder.execute("lock tables shop.bill write").close()
        source.run("insert into shop.bill values (2);")
        found = eventually(lambda: lag(replica), State.CRITICAL)
        assert "落后" in str(found.message)
        holder.execute("unlock tables").close()
        eventually(lambda: lag(replica), State.OK)


def lag(server: throw_away.Server) -> Verdict:
    """Return the verdict on the lag, with limits that a test can wait for."""
    with mariadb_database(server) as database:
        facts = replication.probe(database)
    limits = replication.LagThresholds(warning_seconds=1, critical_seconds=2)
    return next(iter(replication.threads(facts, limits, Past(NOW))))


def rows(server: throw_away.Server) -> Verdict:
    """Return OK once the first row has come."""
    with mariadb_database(server) as database:
        found = database.rows("SELECT COUNT(*) AS found FROM shop.bill")
    return Verdict("", State.OK if found[0]["found"] else State.WARNING)


def test_a_delay_on_purpose_is_no_lag(pair: Pair) -> None:
    source, replica, _ = pair
    replica.run("stop slave; change master to master_delay = 3600; start slave;")
    try:
        source.run("set timestamp = unix_timestamp() - 1200; insert into shop.bill values (3);")
        with mariadb_database(replica) as database:
            verdict = eventually(lambda: threads(replica), State.OK)
            facts = replication.probe(database)
        assert facts.channels[0].delay_seconds == 3600
        assert verdict.current.zh == "0 秒"
    finally:
        replica.run("stop slave; change master to master_delay = 0; start slave;")
    eventually(lambda: threads(replica), State.OK)


def test_a_replication_error_is_told_by_its_number_alone(pair: Pair) -> None:
    source, replica, _ = pair
    replica.run("start slave; set global read_only = 0; insert into shop.bill values (50);")
    source.run("insert into shop.bill values (50);")
    found = eventually(lambda: threads(replica), State.CRITICAL)
    assert "SQL 错误号 1062（主键或唯一键重复）" in str(found.message)
    assert "insert" not in str(found.message)
    replica.run("delete from shop.bill where id = 50; set global read_only = 1; start slave;")
    eventually(lambda: threads(replica), State.OK)


def test_a_source_that_can_not_be_reached_is_seen(pair: Pair) -> None:
    replica, port = pair[1], pair[2]
    replica.run(f"stop slave; change master to master_port={free_port()}; start slave;")
    found = eventually(lambda: threads(replica), State.CRITICAL)
    assert "IO 错误号 2003（连不上主库）" in str(found.message)
    replica.run(f"stop slave; change master to master_port={port}; start slave;")
    eventually(lambda: threads(replica), State.OK)


def test_a_replica_that_may_be_written_to_is_seen_until_it_is_read_only(pair: Pair) -> None:
    replica = pair[1]
    replica.run("set global read_only = 0; stop slave; change master to master_use_gtid=no;")
    found = verdicts(replica)
    assert found["MY-005", "read_only"].state is State.WARNING
    assert found["MY-005", "gtid"].state is State.WARNING
    replica.run(
        "set global read_only = 1; change master to master_use_gtid=slave_pos; start slave;"
    )
    found = verdicts(replica)
    assert found["MY-005", "read_only"].state is State.OK
    assert found["MY-005", "gtid"].state is State.OK
