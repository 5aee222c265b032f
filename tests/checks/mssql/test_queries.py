"""No SQL Server runs here: every query is parsed, proved to read alone, and held to the documents.

These are the first two of the four layers (docs/databases.md). A query of any module of the
chapter is found by itself. Where one fails for a view that is not in the catalogue, add the view
to a columns*.toml in this folder; where a column came later than 2012, name a gate in the module's
SINCE (checks/mssql/_gates.py).
"""

import pytest

from agent.databases.reading import demand_reading
from checks.errors import Unsupported
from checks.mssql._gates import LOG_STATISTICS, SQL_2014, Gate
from tests.checks.mssql.catalogue import (
    LEAST,
    Query,
    documented,
    is_procedure,
    parsed,
    problems,
    queries,
)

QUERIES = queries()
SELECTS = [query for query in QUERIES if not is_procedure(query.text)]


def of(text: str, gate: Gate = LEAST) -> list[str]:
    return list(problems(Query("test", text, gate), documented()))


def test_the_chapter_has_queries() -> None:
    names = {query.name for query in QUERIES}
    assert {"corruption.LAST_GOOD", "log.STATISTICS", "versions.VERSION"} <= names
    assert next(query for query in QUERIES if query.name == "log.STATISTICS").gate == LOG_STATISTICS


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.name)
def test_the_agent_would_ask_it(query: Query) -> None:
    demand_reading(query.text)


@pytest.mark.parametrize("query", SELECTS, ids=lambda query: query.name)
def test_it_is_one_select_that_writes_nothing(query: Query) -> None:
    parsed(query.text)


@pytest.mark.parametrize("query", SELECTS, ids=lambda query: query.name)
def test_every_column_is_documented_for_every_version_it_is_asked_of(query: Query) -> None:
    assert list(problems(query, documented())) == []


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM msdb.dbo.suspect_pages",
        "UPDATE t SET a = 1",
        "SELECT d.name AS name INTO copy FROM sys.databases AS d",
        "SELECT 1 AS a; SELECT 2 AS b",
        "DROP TABLE t",
        "SELECT d.name AS name FROM sys.databases AS d WITH (TABLOCKX)",
        "SELECT a.x AS x FROM OPENROWSET('SQLNCLI', 'x', 'y') AS a",
        "SELECT SERVERPROPERTY('Edition') AS edition",
        "SELECT CAST(SERVERPROPERTY('Edition') AS int) AS edition",
        "SELECT d.name AS name FROM sys.databases AS d WHERE d.database_id = @id",
        "SELECT d.name AS name FROM sys.databases AS d WHERE d.database_id = ?",
        "WITH c AS (SELECT d.name FROM sys.databases AS d) DELETE FROM c",
    ],
)
def test_what_writes_locks_or_reaches_elsewhere_is_found(text: str) -> None:
    def read() -> None:
        parsed(text)
        demand_reading(text)

    with pytest.raises((AssertionError, Unsupported)):
        read()


def test_a_view_that_is_not_in_the_catalogue_is_named() -> None:
    (problem, *_) = of("SELECT s.x AS x FROM sys.dm_new_view AS s")
    assert "sys.dm_new_view is in no tests/checks/mssql/columns*.toml" in problem


def test_a_column_that_is_not_documented_is_named() -> None:
    assert of("SELECT d.nmae AS name FROM sys.databases AS d") == [
        "sys.databases.nmae is not documented in columns*.toml"
    ]


def test_a_column_is_found_through_joins_functions_and_queries_inside() -> None:
    text = """
    SELECT i.wrong AS a, (SELECT MAX(f.wrong) FROM sys.master_files AS f
                          WHERE f.database_id = d.wrong) AS b
    FROM sys.databases AS d
    CROSS APPLY sys.dm_os_volume_stats(d.database_id, 1) AS v
    JOIN (SELECT s.* FROM msdb.dbo.sysjobs AS s) AS i ON i.name = v.wrong
    """
    assert {problem.split(" ")[0] for problem in of(text)} == {
        "msdb.dbo.sysjobs.wrong",
        "sys.master_files.wrong",
        "sys.databases.wrong",
        "sys.dm_os_volume_stats.wrong",
    }


def test_a_column_must_be_there_in_every_version_that_the_gate_lets_through() -> None:
    text = "SELECT b.encryptor_type AS kind FROM msdb.dbo.backupset AS b"
    assert of(text) == [
        "msdb.dbo.backupset.encryptor_type is not there in 2012: name a gate in SINCE"
    ]
    assert of(text, SQL_2014) == []
    vanished = "SELECT i.physical_memory_in_bytes AS bytes FROM sys.dm_os_sys_info AS i"
    assert "not there in 2025" in of(vanished)[-1]


def test_a_view_must_be_there_in_every_version_that_the_gate_lets_through() -> None:
    text = "SELECT s.total_vlf_count AS pieces FROM sys.dm_db_log_stats(1) AS s"
    missing = {problem.split(" is not there in ")[1].split(":")[0] for problem in of(text)}
    assert missing == {"2012", "2014", "2016"}
    assert of(text, LOG_STATISTICS) == []


def test_a_gate_knows_updates_of_each_major_version() -> None:
    gate = Gate("x", ((13, 0, 5026), (14, 0, 3030)))
    assert [
        gate.lets(build)
        for build in [(12, 0, 6449, 1), (13, 0, 5025, 9), (13, 0, 5026, 0), (14, 0, 2120, 1)]
    ] == [False, False, True, False]
    assert gate.lets((14, 0, 3030, 27))
    assert gate.lets((15, 0, 2000, 5))
