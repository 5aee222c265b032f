"""A declared query is one SELECT that only reads, or it is refused before anything is asked."""

import sys

import pytest
import sqlglot
from hypothesis import example, given
from hypothesis import strategies as st
from sqlglot import exp

from agent.queries.examining import problem
from checks.databases import Engine

PG, MY, MS, ORA, DM = (
    Engine.POSTGRESQL,
    Engine.MARIADB,
    Engine.MSSQL,
    Engine.ORACLE,
    Engine.DAMENG,
)


def refused(query: str, engine: Engine = PG, columns: tuple[str, ...] = ()) -> str:
    found = problem(query, engine, columns=columns, home="erp")
    return "" if found is None else found.en


@pytest.mark.parametrize(
    ("engine", "query"),
    [
        (PG, "SELECT 1 AS n"),
        (PG, "WITH waiting AS (SELECT a FROM app.t) SELECT count(*) AS n FROM waiting"),
        (PG, "SELECT extract(epoch FROM now() - max(at)) / 86400 AS n FROM app.runs"),
        (PG, "SELECT count(*) FILTER (WHERE a = 'DELETE; DROP TABLE x') AS n FROM app.t"),
        (PG, "SELECT pg_database_size('erp') AS n"),
        (PG, "SELECT s.active::int AS n FROM pg_replication_slots s"),
        (PG, "SELECT pg_replication_slots.active::int AS n FROM pg_replication_slots"),
        (PG, 'SELECT "update" AS n FROM app.t UNION ALL SELECT 1'),
        (PG, "SELECT g AS n FROM generate_series(1, 3) AS g"),
        (PG, r"SELECT E'a\nb' || '\d+' AS n"),
        (PG, "SELECT $$ ordinary words $$ AS n"),
        (MS, "SELECT n = count(*) FROM dbo.凭证 WHERE 状态 = N'待过账' AND 路径 LIKE N'D:\\%'"),
        (MS, "WITH a AS (SELECT 1 AS [n]) SELECT [n] FROM a OPTION (MAXDOP 1)"),
        (ORA, "SELECT COUNT(*) AS n FROM erp.凭证 WHERE 日期 < DATE '2026-01-01'"),
        (Engine.KINGBASE, "SELECT count(*) AS n FROM sys_stat_activity"),
        (MY, "SELECT count(*) AS n FROM `订单` WHERE `状态` = '待发'"),
        (MY, "SELECT `delete` AS n FROM erp.t"),
        (MY, "SELECT ifnull(max(timestampdiff(day, at, now())), 0) AS n FROM t"),
        (MS, "SELECT TOP 3 name AS n FROM UFDATA_001_2026.dbo.GL_accvouch WITH (NOLOCK)"),
        (MS, "SELECT DATEDIFF(day, MAX(d), GETDATE()) AS n FROM dbo.t"),
        (MS, "SELECT [delete] AS n FROM dbo.t WHERE a = N'xp_cmdshell('"),
        (ORA, "SELECT trunc(sysdate - max(d)) AS n FROM erp.t WHERE rownum < 10"),
        (DM, "SELECT sf_get_para_value(1, 'MAX_SESSIONS') AS n"),
    ],
)
def test_what_only_reads_may_be_asked(engine: Engine, query: str) -> None:
    assert refused(query, engine, ("n",)) == ""


@pytest.mark.parametrize(
    ("engine", "query", "words"),
    [
        (PG, "", "begins with ''"),
        (PG, "SELECT 1; SELECT 2", "these are 2 statements"),
        (PG, "DELETE FROM app.t", "begins with DELETE"),
        (PG, "WITH a AS (DELETE FROM app.t RETURNING *) SELECT * FROM a", "has DELETE"),
        (PG, "WITH a AS (INSERT INTO app.t VALUES (1) RETURNING *) SELECT * FROM a", "has INSERT"),
        (PG, "WITH a AS (UPDATE app.t SET a = 1 RETURNING *) SELECT * FROM a", "has UPDATE"),
        (PG, "SELECT * INTO app.copy FROM app.t", "has INTO"),
        (PG, "SELECT * FROM app.t FOR UPDATE", "has FOR UPDATE"),
        (PG, "SELECT * FROM app.t FOR NO KEY UPDATE SKIP LOCKED", "has FOR UPDATE"),
        (PG, "CALL app.post()", "begins with CALL"),
        (PG, "EXPLAIN ANALYZE SELECT 1", "begins with EXPLAIN"),
        (PG, "COPY app.t TO '/tmp/x'", "begins with COPY"),
        (PG, "SELECT 1 -- one", "has --"),
        (PG, "SELECT a FROM app.t WHERE", "near line 1"),
        (PG, "SELECT ((((1", "can't be read as postgres"),
        (PG, "SELECT 'open", "can't be read as postgres"),
        (PG, "SELECT * FROM t", "name the schema of the table t"),
        (PG, "SELECT * FROM a.b.c.d", "on another server"),
        (PG, "SELECT pg_terminate_backend(1)", "calls pg_terminate_backend"),
        (PG, 'SELECT pg_catalog."pg_reload_conf"()', "calls pg_reload_conf"),
        (PG, "SELECT setval('app.s', 1)", "calls setval"),
        (PG, "SELECT nextval('app.s')", "calls nextval"),
        (PG, "SELECT lo_export(1, '/tmp/x')", "calls lo_export"),
        (PG, "SELECT pg_read_file('/etc/passwd')", "calls pg_read_file"),
        (PG, "SELECT * FROM dblink('h', 'DELETE') AS t(a int)", "calls dblink"),
        (PG, "SELECT query_to_xml('DELETE FROM app.t', true, true, '')", "calls query_to_xml"),
        (PG, "SELECT pg_sleep(60)", "calls pg_sleep"),
        (PG, "SELECT pg_advisory_lock(1)", "calls pg_advisory_lock"),
        (PG, "SELECT pg_stat_reset()", "calls pg_stat_reset"),
        (PG, "SELECT pg_stat_statements_reset()", "calls pg_stat_statements_reset"),
        (PG, r'SELECT U&"pg\005fsleep"(60)', "has \\"),
        (PG, "SELECT set_config('a.b', 'c', false)", "calls set_config"),
        (Engine.KINGBASE, "SELECT sys_terminate_backend(1)", "calls sys_terminate_backend"),
        (MY, "SELECT SLEEP(5)", "calls SLEEP"),
        (MY, "SELECT BENCHMARK(1000000, MD5('a'))", "calls BENCHMARK"),
        (MY, "SELECT LOAD_FILE('/etc/passwd')", "calls LOAD_FILE"),
        (MY, "SELECT GET_LOCK('a', 1)", "calls GET_LOCK"),
        (MY, "SELECT * FROM erp.t INTO OUTFILE '/tmp/x'", "can't be read as mysql"),
        (MY, "SELECT @a := 1", "has :="),
        (MY, "SELECT * FROM erp.t LOCK IN SHARE MODE", "has FOR UPDATE"),
        (MY, "SELECT 1 /*!50000 INTO OUTFILE '/tmp/x' */", "has /*"),
        (MY, r"SELECT 'a\'; DROP TABLE x' AS n", "has ;"),
        (MS, "EXEC sp_who", "begins with EXEC"),
        (MS, "SELECT a INTO #x FROM dbo.t", "has INTO"),
        (MS, "SELECT * FROM OPENROWSET('a', 'b', 'c')", "OPENROWSET"),
        (MS, "SELECT * FROM OPENQUERY(other, 'DELETE FROM t')", "OPENQUERY"),
        (MS, "SELECT * FROM other.erp.dbo.t", "on another server"),
        (MS, "SELECT a FROM dbo.t WITH (UPDLOCK)", "UPDLOCK"),
        (MS, "SELECT NEXT VALUE FOR dbo.s", "has NEXT VALUE FOR"),
        (ORA, "SELECT s.nextval FROM dual", "calls nextval"),
        (ORA, "SELECT dbms_lock.sleep(9) FROM dual", "calls dbms_lock"),
        (ORA, "SELECT utl_http.request('http://a') FROM dual", "calls utl_http"),
        (ORA, "SELECT * FROM erp.t@other", "on another server"),
        (ORA, "SELECT * FROM erp.t FOR UPDATE", "has FOR UPDATE"),
        (DM, "SELECT SF_ARCHIVELOG_DELETE_BEFORE_TIME(SYSDATE)", "calls SF_ARCHIVELOG"),
        (DM, "SELECT SP_CLOSE_SESSION(1)", "has SP_CLOSE_SESSION"),
    ],
)
def test_what_does_more_is_refused_with_the_word_that_does(
    engine: Engine, query: str, words: str
) -> None:
    assert words in refused(query, engine)


def test_a_column_that_the_result_does_not_name_is_said() -> None:
    assert "no column oldest" in refused("SELECT count(*) AS n FROM app.t", PG, ("n", "oldest"))
    assert refused("SELECT * FROM app.t", PG, ("anything",)) == ""
    assert refused("SELECT a AS 账套, Total FROM app.t", PG, ("账套", "total")) == ""


def test_a_table_of_mysql_needs_its_database_where_none_is_signed_in_to() -> None:
    assert problem("SELECT a FROM t", MY, columns=("a",), home="erp") is None
    found = problem("SELECT a FROM t", MY, columns=("a",), home="")
    assert found is not None
    assert "name the database of the table t" in found.en


def test_without_the_parser_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    assert "xunjian[database]" in refused("SELECT 1 AS n")


def test_the_parser_says_nothing_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused("WITH a AS (CALL f()) SELECT * FROM a") != ""
    assert capsys.readouterr().err == ""


WRITING = (
    "DELETE FROM app.t",
    "DELETE FROM app.t RETURNING *",
    "INSERT INTO app.t VALUES (1)",
    "INSERT INTO app.t SELECT * FROM app.u RETURNING a",
    "UPDATE app.t SET a = 1",
    "UPDATE app.t SET a = 1 RETURNING a",
    "MERGE INTO app.t USING app.u ON t.a = u.a WHEN MATCHED THEN DELETE",
    "DROP TABLE app.t",
    "TRUNCATE TABLE app.t",
    "CREATE TABLE app.x AS SELECT 1 AS a",
    "ALTER TABLE app.t ADD COLUMN b int",
    "GRANT SELECT ON app.t TO public",
    "SELECT * INTO app.x FROM app.t",
    "SELECT * FROM app.t FOR UPDATE",
)
AROUND = (
    "{0}",
    "WITH a AS ({0}) SELECT * FROM a",
    "WITH a AS (SELECT 1 AS b), c AS ({0}) SELECT * FROM a, c",
    "SELECT * FROM app.t; {0}",
    "{0}; SELECT 1",
    "SELECT * FROM ({0}) AS x",
    "SELECT (SELECT count(*) FROM ({0}) AS x) AS n",
    "SELECT 1 AS n UNION ALL ({0})",
    "SELECT 1 AS n WHERE EXISTS ({0})",
    "WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL {0}) SELECT * FROM a",
    "EXPLAIN {0}",
    "SELECT 'a' AS n /* {0} */; {0}",
)
BETWEEN = st.sampled_from([" ", "\n", "\t", "  ", "\r\n", " /* a */ ", " -- b\n"])


@given(
    st.sampled_from(WRITING),
    st.lists(st.sampled_from(AROUND), min_size=1, max_size=3),
    st.sampled_from(list(Engine)),
    st.data(),
)
def test_whatever_writes_is_refused_however_it_is_wrapped(
    writing: str, around: list[str], engine: Engine, data: st.DataObject
) -> None:
    query = writing
    for each in around:
        query = each.format(query)
    words = query.split(" ")
    spaces = data.draw(st.lists(BETWEEN, min_size=len(words), max_size=len(words)))
    cases = data.draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words)))
    spelled = "".join(
        space + (word.lower() if lower else word)
        for word, space, lower in zip(words, spaces, cases, strict=True)
    )
    assert refused(spelled, engine)


VOCABULARY = (
    *("SELECT", "FROM", "WITH", "AS", "(", ")", ",", ";", "*", "app.t", "a", "1", "'x'"),
    *("DELETE", "INSERT", "INTO", "UPDATE", "SET", "=", "WHERE", "UNION", "ALL", "RETURNING"),
    *("FOR", "MERGE", "USING", "ON", "VALUES", "DROP", "TABLE", "CREATE", "LOCK", "TRUNCATE"),
)
CHANGING = (exp.DML, exp.DDL, exp.Into, exp.Lock, exp.Command, exp.Drop, exp.TruncateTable)


@given(
    st.one_of(
        st.lists(st.sampled_from(VOCABULARY), min_size=2, max_size=14).map(" ".join),
        st.lists(st.sampled_from(VOCABULARY), min_size=2, max_size=8).map(
            lambda words: "WITH a AS ( " + " ".join(words) + " ) SELECT * FROM a"
        ),
    ),
    st.sampled_from([(PG, "postgres"), (MY, "mysql"), (MS, "tsql"), (ORA, "oracle")]),
)
@example("WITH a AS ( DELETE FROM app.t RETURNING * ) SELECT * FROM a", (PG, "postgres"))
def test_whatever_the_parser_takes_for_a_change_is_refused(
    query: str, engine: tuple[Engine, str]
) -> None:
    wrong = refused(query, engine[0])
    try:
        trees = sqlglot.parse(query, read=engine[1])
    except sqlglot.errors.SqlglotError:
        assert wrong
        return
    changing = any(
        isinstance(node, CHANGING) for tree in trees if tree is not None for node in tree.walk()
    )
    if changing or len(trees) != 1:
        assert wrong


@given(st.text(max_size=60))
def test_any_text_at_all_gets_an_answer(text: str) -> None:
    for engine in Engine:
        answer = problem(text, engine, columns=(), home="")
        assert answer is None or answer.zh
