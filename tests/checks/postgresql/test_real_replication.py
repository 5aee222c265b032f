"""Two real PostgreSQL: a standby that follows, is late, is gone, and what its slot then holds."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from checks.api import Past
from checks.postgresql import archiving, instance, replication, slots
from scripts.postgresql import Cluster, cluster
from tests.archiving_postgresql import PROGRAMS
from tests.databases import postgresql as signed_in
from tests.postgresql_servers import standby, states, until, verdicts
from tests.worse import NOW

SLOT = "reserve"
LATE = {"warning_minutes": 0.0001, "critical_minutes": 0.0005}


@pytest.fixture(scope="module")
def primary() -> Iterator[Cluster]:
    with cluster(durable=True) as running:
        running.administer("ALTER SYSTEM SET wal_receiver_status_interval = '1s'")
        running.administer("ALTER SYSTEM SET max_wal_size = '32MB'")
        running.administer("ALTER SYSTEM SET min_wal_size = '32MB'")
        running.administer("SELECT pg_reload_conf()")
        running.administer("CREATE TABLE t (i int)")
        yield running


def write(primary: Cluster, segments: int = 0) -> None:
    primary.administer("INSERT INTO t VALUES (1)")
    for _ in range(segments):
        primary.administer("SELECT pg_switch_wal()")
        primary.administer("INSERT INTO t VALUES (1)")


def lag(asked: object, **policy: float) -> str:
    found = states(replication.CHECK, "PG-008", asked, **policy)
    return found.get(f"{SLOT}@127.0.0.1") or found[""]


def test_a_standby_is_seen_from_both_sides_until_it_is_gone(primary: Cluster) -> None:
    with ExitStack() as stack:
        asked = stack.enter_context(signed_in(primary))
        assert states(replication.CHECK, "PG-008", asked) == {"": "not_applicable"}
        assert states(slots.CHECK, "PG-009", asked) == {"": "not_applicable"}

        with standby(primary, SLOT) as second, signed_in(second) as there:
            until(lambda: lag(asked) == "ok")
            until(lambda: lag(there) == "ok")
            assert states(slots.CHECK, "PG-009", asked) == {SLOT: "ok"}
            assert str(verdicts(instance.CHECK, "PG-001", there)["role"].current) == "备库（只读）"
            assert states(archiving.CHECK, "PG-005", there) == {"": "not_applicable"}
            followed = replication.probe(asked)

            write(primary)
            until(lambda: replication.probe(there).replay[0].replayed_seconds is not None)
            second.administer("SELECT pg_wal_replay_pause()")
            write(primary)
            until(lambda: lag(there, **LATE) == "critical")
            paused = verdicts(replication.CHECK, "PG-008", there, **LATE)[""]
            assert paused.message is not None
            assert "pg_wal_replay_pause" in paused.message.zh
            until(lambda: lag(asked, **LATE) == "critical")
            second.administer("SELECT pg_wal_replay_resume()")
            until(lambda: lag(there, **LATE) == "ok")
            until(lambda: lag(asked) == "ok")

            # Cut off while it runs: it says so itself.
            second.administer("ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1'")
            second.administer("SELECT pg_reload_conf()")
            until(lambda: lag(there) == "critical")

            before = Past(NOW, previous=instance.probe(there), elapsed_seconds=86400)
            assert states(instance.CHECK, "PG-001", there, before)["role"] == "ok"
            second.administer("SELECT pg_promote()")
            assert states(instance.CHECK, "PG-001", there, before)["role"] == "warning"

        past = Past(NOW, previous=followed, elapsed_seconds=600)
        gone = verdicts(replication.CHECK, "PG-008", asked, past)
        assert gone[f"{SLOT}@127.0.0.1"].state.value == "critical"
        # From 17 on the server tells since when: an hour has to pass there.
        until(lambda: states(slots.CHECK, "PG-009", asked, inactive_hours=0) == {SLOT: "warning"})

        write(primary, segments=4)
        assert states(slots.CHECK, "PG-009", asked, critical_gibibytes=0.03) == {SLOT: "critical"}
        assert states(archiving.CHECK, "PG-007", asked) == {"": "warning"}
        write(primary, segments=6)
        primary.administer("CHECKPOINT")
        assert states(archiving.CHECK, "PG-007", asked) == {"": "critical"}

        primary.administer("ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'")
        primary.administer("SELECT pg_reload_conf()")
        write(primary, segments=2)
        primary.administer("CHECKPOINT")
        until(lambda: states(slots.CHECK, "PG-009", asked) == {SLOT: "critical"})
        lost = verdicts(slots.CHECK, "PG-009", asked)[SLOT]
        assert str(lost.current) == "已失效"

        primary.administer(f"SELECT pg_drop_replication_slot('{SLOT}')")
        primary.administer("CHECKPOINT")
        assert states(slots.CHECK, "PG-009", asked) == {"": "not_applicable"}
        until(lambda: states(archiving.CHECK, "PG-007", asked) == {"": "ok"})


def test_commits_that_wait_for_a_standby_that_is_not_there_are_told(primary: Cluster) -> None:
    with signed_in(primary) as asked:
        primary.administer("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        primary.administer("SELECT pg_reload_conf()")
        name = "synchronous_standby_names"
        until(lambda: states(replication.CHECK, "PG-008", asked).get(name) == "critical")
        primary.administer("ALTER SYSTEM RESET synchronous_standby_names")
        primary.administer("SELECT pg_reload_conf()")
        until(lambda: states(replication.CHECK, "PG-008", asked) == {"": "not_applicable"})


def test_wal_that_is_received_over_the_network_is_an_archive(
    primary: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("received")
    source = f"host=127.0.0.1 port={primary.port} user=postgres password={primary.password}"
    with signed_in(primary) as asked:
        assert states(archiving.CHECK, "PG-006", asked) == {"": "warning"}
        receiving = subprocess.Popen(
            [
                f"{PROGRAMS}/pg_receivewal",
                f"--dbname={source}",
                f"--directory={folder}",
            ],
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: states(archiving.CHECK, "PG-006", asked) == {"": "ok"})
        finally:
            receiving.terminate()
            receiving.wait()
        until(lambda: states(archiving.CHECK, "PG-006", asked) == {"": "warning"})
