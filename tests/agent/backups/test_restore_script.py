"""The script of a SQL Server test restore: one database with a prefix, checked, dropped."""

from datetime import UTC, datetime, timedelta

import pytest

from agent.backups.restore_script import PREFIX, restore_script
from agent.errors import AgentError
from checks.backup_sets import (
    BackupFacts,
    Declaration,
    Form,
    Kind,
    PointState,
    RestorePoint,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def point(name: str, hours: float, form: Form = Form.FULL, **more: object) -> RestorePoint:
    at = NOW - timedelta(hours=hours)
    return RestorePoint(id=name, object="UFDATA_001", started_at=at, form=form, **more)  # type: ignore[arg-type]


def facts(*points: RestorePoint) -> BackupFacts:
    declared = Declaration(name="u8", kind=Kind.MSSQL, place="Server=erp")
    return BackupFacts(declaration=declared, points=points)


def test_the_newest_full_and_the_differential_after_it_are_restored_in_order() -> None:
    script = restore_script(
        facts(
            point("log", 0.5, Form.LOG, paths=("D:\\b\\l.trn",)),
            point("diff", 1, Form.DIFFERENTIAL, paths=("D:\\b\\d.bak",), position=3),
            point("full", 5, paths=("D:\\b\\1.bak", "D:\\b\\it's.bak"), server="ERP01"),
            point("older", 30, paths=("D:\\b\\old.bak",)),
        ),
        None,
    )
    assert script.count("RESTORE VERIFYONLY") == 2
    assert "N'D:\\b\\1.bak', DISK = N'D:\\b\\it''s.bak'" in script
    assert script.index("it''s") < script.index("d.bak")
    assert "FILE = 3, NORECOVERY" in script
    assert "old.bak" not in script
    assert "l.trn" not in script
    assert script.index("DBCC CHECKDB") < script.index("DROP DATABASE")
    assert f"N'{PREFIX}UFDATA_001'" in script
    assert "@@SERVERNAME = N'ERP01'" in script


def test_only_a_name_with_the_prefix_is_ever_dropped() -> None:
    odd = RestorePoint(id="x", object="a'; DROP DATABASE erp; --", started_at=NOW, paths=("p",))
    script = restore_script(facts(odd), None)
    assert "N'xunjian_restore_test_a''; DROP DATABASE erp; --'" in script
    code = [line for line in script.splitlines() if not line.startswith("--")]
    assert sum("DROP DATABASE ' + @quoted" in line for line in code) == 1


def test_nothing_to_restore_is_a_sentence() -> None:
    growing = point("full", 1, state=PointState.GROWING)
    for given, database in ((facts(growing), None), (facts(point("full", 1)), "other")):
        with pytest.raises(AgentError, match="no full backup"):
            restore_script(given, database)
