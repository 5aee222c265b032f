"""What signing in to Oracle, 达梦 and KingbaseES does: the first two against answers by hand.

KingbaseES on a real PostgreSQL: as it is, and with a catalogue that was renamed to sys_ names.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import psycopg
import pyodbc
import pytest
from psycopg import sql

from agent.databases.engines import dameng, kingbase, oracle
from agent.databases.engines.kind import Identity
from agent.databases.failing import meaning
from agent.databases.reading import demand_reading
from agent.databases.subject import ConfiguredDatabase
from checks.databases import Engine
from checks.errors import (
    LoginRefused,
    NotPermitted,
    ProbeError,
    UnexpectedOutput,
    Unreachable,
    Unsupported,
)
from scripts.postgresql import Cluster
from tests import databases
from tests.databases import secret_file, settings, signed_in

ORACLE = settings(kind="oracle", service="erp")
DAMENG = settings(kind="dameng")


class Answering:
    """Answers each query by a part of its text, and keeps what was executed."""

    def __init__(self, answers: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
        self.answers = answers
        self.executed: list[str] = []
        self.refused: type[ProbeError] | None = None

    def ask(self, query: str) -> Sequence[Mapping[str, object]]:
        demand_reading(query)
        return next(rows for words, rows in self.answers.items() if words in query)

    def execute(self, statement: str) -> None:
        self.executed.append(statement)
        if self.refused is not None and "READ_ONLY" in statement:
            raise self.refused("session")


def asked_oracle(product: str, version: str, full: str = "") -> tuple[Answering, Identity]:
    port = Answering(
        {
            "version_full": [{"version": full}],
            "version AS version": [{"product": product, "version": version}],
        }
    )
    return port, oracle.prepare(ORACLE, port.ask, port.execute)


def test_oracle_11g_is_known_by_its_version() -> None:
    port, identity = asked_oracle("Oracle Database 11g Enterprise Edition", "11.2.0.4.0")
    assert identity.version == (11, 2, 0, 4, 0)
    assert identity.engine is Engine.ORACLE
    assert not any("READ_ONLY" in statement for statement in port.executed)


def test_oracle_from_18_on_tells_its_release_update() -> None:
    port, identity = asked_oracle("Oracle Database 19c", "19.0.0.0.0", "19.24.0.0.0")
    assert identity.version == (19, 24, 0, 0, 0)
    assert any("TIME_ZONE" in statement for statement in port.executed)


def test_oracle_26ai_is_held_to_reading_where_it_can_be() -> None:
    port, identity = asked_oracle("Oracle AI Database 26ai", "23.0.0.0.0", "23.26.1.0.0")
    assert "ALTER SESSION SET READ_ONLY = TRUE" in port.executed
    port.refused = UnexpectedOutput
    assert oracle.prepare(ORACLE, port.ask, port.execute) == identity


def test_an_oracle_that_names_no_product_is_an_error_of_its_own() -> None:
    port = Answering({"version": []})
    with pytest.raises(UnexpectedOutput):
        oracle.prepare(ORACLE, port.ask, port.execute)


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ("DM Database Server 64 V8", (8,)),
        ("DM Database Server x64 V7.6.0.145-Build(2019.03.20-104220)ENT", (7, 6, 0, 145)),
        ("DM Database Server", (8,)),
    ],
)
def test_dameng_is_known_by_its_banner(banner: str, version: tuple[int, ...]) -> None:
    port = Answering({"V$VERSION": [{"release": banner}, {"release": "DB Version: 0x7000c"}]})
    identity = dameng.prepare(DAMENG, port.ask, port.execute)
    assert identity.version == version
    assert identity.engine is Engine.DAMENG


@pytest.mark.parametrize(
    ("state", "words", "kind"),
    [
        ("HY000", "[DM]用户名或密码错误 (-2501) (SQLDriverConnect)", LoginRefused),
        ("HY000", "[DM]Invalid username or password (-2501) (SQLDriverConnect)", LoginRefused),
        ("42000", "[DM]没有[SYS.V$LICENSE]对象的查询权限 (-5504) (SQLExecDirectW)", NotPermitted),
        ("HY000", "[DM]没有[SYS.V$LICENSE]对象的查询权限", NotPermitted),
        (
            "HY000",
            "[DM]第1 行: 无效的表或视图名[X] (-2106) (SQLExecDirectW)",
            Unsupported,
        ),
        ("HY000", "[DM]无效的模式名[SYSJOB]", Unsupported),
        ("HY000", "[DM]网络通信异常", Unreachable),
        ("HY000", "[DM]something else (-9999) (SQLExecDirectW)", UnexpectedOutput),
    ],
)
def test_an_error_of_dameng_has_its_meaning(state: str, words: str, kind: type[ProbeError]) -> None:
    assert type(meaning(pyodbc.Error(state, words))) is kind


@pytest.mark.parametrize(
    ("query", "translated"),
    [
        ("SELECT 1 FROM pg_stat_activity", "SELECT 1 FROM sys_stat_activity"),
        ("SELECT a.pid FROM pg_catalog.pg_locks a", "SELECT a.pid FROM sys_catalog.sys_locks a"),
        ("SELECT 'pg_locks' AS name", "SELECT 'pg_locks' AS name"),
        ("SELECT 'it''s pg_x' FROM \"pg_mine\"", "SELECT 'it''s pg_x' FROM \"pg_mine\""),
        ("SELECT pg_database_size(1)", "SELECT pg_database_size(1)"),
        ("SELECT pg_is_in_recovery ()", "SELECT pg_is_in_recovery ()"),
        ("SELECT my_pg_table.x FROM my_pg_table", "SELECT my_pg_table.x FROM my_pg_table"),
    ],
)
def test_only_names_of_the_catalogue_are_translated(query: str, translated: str) -> None:
    assert kingbase.translate(query) == translated


@pytest.mark.parametrize(
    ("known", "translated"), [(True, False), ("t", False), ("1", False), (False, True), ("f", True)]
)
def test_a_kingbase_is_asked_once_what_its_catalogue_is_called(
    known: object, translated: bool
) -> None:
    release = "KingbaseES V008R006C008B0014"
    port = Answering(
        {
            "server_version_num": [{"number": "120001", "release": release}],
            "to_regclass": [{"known": known}],
        }
    )
    identity = kingbase.prepare(settings(kind="kingbase"), port.ask, port.execute)
    assert identity == Identity(Engine.KINGBASE, (12, 1), release, translated)


def test_a_kingbase_without_that_function_has_names_of_its_own() -> None:
    port = Answering({"server_version_num": [{"number": "90604", "release": "Kingbase V8R3"}]})

    def ask(query: str) -> Sequence[Mapping[str, object]]:
        if "to_regclass" in query:
            raise Unsupported("to_regclass")
        return port.ask(query)

    assert kingbase.prepare(settings(kind="kingbase"), ask, port.execute).translated


@pytest.fixture
def renamed(postgresql: Cluster) -> Iterator[str]:
    """Give a database whose activity is shown under sys_ names, and under no pg_ name any more."""
    name = postgresql.new_database()
    with psycopg.connect(
        host="127.0.0.1",
        port=postgresql.port,
        user="postgres",
        password=postgresql.password,
        dbname=name,
        autocommit=True,
    ) as connection:
        for statement in (
            "CREATE SCHEMA sys_catalog",
            "CREATE VIEW sys_catalog.sys_stat_activity AS SELECT * FROM pg_stat_activity",
            "CREATE VIEW sys_catalog.sys_database AS SELECT * FROM pg_database",
            "SET allow_system_table_mods = on",
            "ALTER VIEW pg_catalog.pg_stat_activity RENAME TO hidden_stat_activity",
        ):
            connection.execute(sql.SQL(statement))
    yield name
    postgresql.drop_database(name)


@contextmanager
def as_kingbase(cluster: Cluster, database: str) -> Iterator[ConfiguredDatabase]:
    with secret_file(cluster.password) as password:
        given = settings(
            kind="kingbase",
            port=cluster.port,
            database=database,
            user="postgres",
            password={"file": password},
            driver="PostgreSQL Unicode",
        )
        with signed_in(given) as found:
            yield found


ACTIVITY = "SELECT count(*) AS sessions FROM pg_stat_activity"


def test_a_catalogue_with_pg_names_is_asked_by_them(postgresql: Cluster) -> None:
    with as_kingbase(postgresql, "postgres") as database:
        assert database.rows(ACTIVITY)[0]["sessions"]
        # What has no sys_ view here is found.
        assert database.rows("SELECT count(*) AS classes FROM pg_class")[0]["classes"]


def test_a_catalogue_with_sys_names_alone_is_asked_by_those(
    postgresql: Cluster, renamed: str
) -> None:
    with as_kingbase(postgresql, renamed) as database:
        assert database.rows(ACTIVITY)[0]["sessions"]
        query = "SELECT datname AS name FROM pg_database WHERE datname <> 'pg_database'"
        assert {"name": renamed} in database.rows(query)
        with pytest.raises(Unsupported, match="sys_class"):
            database.rows("SELECT count(*) AS classes FROM pg_class")


def test_where_the_names_changed_postgresql_itself_would_not_be_understood(
    postgresql: Cluster, renamed: str
) -> None:
    with as_kingbase(postgresql, renamed) as database:
        # Unchanged: a text that happens to be a name.
        assert database.rows("SELECT 'pg_stat_activity' AS name") == [{"name": "pg_stat_activity"}]
    with databases.postgresql(postgresql, renamed) as database, pytest.raises(Unsupported):
        database.rows(ACTIVITY)
