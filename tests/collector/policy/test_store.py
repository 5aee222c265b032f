"""A decision is kept, counts for the next inspection, and is written down."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from checks.api import State
from collector.assessment.models import StoredFinding, StoredVerdict
from collector.cli import app
from collector.customers.models import Customer
from collector.database import Database, open_database
from collector.enrolment.models import AuditEntry
from collector.errors import NotFound, Unusable
from collector.policy.service import explain
from collector.policy.store import decide, overrides_of, remove
from tests.collector.place import Place
from tests.collector.sample_checks import LOAD
from tests.collector.test_assessment import day as take_in
from tests.collector.test_assessment import loads

[RULE, _] = LOAD.rules
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def decided(database: Database, place: Place, **given: Any) -> str:
    with database.writing(alone=True) as session:
        owner = session.get_one(Customer, place.customer_id)
        entry = decide(session, owner, RULE, why="约定", person="王工", now=NOW, **given)
        return entry.id


def inspect(database: Database, place: Place, day: int, **values: float) -> Mapping[str, str]:
    """Take in the inspection of a day; return the states of the rule."""
    take_in(database, place, day, loads(day, **values))
    with database.reading() as session:
        rows = session.scalars(select(StoredVerdict).where(StoredVerdict.code == RULE.code))
        return {row.object: row.state for row in rows}


def test_thresholds_of_an_object_count_from_the_next_inspection_on(
    database: Database, place: Place
) -> None:
    assert inspect(database, place, 0, cpu=85, gpu=85) == {"cpu": "warning", "gpu": "warning"}
    entry = decided(database, place, object="gpu", thresholds={"warning": "86"})
    assert inspect(database, place, 1, cpu=85, gpu=85) == {"cpu": "warning", "gpu": "ok"}
    with database.writing(alone=True) as session:
        remove(session, session.get_one(Customer, place.customer_id), entry, "王工", NOW)
    assert inspect(database, place, 2, cpu=85, gpu=85) == {"cpu": "warning", "gpu": "warning"}


def test_a_waived_finding_is_open_no_more_and_not_resolved(
    database: Database, place: Place
) -> None:
    inspect(database, place, 0, cpu=95)
    entry = decided(database, place, object="cpu", waived=True)
    assert inspect(database, place, 1, cpu=95) == {"cpu": State.WAIVED.value}
    with database.reading() as session:
        [finding] = session.scalars(select(StoredFinding).where(StoredFinding.code == RULE.code))
        assert (finding.change, finding.resolved_at is not None) == ("waived", True)
    with database.writing(alone=True) as session:
        remove(session, session.get_one(Customer, place.customer_id), entry, "王工", NOW)
    assert inspect(database, place, 2, cpu=95) == {"cpu": "critical"}
    with database.reading() as session:
        [finding] = session.scalars(select(StoredFinding).where(StoredFinding.code == RULE.code))
        assert (finding.change, finding.resolved_at) == ("recurring", None)


def test_a_decision_about_the_same_place_takes_the_place_of_the_earlier_one(
    database: Database, place: Place
) -> None:
    first = decided(database, place, thresholds={"warning": "70"})
    assert decided(database, place, thresholds={"critical": "75"}) == first
    with database.reading() as session:
        [one] = overrides_of(session, place.customer_id)
        actions = [entry.action for entry in session.scalars(select(AuditEntry))]
    assert one.thresholds == {"warning": 70.0, "critical": 75.0}
    assert actions.count("policy.set") == 2


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"thresholds": {"warn": "1"}}, Unusable, "warning, critical"),
        ({"thresholds": {"warning": "many"}}, Unusable, "T-LOAD-001"),
        ({"host": "nowhere"}, NotFound, "nowhere"),
        ({"site": "月球"}, NotFound, "月球"),
    ],
)
def test_a_decision_that_can_not_be_is_refused_with_what_there_is(
    database: Database, place: Place, given: dict[str, Any], kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        decided(database, place, **given)
    with database.reading() as session:
        assert overrides_of(session, place.customer_id) == ()


def test_the_report_names_the_layer_and_who_set_it(database: Database, place: Place) -> None:
    decided(database, place, object="gpu", thresholds={"warning": "86"})
    with database.reading() as session:
        rows = explain(RULE, overrides_of(session, place.customer_id), "示例公司")
    assert [(row.name, row.value, row.layer) for row in rows] == [
        ("warning", "80", "default"),
        ("critical", "90", "default"),
        ("warning", "86", "示例公司 / gpu"),
    ]
    assert rows[-1].origin == "约定 (王工, 2026-11-20)"
    assert rows[-1].unit == "%"


def command(data: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["policy", *words, "--data", str(data), "--customer", "甲"])
    error = done.exception
    return done.exit_code, done.output + (
        error.text.zh if isinstance(error, (NotFound, Unusable)) else ""
    )


def test_the_commands_set_list_and_remove(tmp_path: Path) -> None:
    open_database(f"sqlite:///{tmp_path}/collector.db").close()
    CliRunner().invoke(app, ["customer", "add", "甲", "--data", str(tmp_path)])
    assert "全部使用默认值" in command(tmp_path, "list")[1]
    code, words = command(
        tmp_path,
        "set",
        "OS-DSK-001",
        "critical_used_percent=97",
        "--object",
        "/b",
        "--why",
        "备份盘",
    )
    assert code == 0, words
    made = words.partition("编号 ")[2][:8]
    listed = command(tmp_path, "list")[1]
    assert made in listed
    assert "critical_used_percent=97" in listed
    assert "名称=值" in command(tmp_path, "set", "OS-DSK-001", "97", "--why", "x")[1]
    assert "XX-1" in command(tmp_path, "waive", "XX-1", "--why", "x")[1]
    assert command(tmp_path, "remove", made)[0] == 0
    assert made not in command(tmp_path, "list")[1]
