"""A PostgreSQL dump is restored into a private server; what isn't whole never passes."""

import gzip
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import psycopg
import pytest

from agent.backups.budget import RunBudget
from agent.backups.restoring.postgresql import restore_archive, restore_plain
from checks.backup_sets import Proof, RestorePoint, Result
from scripts.postgresql import Cluster
from tests.backup_sets import settings, source
from wire.messages import Reason

BUDGET_BYTES = 2**30


@pytest.fixture(scope="module")
def database(postgresql: Cluster) -> Iterator[str]:
    """Return the URL of a small ERP: tables with rows, an owner, a function, a grant."""
    name = postgresql.new_database()
    url = postgresql.url(name).replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE 凭证 (编号 int PRIMARY KEY, 摘要 text, 金额 numeric(12, 2)); "
            "INSERT INTO 凭证 SELECT i, E'摘要\\t\\\\' || i, i / 3.0 "
            "FROM generate_series(1, 5000) i; "
            "CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL); "
            "INSERT INTO customer VALUES (1, 'GRANT ALL ON x TO y;'), (2, NULL || 'x' IS NULL); "
            "CREATE INDEX ON customer (name); GRANT SELECT ON customer TO PUBLIC; "
            "CREATE VIEW totals AS SELECT sum(金额) FROM 凭证"
        )
    yield url
    postgresql.drop_database(name)


def dumped(database: str, *options: str) -> bytes:
    command = ["pg_dump", *options, database]
    return subprocess.run(command, check=True, capture_output=True).stdout


def restored(tmp_path: Path, dump: bytes | Path, *, plain: bool) -> Proof:
    archive = dump if isinstance(dump, Path) else tmp_path / "dump"
    if isinstance(dump, bytes):
        archive.write_bytes(dump)
    point = RestorePoint(id="dump", started_at=datetime.now(UTC), bytes=1)
    given = settings(kind="files", place=tmp_path)
    # The private server runs as nobody, who can't pass pytest's own folder.
    with (
        source(given, tmp_path / "state") as seen,
        TemporaryDirectory(prefix="restore-") as scratch,
    ):
        folder = Path(scratch)
        budget = RunBudget(BUDGET_BYTES, 120)
        if plain:
            return restore_plain(seen, point, lambda: chunks(archive), folder, budget)
        return restore_archive(seen, point, archive, folder, budget)


def chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(1000):
            yield chunk


def values(proof: Proof) -> dict[str, str]:
    return {each.name: each.actual for each in proof.evidence}


@pytest.mark.parametrize("form", ["-Fc", "-Ft", "-Fd", "plain"])
def test_a_whole_dump_is_restored_with_every_table_and_row(
    tmp_path: Path, database: str, form: str
) -> None:
    if form == "-Fd":
        subprocess.run(["pg_dump", "-Fd", "-f", str(tmp_path / "d"), database], check=True)
        proof = restored(tmp_path, tmp_path / "d", plain=False)
    else:
        dump = dumped(database, *(() if form == "plain" else (form,)))
        proof = restored(tmp_path, dump, plain=form == "plain")
    assert proof.result is Result.PASSED, proof
    assert values(proof)["tables"] == "2"
    assert values(proof)["rows"] == "5002"
    assert values(proof)["pg_amcheck"] == "0"
    assert proof.seconds > 0


def test_nothing_runs_and_listens_afterwards(tmp_path: Path, database: str) -> None:
    restored(tmp_path, dumped(database), plain=True)
    left = [
        each.info["cmdline"]
        for each in psutil.process_iter(["cmdline"])
        if str(tmp_path) in " ".join(each.info["cmdline"] or ())
    ]
    assert left == []


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_archive_does_not_restore(tmp_path: Path, database: str, share: float) -> None:
    dump = dumped(database, "-Fc")
    proof = restored(tmp_path, dump[: int(len(dump) * share)], plain=False)
    assert proof.result is not Result.PASSED


def test_a_plain_dump_that_breaks_off_in_its_rows_does_not_restore(
    tmp_path: Path, database: str
) -> None:
    dump = dumped(database)
    assert restored(tmp_path, dump[: len(dump) // 2], plain=True).result is Result.FAILED


def test_a_line_for_the_shell_in_a_dump_is_not_run(tmp_path: Path, database: str) -> None:
    mark = tmp_path / "was-here"
    dump = dumped(database).replace(
        b"SET row_security", b"\\! touch %b\nSET row_security" % os.fsencode(mark)
    )
    proof = restored(tmp_path, dump, plain=True)
    assert proof.result is Result.UNPROVEN
    assert not mark.exists()


def test_a_program_in_a_dump_is_not_run(tmp_path: Path, database: str) -> None:
    mark = tmp_path / "was-here"
    line = b"COPY public.customer TO PROGRAM 'touch %b';\nSET row_security" % os.fsencode(mark)
    proof = restored(
        tmp_path, dumped(database) + line.replace(b"\nSET row_security", b"\n"), plain=True
    )
    assert proof.result is not Result.PASSED
    assert not mark.exists()


def test_an_extension_for_superusers_says_nothing_of_the_dump(
    tmp_path: Path, database: str
) -> None:
    dump = dumped(database) + b"CREATE EXTENSION adminpack;\n"
    proof = restored(tmp_path, dump, plain=True)
    assert proof.result is Result.UNPROVEN
    assert proof.failure is not None
    assert proof.failure.reason is Reason.UNSUPPORTED


def test_an_empty_database_is_no_restore(tmp_path: Path) -> None:
    proof = restored(tmp_path, b"-- PostgreSQL database dump\nSELECT 1;\n", plain=True)
    assert proof.result is Result.FAILED


def test_compressed_chunks_may_end_anywhere(tmp_path: Path, database: str) -> None:
    content = gzip.decompress(gzip.compress(dumped(database)))
    assert restored(tmp_path, content, plain=True).result is Result.PASSED
