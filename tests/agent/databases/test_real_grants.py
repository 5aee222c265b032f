"""The scripts on real servers: nothing before the password is filled in, and then the least."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from agent.databases.granting import script
from agent.databases.subject import ConfiguredDatabase
from checks.databases import Engine
from checks.errors import NotPermitted
from scripts.postgresql import Cluster
from tests import databases
from tests import mariadb as throw_away

PASSWORD = "N0t-a-secret"
USER = "reader"


def filled(text: str) -> str:
    return re.sub(r"\*{3} PUT THE PASSWORD HERE.*\*{3}", f"'{PASSWORD}'", text)


def optional(text: str, words: str) -> str:
    """Return the statements of a script that stand there for the taking, as they would be run."""
    found = [line.removeprefix("-- ") for line in text.splitlines() if re.match("-- GRANT", line)]
    return "\n".join(line for line in found if words in line)


def connected(cluster: Cluster, database: str, user: str, password: str) -> Any:
    return psycopg.connect(
        host="127.0.0.1",
        port=cluster.port,
        user=user,
        password=password,
        dbname=database,
        autocommit=True,
    )


@contextmanager
def business(cluster: Cluster) -> Iterator[str]:
    database = cluster.new_database()
    try:
        with connected(cluster, database, "postgres", cluster.password) as connection:
            connection.execute("CREATE TABLE public.vouchers (id int)")
            connection.execute("INSERT INTO public.vouchers VALUES (1)")
        yield database
    finally:
        cluster.drop_database(database)
        cluster.administer(f"DROP ROLE IF EXISTS {USER}")


@pytest.mark.parametrize("engine", [Engine.POSTGRESQL, Engine.KINGBASE])
def test_on_postgresql_an_unfilled_script_changes_nothing(
    postgresql: Cluster, engine: Engine
) -> None:
    with connected(postgresql, "postgres", "postgres", postgresql.password) as connection:
        for language in ("en", "zh-CN"):
            with pytest.raises(psycopg.errors.SyntaxError):
                connection.execute(script(engine, "", USER, language))
    assert postgresql.ask(f"SELECT 1 FROM pg_roles WHERE rolname = '{USER}'") == []


@pytest.mark.parametrize("engine", [Engine.POSTGRESQL, Engine.KINGBASE])
def test_on_postgresql_the_account_watches_and_does_nothing_else(
    postgresql: Cluster, engine: Engine
) -> None:
    text = script(engine, "", USER, "en")
    with business(postgresql) as database:
        with connected(postgresql, "postgres", "postgres", postgresql.password) as connection:
            connection.execute(filled(text))
            watched = connection.execute("SELECT pg_backend_pid()").fetchone()[0]
            with databases.postgresql(
                cluster_of(postgresql), database="postgres", user=USER, query_seconds=7
            ) as port:
                watching(port, watched, database)
        forbidden(postgresql, database)
        if engine is Engine.POSTGRESQL:
            with connected(postgresql, "postgres", "postgres", postgresql.password) as connection:
                connection.execute(optional(text, "pg_catalog."))
            with databases.postgresql(cluster_of(postgresql), user=USER) as port:
                assert port.rows("SELECT type FROM pg_hba_file_rules")
                port.rows("SELECT size FROM pg_stat_file('backup_label', true) AS f(size)")
            with connected(postgresql, "postgres", "postgres", postgresql.password) as connection:
                connection.execute(f"DROP OWNED BY {USER}")


def cluster_of(running: Cluster) -> Cluster:
    """Return the cluster as the account signs in to it."""
    return Cluster(running.port, PASSWORD, running.process, running.folder, running.command)


def watching(port: ConfiguredDatabase, watched: int, database: str) -> None:
    rows = port.rows(f"SELECT query FROM pg_stat_activity WHERE pid = {watched}")
    assert rows[0]["query"] == "SELECT pg_backend_pid()"
    limits = port.rows(
        "SELECT current_setting('statement_timeout') AS statement,"
        " current_setting('lock_timeout') AS waiting,"
        " current_setting('default_transaction_read_only') AS read_only"
    )
    assert limits[0] == {"statement": "7s", "waiting": "1s", "read_only": "on"}
    assert port.rows("SELECT name FROM pg_ls_waldir()")
    assert port.rows("SELECT setting FROM pg_settings WHERE name = 'hba_file'")
    assert port.within(database).rows("SELECT relname FROM pg_class WHERE relname = 'vouchers'")
    with pytest.raises(NotPermitted):
        port.within(database).rows("SELECT * FROM public.vouchers")


def forbidden(cluster: Cluster, database: str) -> None:
    """Demand that the account may do nothing, whatever it sets for its session."""
    with connected(cluster, database, USER, PASSWORD) as connection:
        settings = connection.execute(
            "SELECT current_setting('default_transaction_read_only'),"
            " current_setting('statement_timeout'), current_setting('lock_timeout')"
        ).fetchone()
        assert settings == ("on", "5min", "1s")
        connection.execute("SET default_transaction_read_only = off")
        for statement in (
            "SELECT * FROM public.vouchers",
            "INSERT INTO public.vouchers VALUES (2)",
            "DELETE FROM public.vouchers",
            "CREATE TABLE public.mine (id int)",
            "CREATE SCHEMA mine",
            "CREATE DATABASE mine",
            "CREATE ROLE mine",
            "SELECT rolpassword FROM pg_authid",
            "SELECT pg_read_file('postgresql.conf')",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
            "COPY (SELECT 1) TO '/tmp/mine'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


@pytest.fixture
def ledger(mariadb: throw_away.Server) -> Iterator[throw_away.Server]:
    mariadb.run("CREATE DATABASE ledger; CREATE TABLE ledger.vouchers (id int auto_increment key);")
    try:
        yield mariadb
    finally:
        mariadb.run(f"DROP DATABASE ledger; DROP USER IF EXISTS {USER}@localhost;")


VARIANTS = [(Engine.MARIADB, "10.11"), (Engine.MARIADB, "10.4"), (Engine.MYSQL, "8.0")]


@pytest.mark.parametrize(("engine", "version"), VARIANTS)
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_on_mariadb_an_unfilled_script_changes_nothing(
    ledger: throw_away.Server, engine: Engine, version: str, language: str
) -> None:
    with pytest.raises(throw_away.CannotStart, match="error in your SQL syntax"):
        ledger.run(script(engine, version, USER, language))
    with databases.mariadb_database(ledger) as port:
        assert port.rows(f"SELECT user FROM mysql.global_priv WHERE user = '{USER}'") == []


@pytest.mark.parametrize(("engine", "version"), VARIANTS)
def test_on_mariadb_the_account_watches_and_does_nothing_else(
    ledger: throw_away.Server, engine: Engine, version: str
) -> None:
    text = script(engine, version, USER, "en")
    ledger.run(filled(text))
    with (
        databases.mariadb_database(ledger) as other,
        databases.mariadb_database(ledger, USER, PASSWORD, query_seconds=7) as port,
    ):
        assert other.rows("SELECT 1 AS one")
        users = {
            row["user"] for row in port.rows("SELECT user FROM information_schema.processlist")
        }
        assert {ledger.user, USER} <= users
        limits = port.rows(
            "SELECT @@max_statement_time AS statement, @@lock_wait_timeout AS waiting"
        )
        assert limits[0] == {"statement": 7, "waiting": 1}
        assert port.rows("SELECT trx_id FROM information_schema.innodb_trx") == []
        tables = port.rows(
            "SELECT table_name, auto_increment FROM information_schema.tables"
            " WHERE table_schema = 'ledger'"
        )
        assert tables == [{"table_name": "vouchers", "auto_increment": 1}]
        columns = port.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'ledger'"
        )
        assert columns == [{"column_name": "id"}]
        port.rows("SELECT count(*) AS n FROM performance_schema.threads")
        port.rows("SELECT sys_version FROM sys.version")
        if (engine, version) == (Engine.MARIADB, "10.11"):
            port.rows("SHOW ALL SLAVES STATUS")
        with pytest.raises(NotPermitted):
            port.rows("SELECT * FROM ledger.vouchers")
        with pytest.raises(NotPermitted):
            port.rows("SELECT * FROM mysql.global_priv")
    account = throw_away.Server(ledger.folder, f"{USER}", PASSWORD)
    for statement in (
        "SELECT * FROM ledger.vouchers",
        "INSERT INTO ledger.vouchers VALUES (1)",
        "DELETE FROM ledger.vouchers",
        "CREATE TABLE ledger.mine (id int)",
        "CREATE TABLE ledger.mine (id int, FOREIGN KEY (id) REFERENCES ledger.vouchers (id))",
        "CREATE DATABASE mine",
        "CREATE USER mine@localhost",
        "DROP TABLE ledger.vouchers",
        "SELECT LOAD_FILE('/etc/hostname') INTO OUTFILE '/tmp/mine'",
        "SET GLOBAL max_connections = 5",
        "KILL 1",
    ):
        with pytest.raises(throw_away.CannotStart, match=r"denied|not owner|Unknown thread"):
            account.run(statement)


def test_on_mariadb_what_is_optional_can_be_granted(ledger: throw_away.Server) -> None:
    text = script(Engine.MARIADB, "10.11", USER, "en")
    ledger.run(filled(text))
    ledger.run(optional(text, "mysql.global_priv"))
    with databases.mariadb_database(ledger, USER, PASSWORD) as port:
        assert port.rows("SELECT user FROM mysql.global_priv")
