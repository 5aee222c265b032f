"""R7 with the real collector over TLS: eight wrong clocks; enrol, upload, rotate the key.

Each agent runs its own commands under libfaketime; the certificate is valid for minutes only, by
the real clock, which the collector has.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from agent.settings import written
from checks.discovery import Catalogue, discover
from collector.assessment.models import StoredInspection, StoredVerdict
from collector.assessment.service import assess_pending
from collector.customers.models import Agent
from collector.database import Database, open_database
from collector.enrolment.service import approve
from collector.intake.models import StoredBatch
from tests.agent.workbench import plug_in
from tests.authority import Authority
from tests.clock import SHIFTS, Clock, Shift, clock
from tests.faults.conftest import Note
from tests.faults.processes import Served, enrolled, environment, serving, slot
from tests.journeys.command import collector
from wire.batch import open_batch

ONLY = ("--only", "host.uptime", "--only", "sample.jump")
MINUTES = timedelta(minutes=10)


@dataclass(frozen=True)
class Vendor:
    """The collector that all cells share."""

    served: Served
    ca_file: Path
    catalogue: Catalogue


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    folder = tmp_path_factory.mktemp("vendor")
    authority = Authority(folder)
    now = datetime.now(UTC)
    certificate = authority.issue("127.0.0.1", since=now - MINUTES, until=now + MINUTES)
    served = Served(
        folder,
        f"sqlite:///{folder}/collector.db",
        options=("--certificate", str(certificate), "--certificate-key", str(certificate)),
        scheme="https",
    )
    with serving(served):
        yield Vendor(served, authority.ca_file, discover())
    assert "Traceback" not in served.log.read_text()


def agent(kept_by: Clock, folder: Path, *arguments: str, code: int = 0) -> str:
    """Run a command of the agent under this clock; return what it printed."""
    ended = subprocess.run(
        [sys.executable, "-m", "agent", *arguments, "--settings", str(folder / "agent.toml")],
        cwd=folder,
        env=_environment(kept_by, folder),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stdout


def _environment(kept_by: Clock, folder: Path) -> dict[str, str]:
    found = environment(**kept_by.environment)
    return {**found, "PYTHONPATH": f"{folder / 'plug-ins'}{os.pathsep}{found['PYTHONPATH']}"}


@pytest.mark.parametrize("shift", [*SHIFTS, Shift("a second slow", -1)], ids=str)
def test_enrol_upload_and_rotate_with_a_wrong_clock(
    tmp_path: Path, vendor: Vendor, shift: Shift, note: Note
) -> None:
    kept_by = clock(shift, tmp_path)
    url, database = vendor.served.url, open_database(vendor.served.database)
    host = str(shift)
    plug_in(tmp_path / "plug-ins", {"sample.jump": kept_by.jump})
    settings = tmp_path / "agent.toml"
    settings.write_text(
        written(str(tmp_path / "state"), url) + f'ca_file = "{vendor.ca_file}"\n', encoding="utf-8"
    )
    try:
        with database.writing() as session:
            code = slot(session, host, datetime.now(UTC))
        told = json.loads(agent(kept_by, tmp_path, "enrol", url, "--code", code, "--json"))
        with database.writing() as session:
            known = session.scalars(select(Agent).filter_by(id=told["agent"])).one()
            approve(session, known, "tester", datetime.now(UTC))
        before = datetime.now(UTC)
        # The jump, where there is one, comes in the midst of the first run.
        agent(kept_by, tmp_path, "run", *ONLY, "--json")
        rotated = json.loads(agent(kept_by, tmp_path, "rotate-key", "--json"))
        assert rotated["fingerprint"] != told["fingerprint"]
        agent(kept_by, tmp_path, "run", *ONLY, "--json")
        after = datetime.now(UTC)
        offsets = assert_placed(database, vendor.catalogue, told["agent"], before, after)
        assert offsets == pytest.approx([last_seconds(shift)] * 2, abs=20)
        with database.reading() as session:
            known = session.scalars(select(Agent).filter_by(id=told["agent"])).one()
            verdict = session.scalars(
                select(StoredVerdict).filter_by(
                    customer_id=known.customer_id, host_id=known.host_id, code="AGT-005"
                )
            ).one()
            keys = {
                row.key_id
                for row in session.scalars(select(StoredBatch).filter_by(agent_id=told["agent"]))
            }
        expected = ("warning", "critical") if abs(last_seconds(shift)) > 60 else ("ok", "info")
        assert verdict.state in expected
        assert len(keys) == 2
    finally:
        database.close()
    note("R7 clock cells", vendor.served.database, batches=2, faults=3)


@pytest.mark.parametrize("shift", [*SHIFTS, Shift("a second slow", -1)], ids=str)
def test_bundle_and_receipt_with_a_wrong_clock(
    tmp_path: Path, vendor: Vendor, shift: Shift, note: Note
) -> None:
    kept_by = clock(shift, tmp_path)
    folder, served = tmp_path / "host", vendor.served
    database = open_database(served.database)
    name = f"offline {shift}"
    # It does not know the authority, so nothing goes over the network. (A port where nobody listens
    # would be tried again: libfaketime makes an error of the sleep before that.)
    one = enrolled(served, database, folder, served.url, host=name)
    plug_in(folder / "plug-ins", {"sample.jump": kept_by.jump})
    stick = tmp_path / "host.inspb"
    try:
        agent(kept_by, folder, "run", *ONLY, "--json", code=1)
        agent(kept_by, folder, "export", str(stick), "--json")
        imported = collector(
            *(tmp_path, "import", str(stick), "--data", str(served.folder), "--json"),
            XUNJIAN_DATABASE_URL=served.database,
        )
        assert imported.returncode == 0, imported.stderr
        (receipt,) = tmp_path.glob("*receipt*")
        agent(kept_by, folder, "receipt", str(receipt), "--json")
        told = json.loads(agent(kept_by, folder, "status", "--json"))
        assert told["pending_batches"] == 0
        assess_pending(database, vendor.catalogue)
        with database.reading() as session:
            batch = session.scalars(select(StoredBatch).filter_by(agent_id=one.agent)).one()
            run = session.scalars(select(StoredInspection).filter_by(id=batch.inspection_id)).one()
        assert run.started_at <= batch.received_at
    finally:
        database.close()
    note("R7 clock cells", served.database, batches=1, faults=1)


def last_seconds(shift: Shift) -> int:
    return shift.seconds if shift.then_seconds is None else shift.then_seconds


def assert_placed(
    database: Database, catalogue: Catalogue, agent_id: str, before: datetime, after: datetime
) -> list[float]:
    """Return the offsets stored with the inspections, in their order; each lies in the span."""
    assess_pending(database, catalogue)
    with database.reading() as session:
        batches = session.scalars(
            select(StoredBatch).filter_by(agent_id=agent_id).order_by(StoredBatch.received_at)
        ).all()
        offsets = []
        for batch in batches:
            name = open_batch(batch.payload).header.inspection.id
            assert batch.inspection_id == name
            stored = session.scalars(select(StoredInspection).filter_by(id=name)).one()
            assert stored.finished_at is not None
            slack = timedelta(seconds=2)
            assert before - slack <= stored.started_at <= stored.finished_at <= after + slack
            assert stored.offset_seconds is not None
            offsets.append(stored.offset_seconds)
            seen = session.scalars(select(StoredVerdict).filter_by(host_id=stored.host_id))
            assert all(before - slack <= one.observed_at <= after + slack for one in seen)
    return offsets
