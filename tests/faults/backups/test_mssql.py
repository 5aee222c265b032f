"""SQL Server: each fault of its backups is seen, and none is seen where there is none.

A case changes what a healthy instance tells, or its files, and looks again: the look at the set and
the check of the instance, over pyodbc and FreeTDS, from a server of our own (tests/tds_server.py)
with rows written by hand. No real SQL Server was asked.
"""

import os
import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.backups.ledger import Ledger
from agent.backups.subject import ConfiguredSet
from agent.host import LocalHost
from checks.api import Check, Past, State
from checks.backup import restore_points
from checks.backup_sets import BackupFacts, Level, Proof, Result
from checks.errors import ProbeError
from checks.mssql import backups
from tests.backup_sets import NAME, look, settings
from tests.faults.backups.judging import Cases, Outcome
from tests.sql_server import NOW, Instance, guid, healthy
from tests.tds_server import PASSWORD, USER, Refusal, Server, serving

NOT_HERE = {"BAK-003", "BAK-010", "MSSQL-007"}
"""Offsite legs are other modules'; volumes can't be told from paths of Linux."""
FINE = {State.OK, State.INFO, State.NOT_APPLICABLE}
Change = Callable[[Instance], object]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


class Bench:
    """One set on one instance."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.state = folder / "state"
        self.backups = folder / "backups"
        self.backups.mkdir()
        secret = folder / "secret"
        secret.write_text(PASSWORD)
        secret.chmod(0o600)
        self.given: dict[str, Any] = {
            "kind": "mssql",
            "place": server.place(),
            "user": USER,
            "password": {"file": str(secret)},
            "retention_days": 3,
            "minimum_size": "1 KiB",
        }

    def look(self) -> BackupFacts:
        return look(settings(**self.given), self.state, now=NOW)

    def restored(self, point: str) -> None:
        """Record the test restore that an engineer made last month."""
        ledger = Ledger(self.state)
        at = NOW - timedelta(days=30)
        proof = Proof(
            point=point, level=Level.RESTORED, result=Result.PASSED, at=at, method="by hand"
        )
        ledger.of(NAME).prove(proof)
        ledger.close()

    def verdicts(self, instance: Instance) -> dict[str, State]:
        """Return the worst state of each rule, `look` and `ask` for what could not be read."""
        self.server.answer = instance.answer
        found: dict[str, State] = {}
        try:
            facts = self.look()
        except ProbeError:
            found["look"] = State.NOT_RUN
        else:
            _judged(restore_points.CHECK, facts, found)
        subject = ConfiguredSet(NAME, settings(**self.given), LocalHost(), self.state, seconds=60)
        try:
            asked = backups.probe(subject)
        except ProbeError:
            found["ask"] = State.NOT_RUN
        else:
            _judged(backups.CHECK, asked, found)
        return found

    def bad(self, instance: Instance) -> dict[str, str]:
        return {
            code: state.value
            for code, state in self.verdicts(instance).items()
            if state not in FINE
        }


_WORST = [State.CRITICAL, State.NOT_RUN, State.WARNING, State.INFO, State.OK, State.NOT_APPLICABLE]


def _judged(check: Check[Any], facts: Any, found: dict[str, State]) -> None:
    for rule in check.rules:
        if rule.code in NOT_HERE:
            continue
        for verdict in rule.evaluate(facts, rule.thresholds(), Past(observed_at=NOW)):
            known = found.get(rule.code, State.NOT_APPLICABLE)
            found[rule.code] = min(known, verdict.state, key=_WORST.index)


@pytest.fixture
def bench(server: Server, tmp_path: Path) -> Bench:
    return Bench(server, tmp_path)


def erp(instance: Instance, kind: str = "D", nth: int = 0) -> dict[str, Any]:
    """Return the nth newest backup of erp."""
    found = [row for row in instance.sets if (row["database_name"], row["type"]) == ("erp", kind)]
    return found[nth]


def without(instance: Instance, name: str, *kinds: str) -> None:
    instance.sets[:] = [
        row
        for row in instance.sets
        if row["database_name"] != name or (kinds and row["type"] not in kinds)
    ]


def older(instance: Instance, hours: float, *kinds: str) -> None:
    """Let the newest backups of erp be made so many hours before."""
    for row in instance.sets:
        if row["database_name"] == "erp" and row["type"] in kinds:
            for name in ("started", "finished"):
                at = datetime.fromisoformat(row[name]) - timedelta(hours=hours)
                row[name] = at.isoformat(timespec="milliseconds")


def every(instance: Instance, **changes: Any) -> None:
    for row in instance.sets:
        if row["database_name"] == "erp":
            row.update(changes)


def summer(instance: Instance, hours: float) -> None:
    """Let what was made longer ago be of summer time: an hour later by the clock of the server."""
    for row in instance.sets:
        if row["started"] < instance.local(hours):
            row["time_zone"] += 4
            for name in ("started", "finished"):
                at = datetime.fromisoformat(row[name]) + timedelta(hours=1)
                row[name] = at.isoformat(timespec="milliseconds")


def cut(row: dict[str, Any], size: int) -> None:
    os.truncate(row["device"], size)


def overwritten(row: dict[str, Any], content: bytes) -> None:
    path = Path(row["device"])
    size = path.stat().st_size
    path.write_bytes((content * (size // len(content) + 1))[:size])


def state_of(instance: Instance, name: str, **changes: Any) -> None:
    next(row for row in instance.databases if row["name"] == name).update(changes)


FAULTS: dict[str, Change] = {
    "erp was never backed up": lambda one: without(one, "erp"),
    "msdb has no backup at all": lambda one: one.sets.clear(),
    "the history is empty and its start unknown": lambda one: (
        (
            one.sets.clear(),
            setattr(one, "history_days", 0),
        )
    ),
    "the full backups stopped two weeks ago": lambda one: older(one, 24 * 14, "D"),
    "all backups stopped two days ago": lambda one: older(one, 48, "D", "L"),
    "all backups stopped a day ago": lambda one: older(one, 24, "D", "L"),
    "all backups stopped a year ago": lambda one: older(one, 24 * 365, "D", "L"),
    "the log backups stopped": lambda one: older(one, 13, "L"),
    "the log backups stopped a day ago": lambda one: older(one, 30, "L"),
    "no log backup was ever made": lambda one: without(one, "erp", "L"),
    "log backups without a full one": lambda one: without(one, "erp", "D"),
    "the newest full is damaged": lambda one: erp(one).update(is_damaged=1),
    "an older full is damaged": lambda one: erp(one, nth=3).update(is_damaged=1),
    "the newest log is damaged": lambda one: erp(one, "L").update(is_damaged=1),
    "all fulls are damaged": lambda one: every(one, is_damaged=1),
    "the newest full went to NUL": lambda one: erp(one).update(device="NUL"),
    "it went to nul: in small letters": lambda one: erp(one).update(device="nul:"),
    "it went to /dev/null": lambda one: erp(one).update(device="/dev/null"),
    "the log went to NUL": lambda one: erp(one, "L").update(device="NUL"),
    "all went to NUL": lambda one: every(one, device="NUL"),
    "full without checksum": lambda one: erp(one).update(has_backup_checksums=0),
    "log without checksum": lambda one: erp(one, "L").update(has_backup_checksums=0),
    "checksum not told": lambda one: erp(one).update(has_backup_checksums=None),
    "the log chain has not begun": lambda one: state_of(one, "erp", chain_started=0),
    "the chain can't be seen": lambda one: state_of(one, "erp", chain_started=None),
    "the file of the newest full is gone": lambda one: Path(erp(one)["device"]).unlink(),
    "the file of the log is gone": lambda one: Path(erp(one, "L")["device"]).unlink(),
    "all files are gone": lambda one: (
        [Path(row["device"]).unlink() for row in one.sets if row["database_name"] == "erp"]
    ),
    "the folder is gone": lambda one: (
        [row.update(device="/nowhere" + row["device"]) for row in one.sets]
    ),
    "the newest full is cut off": lambda one: cut(erp(one), 1000),
    "the newest full is cut by one byte": lambda one: cut(erp(one), 4095),
    "the newest full has no bytes": lambda one: cut(erp(one), 0),
    "an older full is cut off": lambda one: cut(erp(one, nth=2), 700),
    "the log is cut off": lambda one: cut(erp(one, "L"), 512),
    "the newest full is zeros": lambda one: overwritten(erp(one), b"\0"),
    "the newest full was encrypted by ransom software": lambda one: overwritten(
        erp(one), b"\x9f\x1c\x88LOCK"
    ),
    "the newest full is a text": lambda one: overwritten(erp(one), b"<html>404</html>"),
    "a stripe is gone": lambda one: one.sets.append(
        {**erp(one), "family": 2, "device": str(one.folder / "second.bak")}
    ),
    "erp was dropped and made anew": lambda one: state_of(
        one, "erp", database_guid=guid("another erp")
    ),
    "the backups were restored from another server": lambda one: every(one, server_name="TEST9"),
    "only VSS snapshots": lambda one: every(one, is_snapshot=1, device_type=7),
    "only backups of files": lambda one: (
        [
            row.update(type="F")
            for row in one.sets
            if row["database_name"] == "erp" and row["type"] == "D"
        ]
    ),
    "only partial backups": lambda one: (
        [
            row.update(type="P")
            for row in one.sets
            if row["database_name"] == "erp" and row["type"] == "D"
        ]
    ),
    "dated tomorrow": lambda one: older(one, -34, "D", "L"),
    "dated tomorrow by a wrong zone": lambda one: every(one, time_zone=-48),
    "dated by a day late": lambda one: every(one, time_zone=56) or older(one, 24, "D", "L"),
    "this replica is to back it up, and does not": lambda one: (
        state_of(one, "erp", preferred=1),
        older(one, 60, "D", "L"),
    ),
    "a database nobody thought of": lambda one: one.database("crm"),
    "a database of weeks ago without backup": lambda one: one.database(
        "hr", "SIMPLE", created=one.local(24 * 20)
    ),
    "the newest full is a tenth of those before": lambda one: erp(one).update(
        stored_size=409, backup_size=409
    ),
    "the newest full is below the agreed size": lambda one: erp(one).update(
        stored_size=100, backup_size=100
    ),
    "the newest full says nought": lambda one: erp(one).update(stored_size=0, backup_size=0),
    "sizes are not told": lambda one: every(one, stored_size=None, backup_size=None),
    "a differential whose full is not there": lambda one: one.backup(
        "erp", "I", 2, base_guid=guid("no such full")
    ),
    "a differential that names no full, and none before it": lambda one: (
        (
            without(one, "erp", "D"),
            one.backup("erp", "I", 2),
        )
    ),
    "the differentials have stopped, with a weekly full": lambda one: (
        (
            older(one, 24 * 5, "D"),
            one.backup("erp", "I", 24 * 3, base_guid=erp(one)["backup_set_uuid"]),
        )
    ),
    "encrypted, and the key in no escrow": lambda one: every(one, encryptor_type="CERTIFICATE"),
    "a certificate whose key was never saved": lambda one: one.certificates.append(
        {"name": "TDE", "backed_up": None, "expires": "2036-01-01T00:00:00"}
    ),
    "a certificate that has expired": lambda one: one.certificates.append(
        {"name": "TDE", "backed_up": "2026-11-01T00:00:00", "expires": "2026-01-01T00:00:00"}
    ),
    "a certificate that is about to expire": lambda one: one.certificates.append(
        {"name": "TDE", "backed_up": "2026-11-01T00:00:00", "expires": "2026-12-01T00:00:00"}
    ),
    "a key that was saved years ago": lambda one: one.certificates.append(
        {"name": "TDE", "backed_up": "2020-11-01T00:00:00", "expires": "2036-01-01T00:00:00"}
    ),
    "the history was purged to two days": lambda one: (
        (
            one.sets.__setitem__(
                slice(None), [row for row in one.sets if row["started"] > one.local(48)]
            ),
            setattr(one, "history_days", 2),
        )
    ),
    "the history may not be read": lambda one: one.refused.update(
        {"backupset": Refusal(229, "The SELECT permission was denied on 'backupset'", 14)}
    ),
    "the databases may not be read": lambda one: one.refused.update(
        {"sys.databases": Refusal(229, "The SELECT permission was denied", 14)}
    ),
    "the certificates may not be read": lambda one: one.refused.update(
        {"sys.certificates": Refusal(300, "VIEW SERVER STATE permission was denied", 14)}
    ),
    "a column is not there": lambda one: one.refused.update(
        {"encryptor_type": Refusal(207, "Invalid column name 'encryptor_type'.")}
    ),
    "msdb is not there": lambda one: one.refused.update(
        {"backupset": Refusal(208, "Invalid object name 'msdb.dbo.backupset'.")}
    ),
    "the server gives up a query": lambda one: one.refused.update(
        {"backupset": Refusal(1205, "Transaction was deadlocked and has been chosen as victim", 13)}
    ),
    "a date that is none": lambda one: erp(one).update(started="yesterday"),
    "a zone that is none": lambda one: erp(one).update(time_zone="CET"),
    "no offset of the server": lambda one: setattr(one, "offset", 10**9),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_never_ok(name: str, bench: Bench, cases: Cases) -> None:
    instance = healthy(bench.backups)
    bench.restored(erp(instance)["backup_set_uuid"].lower())
    FAULTS[name](instance)
    bad = bench.bad(instance)
    cases.fault(name, Outcome(not bad, str(bad), None, None))


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("wrong password", {"password": "other"}),
        ("unknown user", {"user": "nobody"}),
        ("nobody listens", {"place": "port"}),
        ("no such driver", {"driver": "Nope"}),
        ("password in the place", {"append": ";PWD=secret1"}),
    ],
)
def test_what_keeps_from_looking_is_told_and_never_ok(
    name: str, change: dict[str, str], bench: Bench, tmp_path: Path, cases: Cases
) -> None:
    instance = healthy(bench.backups)
    if "password" in change:
        (tmp_path / "other").write_text("another one")
        (tmp_path / "other").chmod(0o600)
        bench.given["password"] = {"file": str(tmp_path / "other")}
    bench.given["user"] = change.get("user", USER)
    place = str(bench.given["place"])
    if "place" in change:
        place = place.replace(f"Port={bench.server.server_address[1]}", f"Port={closed_port()}")
    place = place.replace("FreeTDS", change.get("driver", "FreeTDS"))
    bench.given["place"] = place + change.get("append", "")
    verdicts = bench.verdicts(instance)
    assert verdicts == {"look": State.NOT_RUN, "ask": State.NOT_RUN}
    cases.fault(name, Outcome(State.OK in verdicts.values(), str(verdicts), None, None))


HEALTHY: dict[str, Change] = {
    "as it is": lambda one: None,
    "the time zone is not recorded": lambda one: every(one, time_zone=127),
    "the time zone is NULL": lambda one: every(one, time_zone=None),
    "the older ones were made in summer time": lambda one: summer(one, 40),
    "all but the log were made in summer time": lambda one: summer(one, 9),
    "the server stands in New York": lambda one: (
        setattr(one, "offset", -300) or every(one, time_zone=32)
    ),
    "the zone is not by the hour": lambda one: (
        [
            row.update(time_zone=23, started=one.local(10, 345), finished=one.local(9.9, 345))
            for row in one.sets[:2]
        ]
    ),
    "copy-only fulls": lambda one: every(one, is_copy_only=1),
    "uncompressed": lambda one: every(one, stored_size=None),
    "flags come as text": lambda one: every(one, has_backup_checksums="True", is_damaged="False"),
    "a mirror that is not here": lambda one: one.sets.append(
        {**erp(one), "mirror": 1, "device": "\\\\nas\\mirror.bak"}
    ),
    "a stripe that is here": lambda one: (
        (
            (one.folder / "second.bak").write_bytes(b"TAPE" * 300),
            one.sets.append({**erp(one), "family": 2, "device": str(one.folder / "second.bak")}),
        )
    ),
    "compressed by its magic": lambda one: Path(erp(one)["device"]).write_bytes(b"MSSQLBAK" * 1024),
    "a file with several sets is larger": lambda one: Path(erp(one)["device"]).write_bytes(
        b"TAPE" * 9000
    ),
    "another name in msdb by case": lambda one: every(one, database_name="ERP"),
    "the server name by case": lambda one: every(one, server_name="db1"),
    "the server was renamed": lambda one: setattr(one, "names", ("DB2", "DB1")),
    "a snapshot beside the fulls": lambda one: one.backup(
        "erp", "D", 3, is_snapshot=1, device_type=7
    ),
    "a dropped database in the history": lambda one: one.backup("old", "D", 24 * 40),
    "a set restored from another server": lambda one: one.backup(
        "erp", "D", 24 * 40, server_name="TEST9"
    ),
    "a former database of the name": lambda one: one.backup(
        "erp", "D", 24 * 40, database_guid=guid("former")
    ),
    "an offline database": lambda one: one.database("archive", state_desc="OFFLINE"),
    "a standby database": lambda one: one.database("copy", is_in_standby=1),
    "another replica backs it up": lambda one: one.database("ag", preferred=0),
    "another replica has backed it up since": lambda one: (
        one.database("ag", preferred=0),
        one.backup("ag", "D", 24 * 20),
    ),
    "this replica backs it up": lambda one: state_of(one, "erp", preferred=1),
    "offline since last month": lambda one: (
        one.database("archive", state_desc="OFFLINE"),
        one.backup("archive", "D", 24 * 40),
    ),
    "a new database": lambda one: one.database("new", created=one.local(5)),
    "the pattern of new databases": lambda one: (
        (
            one.database("model"),
            [one.backup("model", "D", 10 + 24 * n, size=3000 + n) for n in range(6)],
        )
    ),
    "a differential on its full": lambda one: one.backup(
        "erp", "I", 2, base_guid=erp(one)["backup_set_uuid"]
    ),
    "a differential that names no full": lambda one: one.backup("erp", "I", 2),
    "differentials of last year": lambda one: one.backup(
        "erp", "I", 24 * 40, base_guid=erp(one, nth=5)["backup_set_uuid"]
    ),
    "a certificate in escrow": lambda one: one.certificates.append(
        {"name": "TDE", "backed_up": "2026-11-01T00:00:00", "expires": "2036-01-01T00:00:00"}
    ),
    "the GUID is not told": lambda one: state_of(one, "erp", database_guid=None),
    "a database with a Chinese name": lambda one: (
        (
            one.database("账套 001", "SIMPLE"),
            [one.backup("账套 001", "D", 10 + 24 * n, size=3000 + n) for n in range(6)],
        )
    ),
    "the history begins a month ago": lambda one: setattr(one, "history_days", 30),
    "a small database beside": lambda one: (
        (
            one.database("tiny", "SIMPLE"),
            [one.backup("tiny", "D", 10 + 24 * n, size=1500 + n) for n in range(6)],
        )
    ),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_instance_alarms_nobody(name: str, bench: Bench, cases: Cases) -> None:
    instance = healthy(bench.backups)
    bench.restored(erp(instance)["backup_set_uuid"].lower())
    HEALTHY[name](instance)
    bad = bench.bad(instance)
    cases.healthy(name, Outcome(not bad, str(bad), None, None))
