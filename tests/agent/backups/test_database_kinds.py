"""SQL Server and Oracle as kinds of backups: which restore points, when, and in what state."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.backups import formats
from agent.backups.kind import Catalogue
from agent.backups.kinds import mssql, oracle
from agent.backups.subject import ConfiguredSet
from agent.host import LocalHost
from checks.api import Failure, Past
from checks.backup import _engines
from checks.backup_sets import Form, PointState, RestorePoint, Result
from checks.errors import UnexpectedOutput
from checks.mssql import backups as mssql_check
from checks.oracle import backups as oracle_check
from tests.backup_sets import NAME, look, settings, source
from tests.oracle import Database
from tests.sql_server import NOW, Instance, guid, healthy
from tests.tds_server import PASSWORD, USER, Refusal, Server, serving
from wire.messages import Reason


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def given(server: Server, tmp_path: Path) -> dict[str, Any]:
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    secret.chmod(0o600)
    return {
        "kind": "mssql",
        "place": server.place(),
        "user": USER,
        "password": {"file": str(secret)},
    }


def listed(given: dict[str, Any], state: Path) -> Catalogue:
    kind = oracle.KIND if given["kind"] == "oracle" else mssql.KIND
    with source(settings(**given), state) as known:
        return kind.catalogue(known)


def one(server: Server, given: dict[str, Any], instance: Instance, state: Path) -> RestorePoint:
    server.answer = instance.answer
    [point] = listed(given, state).points
    return point


@pytest.fixture
def remote(tmp_path: Path) -> Instance:
    instance = Instance(tmp_path, machine="elsewhere")
    instance.database("erp")
    return instance


@pytest.mark.parametrize(
    ("zone", "written", "utc_hour"),
    [
        (32, "2026-11-20T22:00:00.000", 14),
        (36, "2026-11-20T23:00:00.000", 14),
        (-20, "2026-11-20T09:00:00.000", 14),
        (23, "2026-11-20T19:45:00.003", 14),
        (127, "2026-11-20T22:00:00.000", 14),
        (None, "2026-11-20T22:00:00.000", 14),
    ],
)
def test_a_local_time_is_read_by_the_offset_it_was_written_with(
    server: Server,
    given: dict[str, Any],
    remote: Instance,
    tmp_path: Path,
    zone: int | None,
    written: str,
    utc_hour: int,
) -> None:
    remote.backup("erp", time_zone=zone, started=written, finished=written)
    point = one(server, given, remote, tmp_path)
    assert (point.started_at.hour, point.started_at.minute) == (utc_hour, 0)
    assert ("time zone not recorded" in point.note) == (zone in (127, None))


def test_the_offset_of_summer_is_told_by_the_row_and_not_by_today(
    server: Server, given: dict[str, Any], remote: Instance, tmp_path: Path
) -> None:
    remote.offset = 60  # winter in Berlin
    remote.backup("erp", time_zone=8, started="2026-10-24T22:00:00", finished="2026-10-24T22:10:00")
    assert one(server, given, remote, tmp_path).started_at.hour == 20


def test_a_restore_point_is_told_whole(
    server: Server, given: dict[str, Any], remote: Instance, tmp_path: Path
) -> None:
    row = remote.backup("erp", size=5000, encryptor_type="CERTIFICATE")
    point = one(server, given, remote, tmp_path)
    assert point == RestorePoint(
        id=row["backup_set_uuid"].lower(),
        object="erp",
        started_at=NOW - timedelta(hours=10),
        ended_at=NOW - timedelta(hours=9.95),
        bytes=5000,
        files=1,
        encrypted=True,
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"is_damaged": 1}, "damaged"),
        ({"device": "NUL"}, "NUL"),
        ({"device": "nul:"}, "NUL"),
    ],
)
def test_what_is_no_good_by_the_history_has_failed(
    server: Server,
    given: dict[str, Any],
    remote: Instance,
    tmp_path: Path,
    changes: dict[str, Any],
    words: str,
) -> None:
    remote.backup("erp", **changes)
    point = one(server, given, remote, tmp_path)
    assert point.state is PointState.FAILED
    assert words in point.note


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"server_name": "TEST9"}, "made by another server"),
        ({"database_guid": guid("former")}, "of a former database"),
        ({"database_name": "old"}, "not here any more"),
        ({"is_snapshot": 1}, "VSS snapshot"),
        ({"type": "F"}, "of files or parts"),
    ],
)
def test_what_is_not_a_backup_of_the_database_is_left_out_and_said(
    server: Server,
    given: dict[str, Any],
    remote: Instance,
    tmp_path: Path,
    changes: dict[str, Any],
    words: str,
) -> None:
    remote.backup("erp", **changes)
    server.answer = remote.answer
    found = listed(given, tmp_path)
    assert found.points == ()
    assert words in found.odd[0]


def test_only_the_declared_databases_are_listed(
    server: Server, given: dict[str, Any], remote: Instance, tmp_path: Path
) -> None:
    remote.database("crm")
    remote.backup("erp")
    remote.backup("crm")
    server.answer = remote.answer
    given["objects"] = ["CRM"]
    assert [point.object for point in listed(given, tmp_path).points] == ["CRM"]


def test_a_log_needs_the_full_before_it(
    server: Server, given: dict[str, Any], remote: Instance, tmp_path: Path
) -> None:
    remote.backup("erp", "D", 50)
    full = remote.backup("erp", "D", 10)
    remote.backup("erp", "L", 1)
    remote.backup("erp", "D", 0.5)
    server.answer = remote.answer
    [log] = [point for point in listed(given, tmp_path).points if point.form is Form.LOG]
    assert log.base == full["backup_set_uuid"].lower()


def test_files_elsewhere_are_not_proven_and_that_is_said(
    server: Server, given: dict[str, Any], remote: Instance, tmp_path: Path
) -> None:
    remote.backup("erp")
    server.answer = remote.answer
    [proof] = look(settings(**given), tmp_path, now=NOW).proofs
    assert proof.result is Result.UNPROVEN
    assert proof.failure is not None
    assert "elsewhere" in proof.failure.detail


def test_a_file_that_is_here_is_hashed_once_and_then_told_by_its_digest(
    server: Server, given: dict[str, Any], tmp_path: Path
) -> None:
    instance = Instance(tmp_path)
    instance.database("erp")
    instance.backup("erp", size=9000)
    server.answer = instance.answer
    facts = look(settings(**given), tmp_path, now=NOW)
    assert [proof.result for proof in facts.proofs] == [Result.PASSED]
    assert facts.points[0].content == f"sha256:{facts.proofs[0].digest}"
    assert facts.work is not None
    assert facts.work.read_bytes == 9000
    again = look(settings(**given), tmp_path, now=NOW)
    assert again.work is not None
    assert again.work.read_bytes == 0
    assert again.proofs == facts.proofs


def test_other_bytes_under_the_same_size_and_date_are_damage(
    server: Server, given: dict[str, Any], tmp_path: Path
) -> None:
    instance = Instance(tmp_path)
    instance.database("erp")
    path = Path(instance.backup("erp", size=9000)["device"])
    server.answer = instance.answer
    look(settings(**given), tmp_path, now=NOW)
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(5000)
        file.write(b"!")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    facts = look(settings(**given), tmp_path, now=NOW + timedelta(days=27))
    [failed] = [proof for proof in facts.proofs if proof.result is Result.FAILED]
    assert "changed without a trace" in failed.detail


def test_what_is_beyond_the_budget_waits_and_says_so(
    server: Server, given: dict[str, Any], tmp_path: Path
) -> None:
    instance = Instance(tmp_path)
    instance.database("erp")
    instance.backup("erp", "D", 10, size=9000)
    instance.backup("erp", "D", 34, size=9000)
    server.answer = instance.answer
    given["budget"] = "10000 B"
    facts = look(settings(**given), tmp_path, now=NOW)
    known = {proof.point: proof for proof in facts.proofs}
    newest, older = facts.points
    assert known[newest.id].result is Result.PASSED
    failure = known[older.id].failure
    assert failure is not None
    assert failure.reason is Reason.INTERRUPTED


def test_the_look_of_an_instance_without_databases_names_what_is_refused(
    server: Server, given: dict[str, Any], tmp_path: Path
) -> None:
    instance = healthy(tmp_path, machine="elsewhere")
    instance.refused["sys.master_files"] = Refusal(229, "denied", 14)
    server.answer = instance.answer
    subject = ConfiguredSet(NAME, settings(**given), LocalHost(), tmp_path, seconds=60)
    facts = mssql_check.probe(subject)
    assert isinstance(facts.data_files, Failure)
    drives = next(rule for rule in mssql_check.CHECK.rules if rule.code == "MSSQL-007")
    verdicts = list(drives.evaluate(facts, drives.thresholds(), Past(observed_at=NOW)))
    assert {verdict.state.value for verdict in verdicts} == {"not_run"}


def test_backups_on_a_drive_of_the_data_are_found_by_the_check(
    server: Server, given: dict[str, Any], tmp_path: Path
) -> None:
    instance = healthy(tmp_path, machine="elsewhere")
    server.answer = instance.answer
    subject = ConfiguredSet(NAME, settings(**given), LocalHost(), tmp_path, seconds=60)
    rule = next(rule for rule in mssql_check.CHECK.rules if rule.code == "MSSQL-007")

    def states() -> set[str]:
        facts = mssql_check.probe(subject)
        past = Past(observed_at=NOW)
        return {verdict.state.value for verdict in rule.evaluate(facts, rule.thresholds(), past)}

    assert states() == {"ok"}
    for row in instance.sets:
        row["device"] = row["device"].replace("E:", "D:")
    assert states() == {"critical"}
    for row in instance.sets:
        row["device"] = "\\\\nas\\backup\\x.bak"
    assert states() == {"not_applicable"}


def test_an_answer_without_its_columns_is_no_answer(
    server: Server, given: dict[str, Any], tmp_path: Path
) -> None:
    server.answer = lambda _query: [{"n": 1}]
    with pytest.raises(UnexpectedOutput):
        listed(given, tmp_path)
    server.answer = lambda _query: []
    with pytest.raises(UnexpectedOutput):
        listed(given, tmp_path)


@pytest.fixture
def rman(server: Server, given: dict[str, Any]) -> Database:
    database = Database()
    server.answer = database.answer
    given["kind"] = "oracle"
    return database


def test_jobs_of_rman_are_restore_points(
    rman: Database, given: dict[str, Any], tmp_path: Path
) -> None:
    rman.job("DB INCR", 60, lowest_level=0)
    rman.job("DB INCR", 36, lowest_level=1)
    rman.job("DB FULL", 30, "FAILED")
    rman.job("ARCHIVELOG", 12, "COMPLETED WITH WARNINGS")
    rman.job("CONTROLFILE", 11)
    rman.job("DB FULL", 0.1, "RUNNING", ended=None)
    found = listed(given, tmp_path)
    points = {point.id: point for point in found.points}
    assert [point.form for point in points.values()] == [
        Form.FULL,
        Form.INCREMENTAL,
        Form.FULL,
        Form.LOG,
        Form.FULL,
    ]
    assert [point.state.value for point in points.values()] == [
        "complete",
        "complete",
        "failed",
        "complete",
        "growing",
    ]
    assert points["1/1"].base == points["3/1"].base == "0/1"
    assert points["0/1"].started_at == NOW - timedelta(hours=60)
    assert points["3/1"].note == "COMPLETED WITH WARNINGS"
    assert found.odd == ("1 jobs of other types than database and archived logs",)
    assert found.tool == "Oracle 19.0.0.0.0"


def test_an_incremental_without_a_level_0_can_not_be_restored(
    rman: Database, given: dict[str, Any], tmp_path: Path
) -> None:
    rman.job("DB INCR", 36, lowest_level=1)
    [point] = listed(given, tmp_path).points
    assert point.base == oracle.NO_FULL


@pytest.mark.parametrize(
    ("zone", "hours"), [("+08:00", 0), ("-05:00", 13), ("+05:45", 2.25), ("+00:00", 8)]
)
def test_the_zone_of_oracle_is_that_of_its_clock(
    rman: Database, given: dict[str, Any], tmp_path: Path, zone: str, hours: float
) -> None:
    rman.head["zone"] = zone
    rman.job("DB FULL", 24)
    [point] = listed(given, tmp_path).points
    assert point.started_at == NOW - timedelta(hours=24) + timedelta(hours=hours)


@pytest.mark.parametrize("zone", ["", "Asia/Shanghai", None])
def test_a_zone_that_is_none_is_no_answer(
    rman: Database, given: dict[str, Any], tmp_path: Path, zone: str | None
) -> None:
    rman.head["zone"] = zone
    with pytest.raises(UnexpectedOutput):
        listed(given, tmp_path)


def test_the_check_of_rman_takes_the_newest_that_ended_well(
    rman: Database, given: dict[str, Any], tmp_path: Path
) -> None:
    rman.job("DB FULL", 100)
    rman.job("DB FULL", 30, "FAILED")
    rman.job("ARCHIVELOG", 2)
    rman.job("ARCHIVELOG", 1, "COMPLETED WITH ERRORS")
    rman.job("ARCHIVELOG", 0.1, "RUNNING", ended=None)
    subject = ConfiguredSet(NAME, settings(**given), LocalHost(), tmp_path, seconds=60)
    facts = oracle_check.probe(subject)
    assert facts.full is not None
    assert facts.full.started_at == NOW - timedelta(hours=100)
    assert facts.archived_log is not None
    assert facts.archived_log.started_at == NOW - timedelta(hours=2)
    assert facts.last is not None
    assert facts.last.status == "COMPLETED WITH ERRORS"


def test_the_rules_of_engines_know_the_formats_that_may_be_declared() -> None:
    for known in (_engines.POSTGRESQL_DUMPS, _engines.POSTGRESQL_BASES, _engines.MYSQL_FORMATS):
        assert known <= formats.DECLARED
