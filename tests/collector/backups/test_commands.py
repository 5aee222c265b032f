"""The morning page as a person and as cron see it, on both databases."""

import json
from collections.abc import Iterator
from datetime import date

import pytest
import time_machine
from click.testing import Result as Ran
from sqlalchemy import select
from typer.testing import CliRunner

from checks.backup_sets import CopyState, Level
from collector.backups.evidence import Look
from collector.backups.gathering import gather_backups
from collector.backups.models import BackupNote
from collector.cli import app
from collector.database import Database
from collector.enrolment.models import AuditEntry
from collector.errors import CollectorError, NotFound, Unusable
from tests.collector.backups.place import send
from tests.collector.backups.sample import (
    OFFSITE,
    at,
    declaration,
    look,
    offsite,
    point,
    proof,
    proofs,
)
from tests.collector.place import Place
from tests.enrolled import enrolled
from wire.messages import Failure, Reason

SET = ("--customer", "示例公司", "--host", "erp-db", "--set", "erp")


@pytest.fixture(autouse=True)
def morning_of_the_21st() -> Iterator[None]:
    with time_machine.travel(at(21, 10), tick=False):
        yield


def run(database: Database, *words: str, fails: type[CollectorError] | None = None) -> Ran:
    ran = CliRunner().invoke(app, ["backups", *words], env={"XUNJIAN_DATABASE_URL": database.url})
    assert isinstance(ran.exception, (fails or SystemExit, type(None))), ran.exception
    return ran


def page(database: Database, *words: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(run(database, *words, "--json").stdout)
    return found


def test_an_empty_page_says_what_to_do(database: Database) -> None:
    ran = run(database)
    assert (ran.exit_code, "还没有备份集" in ran.stdout) == (0, True)


def test_a_good_night_is_one_line_and_ends_with_0(database: Database, place: Place) -> None:
    send(database, place, [look(at(21, 9.5), point(20), proved=proofs(20))])
    ran = run(database)
    assert ran.exit_code == 0, ran.stdout
    assert "示例公司 / 总部机房 / erp-db / erp" in " ".join(ran.stdout.split())
    assert "● 正常" in ran.stdout
    assert "2026-11-21 02:00" in " ".join(ran.stdout.replace("│", " ").split())
    assert "1.0 GiB" in ran.stdout
    english = run(database, "--lang", "en")
    assert "there in time" in " ".join(english.stdout.split())


def test_the_worst_comes_first_and_ends_with_1(database: Database, place: Place) -> None:
    send(database, place, [look(at(21, 9.5), point(20), proved=proofs(20))])
    send(database, place, [look(at(21, 9.6))], name="crm", start=2)
    send(database, place, [look(at(20, 9.6))], name="hr", start=3)
    lines = page(database)
    assert [(line["set"], line["worst"]) for line in lines] == [
        ("crm", "missing"),
        ("hr", "unknown"),
        ("erp", "ok"),
    ]
    assert run(database).exit_code == 1
    assert "没有上报" in str(lines[1]["why"])


def test_a_set_that_could_never_be_looked_at_is_a_line(database: Database, place: Place) -> None:
    send(database, place, [Look(at(21, 9.5), Failure(Reason.PERMISSION, "/backup"))])
    (line,) = page(database)
    assert (line["worst"], "权限不足" in str(line["why"])) == ("unknown", True)


def test_a_silent_host_and_a_customer_without_sets_are_lines(database: Database) -> None:
    enrolled(database, host="quiet")
    assert [line["host"] for line in page(database)] == ["quiet"]
    contract = CliRunner().invoke(
        app,
        ["customer", "contract", "示例公司", "--from", "2026-01-01", "--to", "2026-12-31"],
        env={"XUNJIAN_DATABASE_URL": database.url},
    )
    assert contract.exit_code == 0, contract.output
    lines = page(database)
    assert [(line["host"], line["worst"]) for line in lines] == [
        ("", "unknown"),
        ("quiet", "unknown"),
    ]
    assert [line["host"] for line in page(database, "--date", "2027-01-01")] == ["quiet"]
    with database.reading() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "customer.contract"))
        assert entry.one().after == {"begins": "2026-01-01", "ends": "2026-12-31"}


def test_an_offsite_copy_that_never_comes_is_not_hidden_by_the_night_before(
    database: Database, place: Place
) -> None:
    """In the morning the copy of last night has time left: the one of the night before has not."""
    agreed = declaration(offsite=OFFSITE)
    looks = [
        look(
            at(day + 1, 9.5),
            *[point(one) for one in range(day, 17, -1)],
            proved=tuple(each for one in range(18, day + 1) for each in proofs(one)),
            of=agreed,
            offsite=offsite(at(day + 1, 9.4), 18, 19, 20, state=CopyState.MISSING),
        )
        for day in (18, 19, 20)
    ]
    send(database, place, looks)
    (line,) = page(database)
    assert (line["offsite"], line["worst"]) == ("pending", "missing")
    assert str(line["why"]).startswith("2026-11-19 异地：")


def test_the_morning_of_a_day_is_that_of_its_last_deadline(
    database: Database, place: Place
) -> None:
    send(database, place, [look(at(21, 9.5), point(20), point(18), proved=proofs(20) + proofs(18))])
    days = {on: page(database, "--date", f"2026-11-{on}")[0]["day"] for on in (19, 20, 21)}
    assert days == {19: "2026-11-18", 20: "2026-11-19", 21: "2026-11-20"}


def test_a_day_is_excused_and_opened_again_by_a_person(database: Database, place: Place) -> None:
    send(database, place, [look(at(21, 9.5)), look(at(24, 9.5), point(23), proved=proofs(23))])
    with time_machine.travel(at(24, 10), tick=False):
        ran = run(database, "excuse", *SET, "--day", "2026-11-20", "--why", "机房停电")
        assert ran.exit_code == 0, ran.output
        assert "本地 已批准" in ran.stdout
        (line,) = page(database, "--date", "2026-11-21")
        assert (line["local"], line["worst"]) == ("excused", "excused")
        assert "机房停电" in str(line["note"])
        ran = run(database, "reopen", *SET, "--day", "2026-11-20", "--why", "批准有误")
        assert "本地 缺失" in ran.stdout, ran.output
        (line,) = page(database, "--date", "2026-11-21")
        assert (line["local"], "批准有误" in str(line["note"])) == ("missing", True)
    with database.reading() as session:
        notes = session.scalars(select(BackupNote).order_by(BackupNote.at, BackupNote.kind)).all()
        actions = session.scalars(
            select(AuditEntry.action).where(AuditEntry.action.startswith("backup_day"))
        ).all()
    assert {note.kind for note in notes} == {"excused", "reopened"}
    assert sorted(actions) == ["backup_day.excused", "backup_day.reopened"]
    assert all(note.person for note in notes)


def test_what_can_not_be_excused_is_refused_in_a_sentence(database: Database, place: Place) -> None:
    send(
        database,
        place,
        [look(at(21, 9.5), point(20), of=declaration(valid_from=date(2026, 11, 20)))],
    )
    run(database, "excuse", *SET, "--day", "2026-11-19", "--why", "x", fails=Unusable)
    run(database, "excuse", *SET, "--day", "2026-11-20", "--why", "  ", fails=Unusable)
    run(database, "excuse", *SET, "--day", "yesterday", "--why", "x", fails=Unusable)
    run(database, "reopen", *SET, "--day", "2026-11-20", "--why", "x", fails=Unusable)
    other = ("--customer", "示例公司", "--host", "erp-db", "--set", "none")
    run(database, "excuse", *other, "--day", "2026-11-20", "--why", "x", fails=NotFound)


def test_the_report_is_told_of_the_whole_period(database: Database, place: Place) -> None:
    agreed = declaration(restore_every_days=90, rpo_hours=26)
    nights = (17, 18, 20)
    drill = proof("erp-18.dump", Level.RESTORED, at(19, 12), seconds=60.0, bytes_read=2**29)
    known = look(
        at(21, 9.5),
        *[point(day) for day in reversed(nights)],
        proved=(*[each for day in nights for each in proofs(day)], drill),
        of=agreed,
    )
    send(database, place, [known])
    with database.reading() as session:
        (material,) = gather_backups(
            session, place.customer_id, date(2026, 11, 1), date(2026, 12, 31), at(21, 10)
        )
    assert (material.host, material.name, material.points) == ("erp-db", "erp", 3)
    assert [day.day for day in material.days] == [date(2026, 11, 20), date(2026, 11, 21)]
    assert material.months[0].due == 2
    assert material.months[0].ok == 1
    assert material.months[0].compliance == 100.0
    assert material.drills == (drill,)
    assert material.recovery.restore_seconds == 120.0
    assert [point.id for point in material.newest] == ["erp-20.dump"]
    longest = material.recovery.longest
    assert longest is not None
    assert (longest.begins, longest.ends) == (at(18, 26), at(20, 26))
