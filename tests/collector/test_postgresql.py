"""What only PostgreSQL can do: go away, run full, refuse a right, be set up wrongly."""

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import func, select, text

from checks.api import Text, Verdict, critical
from checks.discovery import Catalogue
from collector.app import create_app
from collector.assessment.service import assess_next, assess_pending
from collector.assessment.turn import Turn
from collector.customers.models import Customer
from collector.database import Database, open_database
from collector.errors import DatabaseUnusable
from collector.intake.models import PENDING, StoredBatch
from collector.intake.service import Upload, accept
from collector.server import serving
from scripts.postgresql import Cluster, cluster
from tests.collector.place import Place, uploaded
from tests.collector.sample_checks import CATALOGUE, rule
from tests.collector.test_assessment import inspected, loads, verdicts
from tests.collector.test_intake import Client, a_batch, stored
from tests.enrolled import COLLECTOR, enrolled
from tests.messages import START


@pytest.fixture
def name(postgresql: Cluster, migrated: str) -> Iterator[str]:
    made = postgresql.new_database(migrated)
    yield made
    postgresql.drop_database(made)


@pytest.fixture
def opened(postgresql: Cluster, name: str) -> Iterator[Database]:
    database = open_database(postgresql.url(name))
    yield database
    database.close()


def upload(database: Database, place: Place, number: int) -> None:
    """Accept the inspection of a day; it is not assessed."""
    observed = loads(number, a=10)
    payload = inspected(place, observed, day=number).payload
    sent = uploaded(place, payload, seq=number + 1, at=START + timedelta(days=number, hours=1))
    with database.writing() as session:
        accept(session, [sent])


def with_rule(evaluate: object) -> Catalogue:
    """Return a catalogue whose one rule of sample.load is this."""
    check = CATALOGUE.checks["sample.load"]
    check = msgspec.structs.replace(check, rules=(rule("T-LOAD-001", evaluate),))
    return Catalogue({"sample.load": check}, ())


def cut_off(postgresql: Cluster, name: str) -> None:
    """End every session on a database, as a server does that is restarted."""
    postgresql.administer(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )


def pending(database: Database) -> int | None:
    with database.reading() as session:
        of_it = select(func.count()).select_from(StoredBatch).where(StoredBatch.state == PENDING)
        return session.scalar(of_it)


def test_a_commit_is_flushed_whatever_the_configuration_says() -> None:
    with cluster(durable=True) as running:
        name = running.new_database()
        running.administer("ALTER SYSTEM SET synchronous_commit = off")
        running.administer("SELECT pg_reload_conf()")
        database = open_database(running.url(name))
        with database.reading() as session:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                assert session.execute(text(f"SHOW {setting}")).scalar() == "on"
        database.close()


def test_a_server_that_cuts_everybody_off_is_forgotten_at_once(
    postgresql: Cluster, name: str, opened: Database
) -> None:
    with serving(create_app(opened, CATALOGUE, COLLECTOR)) as url:
        client = Client(url, enrolled(opened))
        assert client.put(a_batch(client)).status == 201
        cut_off(postgresql, name)
        assert client.put(a_batch(client, seq=2), seq=2).status == 201
        assert len(stored(opened)) == 2


def test_a_server_that_is_away_is_503_and_then_taken_up_again() -> None:
    with cluster(durable=True) as running:
        database = open_database(running.url(running.new_database()))
        with serving(create_app(database, CATALOGUE, COLLECTOR)) as url:
            client = Client(url, enrolled(database))
            assert client.put(a_batch(client)).status == 201
            running.stop()
            answer = client.put(a_batch(client, seq=2), seq=2)
            assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
            assert "can't be used" in answer.json()["detail"]
            assert "\n" not in answer.json()["detail"]
            assert running.password not in answer.json()["detail"]
            running.start_again()
            assert client.put(a_batch(client, seq=2), seq=2).status == 201
            assert client.put(a_batch(client)).status == 200
            assert len(stored(database)) == 2
        database.close()


def test_a_connection_lost_in_a_transaction_leaves_nothing_of_it(
    postgresql: Cluster, name: str, opened: Database
) -> None:
    def half() -> None:
        with opened.writing() as session:
            session.add(Customer(id="1", name="half", created_at=START))
            session.flush()
            cut_off(postgresql, name)

    with pytest.raises(DatabaseUnusable, match="can't be used"):
        half()
    with opened.writing() as session:
        assert session.scalars(select(Customer)).all() == []
        session.add(Customer(id="2", name="whole", created_at=START))


def test_a_database_that_goes_away_under_a_rule_is_no_verdict(
    postgresql: Cluster, name: str, opened: Database
) -> None:
    """The rule asks for its past; what it gets is the end of the session."""
    place = enrolled(opened)
    upload(opened, place, 0)
    assess_next(opened, CATALOGUE)
    once = threading.Event()

    def evaluate(facts: object, thresholds: object, past: object) -> Iterator[object]:
        if not once.is_set():
            once.set()
            cut_off(postgresql, name)
        past.series("load", "a")  # type: ignore[attr-defined] # a Past, as every rule gets
        return iter(())

    catalogue = with_rule(evaluate)
    upload(opened, place, 1)
    with pytest.raises(DatabaseUnusable):
        assess_next(opened, catalogue)
    assert pending(opened) == 1
    assert assess_pending(opened, catalogue) == 1
    assert verdicts(opened, "T-LOAD-001") == {"": "not_applicable"}


@pytest.fixture
def small_disk() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="xunjian-small-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m,mode=0777", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        folder.rmdir()
        pytest.skip("mounting a tmpfs is refused here")
    try:
        (folder / "space").mkdir()
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


def test_a_full_disk_is_503_keeps_what_is_there_and_is_taken_up_again(
    postgresql: Cluster, name: str, small_disk: Path
) -> None:
    shutil.chown(small_disk / "space", postgresql.owner)
    postgresql.administer(f"CREATE TABLESPACE small LOCATION '{small_disk}/space'")
    try:
        postgresql.administer(f"ALTER DATABASE {name} SET TABLESPACE small")
        database = open_database(postgresql.url(name))
        with serving(create_app(database, CATALOGUE, COLLECTOR)) as url:
            client = Client(url, enrolled(database))
            assert client.put(a_batch(client)).status == 201
            filler = small_disk / "filler"
            with suppress(OSError):
                filler.write_bytes(bytes(32 * 2**20))
            answers = [client.put(os.urandom(2**20), seq=seq) for seq in range(2, 8)]
            assert 503 in {answer.status for answer in answers}
            detail = next(each.json()["detail"] for each in answers if each.status == 503)
            assert "No space left on device" in detail
            taken = 1 + sum(answer.status == 201 for answer in answers)
            assert len(stored(database)) == taken
            filler.unlink()
            assert client.put(a_batch(client, seq=9), seq=9).status == 201
        database.close()
    finally:
        postgresql.administer(f"ALTER DATABASE {name} SET TABLESPACE pg_default")
        postgresql.administer("DROP TABLESPACE small")


def test_a_server_that_only_reads_is_told(postgresql: Cluster, name: str, opened: Database) -> None:
    postgresql.administer(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    cut_off(postgresql, name)
    with pytest.raises(DatabaseUnusable, match="read-only transaction"):
        enrolled(opened)


def test_a_user_without_rights_is_told(postgresql: Cluster) -> None:
    name = postgresql.new_database()
    postgresql.administer(f"ALTER DATABASE {name} OWNER TO postgres")
    with pytest.raises(DatabaseUnusable, match="permission denied for schema public"):
        open_database(postgresql.url(name))
    postgresql.drop_database(name)


def test_a_wrong_password_is_told(postgresql: Cluster) -> None:
    url = postgresql.url("postgres").replace(postgresql.password, "wrong")
    with pytest.raises(DatabaseUnusable, match="password authentication failed"):
        open_database(url)


def test_a_database_that_cannot_hold_chinese_is_told(postgresql: Cluster) -> None:
    postgresql.administer(
        "CREATE DATABASE latin OWNER xunjian ENCODING 'LATIN1' TEMPLATE template0"
    )
    with pytest.raises(DatabaseUnusable, match="encoding LATIN1"):
        open_database(postgresql.url("latin"))
    postgresql.drop_database("latin")


def test_processes_that_start_together_make_the_tables_once(postgresql: Cluster) -> None:
    name = postgresql.new_database()
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(open_database, [postgresql.url(name)] * 4))
    for database in opened:
        with database.reading() as session:
            assert session.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1
            assert session.scalars(select(Customer)).all() == []
        database.close()
    postgresql.drop_database(name)


def test_two_collectors_with_the_same_uploads_store_each_once(
    postgresql: Cluster, name: str, opened: Database
) -> None:
    """In opposite orders: unsorted, each would wait for what the other has."""
    place = enrolled(opened)
    uploads = [
        uploaded(place, b"batch", seq=seq, at=START + timedelta(0, seq)) for seq in range(1, 41)
    ]
    other = open_database(postgresql.url(name))

    def send(database: Database, group: list[Upload]) -> int:
        with database.writing() as session:
            answers = accept(session, group)
        return len(answers)

    with ThreadPoolExecutor(2) as pool:
        for start in range(0, 40, 20):
            group = uploads[start : start + 20]
            sent = [pool.submit(send, opened, group), pool.submit(send, other, group[::-1])]
            assert [each.result() for each in sent] == [20, 20]
    other.close()
    assert len(stored(opened)) == 40


def test_one_assesses_and_another_takes_over_when_it_is_cut_off(
    postgresql: Cluster, name: str, opened: Database
) -> None:
    other = open_database(postgresql.url(name))
    first, second = Turn(opened), Turn(other)
    assert [first.mine(), second.mine(), first.mine()] == [True, False, True]
    cut_off(postgresql, name)
    with pytest.raises(DatabaseUnusable):
        first.mine()
    assert [second.mine(), first.mine()] == [True, False]
    second.give_back()
    assert [first.mine(), second.mine()] == [True, False]
    first.give_back()
    other.close()


def test_what_another_has_assessed_is_not_recorded_again(opened: Database) -> None:
    """The turn was lost and taken over while the rules of the first were at work."""
    place = enrolled(opened)
    upload(opened, place, 0)
    once = threading.Event()

    def evaluate(facts: object, thresholds: object, past: object) -> Iterator[Verdict]:
        if not once.is_set():
            once.set()
            assert assess_next(opened, CATALOGUE)
        yield critical("a", Text("", ""), Text("", ""), Text("晚到", "late"))

    assert assess_next(opened, with_rule(evaluate))
    assert verdicts(opened, "T-LOAD-001") == {"a": "ok"}
