"""What each format's own test says: of real backups, and of what its tool can't or may not do."""

import gzip
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.backups.budget import RunBudget
from agent.backups.formats import DECLARED, FORMATS, base_backup, oracle, pg_archive, seven_zip
from agent.backups.kinds import files, sqlite
from agent.backups.settings import BackupSettings
from agent.backups.source import LocalSource
from checks.api import Output
from checks.backup_sets import Level, PointState, Proof, RestorePoint, Result
from checks.errors import ToolMissing
from scripts.postgresql import Cluster
from tests import dumps
from tests.backup_sets import settings, source
from tests.mariadb import Server
from wire.messages import Reason

AN_HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)
SQL = b"--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE t ();\n\n"
SQL_END = b"--\n-- PostgreSQL database dump complete\n--\n\n"
MYSQL = b"-- MySQL dump 10.13  Distrib 8.0\n--\nCREATE TABLE t (a int);\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "backup"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def pg(postgresql: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dumps.of_postgresql(postgresql, tmp_path_factory.mktemp("pg"))


@pytest.fixture(scope="module")
def maria(mariadb: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dumps.of_mariadb(mariadb, tmp_path_factory.mktemp("maria"))


def _write(place: Path, name: str, data: bytes) -> Path:
    file = place / name
    file.write_bytes(data)
    dumps.age(file, AN_HOUR_AGO.timestamp())
    return file


def _copy(place: Path, origin: Path) -> Path:
    target = place / origin.name
    if origin.is_dir():
        shutil.copytree(origin, target)
    else:
        shutil.copyfile(origin, target)
    dumps.age(target, AN_HOUR_AGO.timestamp())
    return target


def _proofs(
    place: Path, left_bytes: int = 2**40, **given: object
) -> tuple[RestorePoint, Mapping[Level, Proof]]:
    """Prove the only restore point of a place."""
    own = settings(**({"kind": "files", "place": place} | given))
    kind = sqlite.KIND if own.kind.value == "sqlite" else files.KIND
    with source(own, place.parent / "state") as opened:
        (point,) = kind.catalogue(opened).points
        assert kind.verify is not None
        proofs = kind.verify(opened, point, RunBudget(left_bytes, 60))
    return point, {proof.level: proof for proof in proofs}


def _structure(place: Path, **given: object) -> Proof:
    return _proofs(place, **given)[1][Level.STRUCTURE]


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("plain.sql", "trailer"),
        ("custom.dump", "pg_restore -f /dev/null"),
        ("archive.tar", "pg_restore -f /dev/null"),
        ("directory", "pg_restore -f /dev/null"),
        ("cluster.sql", "trailer"),
    ],
)
def test_what_pg_dump_writes_is_read_to_its_end(
    pg: Path, place: Path, name: str, method: str
) -> None:
    _copy(place, pg / name)
    for declared in ("", "pg_dump"):
        proof = _structure(place, format=declared)
        assert (proof.result, proof.method, proof.detail) == (Result.PASSED, method, "")


def test_the_date_in_an_archive_is_when_it_was_made(pg: Path, place: Path) -> None:
    for name in ("custom.dump", "archive.tar", "directory"):
        _copy(place, pg / name)
        with source(
            settings(kind="files", place=place, schedule={"time_zone": "UTC"}), place.parent / "s"
        ) as own:
            (point,) = files.catalogue(own).points
        assert abs(datetime.now(UTC) - point.started_at) < timedelta(minutes=10), name
        target = place / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()


@pytest.mark.parametrize(
    ("name", "declared", "method"),
    [
        ("dump.sql", "mysqldump", "trailer, statements"),
        ("dateless.sql", "mysqldump", "trailer, statements"),
        ("stream.xb", "mariabackup", "xbstream, checkpoints"),
        ("full", "mariabackup", "checkpoints, table spaces"),
        ("inc2", "mariabackup", "checkpoints, table spaces"),
    ],
)
def test_what_mariadb_s_tools_write_is_whole(
    maria: Path, place: Path, name: str, declared: str, method: str
) -> None:
    _copy(place, maria / name)
    for given in ("", declared):
        proof = _structure(place, format=given)
        assert (proof.result, proof.method, proof.detail) == (Result.PASSED, method, "")


def test_a_dump_without_comments_needs_to_be_declared_as_one(maria: Path, place: Path) -> None:
    _copy(place, maria / "bare.sql")
    assert _structure(place, format="mysqldump").result is Result.FAILED
    passed = _structure(place, format="mysqldump", expect_trailer=False)
    assert (passed.result, passed.method) == (Result.PASSED, "last statement, statements")


def test_a_dump_of_a_database_that_does_not_exist_is_a_header_and_nothing_else(
    mariadb: Server, place: Path
) -> None:
    _write(place, "erp.sql", dumps.header_only(mariadb))
    assert _structure(place).result is Result.FAILED
    complete = b"-- MySQL dump 10.13\n--\n\n-- Dump completed on 2026-11-21 23:00:00\n"
    _write(place, "erp.sql", complete)
    proof = _structure(place)
    assert (proof.result, proof.detail) == (
        Result.FAILED,
        "it has a header, but makes and fills no table",
    )


@pytest.mark.parametrize(
    "end", [SQL_END, SQL_END + b"\\unrestrict aBc123\n\n", SQL_END.replace(b"\n", b"\r\n")]
)
def test_the_trailer_need_not_be_the_last_line(place: Path, end: bytes) -> None:
    _write(place, "erp.sql", SQL + end)
    assert _structure(place).result is Result.PASSED


def test_a_cluster_is_not_whole_with_the_trailer_of_its_last_database(place: Path) -> None:
    head = b"--\n-- PostgreSQL database cluster dump\n--\n\n"
    _write(place, "erp.sql", head + SQL + SQL_END)
    assert _structure(place).result is Result.FAILED


def test_a_trailer_in_the_middle_is_none(place: Path) -> None:
    _write(place, "erp.sql", SQL + SQL_END + b"INSERT INTO t VALUES (1);\n" * 30)
    assert _structure(place).result is Result.FAILED


def test_a_base_backup_is_compared_with_its_manifest(
    tmp_path_factory: pytest.TempPathFactory, place: Path, durable: Cluster
) -> None:
    made = dumps.base_backup(durable, tmp_path_factory.mktemp("base"))
    base = _copy(place, made / "base")
    proof = _structure(place, format="basebackup")
    assert (proof.result, proof.method) == (Result.PASSED, "pg_verifybackup")
    with (base / "global/pg_control").open("r+b") as file:
        file.write(b"\1\2\3\4")
    dumps.age(base, AN_HOUR_AGO.timestamp() + 1)
    failed = _structure(place)
    assert failed.result is Result.FAILED
    assert "pg_control" in failed.detail
    shutil.rmtree(base)
    _copy(place, made / "base_tar")
    assert _structure(place).method == "tar, read to its end"


@pytest.fixture(scope="module")
def durable() -> Iterator[Cluster]:
    from scripts.postgresql import cluster

    with cluster(durable=True) as running:
        yield running


@pytest.mark.parametrize(
    ("words", "code", "result", "reason"),
    [
        ("", 0, Result.PASSED, None),
        ("pg_restore: error: corrupt tar header found in x", 1, Result.FAILED, None),
        ("pg_restore: error: could not read from input file: end of file", 1, Result.FAILED, None),
        ("", -11, Result.FAILED, None),
        (
            "pg_restore: error: unsupported version (1.16) in file header",
            1,
            Result.UNPROVEN,
            Reason.UNSUPPORTED,
        ),
        (
            'pg_restore: error: could not open input file "x": Permission denied',
            1,
            Result.UNPROVEN,
            Reason.PERMISSION,
        ),
        ("", -9, Result.UNPROVEN, Reason.INTERRUPTED),
    ],
)
def test_what_pg_restore_says_is_about_the_archive_or_about_itself(
    words: str, code: int, result: Result, reason: Reason | None
) -> None:
    verdict = pg_archive.verdict(Output("", code, words))
    assert verdict.result is result
    assert (verdict.failure.reason if verdict.failure else None) is reason


def test_an_archive_of_a_newer_version_is_not_called_broken(pg: Path, place: Path) -> None:
    data = bytearray((pg / "custom.dump").read_bytes())
    data[6] = 99
    _write(place, "erp.dump", bytes(data))
    proof = _structure(place)
    assert proof.result is Result.UNPROVEN
    assert proof.failure is not None
    assert proof.failure.reason is Reason.UNSUPPORTED
    assert "unsupported version (1.99" in proof.failure.detail


def test_without_its_tool_nothing_is_said_of_the_structure_but_it_is_hashed(
    pg: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(_source: object, name: str, _version: str = "*") -> str:
        raise ToolMissing(name)

    monkeypatch.setattr(pg_archive, "newest_tool", absent)
    _copy(place, pg / "custom.dump")
    _, proofs = _proofs(place)
    assert proofs[Level.STRUCTURE].result is Result.UNPROVEN
    assert proofs[Level.STRUCTURE].failure is not None
    assert proofs[Level.STRUCTURE].failure.reason is Reason.MISSING_TOOL
    assert proofs[Level.HASHED].result is Result.PASSED


def test_an_archive_inside_of_gzip_is_not_called_proven(pg: Path, place: Path) -> None:
    _write(place, "erp.dump.gz", gzip.compress((pg / "custom.dump").read_bytes()))
    assert _structure(place).result is Result.UNPROVEN


def test_a_zip_with_a_password_is_not_called_broken(place: Path) -> None:
    (place.parent / "data").write_bytes(b"content" * 100)
    command = [
        "zip",
        "-q",
        "-j",
        "-P",
        "secret",
        str(place / "erp.zip"),
        str(place.parent / "data"),
    ]
    subprocess.run(command, check=True)
    dumps.age(place / "erp.zip", AN_HOUR_AGO.timestamp())
    proof = _structure(place)
    assert proof.result is Result.UNPROVEN
    assert proof.failure is not None
    assert proof.failure.reason is Reason.PERMISSION


def test_an_empty_zip_is_no_backup(place: Path) -> None:
    with zipfile.ZipFile(place / "erp.zip", "w"):
        pass
    dumps.age(place / "erp.zip", AN_HOUR_AGO.timestamp())
    assert _structure(place).result is Result.FAILED


def test_a_7z_with_a_password_is_not_called_broken(place: Path) -> None:
    (place.parent / "data").write_bytes(b"content" * 100)
    for switch in ("-mhe=off", "-mhe=on"):
        target = place / "erp.7z"
        target.unlink(missing_ok=True)
        command = ["7z", "a", "-psecret", switch, str(target), str(place.parent / "data")]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        dumps.age(target, AN_HOUR_AGO.timestamp())
        assert _structure(place).result is Result.UNPROVEN, switch


def test_without_7z_nothing_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seven_zip, "_TOOLS", ("no-such-7z",))
    _write(place, "erp.7z", b"7z\xbc\xaf\x27\x1c" + bytes(100))
    proof = _structure(place)
    assert proof.failure is not None
    assert proof.failure.reason is Reason.MISSING_TOOL


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"TAPE\0\0\3\0" + os.urandom(5000), "header TAPE, 5008 bytes"),
        (b"MSSQLBAK" + os.urandom(5000), "header MSSQLBAK (compressed), 5008 bytes"),
    ],
)
def test_a_backup_of_sql_server_is_never_called_proven_without_the_server(
    place: Path, data: bytes, words: str
) -> None:
    _write(place, "erp.bak", data)
    _, proofs = _proofs(place, format="mssql")
    structure = proofs[Level.STRUCTURE]
    assert structure.result is Result.UNPROVEN
    assert structure.failure is not None
    assert structure.failure.subject == "RESTORE VERIFYONLY"
    assert words in structure.failure.detail
    assert proofs[Level.HASHED].result is Result.PASSED


def test_a_backup_of_sql_server_that_ends_with_zeros_is_broken(place: Path) -> None:
    _write(place, "erp.bak", b"TAPE" + os.urandom(5000) + bytes(200_000))
    assert _structure(place, format="mssql").result is Result.FAILED


DATA_PUMP = (
    b"\2\3\4" + bytes(1000) + b'"SCOTT"."SYS_EXPORT_SCHEMA_01"' + bytes(3000) + os.urandom(99)
)
GOOD_LOG = 'Job "SCOTT"."SYS_EXPORT_SCHEMA_01" successfully completed at Sat Nov 21 23:10 2026\n'


@pytest.mark.parametrize(
    ("log", "result"),
    [
        (GOOD_LOG.encode(), Result.UNPROVEN),
        (
            '作业 "SCOTT"."SYS_EXPORT_SCHEMA_01" 已于 星期六 成功完成\n'.encode("gbk"),
            Result.UNPROVEN,
        ),
        ("成功终止导出, 没有出现警告。\n".encode("gbk"), Result.UNPROVEN),
        (b'Job "SCOTT"."X" completed with 3 error(s) at Sat Nov 21\n', Result.FAILED),
        (b"Export terminated unsuccessfully\n", Result.FAILED),
        (b"ORA-31693: Table data object failed to load/unload\n", Result.FAILED),
        ("导出成功终止, 但出现警告。\n".encode("gbk"), Result.FAILED),
        (b"", Result.FAILED),
    ],
)
def test_a_dump_of_oracle_is_judged_by_its_log_and_never_called_proven(
    place: Path, log: bytes, result: Result
) -> None:
    _write(place, "erp.dmp", DATA_PUMP)
    _write(place, "erp.log", log)
    assert _structure(place, format="oracle").result is result


def test_a_dump_of_oracle_that_looks_encrypted_is_no_dump(place: Path) -> None:
    _write(place, "erp.dmp", os.urandom(8192))
    proof = _structure(place, format="oracle")
    assert proof.result is Result.FAILED
    assert "encrypting malware" in proof.detail
    assert oracle.bits_a_byte(os.urandom(4096)) > 7.5
    assert oracle.bits_a_byte(DATA_PUMP[:4096]) < 3


@pytest.mark.parametrize(
    ("name", "data", "result"),
    [
        ("erp.sql.enc", b"Salted__" + os.urandom(500), Result.UNPROVEN),
        ("erp.sql.age", b"age-encryption.org/v1\n-> X25519 abc\n", Result.UNPROVEN),
        ("erp.sql.gpg", b"\x85\x02\x0c\x03" + os.urandom(500), Result.UNPROVEN),
        ("erp.sql.gpg", b"\x8c\x0d\x04\x09" + os.urandom(500), Result.UNPROVEN),
        ("erp.sql.asc", b"-----BEGIN PGP MESSAGE-----\n\nabc\n", Result.UNPROVEN),
        ("erp.sql.gz", b"Salted__" + os.urandom(500), Result.FAILED),
        ("erp.zip", b"Salted__" + os.urandom(500), Result.FAILED),
        ("erp.7z", os.urandom(500), Result.FAILED),
        ("erp.sql", b"\0" + os.urandom(500), Result.FAILED),
    ],
)
def test_encrypted_files_can_only_be_hashed_and_under_another_name_they_are_a_warning(
    place: Path, name: str, data: bytes, result: Result
) -> None:
    _write(place, name, data)
    point, proofs = _proofs(place)
    assert proofs[Level.STRUCTURE].result is result
    assert proofs[Level.HASHED].result is Result.PASSED
    if result is Result.UNPROVEN:
        assert point.encrypted


def test_a_file_that_really_is_encrypted_by_gpg_and_openssl_is_told(place: Path) -> None:
    password = place.parent / "password"
    password.write_text("correct horse battery\n")
    target = place / "erp.sql.gpg"
    home = place.parent / "home"
    home.mkdir(mode=0o700)
    subprocess.run(
        [
            *("gpg", "--batch", "--homedir", str(home), "--pinentry-mode", "loopback"),
            *("--passphrase-file", str(password), "--output", str(target)),
            *("--symmetric", "/etc/hostname"),
        ],
        check=True,
        capture_output=True,
    )
    # It has started an agent of its own, which would stay.
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    dumps.age(target, AN_HOUR_AGO.timestamp())
    assert _proofs(place)[0].encrypted
    target.unlink()
    subprocess.run(
        [
            *("openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-pass", f"file:{password}"),
            *("-in", "/etc/hostname", "-out", str(place / "erp.sql.enc")),
        ],
        check=True,
    )
    dumps.age(place / "erp.sql.enc", AN_HOUR_AGO.timestamp())
    assert _proofs(place)[0].encrypted


def test_what_was_declared_must_be_what_the_bytes_say(pg: Path, place: Path) -> None:
    _copy(place, pg / "custom.dump")
    proof = _structure(place, format="mysqldump")
    assert proof.result is Result.FAILED
    assert proof.detail.startswith("it has to be mysqldump, but it begins like pg_dump -Fc")


def test_every_format_can_be_declared() -> None:
    for each in FORMATS:
        assert set(each.declared) <= DECLARED


def test_a_file_of_no_format_is_hashed_and_its_structure_is_nobody_s_to_prove(place: Path) -> None:
    _write(place, "erp.bin", b"\1\2\3" * 500)
    assert _structure(place).result is Result.UNPROVEN
    _, proofs = _proofs(place, format="any")
    assert set(proofs) == {Level.HASHED}


def test_sqlite_is_asked_for_its_own_opinion(place: Path) -> None:
    import sqlite3

    database = sqlite3.connect(place / "erp.db")
    database.execute("CREATE TABLE t (a TEXT)")
    database.executemany("INSERT INTO t VALUES (?)", [("x" * 100,)] * 500)
    database.commit()
    database.close()
    dumps.age(place / "erp.db", AN_HOUR_AGO.timestamp())
    assert _structure(place, kind="sqlite").method == "PRAGMA integrity_check"
    data = (place / "erp.db").read_bytes()
    assert not list(place.glob("erp.db-*"))
    for broken, words in (
        (data + bytes(4096), "but it has"),
        (data[:-4096], ""),
        (data[:8192] + b"\xff" * 4096 + data[12288:], ""),
    ):
        _write(place, "erp.db", broken)
        proof = _structure(place, kind="sqlite")
        assert proof.result is Result.FAILED
        assert words in proof.detail
    _write(place, "erp.db", b"not a database" * 100)
    assert _structure(place, kind="sqlite").result is Result.FAILED


def test_a_file_that_is_larger_than_what_is_left_is_not_begun(place: Path) -> None:
    _write(place, "erp.sql", SQL + SQL_END)
    _, proofs = _proofs(place, left_bytes=10)
    for proof in proofs.values():
        assert proof.result is Result.UNPROVEN
        assert proof.failure is not None
        assert proof.failure.subject == "budget"
        assert proof.bytes_read == 0


def test_what_is_still_being_written_or_gone_is_not_judged(place: Path) -> None:
    own = settings(kind="files", place=place)
    now = datetime.now(UTC)
    _write(place, "erp.sql", SQL)
    with source(own, place.parent / "state") as opened:
        growing = RestorePoint(id="erp.sql", started_at=now, state=PointState.GROWING)
        gone = RestorePoint(id="gone.sql", started_at=now)
        for point in (growing, gone):
            proofs = files.verify_point(opened, point, RunBudget(2**40, 60))
            assert [proof.result for proof in proofs] == [Result.UNPROVEN, Result.UNPROVEN]


def _hashed(place: Path, own: BackupSettings) -> Proof:
    with source(own, place.parent / "state") as opened:
        return _hashed_by(opened)


def _hashed_by(opened: LocalSource) -> Proof:
    (point,) = files.catalogue(opened).points
    proofs = files.verify_point(opened, point, RunBudget(2**40, 60))
    return next(proof for proof in proofs if proof.level is Level.HASHED)


def test_other_bytes_under_the_same_date_fail_until_the_old_ones_are_back(place: Path) -> None:
    own = settings(kind="files", place=place)
    file = _write(place, "erp.sql", SQL + SQL_END)
    first = _hashed(place, own)
    with source(own, place.parent / "state") as opened:
        assert files.catalogue(opened).points[0].content == f"sha256:{first.digest}"
    _write(place, "erp.sql", SQL.upper() + SQL_END)
    for _ in range(2):
        failed = _hashed(place, own)
        assert (failed.result, failed.other_digest) == (Result.FAILED, first.digest)
        assert failed.detail.startswith("changed without a trace")
    _write(place, "erp.sql", SQL + SQL_END)
    assert _hashed(place, own).result is Result.PASSED
    file.write_bytes(SQL + b"-- more\n" + SQL_END)
    dumps.age(file, AN_HOUR_AGO.timestamp() + 60)
    replaced = _hashed(place, own)
    assert replaced.result is Result.PASSED
    assert replaced.detail.startswith("replaced since it was hashed")
    assert replaced.other_digest == first.digest


@pytest.mark.parametrize(
    ("suffix", "tool"), [(".sha256", "sha256sum"), (".md5", "md5sum"), (".sha512", "sha512sum")]
)
def test_a_digest_beside_the_file_is_compared(place: Path, suffix: str, tool: str) -> None:
    own = settings(kind="files", place=place, pattern="*.sql")
    _write(place, "erp.sql", SQL + SQL_END)
    made = subprocess.run([tool, "erp.sql"], cwd=place, capture_output=True, check=True).stdout
    tagged = subprocess.run(
        [tool, "--tag", "erp.sql"], cwd=place, capture_output=True, check=True
    ).stdout
    digest = made.split()[0]
    for text in (made, tagged, digest, digest.upper() + b" *erp.sql\r\n", b"\xef\xbb\xbf" + made):
        (place / f"erp.sql{suffix}").write_bytes(text)
        proof = _hashed(place, own)
        assert (proof.result, proof.method) == (Result.PASSED, f"sha256, erp.sql{suffix}"), text
    other = b"f" * len(digest)
    (place / f"erp.sql{suffix}").write_bytes(other + b"  erp.sql\n" + made.replace(b"erp", b"crm"))
    proof = _hashed(place, own)
    assert (proof.result, proof.detail) == (Result.FAILED, f"not what erp.sql{suffix} says of it")


def test_what_pg_verifybackup_can_t_do_is_not_the_backup_s_fault() -> None:
    for words in (
        'pg_verifybackup: error: could not open file "x": Permission denied',
        "pg_verifybackup: error: unexpected manifest version",
    ):
        verdict = base_backup._verdict(Output("", 1, words), ())
        assert verdict.result is Result.UNPROVEN
