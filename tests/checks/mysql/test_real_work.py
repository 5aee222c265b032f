"""A real MariaDB with transactions, locks, deadlocks, accounts, tables and events gone bad."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from agent.databases.connecting import odbc
from checks.api import Past, State, Verdict
from checks.mysql import _waiting, accounts, settings, tables, transactions
from tests import mariadb as throw_away
from tests.checks.mysql.sessions import eventually, running, session
from tests.databases import judged, mariadb_database
from tests.worse import NOW

SHOP = """
create database shop character set utf8mb4;
create table shop.bill (id int auto_increment primary key, v int) engine=innodb;
insert into shop.bill (v) values (1), (2);
"""


@pytest.fixture
def shop(mariadb: throw_away.Server) -> Iterator[throw_away.Server]:
    mariadb.run(SHOP)
    try:
        yield mariadb
    finally:
        mariadb.run("drop database shop;")


def open_for(server: throw_away.Server, **limits: float) -> Verdict:
    """Return the verdict on the longest transaction."""
    with mariadb_database(server) as database:
        facts = transactions.probe(database)
    thresholds = transactions.LongThresholds(**limits)
    found = transactions.long(facts, thresholds, Past(NOW))
    return next(each for each in found if each.object == "longest")


def waiting(server: throw_away.Server, **limits: float) -> Verdict:
    """Return the verdict on the waits for locks."""
    with mariadb_database(server) as database:
        facts = transactions.probe(database)
    found = _waiting.locks(facts, _waiting.LockThresholds(**limits), Past(NOW))
    return next(each for each in found if each.object == "lock_waits")


def test_a_transaction_left_open_is_seen_with_its_age_in_any_zone() -> None:
    # A server of China: eight hours off would be critical at once.
    with throw_away.server(TZ="Asia/Shanghai") as server:
        server.run(SHOP)
        with session(server, "begin", "update shop.bill set v = 3 where id = 1"):
            assert open_for(server).state is State.OK
            found = eventually(lambda: open_for(server, warning_seconds=1), State.WARNING)
            assert found.message is not None
            assert "空闲（Sleep）" in found.message.zh
        eventually(lambda: open_for(server, warning_seconds=1), State.OK)


def test_a_wait_for_a_row_is_seen_and_who_holds_it(shop: throw_away.Server) -> None:
    change = "update shop.bill set v = 3 where id = 1"
    with session(shop, "begin", change) as holder, session(shop) as other:
        number = holder.execute("select connection_id()").fetchval()
        with running(other, change):
            found = eventually(lambda: waiting(shop, warning_seconds=1), State.WARNING)
            assert found.message is not None
            assert f"被连接 {number} 阻塞" in found.message.zh
            holder.execute("rollback").close()
    eventually(lambda: waiting(shop, warning_seconds=1), State.OK)


def test_a_wait_for_a_tables_definition_is_seen(shop: throw_away.Server) -> None:
    with (
        session(shop, "begin", "select * from shop.bill") as holder,
        session(shop) as other,
        running(other, "alter table shop.bill add column w int"),
    ):
        eventually(lambda: waiting(shop, warning_seconds=1), State.WARNING)
        holder.execute("rollback").close()
    eventually(lambda: waiting(shop, warning_seconds=1), State.OK)


def test_a_deadlock_is_dated_and_counted(shop: throw_away.Server) -> None:
    with mariadb_database(shop) as database:
        before = transactions.probe(database).counters["deadlocks"]
    first_change = "update shop.bill set v = 3 where id = 1"
    second_change = "update shop.bill set v = 3 where id = 2"
    with (
        session(shop, "begin", first_change) as first,
        session(shop, "begin", second_change) as second,
        running(first, second_change),
    ):
        eventually(lambda: blocked(shop), State.WARNING)
        # InnoDB chooses which of the two it rolls back.
        with suppress(odbc().Error):
            second.execute(first_change).close()
        second.execute("rollback").close()
    with mariadb_database(shop) as database:
        facts = transactions.probe(database)
        verdict = judged(transactions.CHECK, database)["MY-015", "deadlocks"]
    assert facts.counters["deadlocks"] == before + 1
    assert facts.innodb is not None
    assert facts.innodb.deadlock_seconds is not None
    assert facts.innodb.deadlock_seconds < 60
    assert verdict.state is State.INFO
    assert "update" not in str(facts)


def blocked(server: throw_away.Server) -> Verdict:
    """Return the verdict on waits, bad as soon as there is one at all."""
    return waiting(server, warning_seconds=0)


def test_accounts_that_let_anybody_in_are_seen_until_they_are_mended(
    shop: throw_away.Server,
) -> None:
    shop.run(
        "create user open_door@'10.0.0.5'; create user ''@'10.0.0.6' identified by 'x';"
        "create user chief@'%' identified by 'x'; grant super on *.* to chief@'%';"
        "create user root@'%' identified by 'x'; create user erp@'%' identified by 'x';"
        "create user good@'10.0.0.7' identified by 'x'; create role readers;"
        "create user shut@'%' account lock; create user by_socket@localhost identified via "
        "unix_socket;"
    )
    try:
        with mariadb_database(shop) as database:
            found = judged(accounts.CHECK, database)
            assert found["MY-016", "open_door@10.0.0.5"].state is State.CRITICAL
            assert found["MY-016", "@10.0.0.6"].state is State.CRITICAL
            assert found["MY-016", "root@%"].state is State.CRITICAL
            assert found["MY-016", "chief@%"].state is State.CRITICAL
            assert found["MY-016", "erp@%"].state is State.WARNING
            names = {name for code, name in found if code == "MY-016"}
            assert not names & {"good@10.0.0.7", "readers@", "shut@%", "by_socket@localhost"}
            shop.run(
                "alter user open_door@'10.0.0.5' identified by 'x'; drop user ''@'10.0.0.6';"
                "rename user root@'%' to root@'10.0.0.8'; rename user erp@'%' to erp@'10.0.0.%';"
            )
            mended = {name for code, name in judged(accounts.CHECK, database) if code == "MY-016"}
            assert not mended & {"open_door@10.0.0.5", "@10.0.0.6", "root@%", "erp@%"}
    finally:
        shop.run(
            "drop user if exists chief@'%', open_door@'10.0.0.5', ''@'10.0.0.6', root@'%', erp@'%',"
            "good@'10.0.0.7', shut@'%', by_socket@localhost, root@'10.0.0.8', erp@'10.0.0.%';"
            "drop role readers;"
        )


def test_tables_that_will_give_trouble_are_seen_until_they_are_mended(
    shop: throw_away.Server,
) -> None:
    shop.run(
        "create table shop.small (id tinyint auto_increment primary key) engine=innodb;"
        "insert into shop.small values (112);"
        "create table shop.nokey (a int) engine=innodb;"
        "create table shop.unique_key (a int not null, unique (a)) engine=innodb;"
        "create table shop.stock (id int primary key) engine=myisam;"
        "create table shop.tmp_1 (a int) engine=myisam;"
        "create table shop.versions (id int primary key) with system versioning;"
        "create view shop.view_1 as select * from shop.nokey;"
    )
    with mariadb_database(shop, exclude=["shop.tmp_*"]) as database:
        found = judged(tables.CHECK, database)
        assert found["MY-018", "shop.small.id"].state is State.CRITICAL
        assert found["MY-019", "shop.nokey"].state is State.WARNING
        assert found["MY-019", "shop.stock"].state is State.CRITICAL
        assert {name for code, name in found if code == "MY-019"} == {
            "",
            "shop.nokey",
            "shop.stock",
        }
        assert found["MY-024", "shop"].state is State.NOT_RUN
        shop.run(
            "alter table shop.small modify id bigint unsigned auto_increment;"
            "alter table shop.nokey add primary key (a); alter table shop.stock engine=innodb;"
        )
        mended = judged(tables.CHECK, database)
        assert {name for code, name in mended if code in ("MY-018", "MY-019")} == {""}
        assert mended["MY-018", ""].state is State.OK
        assert mended["MY-019", ""].state is State.OK


def test_a_locked_table_stops_nothing(shop: throw_away.Server) -> None:
    shop.run("create table shop.other (id int primary key) engine=innodb;")
    with (
        session(shop, "lock tables shop.other write"),
        session(shop, "begin", "select * from shop.bill") as holder,
        session(shop) as altering,
        running(altering, "alter table shop.bill add column w int"),
    ):
        eventually(lambda: waiting(shop, warning_seconds=0), State.WARNING, State.CRITICAL)
        with mariadb_database(shop) as database:
            facts = tables.probe(database)
        holder.execute("rollback").close()
    assert [schema.tables for schema in facts.schemas if schema.name == "shop"] == [2]


def test_events_that_do_not_run_are_seen_until_they_do(shop: throw_away.Server) -> None:
    def verdict() -> Verdict:
        with mariadb_database(shop) as database:
            return judged(settings.CHECK, database)["MY-026", ""]

    assert verdict().state is State.NOT_APPLICABLE
    shop.run("create event shop.nightly on schedule every 1 day do delete from shop.bill;")
    assert verdict().state is State.WARNING
    shop.run("set global event_scheduler = on;")
    try:
        assert verdict().state is State.OK
    finally:
        shop.run("set global event_scheduler = off;")
    shop.run("alter event shop.nightly disable;")
    assert verdict().state is State.NOT_APPLICABLE


def test_character_sets_are_told_by_database(shop: throw_away.Server) -> None:
    shop.run("create database old_shop character set gbk;")
    try:
        with mariadb_database(shop) as database:
            found = judged(settings.CHECK, database)
    finally:
        shop.run("drop database old_shop;")
    assert found["MY-023", "old_shop"].state is State.WARNING
    assert found["MY-023", "shop"].state is State.OK
