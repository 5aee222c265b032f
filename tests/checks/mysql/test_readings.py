"""What is read out of what MySQL and MariaDB show, and what must never leave the host."""

import re
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from checks.errors import NotPermitted, UnexpectedOutput
from checks.mysql import _account_rows, _replicas, accounts, replication, settings, transactions
from checks.mysql._events import enabled_events
from checks.mysql._innodb_status import read_status
from checks.mysql._log_lines import class_of, count
from checks.mysql._table_rows import largest
from tests.recorded_database import RecordedDatabase

HEADER = "{stamp} 0x7f INNODB MONITOR OUTPUT\n"
SECRET = "update salary set amount = 50000 where id = 2"


def database(check: Any, engine: str, version: list[int], **answers: Any) -> RecordedDatabase:
    content = {
        "engine": engine,
        "version": version,
        "answers": [{"query": name, "rows": rows} for name, rows in answers.items()],
    }
    return RecordedDatabase(content, check.CHECK, None)


def test_a_deadlock_is_dated_by_the_servers_own_clock() -> None:
    text = (
        f"{HEADER.format(stamp='2026-11-22 12:25:47')}"
        "LATEST DETECTED DEADLOCK\n------------------------\n2026-11-22 12:20:47 0x7f\n"
        f"{SECRET}\nHistory list length 42\n"
    )
    status = read_status(text)
    assert (status.history_length, status.deadlock_seconds) == (42, 300.0)


def test_a_deadlock_that_a_statement_tells_of_is_none() -> None:
    told = "insert into note values ('LATEST DETECTED DEADLOCK\\n---\\n2026-11-22 12:20:47')"
    text = f"{HEADER.format(stamp='2026-11-22 12:25:47')}{told}\nHistory list length 1\n"
    assert read_status(text).deadlock_seconds is None


def test_a_status_without_its_numbers_is_an_error() -> None:
    with pytest.raises(UnexpectedOutput):
        read_status("Per second averages")


def test_no_statement_and_no_hash_is_in_the_facts() -> None:
    status = f"2026-11-22 12:25:47 0x7f INNODB MONITOR OUTPUT\n{SECRET}\nHistory list length 1\n"
    found = transactions.CHECK.probe(
        database(
            transactions,
            "mariadb",
            [10, 11, 19],
            STATUS=[],
            OLDEST=[],
            ROW_WAITS=[],
            TABLE_WAITS=[],
            INNODB_STATUS=[{"status": status}],
        )
    )
    assert b"salary" not in msgspec.json.encode(found)
    row = {
        "master_host": "db1",
        "master_port": 3306,
        "slave_io_running": "Yes",
        "slave_sql_running": "No",
        "last_sql_errno": 1062,
        "last_sql_error": f"Duplicate entry '1'. Query: '{SECRET}'",
    }
    channels = replication.CHECK.probe(
        database(replication, "mysql", [5, 7, 44], SLAVE_STATUS=[row], VARIABLES=[])
    )
    assert b"salary" not in msgspec.json.encode(channels)
    for query in (
        _account_rows.ACCOUNTS,
        _account_rows.ACCOUNTS_JSON,
        _account_rows.ACCOUNTS_OLD,
        _account_rows.ACCOUNTS_ROLES,
    ):
        names = re.findall(r"AS (\w+)", query.partition(" FROM ")[0])
        assert set(names) <= {"user_name", "plugin", "no_password", "is_locked", "has_super"} | {
            "UNSIGNED"
        }
        assert "SELECT *" not in query


@pytest.mark.parametrize(
    ("engine", "version", "query"),
    [
        ("mysql", (5, 6, 51), _replicas.SLAVE_STATUS),
        ("mysql", (8, 0, 21), _replicas.SLAVE_STATUS),
        ("mysql", (8, 0, 22), _replicas.REPLICA_STATUS),
        ("mysql", (9, 7, 0), _replicas.REPLICA_STATUS),
        ("mariadb", (5, 5, 68), _replicas.SLAVE_STATUS),
        ("mariadb", (10, 0, 38), _replicas.ALL_SLAVES_STATUS),
        ("mariadb", (12, 3, 1), _replicas.ALL_SLAVES_STATUS),
    ],
)
def test_each_version_is_asked_in_its_own_words_for_replicas(
    engine: str, version: tuple[int, ...], query: str
) -> None:
    found = database(replication, engine, list(version))
    assert _replicas.query_for(found) == query


@pytest.mark.parametrize(
    ("engine", "version", "query"),
    [
        ("mysql", (5, 6, 51), _account_rows.ACCOUNTS_OLD),
        ("mysql", (5, 7, 6), _account_rows.ACCOUNTS),
        ("mysql", (8, 4, 9), _account_rows.ACCOUNTS),
        ("mariadb", (5, 5, 68), _account_rows.ACCOUNTS_OLD),
        ("mariadb", (10, 3, 39), _account_rows.ACCOUNTS_ROLES),
        ("mariadb", (10, 4, 0), _account_rows.ACCOUNTS_JSON),
    ],
)
def test_each_version_is_asked_in_its_own_words_for_accounts(
    engine: str, version: tuple[int, ...], query: str
) -> None:
    assert _account_rows.query_for(database(accounts, engine, list(version))) == query


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("2026-11-21  1:02:03 0 [ERROR] InnoDB: Database page corruption on disk", "corruption"),
        ("2026-11-21  1:02:03 0 [ERROR] mysqld: Table './a/b' is marked as crashed", "corruption"),
        ("2026-11-21  1:02:03 0 [Note] InnoDB: Starting crash recovery.", "recovery"),
        ("2026-11-21T01:02:03Z 0 [System] [MY-010229] Starting XA crash recovery...", None),
        ("2026-11-21  1:02:03 0 [ERROR] mysqld got signal 11 ;", "crash"),
        ("2026-11-21  1:02:03 0 [Warning] InnoDB: error No space left on device", "disk_full"),
        ("2026-11-21  1:02:03 0 [ERROR] Aborting", "errors"),
        ("2026-11-21  1:02:03 0 [Warning] Aborted connection 7 to db: 'erp'", None),
        ("2026-11-21  1:02:03 0 [Note] ready for connections.", None),
    ],
)
def test_a_line_of_the_error_log_counts_in_one_class(line: str, kind: str | None) -> None:
    assert class_of(line) == kind


def test_lines_before_the_window_do_not_count_and_what_follows_a_line_is_of_its_time() -> None:
    lines = [
        "2026-11-01  1:02:03 0 [ERROR] old",
        "goes on: [ERROR] still old",
        "2026-11-20  1:02:03 0 [ERROR] new",
        "goes on: [ERROR] still new",
    ]
    now = datetime(2026, 11, 21, 8)  # noqa: DTZ001 - the server's own clock
    counts = count(lines, "/log", 10, now, timedelta(hours=8))
    assert counts.errors == 2


def test_the_largest_number_of_each_type() -> None:
    assert largest("tinyint(4)") == 127
    assert largest("int(10) unsigned") == 4294967295
    assert largest("BIGINT UNSIGNED") == 2**64 - 1
    assert largest("mediumint(9) unsigned zerofill") == 16777215
    assert largest("double") is None


def test_events_that_an_account_can_not_see_are_not_called_none() -> None:
    hidden = database(settings, "mysql", [8, 0, 36], EVENTS_VIEW=[], MAY_SEE=[{"found": 0}])
    with pytest.raises(NotPermitted):
        enabled_events(hidden)
    seen = database(settings, "mysql", [8, 0, 36], EVENTS_VIEW=[], MAY_SEE=[{"found": 1}])
    assert enabled_events(seen) == ()
