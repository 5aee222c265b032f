"""A real PostgreSQL of its own is brought into bad states of the whole server, and mended."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from checks.api import Past, State, Verdict
from checks.errors import NotPermitted
from checks.postgresql import checkpoints, files, growth, statistics, tables, versions
from scripts.postgresql import Cluster, cluster
from tests import databases
from tests.checks.postgresql.servers import account, inside, run, shut_down, within
from tests.databases import judged
from tests.worse import NOW


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    """Run one as it is in service: with autovacuum, and with the right to change its settings."""
    with cluster(durable=True) as running:
        yield running


def verdict(server: Cluster, module: object, code: str, object: str = "") -> Verdict:
    with databases.postgresql(server) as found:
        return judged(module.CHECK, found)[code, object]  # type: ignore[attr-defined]


def configure(server: Cluster, statement: str) -> None:
    run(server, "postgres", statement, "SELECT pg_reload_conf()")


def test_autovacuum_is_missed_until_it_is_on_again(server: Cluster) -> None:
    assert verdict(server, tables, "PG-017", "autovacuum").state is State.OK
    configure(server, "ALTER SYSTEM SET autovacuum = off")
    configure(server, "ALTER SYSTEM SET track_counts = off")
    assert verdict(server, tables, "PG-017", "autovacuum").state is State.CRITICAL
    assert verdict(server, tables, "PG-017", "track_counts").state is State.CRITICAL
    configure(server, "ALTER SYSTEM RESET autovacuum")
    configure(server, "ALTER SYSTEM RESET track_counts")
    assert verdict(server, tables, "PG-017", "autovacuum").state is State.OK
    assert verdict(server, tables, "PG-017", "track_counts").state is State.OK


def test_a_backup_label_is_seen_until_it_is_moved_away(server: Cluster) -> None:
    label = server.folder / "data/backup_label"
    assert verdict(server, files, "PG-034").state is State.OK
    label.write_text("START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\n")
    try:
        assert verdict(server, files, "PG-034").state is State.CRITICAL
        with (
            account(server, "stranger"),
            databases.postgresql(server, user="stranger") as found,
            pytest.raises(NotPermitted),
        ):
            judged(files.CHECK, found)
    finally:
        label.unlink()
    assert verdict(server, files, "PG-034").state is State.OK


def test_requested_checkpoints_are_counted_from_one_inspection_to_the_next(server: Cluster) -> None:
    with inside(server, "postgres") as session:
        for _ in range(10):
            session.execute("CHECKPOINT")
    counted = "SELECT checkpoints_req >= 10 FROM pg_stat_bgwriter"
    within(10, lambda: server.ask(counted) == [(True,)])
    with databases.postgresql(server) as found:
        told = judged(checkpoints.CHECK, found)["PG-027", ""]
        assert checkpoints.CHECK.probe is not None
        past = Past(NOW, previous=checkpoints.CHECK.probe(found), elapsed_seconds=86400.0)
        later = judged(checkpoints.CHECK, found, past)["PG-027", ""]
    assert told.state is State.WARNING
    assert told.message is not None
    assert "max_wal_size（1GB）" in told.message.zh
    assert later.state is State.OK


def test_the_version_and_the_volume_are_the_real_ones(server: Cluster) -> None:
    [(text,)] = server.ask("SHOW server_version")
    told = verdict(server, versions, "PG-030")
    assert str(text).split()[0] in told.current.zh
    assert told.state is not State.NOT_RUN
    assert verdict(server, growth, "PG-035", "tablespace pg_default").state is not State.NOT_RUN


def as_owner(server: Cluster, *command: str) -> None:
    other = ("setpriv", f"--reuid={server.owner}", "--clear-groups", "--")
    words = [*(other if os.geteuid() == 0 else ()), *command]
    subprocess.run(words, check=True, capture_output=True)


def test_a_damaged_block_is_seen_until_the_table_is_restored(server: Cluster) -> None:
    programs = Path(next(word for word in server.command if word.endswith("/postgres"))).parent
    assert verdict(server, statistics, "PG-022").state is State.NOT_APPLICABLE
    run(server, "postgres", "CREATE TABLE bill AS SELECT n FROM generate_series(1, 2000) n")
    [(place,)] = server.ask("SELECT pg_relation_filepath('bill')")
    shut_down(server)
    as_owner(server, f"{programs}/pg_checksums", "--enable", f"--pgdata={server.folder}/data")
    with (server.folder / "data" / str(place)).open("r+b") as file:
        file.seek(4000)
        byte = file.read(1)[0]
        file.seek(4000)
        file.write(bytes([byte ^ 1]))
    server.start_again()
    assert verdict(server, statistics, "PG-022", "postgres").state is State.OK

    with pytest.raises(psycopg.errors.DataCorrupted):
        run(server, "postgres", "SELECT sum(n) FROM bill")
    told = verdict(server, statistics, "PG-022", "postgres")
    assert told.state is State.CRITICAL
    assert told.message is not None
    assert "1 次" in told.message.zh
    assert verdict(server, statistics, "PG-022", "pg_global").state is State.OK

    run(server, "postgres", "DROP TABLE bill", "SELECT pg_stat_reset()")
    assert verdict(server, statistics, "PG-022", "postgres").state is State.OK
