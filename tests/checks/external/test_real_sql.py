"""Declared queries on real servers, from the settings' text to the verdict."""

from pathlib import Path

import msgspec
import psycopg

from agent.commands import entries_of
from agent.host import LocalHost
from agent.planning import plan
from agent.runner import run
from agent.settings import load
from checks.api import Past, State, Verdict
from checks.external.sql import CHECK, Facts
from scripts.postgresql import Cluster
from tests import mariadb as throw_away
from tests.databases import secret_file
from tests.worse import NOW
from wire.messages import Observation

QUERIES = """
[queries.waiting]
database = "erp"
{within}
title = "未过账凭证"
query = '''
SELECT ledger AS 账套, count(*) AS vouchers, max(amount) AS largest
FROM {schema}.vouchers WHERE state = '待过账' GROUP BY ledger;
'''
columns = {{ "账套" = "text", vouchers = "integer", largest = "number" }}
object = "账套"
value = "vouchers"
show = ["largest"]
warning = 2
critical = 3
message = "{{object}} 有 {{value}} 张，最大 {{largest}}"

[queries.few]
database = "erp"
{within}
title = "凭证总数"
query = "SELECT count(*) AS n FROM {schema}.vouchers"
columns = {{ n = "integer" }}
value = "n"
critical = 0
lower_is_worse = true
most_rows = 1

[queries.rows]
database = "erp"
{within}
title = "逐张"
query = "SELECT id, amount FROM {schema}.vouchers"
columns = {{ id = "integer", amount = "number" }}
object = "id"
value = "amount"
critical = 1e9
most_rows = 4

[queries.secret]
database = "erp"
{within}
title = "工资"
query = "SELECT count(*) AS n FROM {schema}.salaries"
columns = {{ n = "integer" }}
value = "n"
critical = 1

[queries.gone]
database = "erp"
{within}
title = "没有的表"
query = "SELECT count(*) AS n FROM {schema}.nothing_here"
columns = {{ n = "integer" }}
value = "n"
critical = 1
"""
TABLES = """
CREATE TABLE {schema}.vouchers
  (id int, ledger varchar(50), state varchar(20), amount decimal(12,2));
CREATE TABLE {schema}.salaries (id int);
INSERT INTO {schema}.vouchers VALUES
  (1, '001 总部', '已过账', 10), (2, '001 总部', '待过账', 20.50), (3, '002 华东', '待过账', 7),
  (4, '002 华东', '待过账', 8), (5, '002 华东', '待过账', 9.25);
"""


def looked(folder: Path, database: str, **places: str) -> dict[str, Facts]:
    """Load settings, plan and run as an inspection does; return the facts by query."""
    path = folder / "agent.toml"
    text = '[collector]\nurl = "https://a.example"\n' + database + QUERIES.format(**places)
    path.write_text(text, "utf-8")
    entries = entries_of(load(str(path), ()))
    planned = plan({"external.sql": CHECK}, "linux", {}, entries=entries)
    steps = list(run(planned.jobs, LocalHost(), parallel=2, memory_bytes=2**31))
    found = {}
    for step in steps:
        if isinstance(step, Observation):
            assert isinstance(step.facts, msgspec.Raw), step.failure
            found[step.target.name] = CHECK.decoder.decode(step.facts)
    return found


def verdicts(facts: Facts) -> dict[str, Verdict]:
    return {
        verdict.object: verdict
        for rule in CHECK.rules
        for verdict in rule.evaluate(facts, rule.thresholds(), Past(NOW))
    }


def demand(found: dict[str, Facts], refusal: str) -> None:
    waiting = verdicts(found["waiting"])
    assert {name: each.state for name, each in waiting.items()} == {
        "001 总部": State.OK,
        "002 华东": State.CRITICAL,
    }
    message = waiting["002 华东"].message
    assert message is not None
    assert message.zh == "未过账凭证：002 华东 有 3 张，最大 9.25"
    assert verdicts(found["few"])[""].state is State.OK
    for name, words in (("rows", "more than 4 rows"), ("secret", ""), ("gone", "nothing_here")):
        verdict = verdicts(found[name])[""]
        assert verdict.state is State.NOT_RUN
        assert verdict.failure is not None
        assert words in verdict.failure.detail
    failure = verdicts(found["secret"])[""].failure
    assert failure is not None
    assert failure.reason.value == refusal


def test_on_postgresql(postgresql: Cluster, tmp_path: Path) -> None:
    database = postgresql.new_database()
    url = postgresql.url(database, "postgres").replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA app")  # type: ignore[arg-type, unused-ignore]
        connection.execute(TABLES.format(schema="app").encode())
        connection.execute("CREATE ROLE asking LOGIN PASSWORD 'asking'")
        connection.execute("GRANT USAGE ON SCHEMA app TO asking")
        connection.execute("GRANT SELECT ON app.vouchers TO asking")
    try:
        with secret_file("asking") as password:
            settings = (
                f'[databases.erp]\nkind = "postgresql"\nport = {postgresql.port}\n'
                f'user = "asking"\npassword = {{ file = "{password}" }}\n'
            )
            places = {"schema": "app", "within": f'within = "{database}"'}
            demand(looked(tmp_path, settings, **places), "permission")
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("UPDATE app.vouchers SET state = '已过账'")
            mended = looked(tmp_path, settings, **places)
            assert verdicts(mended["waiting"])[""].state is State.OK
    finally:
        postgresql.drop_database(database)
        postgresql.administer("DROP ROLE asking")


def test_a_locked_table_and_an_endless_query_hold_up_nothing_else(
    postgresql: Cluster, tmp_path: Path
) -> None:
    database = postgresql.new_database()
    url = postgresql.url(database, "postgres").replace("+psycopg", "")
    try:
        with psycopg.connect(url) as connection, secret_file(postgresql.password) as password:
            connection.execute("CREATE SCHEMA app")
            connection.execute(
                "CREATE VIEW app.endless AS SELECT generate_series(1, 1000000000000)"
            )
            connection.execute(TABLES.format(schema="app").encode())
            connection.commit()
            connection.execute("LOCK TABLE app.salaries IN ACCESS EXCLUSIVE MODE")
            settings = (
                f'[databases.erp]\nkind = "postgresql"\nport = {postgresql.port}\n'
                f'user = "postgres"\npassword = {{ file = "{password}" }}\nquery_seconds = 2\n'
                f'[queries.endless]\ndatabase = "erp"\nwithin = "{database}"\ntitle = "无尽"\n'
                'query = "SELECT count(*) AS n FROM app.endless"\n'
                'columns = { n = "integer" }\nvalue = "n"\ncritical = 1\n'
            )
            places = {"schema": "app", "within": f'within = "{database}"'}
            found = looked(tmp_path, settings, **places)
    finally:
        postgresql.drop_database(database)
    assert verdicts(found["waiting"])["002 华东"].state is State.CRITICAL
    assert verdicts(found["few"])[""].state is State.OK
    for name in ("secret", "endless"):
        failure = verdicts(found[name])[""].failure
        assert failure is not None
        assert failure.reason.value == "timeout", failure


def test_on_mariadb(mariadb: throw_away.Server, tmp_path: Path) -> None:
    mariadb.run(
        "CREATE DATABASE app CHARACTER SET utf8mb4; SET NAMES utf8mb4;"
        + TABLES.format(schema="app")
        + "CREATE USER asking@localhost IDENTIFIED BY 'asking';"
        + "GRANT SELECT ON app.vouchers TO asking@localhost;"
    )
    try:
        with secret_file("asking") as password:
            settings = (
                f'[databases.erp]\nkind = "mariadb"\nsocket = "{mariadb.folder}/s"\n'
                f'user = "asking"\npassword = {{ file = "{password}" }}\n'
            )
            demand(looked(tmp_path, settings, schema="app", within=""), "permission")
            mariadb.run("SET NAMES utf8mb4; UPDATE app.vouchers SET state = '已过账'")
            mended = looked(tmp_path, settings, schema="app", within="")
            assert verdicts(mended["waiting"])[""].state is State.OK
    finally:
        mariadb.run("DROP DATABASE app; DROP USER asking@localhost;")


def test_a_refused_account_is_tried_once_for_all_queries_of_a_database(
    mariadb: throw_away.Server, tmp_path: Path
) -> None:
    mariadb.run("CREATE USER asking@localhost IDENTIFIED BY 'asking'; FLUSH STATUS;")
    before = refused_logins(mariadb)
    try:
        with secret_file("wrong") as password:
            settings = (
                f'[databases.erp]\nkind = "mariadb"\nsocket = "{mariadb.folder}/s"\n'
                f'user = "asking"\npassword = {{ file = "{password}" }}\n'
            )
            found = looked(tmp_path, settings, schema="app", within="")
    finally:
        mariadb.run("DROP USER asking@localhost;")
    assert len(found) == 5
    for facts in found.values():
        failure = verdicts(facts)[""].failure
        assert failure is not None
        assert failure.reason.value == "login"
    assert refused_logins(mariadb) - before == 1


def refused_logins(server: throw_away.Server) -> int:
    answer = throw_away._demand(
        "mariadb", "--no-defaults", *server.options, "--batch", "--skip-column-names",
        given="SHOW GLOBAL STATUS LIKE 'Access_denied_errors'",
    )  # fmt: skip
    return int(answer.split()[-1])
