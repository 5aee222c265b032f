"""Archiving, settings, checksums and transaction numbers of PostgreSQL servers of their own."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from psycopg import sql

from checks.api import Past
from checks.postgresql import archiving, instance, settings, wraparound
from scripts.postgresql import Cluster, cluster
from tests.databases import postgresql as signed_in
from tests.postgresql_servers import connect, program, restarted, shut_down, states, until, verdicts
from tests.worse import NOW


@pytest.fixture(scope="module")
def own() -> Iterator[Cluster]:
    with cluster(durable=True) as running:
        running.administer("CREATE TABLE t (i int)")
        # The file says otherwise than the command line that it is started by: PostgreSQL calls
        # that pending, too.
        running.administer("ALTER SYSTEM SET shared_buffers = '64MB'")
        yield running


def set_to(own: Cluster, name: str, value: str | None) -> None:
    """Change a setting in the file, or take it back, and have the file read."""
    statement = sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name))
    if value is not None:
        change = sql.SQL("ALTER SYSTEM SET {} = {}")
        statement = change.format(sql.Identifier(name), sql.Literal(value))
    own.administer(statement)
    own.administer("SELECT pg_reload_conf()")


def test_archiving_that_is_off_fails_works_and_throws_away(own: Cluster) -> None:
    def archived() -> str:
        return states(archiving.CHECK, "PG-005", asked)[""]

    def recoverable(**policy: float) -> str:
        return states(archiving.CHECK, "PG-006", asked, **policy)[""]

    with signed_in(own) as asked:
        assert (archived(), recoverable()) == ("not_applicable", "warning")
        assert recoverable(recovery_point_hours=2) == "critical"
    set_to(own, "archive_mode", "on")
    restarted(own)
    with signed_in(own) as asked:
        until(lambda: recoverable() == "warning")
        assert "archive_command 为空" in str(verdicts(archiving.CHECK, "PG-006", asked)[""].message)
        for _ in range(12):
            own.administer("INSERT INTO t VALUES (1)")
            own.administer("SELECT pg_switch_wal()")
        assert archived() == "warning"
        for _ in range(4):
            own.administer("INSERT INTO t VALUES (1)")
            own.administer("SELECT pg_switch_wal()")
        assert archived() == "critical"

        set_to(own, "archive_command", "false")
        until(lambda: "从未成功" in str(verdicts(archiving.CHECK, "PG-005", asked)[""].message))
        assert recoverable() == "ok"

        place = own.folder / "data" / "archived"
        set_to(own, "archive_command", f"mkdir -p {place} && cp %p {place}/%f")
        until(lambda: archived() == "ok")
        until(lambda: len(list(place.iterdir())) >= 16)
        assert str(place) not in str(archiving.probe(asked))

        set_to(own, "archive_command", " /bin/true ")
        until(lambda: recoverable() == "warning")
        assert "丢弃" in str(verdicts(archiving.CHECK, "PG-006", asked)[""].message)
    shutil.rmtree(place)


def test_a_setting_that_waits_for_a_restart_is_told_until_it_is_taken_back(own: Cluster) -> None:
    with signed_in(own) as asked:
        assert states(settings.CHECK, "PG-033", asked) == {"": "ok", "changes": "ok"}
        set_to(own, "max_connections", "120")
        until(lambda: states(settings.CHECK, "PG-033", asked).get("max_connections") == "warning")
        set_to(own, "max_connections", None)
        until(lambda: states(settings.CHECK, "PG-033", asked) == {"": "ok", "changes": "ok"})


def test_settings_that_changed_are_told_once_and_no_secret_is_read(own: Cluster) -> None:
    with signed_in(own) as asked:
        set_to(own, "primary_conninfo", "host=a password=hidden-word")
        file = own.folder / "data/postgresql.conf"
        text = file.read_text()
        file.write_text(f"{text}\nerp.secret = 'hidden-word'\n")
        own.administer("SELECT pg_reload_conf()")
        before = settings.probe(asked)
        set_to(own, "work_mem", "7MB")
        until(lambda: settings.probe(asked) != before)
        past = Past(NOW, previous=before, elapsed_seconds=86400)
        found = verdicts(settings.CHECK, "PG-033", asked, past)["changes"]
        assert found.state.value == "warning"
        assert "work_mem: - → 7168" in str(found.message)
        now = settings.probe(asked)
        assert "hidden-word" not in str(now)
        past = Past(NOW, previous=now, elapsed_seconds=86400)
        assert states(settings.CHECK, "PG-033", asked, past)["changes"] == "ok"
    file.write_text(text)
    for name in ("work_mem", "primary_conninfo"):
        set_to(own, name, None)


def test_durability_that_is_off_is_told(own: Cluster) -> None:
    with signed_in(own) as asked:

        def found() -> dict[str, str]:
            return states(settings.CHECK, "PG-028", asked)

        names = ("fsync", "full_page_writes", "synchronous_commit")
        assert found() == dict.fromkeys(names, "ok")
        for name in names:
            set_to(own, name, "off")
        off = {"fsync": "critical", "full_page_writes": "critical", "synchronous_commit": "warning"}
        until(lambda: found() == off)
        for name in names:
            set_to(own, name, None)
        until(lambda: found() == dict.fromkeys(names, "ok"))
        own.administer("CREATE ROLE app")
        own.administer("ALTER ROLE app SET synchronous_commit = off")
        own.administer("ALTER ROLE app SET work_mem = '1MB'")
        assert found()["synchronous_commit */app"] == "warning"
        own.administer("DROP ROLE app")
        assert found() == dict.fromkeys(names, "ok")


def test_the_clusters_of_tests_that_never_flush_are_called_unsafe(postgresql: Cluster) -> None:
    with signed_in(postgresql) as asked:
        found = states(settings.CHECK, "PG-028", asked)
    assert found["fsync"] == found["full_page_writes"] == "critical"
    assert found["synchronous_commit"] == "warning"


def test_checksums_are_missed_until_they_are_enabled(own: Cluster) -> None:
    with signed_in(own) as asked:
        assert states(settings.CHECK, "PG-023", asked) == {"": "warning"}
        before = instance.probe(asked)
    shut_down(own)
    program(own, "pg_checksums", "--enable", "--no-sync", f"--pgdata={own.folder}/data")
    own.start_again()
    with signed_in(own) as asked:
        assert states(settings.CHECK, "PG-023", asked) == {"": "ok"}
        # As if it had run for a day before: what ran for seconds may as well be the clock's.
        yesterday = before.started_at - timedelta(days=1)
        past = Past(NOW, previous=msgspec.structs.replace(before, started_at=yesterday))
        found = states(instance.CHECK, "PG-001", asked, past)
        assert found == {"": "ok", "role": "ok", "uptime": "info"}
        past = Past(NOW, previous=instance.probe(asked))
        found = states(instance.CHECK, "PG-001", asked, past)
        assert found == {"": "ok", "role": "ok", "uptime": "ok"}


def test_transaction_numbers_near_their_end_are_told_until_all_is_frozen() -> None:
    end = 1_500_000_000
    with cluster() as own:
        # Later than the end, so that nothing is frozen by force before it was seen.
        set_to(own, "autovacuum_freeze_max_age", "1600000000")
        with signed_in(own) as asked:
            assert set(states(wraparound.CHECK, "PG-003", asked).values()) == {"ok"}
            assert set(states(wraparound.CHECK, "PG-004", asked).values()) == {"ok"}
        shut_down(own)
        advance(own, end)
        own.start_again()
        with signed_in(own) as asked:
            names = {"postgres", "template0", "template1"}
            assert states(wraparound.CHECK, "PG-003", asked) == dict.fromkeys(names, "critical")
            # 93.7 % of the age of a forced freeze, and the fixture has autovacuum off.
            assert states(wraparound.CHECK, "PG-004", asked) == dict.fromkeys(names, "warning")
            found = verdicts(wraparound.CHECK, "PG-003", asked)["postgres"]
            assert "15.00 亿" in str(found.message)
            assert "pg_catalog." in str(found.message)
        set_to(own, "autovacuum_freeze_max_age", "200000000")
        set_to(own, "autovacuum_naptime", "1s")
        restarted(own)
        with signed_in(own) as asked:
            # Autovacuum is off, and freezes by force all the same.
            freeze = "VACUUM FREEZE"
            for name in ("postgres", "template1"):
                with closing(connect(own, name)) as held:
                    held.execute(freeze)
            until(
                lambda: set(states(wraparound.CHECK, "PG-003", asked).values()) == {"ok"},
            )
            assert set(states(wraparound.CHECK, "PG-004", asked).values()) == {"ok"}


def advance(own: Cluster, transaction: int) -> None:
    """Have a stopped cluster go on at a later transaction, as if all before it had been used."""
    program(own, "pg_resetwal", f"--next-transaction-id={transaction}", f"{own.folder}/data")
    # The state of a transaction takes two bits, a segment has 32 pages of 8 KiB.
    segment = Path(own.folder, "data/pg_xact", f"{transaction // (32 * 8192 * 4):04X}")
    segment.write_bytes(bytes(32 * 8192))
    shutil.copystat(segment.parent, segment)
    shutil.chown(segment, own.owner)
    segment.chmod(0o600)
