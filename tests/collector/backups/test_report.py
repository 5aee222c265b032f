"""From looks of an agent to the chapter of the report."""

from datetime import date

from checks.discovery import discover
from collector.customers.service import find_customer
from collector.database import Database
from collector.reports.blocks import Chapter, Days, Mark
from collector.reports.compose import compose
from collector.reports.gather import gather
from tests.collector.backups.place import send
from tests.collector.backups.sample import Look, at, look, point, proofs
from tests.collector.place import Place
from tests.collector.reports.test_compose import blocks, chapter, texts
from wire.messages import Failure, Reason


def backups(database: Database) -> Chapter:
    with database.reading() as session:
        customer = find_customer(session, "示例公司")
        today = date(2026, 11, 21)
        material = gather(session, customer, discover(), year=2026, today=today)
    return chapter(compose(material), "8")


def test_what_an_agent_saw_stands_in_the_calendar(database: Database, place: Place) -> None:
    looks = [
        look(at(day, 9.5), *(point(night) for night in range(18, day)), proved=proofs(day - 1))
        for day in (19, 21)
    ]
    send(database, place, looks)
    said = backups(database)
    (year,) = [block for block in blocks((said,)) if isinstance(block, Days)]
    assert year.months[-1].marks[17:21] == (Mark.OK, Mark.STALE, Mark.OK, Mark.INFO)
    assert "全部 1 个备份集最近备份日均可信。" in texts(said)


def test_a_set_that_never_could_be_looked_at_is_named(database: Database, place: Place) -> None:
    send(database, place, [Look(at(21, 9.5), Failure(Reason.PERMISSION, "/backup"))])
    said = texts(backups(database))
    assert "有 1 个备份集已声明但从未能读取：erp-db · erp。" in said
    assert "权限不足：/backup" in said
