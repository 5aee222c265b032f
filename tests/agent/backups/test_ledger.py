"""The ledger keeps digests and proofs over runs, and never keeps a damaged one in use."""

import sqlite3
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.backups.kind import FileRecord
from agent.backups.ledger import NAME, Ledger
from agent.errors import SpoolError
from checks.backup_sets import Level, Proof, Result

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)


def proof(name: str, result: Result, days: float = 0, level: Level = Level.HASHED) -> Proof:
    at = NOW - timedelta(days=days)
    return Proof(point=name, level=level, result=result, at=at, method="m", digest="d")


def test_what_was_hashed_is_known_by_the_next_run_under_any_name(tmp_path: Path) -> None:
    # A name in GBK, as Python holds it: bytes that are no UTF-8 are kept as surrogates.
    name = "备份".encode("gbk").decode("utf-8", "surrogateescape")
    entry = FileRecord(name, 2**40, 1_700_000_000_123_456_789, 2**64 - 1, "ab" * 32, NOW)
    ledger = Ledger(tmp_path)
    ledger.of("erp").record(entry)
    ledger.close()
    again = Ledger(tmp_path)
    assert again.of("erp").recorded(name) == entry
    assert again.of("crm").recorded(name) is None
    again.close()
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


def test_a_try_that_came_to_nothing_does_not_replace_a_proof(tmp_path: Path) -> None:
    erp = Ledger(tmp_path).of("erp")
    erp.prove(proof("a", Result.PASSED, days=1))
    erp.prove(proof("a", Result.UNPROVEN))
    assert [each.result for each in erp.proofs()] == [Result.PASSED, Result.UNPROVEN]
    known = erp.proven("a", Level.HASHED)
    assert known is not None
    assert known.result is Result.PASSED
    erp.prove(proof("a", Result.FAILED))
    assert {each.result for each in erp.proofs()} == {Result.FAILED, Result.UNPROVEN}


def test_an_old_try_is_not_told_beside_a_newer_proof(tmp_path: Path) -> None:
    erp = Ledger(tmp_path).of("erp")
    erp.prove(proof("a", Result.UNPROVEN, days=1))
    erp.prove(proof("a", Result.PASSED))
    assert [each.result for each in erp.proofs()] == [Result.PASSED]


def test_what_is_gone_for_long_is_forgotten_but_not_the_test_restore(tmp_path: Path) -> None:
    erp = Ledger(tmp_path).of("erp")
    erp.prove(proof("gone", Result.PASSED, days=500))
    erp.prove(proof("gone", Result.PASSED, days=500, level=Level.RESTORED))
    erp.prove(proof("there", Result.PASSED, days=500))
    erp.forget(["there"], NOW)
    left = {(each.point, each.level) for each in erp.proofs()}
    assert left == {("gone", Level.RESTORED), ("there", Level.HASHED)}


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_ledger_is_set_aside_and_everything_proven_again(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / NAME).write_bytes(content)
    ledger = Ledger(tmp_path)
    assert ledger.of("erp").proofs() == ()
    ledger.of("erp").prove(proof("a", Result.PASSED))
    ledger.close()
    aside = list(tmp_path.glob(f"{NAME}.damaged-*"))
    assert [path.read_bytes() for path in aside] == [content]


def test_a_ledger_that_another_run_writes_is_not_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ledger(tmp_path).close()
    monkeypatch.setattr("agent.backups.ledger._BUSY_SECONDS", 0.1)
    other = sqlite3.connect(tmp_path / NAME, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(SpoolError, match="locked"):
        Ledger(tmp_path)
    other.execute("ROLLBACK")
    other.close()
    assert list(tmp_path.glob("*.damaged-*")) == []


def test_a_folder_that_can_not_be_written_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="can't be used"):
        Ledger(tmp_path / "file" / "state")
