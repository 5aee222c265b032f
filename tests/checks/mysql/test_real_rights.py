"""What a real MariaDB shows to accounts with few rights: shown whole, or told as not permitted."""

from collections.abc import Iterator
from typing import Any

import pytest

from checks.api import State
from checks.discovery import discover
from checks.errors import NotApplicable, NotPermitted, ProbeError
from checks.mysql import _events, binary_log, settings, tables
from tests import mariadb as throw_away
from tests.databases import judged, mariadb_database
from wire.messages import Reason

CHECKS = {
    name: check for name, check in discover({"mysql"}).checks.items() if check.target == "mysql"
}
NEEDED = """
grant process, references, binlog monitor, slave monitor on *.* to watcher@localhost;
grant select (user, host, priv) on mysql.global_priv to watcher@localhost;
grant select (db, status) on mysql.event to watcher@localhost;
"""


@pytest.fixture(scope="module")
def server() -> Iterator[throw_away.Server]:
    with throw_away.server("--log-bin", "--server-id=1", "--log-error=err.log") as running:
        running.run(
            "create database shop; create table shop.bill (id int primary key) engine=innodb;"
            "insert into shop.bill values (1);"
            "create event shop.nightly on schedule every 1 day do delete from shop.bill;"
            "create user watcher@localhost identified by 'watcher-word';"
            "create user nobody@localhost identified by 'nobody-word';"
            f"{NEEDED}"
        )
        yield running


def outcomes(server: throw_away.Server, user: str) -> dict[str, set[str]]:
    """Return what each check comes to: the states of its verdicts, or why it can't run."""
    found: dict[str, set[str]] = {}
    with mariadb_database(server, user=user, password=f"{user}-word") as database:
        for name, check in CHECKS.items():
            try:
                told = judged(check, database)
            except ProbeError as error:
                found[name] = {error.reason.value}
                continue
            found[name] = {
                each.failure.reason.value if each.failure else each.state.value
                for each in told.values()
            }
    return found


def test_the_least_rights_show_everything(server: throw_away.Server) -> None:
    found = outcomes(server, "watcher")
    assert found.pop("mysql.galera") == {"not_applicable"}
    for name, states in found.items():
        assert not states & {"permission", "unsupported", "error"}, (name, states)


def test_the_least_rights_read_no_row_and_write_nothing(server: throw_away.Server) -> None:
    with mariadb_database(server, user="watcher", password="watcher-word") as database:
        with pytest.raises(NotPermitted):
            database.rows("SELECT * FROM shop.bill")
        with pytest.raises(NotPermitted):
            database.rows("SELECT body FROM mysql.event")


def test_without_rights_nothing_hidden_is_called_well(server: throw_away.Server) -> None:
    found = outcomes(server, "nobody")
    refused = {name for name, states in found.items() if "permission" in states}
    assert refused == {
        "mysql.accounts",
        "mysql.replication",
        "mysql.settings",
        "mysql.tables",
        "mysql.transactions",
    }
    with mariadb_database(server, user="nobody", password="nobody-word") as database:
        told = judged(tables.CHECK, database)
        assert {each.state for each in told.values()} == {State.NOT_RUN}
        assert judged(settings.CHECK, database)["MY-026", ""].state is State.NOT_RUN
        size = judged(binary_log.CHECK, database)["MY-006", "expiry"].current.zh
        assert "大小未知（权限不足" in size


def test_process_alone_tells_that_databases_are_hidden(server: throw_away.Server) -> None:
    server.run("create user partly@localhost identified by 'partly-word';")
    server.run("grant process on *.* to partly@localhost;")
    with mariadb_database(server, user="partly", password="partly-word") as database:
        told = judged(tables.CHECK, database)["MY-019", ""]
    assert told.failure is not None
    assert told.failure.reason is Reason.PERMISSION
    assert "GRANT REFERENCES" in str(told.message)


def test_an_account_learns_whether_it_may_see_events(server: throw_away.Server) -> None:
    """What MySQL 8 is asked; MariaDB answers it alike."""
    server.run("create user timer@localhost identified by 'timer-word';")
    server.run("grant event on *.* to timer@localhost;")
    for user, sees in (("timer", 1), ("nobody", 0)):
        with mariadb_database(server, user=user, password=f"{user}-word") as database:
            assert database.rows(_events.MAY_SEE, _events.Right)[0].found == sees
            shown = database.rows(_events.EVENTS_VIEW, _events.Events)
            assert bool(shown) == bool(sees)


def test_no_facts_hold_a_hash(server: throw_away.Server) -> None:
    with mariadb_database(server) as database:
        hashes = [
            str(row["word"])
            for row in database.rows(
                "SELECT JSON_VALUE(priv, '$.authentication_string') AS word FROM mysql.global_priv"
            )
            if row["word"]
        ]
        assert hashes
        for check in CHECKS.values():
            told = facts_of(check, database)
            assert not any(each in told for each in hashes)


def facts_of(check: Any, database: Any) -> str:
    try:
        return str(check.probe(database))
    except NotApplicable:
        return ""
