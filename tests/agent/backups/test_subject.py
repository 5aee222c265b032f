"""A backup set in an inspection: looked at in a child of its own, with all that it proves."""

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from agent.backups.entries import entries
from agent.backups.ledger import Ledger
from agent.host import LocalHost
from agent.planning import plan
from agent.runner import run
from agent.settings import Agent, CheckSettings, Collector, Settings
from checks.backup.restore_points import CHECK
from checks.backup_sets import BackupFacts, Level, Result
from tests.backup_sets import NAME, look, settings
from tests.tools import tool_of_roots
from wire.messages import Observation, Reason

SECRET = {"command": ["/bin/echo", "correct horse"]}
CHECKS = {"backup.restore_points": CHECK}


def observed(given: Settings, deadline_seconds: float = 60) -> list[Observation]:
    """Run the check for every set, each in a child as in an inspection."""
    chosen = {"backup.restore_points": CheckSettings(deadline_seconds=deadline_seconds)}
    planned = plan(CHECKS, "linux", chosen, (), (), entries(given))
    steps = run(planned.jobs, LocalHost(), parallel=4, memory_bytes=2**30)
    return [step for step in steps if isinstance(step, Observation)]


def inspected(state: Path, **sets: object) -> Settings:
    return Settings(
        collector=Collector(url="https://a.example"),
        agent=Agent(state=str(state)),
        backups=sets,  # type: ignore[arg-type]
    )


def dump(folder: Path, hours: float) -> Path:
    folder.mkdir(exist_ok=True)
    at = (datetime.now(UTC) - timedelta(hours=hours)).timestamp()
    path = folder / f"a_{hours}.sql"
    path.write_text("-- PostgreSQL database dump\nCREATE TABLE t();\n" + "-- x\n" * 100)
    with path.open("a") as file:
        file.write("-- PostgreSQL database dump complete\n")
    os.utime(path, (at, at))
    return path


def test_each_set_is_looked_at_in_a_child_and_told_by_its_name(tmp_path: Path) -> None:
    dump(tmp_path / "backup", 4)
    repository = tmp_path / "repository"
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    password.chmod(0o600)
    restic = ["restic", "-q", "-r", str(repository), "-p", str(password)]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    subprocess.run([*restic, "init"], check=True, capture_output=True, env=environment)
    subprocess.run([*restic, "backup", str(tmp_path / "backup")], check=True, env=environment)
    given = inspected(
        tmp_path / "state",
        dumps=settings(kind="files", place=tmp_path / "backup", pattern="*.sql"),
        snapshots=settings(kind="restic", place=repository, password={"file": str(password)}),
        gone=settings(kind="files", place=tmp_path / "no-such"),
    )
    found = {each.target.name: each for each in observed(given)}
    assert {each.target.kind for each in found.values()} == {"backup"}
    assert found["gone"].failure is not None
    for name in ("dumps", "snapshots"):
        assert found[name].failure is None, found[name].failure
        facts = msgspec.json.decode(bytes(found[name].facts), type=BackupFacts)  # type: ignore[arg-type]
        assert facts.declaration.name == name
        assert len(facts.points) == 1
        assert {proof.result for proof in facts.proofs} == {Result.PASSED}, facts.proofs
        assert b"correct horse" not in bytes(found[name].facts)  # type: ignore[arg-type]
    assert found["snapshots"].cost.cpu_seconds > 0


def test_a_tool_that_hangs_costs_its_set_only_and_says_so(tmp_path: Path) -> None:
    dump(tmp_path / "backup", 4)
    hanging = tool_of_roots("restic", "#!/bin/sh\nsleep 1000\n")
    with hanging as tool:
        given = inspected(
            tmp_path / "state",
            dumps=settings(kind="files", place=tmp_path / "backup", pattern="*.sql"),
            hangs=settings(
                kind="restic", place="sftp:x@a.example:/r", command=tool, password=SECRET
            ),
        )
        found = {each.target.name: each for each in observed(given, deadline_seconds=3)}
    assert found["dumps"].failure is None
    failure = found["hangs"].failure
    assert failure is not None
    assert failure.reason is Reason.TIMEOUT


def test_what_was_proven_before_a_kill_is_not_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    dump(folder, 4)
    given = settings(kind="files", place=folder, pattern="*.sql")
    first = look(given, tmp_path / "state")
    assert first.work is not None
    assert first.work.read_bytes > 0
    dump(folder, 2)
    second = look(given, tmp_path / "state")
    assert second.work is not None
    assert second.work.read_bytes == (folder / "a_2.sql").stat().st_size
    assert len(second.proofs) == 4


def test_a_budget_that_is_too_small_leaves_the_rest_for_the_next_run(tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    for hours in (30, 54, 4):
        dump(folder, hours)
    size = (folder / "a_4.sql").stat().st_size
    given = settings(kind="files", place=folder, pattern="*.sql", budget=f"{int(size * 1.5)} B")
    facts = look(given, tmp_path / "state")
    proven = {proof.point for proof in facts.proofs if proof.result is Result.PASSED}
    assert proven == {"a_4.sql"}, "the newest first"
    assert facts.work is not None
    assert facts.work.left == 2
    assert facts.work.proven_bytes < facts.work.stored_bytes
    waiting = [proof for proof in facts.proofs if proof.result is Result.UNPROVEN]
    assert {proof.failure.subject for proof in waiting if proof.failure} == {"budget"}
    again = look(given, tmp_path / "state")
    assert len({each.point for each in again.proofs if each.result is Result.PASSED}) == 2


def test_a_ledger_that_can_not_be_kept_is_a_failure_and_no_pass(tmp_path: Path) -> None:
    dump(tmp_path / "backup", 4)
    state = tmp_path / "state"
    state.write_text("a file in place of the folder")
    given = inspected(state, erp=settings(kind="files", place=tmp_path / "backup"))
    (found,) = observed(given)
    assert found.failure is not None
    assert "backups.sqlite" in found.failure.subject


def test_a_replaced_backup_has_to_be_proven_anew(tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    path = dump(folder, 4)
    given = settings(kind="files", place=folder, pattern="*.sql")
    look(given, tmp_path / "state")
    path.write_text("-- PostgreSQL database dump\nCREATE TABLE t();\n")
    at = (datetime.now(UTC) - timedelta(hours=3)).timestamp()
    os.utime(path, (at, at))
    facts = look(given, tmp_path / "state")
    structure = [proof for proof in facts.proofs if proof.level is Level.STRUCTURE]
    assert [proof.result for proof in structure] == [Result.FAILED]
    ledger = Ledger(tmp_path / "state")
    assert ledger.of(NAME).recorded("a_4.sql") is not None
    ledger.close()


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("restic", "sftp:x@a.example:/r"),
        ("borg", "ssh://x@a.example/r"),
        ("pgbackrest", "main"),
        ("barman", "main"),
    ],
)
def test_a_tool_that_is_not_there_is_named(tmp_path: Path, kind: str, place: str) -> None:
    given = inspected(
        tmp_path / "state",
        erp=settings(kind=kind, place=place, command=f"/opt/nowhere/{kind}", password=SECRET),
    )
    (found,) = observed(given)
    assert found.failure is not None
    assert found.failure.reason is Reason.MISSING_TOOL
    assert kind in found.failure.subject
