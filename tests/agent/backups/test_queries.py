"""Every query that a database is asked is one SELECT that changes nothing, in its own grammar."""

import pytest

from agent.databases.reading import demand_reading
from checks import msdb, rman
from checks.errors import Unsupported
from checks.mssql import _history

SQL_SERVER = {
    "server": msdb.SERVER,
    "databases": msdb.DATABASES,
    "history": msdb.HISTORY,
    "recent": msdb.RECENT,
    "states": _history.DATABASES,
    "files": _history.DATA_FILES,
    "certificates": _history.CERTIFICATES,
}
ORACLE = {"database": rman.DATABASE, "jobs": rman.JOBS}


@pytest.mark.parametrize("query", [*SQL_SERVER.values(), *ORACLE.values()])
def test_a_query_of_ours_is_let_through(query: str) -> None:
    demand_reading(query)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "DELETE FROM msdb.dbo.backupset",
        "EXEC sp_who",
        "SELECT 1; DROP TABLE a",
        "SELECT 1 INTO #a FROM b",
        "WITH a AS (SELECT 1 AS b) DELETE FROM a",
        "SELECT * FROM OPENROWSET('x', 'y')",
        "SELECT 1 -- DROP",
        "SELECT 1 /* x */",
        "SELECT xp_cmdshell",
        "select 1 for update",
        "SELECT * FROM a WITH (UPDLOCK) UPDATE b SET c = 1",
        "RESTORE VERIFYONLY FROM DISK = 'x'",
        "BACKUP DATABASE a TO DISK = 'NUL'",
    ],
)
def test_what_could_change_something_is_refused(query: str) -> None:
    with pytest.raises(Unsupported):
        demand_reading(query)


@pytest.mark.parametrize("query", ["SELECT 'DELETE; --' AS a", "SELECT [update] FROM [drop]"])
def test_words_in_texts_and_names_are_no_orders(query: str) -> None:
    demand_reading(query)


@pytest.mark.parametrize(
    ("dialect", "query"),
    [
        *(("tsql", query) for query in SQL_SERVER.values()),
        *(("oracle", query) for query in ORACLE.values()),
    ],
)
def test_a_query_of_ours_is_one_select_by_the_grammar_of_its_database(
    dialect: str, query: str
) -> None:
    sqlglot = pytest.importorskip("sqlglot", reason="a development dependency (pyproject.toml)")
    [statement] = sqlglot.parse(query, read=dialect, error_level=sqlglot.ErrorLevel.RAISE)
    assert isinstance(statement, sqlglot.exp.Select)
    assert not list(
        statement.find_all(
            sqlglot.exp.Insert,
            sqlglot.exp.Update,
            sqlglot.exp.Delete,
            sqlglot.exp.Into,
            sqlglot.exp.Command,
            sqlglot.exp.Lock,
        )
    )
