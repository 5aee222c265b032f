"""Connections and sessions of a real PostgreSQL: brought into each bad state, and mended."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest
from psycopg import sql

from checks.postgresql import connections, sessions
from scripts.postgresql import Cluster, cluster
from tests.databases import postgresql as signed_in
from tests.postgresql_servers import connect, restarted, states, until, verdicts

SOON = {"warning_minutes": 0.0001, "critical_minutes": 0.0002}
"""Limits that a test can wait for."""


@pytest.fixture
def database(postgresql: Cluster) -> Iterator[str]:
    name = postgresql.new_database()
    yield name
    postgresql.drop_database(name)


def test_connections_near_the_limit_are_told_until_they_are_closed(postgresql: Cluster) -> None:
    with signed_in(postgresql) as asked:
        assert states(connections.CHECK, "PG-002", asked)[""] == "ok"
        with ExitStack() as held:
            # Of 97: other tests of this process may hold some.
            for _ in range(82 - connections.probe(asked).used):
                held.enter_context(closing(connect(postgresql)))
            assert states(connections.CHECK, "PG-002", asked)[""] == "warning"
            for _ in range(8):
                held.enter_context(closing(connect(postgresql)))
            worst = verdicts(connections.CHECK, "PG-002", asked)[""]
            assert worst.state.value == "critical"
            assert worst.message is not None
            assert "占用最多：postgres/postgres" in worst.message.zh
        until(lambda: states(connections.CHECK, "PG-002", asked)[""] == "ok")


def test_a_database_near_its_own_limit_is_told(postgresql: Cluster, database: str) -> None:
    limit = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}")
    postgresql.administer(limit.format(sql.Identifier(database), sql.Literal(5)))
    name = f"DATABASE {database}"
    with signed_in(postgresql) as asked, ExitStack() as held:
        assert states(connections.CHECK, "PG-002", asked)[name] == "ok"
        for _ in range(4):
            held.enter_context(closing(connect(postgresql, database)))
        assert states(connections.CHECK, "PG-002", asked)[name] == "warning"
        held.enter_context(closing(connect(postgresql, database)))
        assert states(connections.CHECK, "PG-002", asked)[name] == "critical"
        postgresql.administer(limit.format(sql.Identifier(database), sql.Literal(50)))
        assert states(connections.CHECK, "PG-002", asked)[name] == "ok"


def test_a_session_that_idles_in_its_transaction_is_told(
    postgresql: Cluster, database: str
) -> None:
    with signed_in(postgresql) as asked:
        assert states(sessions.CHECK, "PG-012", asked, **SOON) == {"": "ok"}
        with closing(connect(postgresql, database, autocommit=False)) as held:
            held.execute("SELECT 1")
            until(lambda: states(sessions.CHECK, "PG-012", asked, **SOON) == {"": "critical"})
            found = verdicts(sessions.CHECK, "PG-012", asked, **SOON)[""]
            assert found.message is not None
            assert database in found.message.zh
            assert str(held.info.backend_pid) in found.message.zh
            assert states(sessions.CHECK, "PG-012", asked) == {"": "ok"}
            held.rollback()
            assert states(sessions.CHECK, "PG-012", asked, **SOON) == {"": "ok"}


def test_a_long_query_is_told_and_its_text_stays_on_the_server(
    postgresql: Cluster, database: str
) -> None:
    with (
        signed_in(postgresql) as asked,
        closing(connect(postgresql, database)) as busy,
        ThreadPoolExecutor(1) as pool,
    ):
        running = pool.submit(busy.execute, "SELECT pg_sleep(60), 'secret words'")
        until(lambda: states(sessions.CHECK, "PG-013", asked, **SOON) == {"": "critical"})
        assert "secret words" not in str(sessions.probe(asked))
        busy.cancel()
        assert running.exception() is not None
        assert states(sessions.CHECK, "PG-013", asked, **SOON) == {"": "ok"}


def test_blocked_sessions_name_the_root_of_their_chain(postgresql: Cluster, database: str) -> None:
    with ExitStack() as held:
        asked = held.enter_context(signed_in(postgresql))
        holder, second, third = (
            held.enter_context(closing(connect(postgresql, database, autocommit=False)))
            for _ in range(3)
        )
        pool = held.enter_context(ThreadPoolExecutor(2))
        holder.execute("CREATE TABLE t (i int)")
        holder.commit()
        holder.execute("SET application_name = 'holds'")
        holder.execute("LOCK TABLE t IN SHARE MODE")
        assert states(sessions.CHECK, "PG-015", asked, **SOON) == {"": "ok"}
        waiting = pool.submit(second.execute, "LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        until(lambda: len(sessions.probe(asked).blocked) == 1)
        also_waiting = pool.submit(third.execute, "LOCK TABLE t IN SHARE MODE")
        until(lambda: len(sessions.probe(asked).blocked) == 2)
        until(lambda: states(sessions.CHECK, "PG-015", asked, **SOON) == {"": "critical"})
        found = verdicts(sessions.CHECK, "PG-015", asked, **SOON)[""]
        assert found.message is not None
        assert f"阻塞源头：进程 {holder.info.backend_pid}，postgres / holds" in found.message.zh
        holder.rollback()
        waiting.result(10)
        second.rollback()
        also_waiting.result(10)
        assert states(sessions.CHECK, "PG-015", asked, **SOON) == {"": "ok"}


def test_a_prepared_transaction_left_behind_is_told_and_survives_a_restart() -> None:
    with cluster() as own:
        with signed_in(own) as asked:
            assert states(sessions.CHECK, "PG-014", asked) == {"": "not_applicable"}
        own.administer("ALTER SYSTEM SET max_prepared_transactions = 5")
        restarted(own)
        with closing(connect(own, autocommit=False)) as left:
            left.execute("CREATE TABLE t (i int)")
            left.execute("PREPARE TRANSACTION 'xa-4711'")
        restarted(own)
        with signed_in(own) as asked:
            until(lambda: states(sessions.CHECK, "PG-014", asked, **SOON) == {"": "critical"})
            found = verdicts(sessions.CHECK, "PG-014", asked, **SOON)[""]
            assert found.message is not None
            assert "xa-4711" in found.message.zh
            own.administer("ROLLBACK PREPARED 'xa-4711'")
            assert states(sessions.CHECK, "PG-014", asked, **SOON) == {"": "ok"}
