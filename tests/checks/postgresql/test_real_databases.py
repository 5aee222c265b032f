"""Databases of a real PostgreSQL are brought into the bad states, seen, and mended."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import psycopg
import pytest

from checks.api import Check, Failure, Past, State, Text, ok
from checks.postgresql import (
    bloat,
    extensions,
    growth,
    indexes,
    sequences,
    statistics,
    tables,
)
from checks.postgresql._database_work import TemporaryThresholds
from checks.postgresql._each_database import Listed, each, verdicts
from scripts.postgresql import Cluster
from tests import databases
from tests.checks.postgresql.servers import account, database_of, inside, run, within
from tests.databases import judged
from tests.worse import NOW
from wire.messages import Reason

INSIDE_EACH = (tables, bloat, indexes, sequences, growth, extensions)
DAY = 86400.0
NOTHING = Text("", "")


@pytest.fixture
def erp(postgresql: Cluster) -> Iterator[str]:
    with database_of(postgresql) as name:
        yield name


def state(cluster: Cluster, check: Check[Any], code: str, object: str) -> State:
    with databases.postgresql(cluster) as found:
        return judged(check, found)[code, object].state


def test_an_index_that_failed_is_seen_until_it_is_built_again(
    postgresql: Cluster, erp: str
) -> None:
    run(postgresql, erp, "CREATE TABLE bill (no int)", "INSERT INTO bill VALUES (1), (1)")
    with pytest.raises(psycopg.errors.UniqueViolation):
        run(postgresql, erp, "CREATE UNIQUE INDEX CONCURRENTLY bill_no ON bill (no)")
    with databases.postgresql(postgresql) as found:
        verdict = judged(indexes.CHECK, found)["PG-019", f"{erp}.public.bill_no"]
    assert verdict.state is State.CRITICAL
    assert verdict.message is not None
    assert "唯一性" in verdict.message.zh

    run(postgresql, erp, "TRUNCATE bill", "REINDEX INDEX CONCURRENTLY bill_no")
    assert state(postgresql, indexes.CHECK, "PG-019", erp) is State.OK


def test_an_index_that_is_being_built_is_no_fault(postgresql: Cluster, erp: str) -> None:
    run(postgresql, erp, "CREATE TABLE bill (no int)")
    with (
        ThreadPoolExecutor(1) as pool,
        inside(postgresql, erp) as writer,
    ):
        writer.execute("BEGIN")
        writer.execute("INSERT INTO bill VALUES (1)")
        # It waits for the writer.
        build = pool.submit(run, postgresql, erp, "CREATE INDEX CONCURRENTLY bill_no ON bill (no)")
        waits = "SELECT 1 FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting%'"
        within(10, lambda: bool(postgresql.ask(waits)))
        object = f"{erp}.public.bill_no"
        assert state(postgresql, indexes.CHECK, "PG-019", object) is State.INFO
        writer.execute("COMMIT")
        build.result(timeout=10)
    assert state(postgresql, indexes.CHECK, "PG-019", erp) is State.OK


def test_redundant_indexes_and_foreign_keys_without_one_are_listed(
    postgresql: Cluster, erp: str
) -> None:
    run(
        postgresql,
        erp,
        "CREATE TABLE customer (id int PRIMARY KEY)",
        "INSERT INTO customer VALUES (1)",
        "CREATE TABLE bill (customer int REFERENCES customer, no int)",
        "INSERT INTO bill SELECT 1, n FROM generate_series(1, 120000) n",
        "ANALYZE bill",
    )
    with databases.postgresql(postgresql) as found:
        first = judged(indexes.CHECK, found)["PG-020", erp]
    assert first.message is not None
    assert "public.bill(bill_customer_fkey)" in first.message.zh

    run(
        postgresql,
        erp,
        "CREATE INDEX by_customer ON bill (customer)",
        "CREATE INDEX by_no ON bill (no, customer)",
        "CREATE INDEX by_no_too ON bill (no)",
    )
    with databases.postgresql(postgresql) as found:
        second = judged(indexes.CHECK, found)["PG-020", erp]
    assert second.message is not None
    assert "public.by_no_too" in second.message.zh
    assert "fkey" not in second.message.zh

    run(postgresql, erp, "DROP INDEX by_no_too")
    assert state(postgresql, indexes.CHECK, "PG-020", erp) is State.OK


def test_a_sequence_near_the_end_of_its_column_is_seen_until_that_is_a_bigint(
    postgresql: Cluster, erp: str
) -> None:
    # As databases of 9.6 and older came over: the sequence is a bigint, its column is not.
    run(
        postgresql,
        erp,
        "CREATE TABLE bill (id int)",
        "CREATE SEQUENCE bill_id OWNED BY bill.id",
        "SELECT setval('bill_id', 2100000000)",
    )
    object = f"{erp}.public.bill_id"
    assert state(postgresql, sequences.CHECK, "PG-021", object) is State.CRITICAL
    run(postgresql, erp, "SELECT setval('bill_id', 1900000000)")
    assert state(postgresql, sequences.CHECK, "PG-021", object) is State.WARNING
    run(postgresql, erp, "ALTER TABLE bill ALTER COLUMN id TYPE bigint")
    assert state(postgresql, sequences.CHECK, "PG-021", erp) is State.OK


def test_a_locked_sequence_is_not_read_and_the_others_are(postgresql: Cluster, erp: str) -> None:
    run(
        postgresql,
        erp,
        "CREATE SEQUENCE busy",
        "CREATE SEQUENCE down INCREMENT -1 MINVALUE -100 MAXVALUE -1",
        "SELECT setval('down', -99)",
    )
    with inside(postgresql, erp) as other:
        other.execute("BEGIN")
        other.execute("ALTER SEQUENCE busy MAXVALUE 1000")
        with databases.postgresql(postgresql) as found:
            verdicts = judged(sequences.CHECK, found)
        other.execute("ROLLBACK")
    assert verdicts["PG-021", f"{erp}.public.down"].state is State.CRITICAL
    assert verdicts["PG-021", erp].state is State.NOT_RUN


def test_sequences_of_others_are_never_a_pass(postgresql: Cluster, erp: str) -> None:
    run(postgresql, erp, "CREATE SEQUENCE bill_id", "SELECT setval('bill_id', 9)")
    with (
        account(postgresql, "stranger"),
        databases.postgresql(postgresql, user="stranger") as found,
    ):
        verdict = judged(sequences.CHECK, found)["PG-021", erp]
    assert verdict.state is State.NOT_RUN
    assert verdict.failure is not None
    assert verdict.failure.reason is Reason.PERMISSION


def test_bloat_is_estimated_until_the_table_is_rewritten(postgresql: Cluster, erp: str) -> None:
    run(
        postgresql,
        erp,
        "CREATE TABLE bill (no int, text char(3900))",
        "ALTER TABLE bill ALTER COLUMN text SET STORAGE PLAIN",
        "INSERT INTO bill SELECT n, 'x' FROM generate_series(1, 35000) n",
        "ANALYZE bill",
    )
    assert state(postgresql, bloat.CHECK, "PG-016", erp) is State.OK
    run(postgresql, erp, "DELETE FROM bill WHERE no % 5 <> 0", "VACUUM ANALYZE bill")
    object = f"{erp}.public.bill"
    assert state(postgresql, bloat.CHECK, "PG-016", object) is State.CRITICAL
    with (
        account(postgresql, "stranger"),
        databases.postgresql(postgresql, user="stranger") as found,
    ):
        hidden = judged(bloat.CHECK, found)["PG-016", erp]
    assert hidden.state is State.NOT_RUN
    assert hidden.failure is not None
    assert hidden.failure.reason is Reason.PERMISSION

    run(postgresql, erp, "VACUUM FULL bill", "ANALYZE bill")
    assert state(postgresql, bloat.CHECK, "PG-016", erp) is State.OK


def test_the_bloat_of_an_index_is_estimated(postgresql: Cluster, erp: str) -> None:
    run(
        postgresql,
        erp,
        "CREATE TABLE bill (no int)",
        "CREATE INDEX bill_no ON bill (no)",
        "INSERT INTO bill SELECT n FROM generate_series(1, 600000) n",
        "DELETE FROM bill WHERE no % 10 <> 0",
        "VACUUM ANALYZE bill",
    )
    with databases.postgresql(postgresql) as found:
        facts = bloat.CHECK.probe(found) if bloat.CHECK.probe else None
    part = next(each for each in facts.estimates.databases if each.name == erp)
    estimate = next(each for each in part.found if each.name == "bill_no")
    assert 85 < estimate.wasted_percent < 95


def test_a_table_without_autovacuum_is_seen_until_it_has_it_again(
    postgresql: Cluster, erp: str
) -> None:
    run(postgresql, erp, "CREATE TABLE bill (no int) WITH (autovacuum_enabled = off)")
    object = f"{erp}.public.bill"
    assert state(postgresql, tables.CHECK, "PG-017", object) is State.WARNING
    run(postgresql, erp, "ALTER TABLE bill RESET (autovacuum_enabled)")
    assert state(postgresql, tables.CHECK, "PG-017", erp) is State.OK


def test_dead_rows_are_seen_until_they_are_vacuumed(postgresql: Cluster, erp: str) -> None:
    run(
        postgresql,
        erp,
        "CREATE TABLE bill (no int)",
        "INSERT INTO bill SELECT n FROM generate_series(1, 30000) n",
        "DELETE FROM bill WHERE no > 15000",
    )
    object = f"{erp}.public.bill"

    def seen() -> bool:
        with databases.postgresql(postgresql) as found:
            return ("PG-018", object) in judged(tables.CHECK, found)

    within(10, seen)
    assert state(postgresql, tables.CHECK, "PG-018", object) is State.CRITICAL
    run(postgresql, erp, "VACUUM ANALYZE bill")
    within(10, lambda: not seen())
    assert state(postgresql, tables.CHECK, "PG-018", erp) is State.OK


def test_a_table_that_is_locked_away_stops_nothing(postgresql: Cluster, erp: str) -> None:
    run(
        postgresql,
        erp,
        "CREATE TABLE bill (id serial PRIMARY KEY, text char(3900))",
        "ALTER TABLE bill ALTER COLUMN text SET STORAGE PLAIN",
        "INSERT INTO bill (text) SELECT 'x' FROM generate_series(1, 4000) n",
        "ANALYZE bill",
        "CREATE TABLE other (LIKE bill INCLUDING STORAGE)",
        "INSERT INTO other SELECT * FROM bill",
        "ANALYZE other",
    )
    with inside(postgresql, erp) as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE bill IN ACCESS EXCLUSIVE MODE")
        with databases.postgresql(postgresql) as found:
            told = {module.__name__: judged(module.CHECK, found) for module in INSIDE_EACH}
            facts = growth.CHECK.probe(found) if growth.CHECK.probe else None
        holder.execute("ROLLBACK")
    for module, told_of in told.items():
        states = {key: each for key, each in told_of.items() if key[1] == erp}
        assert states, module
        assert all(each.state is State.OK for each in states.values()), (module, states)
    part = next(each for each in facts.tables.databases if each.name == erp)
    assert [table.name for table in part.found] == ["other"]


def test_a_database_that_lets_nobody_in_stops_no_other(postgresql: Cluster, erp: str) -> None:
    postgresql.administer(f"REVOKE CONNECT ON DATABASE {erp} FROM public")
    with (
        database_of(postgresql) as other,
        account(postgresql, "stranger"),
        databases.postgresql(postgresql, user="stranger") as found,
    ):
        verdicts = judged(tables.CHECK, found)
        sizes = judged(growth.CHECK, found)
    assert verdicts["PG-017", erp].state is State.NOT_RUN
    assert verdicts["PG-017", other].state is State.OK
    assert sizes["PG-035", erp].state is State.NOT_RUN
    assert sizes["PG-035", other].state is State.OK


def test_a_closed_database_is_not_judged(postgresql: Cluster, erp: str) -> None:
    postgresql.administer(f"ALTER DATABASE {erp} ALLOW_CONNECTIONS false")
    assert state(postgresql, tables.CHECK, "PG-017", erp) is State.NOT_APPLICABLE


def test_a_database_that_is_dropped_meanwhile_stops_no_other(postgresql: Cluster) -> None:
    first, second = sorted((postgresql.new_database(), postgresql.new_database()))

    def read(_inside: Any, name: str) -> tuple[Any, ...]:
        if name == first:
            postgresql.drop_database(second)
        return _inside.rows("SELECT 1 AS one", tables.Table) if name == second else ()

    with databases.postgresql(postgresql) as found:
        parts = {part.name: part.found for part in each(found, read).databases}
    postgresql.drop_database(first)
    assert parts[first] == ()
    assert isinstance(parts[second], Failure)
    assert "does not exist" in parts[second].detail


class ManyDatabases:
    """An instance of 60 databases that are asked for nothing."""

    def rows(self, _query: str, kind: type[Listed]) -> tuple[Listed, ...]:
        return tuple(kind(f"d{number:02}", True, True) for number in range(60))

    def excluded(self, name: str) -> bool:
        return name < "d05"

    def within(self, _name: str) -> "ManyDatabases":
        return self


def test_the_databases_that_were_not_looked_into_are_counted() -> None:
    parts = each(cast("Any", ManyDatabases()), lambda _inside, _name: ())
    assert len(parts.databases) == 50
    assert parts.databases[0].name == "d05"
    told = list(verdicts(parts, lambda name, _found: iter((ok(name, NOTHING, NOTHING),))))
    assert [verdict.state for verdict in told] == [State.OK] * 50 + [State.NOT_RUN]
    assert told[-1].message is not None
    assert "5 个" in told[-1].message.zh


def test_a_collation_that_changed_is_seen_until_it_is_refreshed(postgresql: Cluster) -> None:
    name = "xunjian_icu"
    postgresql.administer(
        f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'und'"
    )
    try:
        assert state(postgresql, extensions.CHECK, "PG-037", name) is State.OK
        postgresql.administer(
            f"UPDATE pg_database SET datcollversion = '1' WHERE datname = '{name}'"
        )
        run(
            postgresql,
            name,
            'CREATE TABLE bill (name text COLLATE "zh-x-icu")',
            "UPDATE pg_collation SET collversion = '2' WHERE collname = 'zh-x-icu'",
        )
        with databases.postgresql(postgresql) as found:
            verdicts = judged(extensions.CHECK, found)
        assert verdicts["PG-037", f"{name} collation"].state is State.CRITICAL
        assert verdicts["PG-037", f"{name} pg_catalog.zh-x-icu"].state is State.CRITICAL
        run(
            postgresql,
            name,
            f"ALTER DATABASE {name} REFRESH COLLATION VERSION",
            'ALTER COLLATION "zh-x-icu" REFRESH VERSION',
        )
        assert state(postgresql, extensions.CHECK, "PG-037", name) is State.OK
    finally:
        postgresql.drop_database(name)


def test_an_extension_that_is_behind_is_seen_until_it_is_updated(
    postgresql: Cluster, erp: str
) -> None:
    run(postgresql, erp, "CREATE EXTENSION citext VERSION '1.5'")
    object = f"{erp}.citext"
    assert state(postgresql, extensions.CHECK, "PG-037", object) is State.WARNING
    run(postgresql, erp, "ALTER EXTENSION citext UPDATE")
    assert state(postgresql, extensions.CHECK, "PG-037", erp) is State.OK


def deadlock(cluster: Cluster, database: str, pool: ThreadPoolExecutor) -> None:
    """Let two sessions wait for one another."""
    with inside(cluster, database) as one, inside(cluster, database) as two:
        for session, row in ((one, 1), (two, 2)):
            session.execute("SET deadlock_timeout = '20ms'")
            session.execute("BEGIN")
            session.execute(f"UPDATE bill SET no = no WHERE no = {row}")

        def cross(session: Any, row: int) -> bool:
            try:
                session.execute(f"UPDATE bill SET no = no WHERE no = {row}")
            except psycopg.errors.DeadlockDetected:
                return True
            finally:
                session.execute("ROLLBACK")
            return False

        crossing = pool.submit(cross, one, 2)
        assert cross(two, 1) or crossing.result(timeout=10)
        crossing.result(timeout=10)


def test_deadlocks_and_rollbacks_are_counted_from_one_inspection_to_the_next(
    postgresql: Cluster, erp: str
) -> None:
    run(postgresql, erp, "CREATE TABLE bill (no int)", "INSERT INTO bill VALUES (1), (2)")
    with ThreadPoolExecutor(1) as pool:
        for _ in range(10):
            deadlock(postgresql, erp, pool)
    counted = f"SELECT deadlocks FROM pg_stat_database WHERE datname = '{erp}'"
    within(10, lambda: postgresql.ask(counted) == [(10,)])
    assert state(postgresql, statistics.CHECK, "PG-024", erp) is State.WARNING

    with databases.postgresql(postgresql) as found:
        assert statistics.CHECK.probe is not None
        past = Past(NOW, previous=statistics.CHECK.probe(found), elapsed_seconds=DAY)
        assert judged(statistics.CHECK, found, past)["PG-024", erp].state is State.OK

    with inside(postgresql, erp) as session:
        for _ in range(130):
            session.execute("BEGIN")
            session.execute("SELECT 1")
            session.execute("ROLLBACK")
        for _ in range(900):
            session.execute("SELECT 1")
    counted = f"SELECT xact_rollback >= 130 FROM pg_stat_database WHERE datname = '{erp}'"
    within(10, lambda: postgresql.ask(counted) == [(True,)])
    with databases.postgresql(postgresql) as found:
        verdict = judged(statistics.CHECK, found, past)["PG-024", erp]
    assert verdict.state is State.WARNING
    assert verdict.message is not None
    assert "回滚" in verdict.message.zh


def test_temporary_files_are_counted(postgresql: Cluster, erp: str) -> None:
    run(
        postgresql,
        erp,
        "SET work_mem = '64kB'",
        "SELECT count(*) FROM (SELECT n FROM generate_series(1, 200000) n ORDER BY -n) s",
    )
    counted = f"SELECT temp_bytes > 0 FROM pg_stat_database WHERE datname = '{erp}'"
    within(10, lambda: postgresql.ask(counted) == [(True,)])
    with databases.postgresql(postgresql) as found:
        assert statistics.CHECK.probe is not None
        facts = statistics.CHECK.probe(found)
    rule = next(rule for rule in statistics.CHECK.rules if rule.code == "PG-025")
    strict = TemporaryThresholds(warning_bytes=2**20, critical_bytes=2**40)
    states = {each.object: each.state for each in rule.evaluate(facts, strict, Past(NOW))}
    assert states[erp] is State.WARNING
    past = Past(NOW, previous=facts, elapsed_seconds=DAY)
    states = {each.object: each.state for each in rule.evaluate(facts, strict, past)}
    assert states[erp] is State.OK
