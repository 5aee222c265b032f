"""Clones and restored snapshots of a state folder, end to end with real processes."""

import shutil
from pathlib import Path

from sqlalchemy import select

from collector.assessment.models import StoredInspection
from collector.database import open_database
from collector.enrolment.models import Alarm, AlarmKind
from collector.intake.models import ASSESSED, PENDING, StoredBatch
from tests.faults.agent_process import CHECKS
from tests.faults.conftest import Note
from tests.faults.processes import Inspecting, Served, enrolled_agents, serving
from tests.faults.tally import tallied
from tests.faults.test_collector_disk import events, wait_for
from tests.faults.test_poison import states
from tests.journeys.command import agent, collector


def copied(agent: Inspecting, name: str) -> Inspecting:
    """Return a clone of an agent: its whole state, under other settings."""
    clone = Inspecting(agent.folder.with_name(name), agent.agent)
    clone.folder.mkdir()
    shutil.copytree(agent.state, clone.state)
    settings = agent.settings.read_text().replace(str(agent.state), str(clone.state))
    clone.settings.write_text(settings)
    return clone


def run(agent: Inspecting, inspections: int) -> None:
    agent.launch(inspections)
    assert agent.ended() == 0
    assert agent.said() == ""


def alarms(url: str) -> int:
    database = open_database(url)
    try:
        with database.reading() as session:
            return len(session.scalars(select(Alarm).filter_by(kind=AlarmKind.FORKED.value)).all())
    finally:
        database.close()


def listed(folder: Path, url: str) -> str:
    """Return the row of the one agent in `agent list`, as a person sees it."""
    arguments = ("agent", "list", "--data", str(folder), "--lang", "en")
    ended = collector(folder, *arguments, XUNJIAN_DATABASE_URL=url)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_clone_and_its_original_both_keep_everything(
    tmp_path: Path, url: str, note: Note
) -> None:
    served = Served(tmp_path, url)
    (original,) = enrolled_agents(served, 1)
    with serving(served):
        run(original, 3)
        clone = copied(original, "clone")
        for _ in range(2):
            run(original, 3)
            run(clone, 3)
        assert events([original, clone], "forked") == 1
        wait_for(lambda: states(url).count(PENDING) == 0, "all is assessed")
    kept = original.kept() | clone.kept()
    found = tallied(url, kept)
    assert (found.lost, found.duplicated, found.integrity) == (0, 0, "ok")
    assert found.batches == 15
    assert alarms(url) == 1
    assert "cloned? (1 forks)" in " ".join(listed(tmp_path, url).split())
    note("forks: clone", url, batches=found.batches, faults=1)


def test_a_restored_snapshot_forks_once_and_loses_nothing(
    tmp_path: Path, url: str, note: Note
) -> None:
    served = Served(tmp_path, url)
    (host,) = enrolled_agents(served, 1)
    with serving(served):
        run(host, 3)
        snapshot = copied(host, "snapshot")
        run(host, 4)
        shutil.rmtree(host.state)
        snapshot.state.rename(host.state)
        run(host, 5)
        assert events([host], "forked") == 1
    found = tallied(url, host.kept())
    assert (found.lost, found.duplicated, found.integrity) == (0, 0, "ok")
    assert found.batches == 12
    assert alarms(url) == 1
    assert "cloned" not in listed(tmp_path, url)
    database = open_database(url)
    with database.reading() as session:
        epochs = set(session.scalars(select(StoredBatch.epoch)))
    database.close()
    assert len(epochs) == 2
    note("forks: snapshot", url, batches=found.batches, faults=1)


def test_what_two_copies_of_a_state_hand_over_counts_once(
    tmp_path: Path, url: str, note: Note
) -> None:
    """The snapshot was taken while inspections waited: both hand them over, sealed apart."""
    served = Served(tmp_path, url)
    (host,) = enrolled_agents(served, 1)
    with serving(served):
        run(host, 1)
    host.launch(3)
    wait_for(lambda: len(host.kept()) == 4 * len(CHECKS), "three inspections wait")
    wait_for(lambda: events([host], "paused") > 0, "they can't be handed over")
    host.kill()
    clone = copied(host, "clone")
    with serving(served):
        run(host, 0)
        run(clone, 0)
        wait_for(lambda: states(url).count(PENDING) == 0, "all is assessed")
    found = tallied(url, host.kept())
    # The evidence of both branches is there; one batch had been sealed, and is the same in both.
    assert found.lost == 0
    assert found.duplicated == 2 * len(CHECKS)
    assert states(url) == [ASSESSED] * 6
    database = open_database(url)
    with database.reading() as session:
        rows = session.scalars(select(StoredInspection)).all()
        counted = sorted((row.planned, row.collected) for row in rows)
    database.close()
    assert counted == [(len(CHECKS), len(CHECKS))] * 4
    note("forks: what waited", url, batches=found.batches, faults=1)


def test_online_and_offline_copies_of_a_batch_meet(tmp_path: Path, url: str, note: Note) -> None:
    """A stick is on its way while the line comes back; both bring the same batches."""
    served = Served(tmp_path, url)
    (host,) = enrolled_agents(served, 1)
    host.launch(4)
    wait_for(lambda: len(host.kept()) == 4 * len(CHECKS), "four inspections wait")
    wait_for(lambda: events([host], "paused") > 0, "they can't be handed over")
    host.kill()
    stick = tmp_path / "host.inspb"
    settings = ("--settings", str(host.settings))
    exported = agent(tmp_path, "export", str(stick), *settings)
    assert exported.returncode == 0, exported.stderr
    with serving(served):
        run(host, 0)
        imports = [
            collector(
                *(tmp_path, "import", str(stick), "--data", str(tmp_path)),
                XUNJIAN_DATABASE_URL=url,
            )
            for _ in range(2)
        ]
        assert [each.returncode for each in imports] == [0, 0], imports[0].stderr
        (receipt,) = tmp_path.glob("*.receipt")
        # All was acknowledged over the line before: the receipt has nothing left to delete.
        taken = agent(tmp_path, "receipt", str(receipt), *settings)
        assert taken.returncode == 0, taken.stderr
        wait_for(lambda: states(url).count(PENDING) == 0, "all is assessed")
    found = tallied(url, host.kept())
    assert (found.lost, found.duplicated, found.integrity) == (0, 0, "ok")
    assert found.batches == 4
    assert alarms(url) == 0
    note("forks: online and offline", url, batches=found.batches, faults=1)
