"""What agents upload of their backup sets stands in the database, once, in whatever order."""

from collections.abc import Sequence
from datetime import date
from itertools import permutations

from msgspec import structs
from sqlalchemy import event, func, select

from checks.backup_sets import Level, OffsiteBy, OffsiteLeg, Result, Role
from collector.backups.days import Day
from collector.backups.evidence import Look
from collector.backups.frozen import states_of
from collector.backups.known import days_of, known_of
from collector.backups.models import (
    BackupDay,
    BackupDeclaration,
    BackupLook,
    BackupNote,
    BackupPoint,
    BackupProof,
    BackupSet,
)
from collector.database import Database
from collector.intake.models import Quarantine
from tests.collector.backups.place import send
from tests.collector.backups.sample import (
    DAY,
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

FIRST = date(2026, 11, 18)
GOOD = declaration(offsite=OFFSITE, retention_days=30)


def night(day: int, *, proved: int | None = None, listed: int = 3) -> Look:
    """Return the look of the morning after a backup day; all before it is proven."""
    nights = range(max(18, day - listed + 1), day + 1)
    made = tuple(
        each
        for one in nights
        for each in (*proofs(one), proof(f"erp-{one}.dump", Level.OFFSITE, at(one, 30)))
    )
    return look(
        at(day + 1, 9.5),
        *[point(one) for one in reversed(nights)],
        proved=made if proved is None else made[:proved],
        of=GOOD,
        offsite=offsite(at(day + 1, 9.4), *nights),
    )


def stored(
    database: Database, *, first: date = FIRST, last: date = DAY, name: str = "erp"
) -> Sequence[Day]:
    with database.reading() as session:
        row = session.scalars(select(BackupSet).where(BackupSet.name == name)).one()
        return days_of(session, known_of(session, row, first), first, last, row.last_tried)


def states(days: Sequence[Day]) -> list[str]:
    return [day.worst.value for day in days]


def test_a_week_of_looks_gives_a_calendar(database: Database, place: Place) -> None:
    send(database, place, [night(day) for day in (18, 19, 20)])
    assert states(stored(database)) == ["ok", "ok", "ok"]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(BackupPoint)) == 3
        assert session.scalar(select(func.count()).select_from(BackupLook)) == 3
        assert session.scalar(select(func.count()).select_from(BackupDeclaration)) == 1
        # The 19th has its offsite hours until the 20th at 21:00.
        assert session.scalars(select(BackupDay.day)).all() == [FIRST, date(2026, 11, 19)]


def test_the_order_of_uploads_does_not_matter(database: Database) -> None:
    looks = [night(18), Look(at(20, 9.5), Failure(Reason.TIMEOUT, "1 h")), night(20)]
    found = []
    for number, order in enumerate(permutations(looks)):
        place = enrolled(database, host=f"host-{number}")
        send(database, place, order, name=f"set-{number}")
        days = stored(database, name=f"set-{number}")
        found.append([(day.points, states_of(day)) for day in days])
    assert all(each == found[0] for each in found)
    assert [each[1]["local"] for each in found[0]] == ["ok", "ok", "ok"]


def test_what_a_look_shows_again_is_not_written_again(database: Database, place: Place) -> None:
    many = [point(20, 26 + n / 100, id=f"log-{n}") for n in range(300)]
    send(database, place, [look(at(21, 9.5), *many)])
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *each: statements.append(each[2]))
    send(database, place, [look(at(21, 10.5), *many)], start=2)
    written = [
        each
        for each in statements
        if each.startswith(("INSERT INTO backup_point", "UPDATE backup_point"))
    ]
    assert written == []


def test_a_silent_agent_is_unknown_until_it_fills_in(database: Database, place: Place) -> None:
    send(database, place, [night(18)])
    with database.reading() as session:
        row = session.scalars(select(BackupSet)).one()
        known = known_of(session, row, FIRST)
        silent = days_of(session, known, FIRST, DAY, at(25, 12))
    assert [day.local.state.value for day in silent] == ["ok", "unknown", "unknown"]
    send(database, place, [night(20)], start=2)
    assert states(stored(database)) == ["ok", "ok", "ok"]


def test_evidence_that_comes_late_changes_a_frozen_day_with_a_note(
    database: Database, place: Place
) -> None:
    send(database, place, [night(18), look(at(24, 9.5), point(23), of=GOOD)])
    frozen = stored(database)
    before = {day.day: day for day in frozen}
    send(database, place, [night(19)], start=3)
    after = {day.day: day for day in stored(database)}
    changed = after[date(2026, 11, 19)]
    assert before[changed.day].local.state.value in ("missing", "unknown")
    assert changed.local.state.value in ("ok", "late")
    assert changed.frozen
    assert "本地" in changed.note
    with database.reading() as session:
        notes = session.scalars(select(BackupNote)).all()
    assert {(note.day, note.person, note.kind) for note in notes} >= {(changed.day, "", "evidence")}


def test_a_proof_that_fails_later_is_told_of_a_frozen_day(database: Database, place: Place) -> None:
    send(database, place, [night(18), night(19), night(20)])
    assert states(stored(database))[0] == "ok"
    later = night(21, listed=4)
    assert not isinstance(later.found, Failure)
    damaged = proofs(18, 100, Level.STRUCTURE, result=Result.FAILED)
    facts = structs.replace(later.found, proofs=(*later.found.proofs, *damaged))
    send(database, place, [Look(later.at, facts)], start=4)
    day = stored(database)[0]
    assert (day.local.state.value, day.verified.state.value) == ("ok", "failed")
    assert "校验 正常→失败" in day.note


def test_retention_changes_no_frozen_day(database: Database, place: Place) -> None:
    send(database, place, [night(18), night(19), night(20)])
    gone = [look(at(day, 9.5), of=GOOD, offsite=offsite(at(day, 9.4))) for day in (25, 60)]
    send(database, place, gone, start=4)
    assert states(stored(database)) == ["ok", "ok", "failed"]


def test_a_declaration_that_changes_leaves_frozen_days_alone(
    database: Database, place: Place
) -> None:
    send(database, place, [night(18), night(19), night(20)])
    more = declaration(minimum_bytes=2**40, objects=("erp", "crm"), offsite=OFFSITE)
    send(
        database,
        place,
        [look(at(22, 9.5), *[point(d) for d in (21, 20, 19, 18)], of=more)],
        start=4,
    )
    days = stored(database, last=date(2026, 11, 22))
    assert [day.local.state.value for day in days] == ["ok", "ok", "ok", "ok", "pending"]


def test_an_offsite_agent_proves_what_the_other_host_made(database: Database) -> None:
    here, there = enrolled(database, host="erp-db"), enrolled(database, host="mirror")
    made = declaration(offsite=OffsiteLeg(by=OffsiteBy.AGENT, hours=12, place="mirror"))
    kept = declaration(role=Role.OFFSITE)
    first = look(at(21, 9.5), point(20), proved=proofs(20), of=made)
    send(database, here, [first])
    assert [day.offsite.state.value for day in stored(database, first=DAY)] == ["pending"]
    copied = point(20, id="mirror/erp-20.dump")
    unread = look(at(21, 12), copied, of=kept)
    send(database, there, [unread], name="copies")
    assert [day.offsite.state.value for day in stored(database, first=DAY)] == ["pending"]
    read = proof("mirror/erp-20.dump", Level.HASHED, at(21, 13))
    send(
        database, there, [look(at(21, 14), copied, proved=(read,), of=kept)], name="copies", start=2
    )
    assert [day.offsite.state.value for day in stored(database, first=DAY)] == ["ok"]
    # The same content on the same host is no offsite copy.
    alone = enrolled(database, host="alone", customer="另一客户")
    send(database, alone, [first], name="lonely")
    send(database, alone, [unread], name="own copies", start=2)
    (day,) = stored(database, first=DAY, name="lonely")
    assert day.offsite.state.value == "pending"


def test_odd_names_and_dates_are_stored_like_others(database: Database, place: Place) -> None:
    odd = [
        point(20, id="长" * 255),
        point(20, id="old", started_at=at(20, 26).replace(year=1), ended_at=None),
        point(20, id="far", started_at=at(20, 26).replace(year=9999), ended_at=None),
    ]
    send(database, place, [look(at(21, 9.5), *odd)])
    with database.reading() as session:
        assert session.scalars(select(Quarantine.reason)).all() == []
        ids = set(session.scalars(select(BackupPoint.point)))
    assert ids == {"长" * 255}
    (day,) = stored(database, first=DAY)
    assert day.local.state.value == "ok"


def test_a_look_that_comes_again_changes_nothing(database: Database, place: Place) -> None:
    send(database, place, [night(20)])
    before = stored(database)
    send(database, place, [night(20)], start=2)
    assert stored(database) == before
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(BackupLook)) == 1


def test_proofs_that_say_nothing_are_kept_once(database: Database, place: Place) -> None:
    looks = []
    for day in range(18, 24):
        tried = proof(
            "",
            Level.STRUCTURE,
            at(day, 9),
            Result.UNPROVEN,
            failure=Failure(Reason.ERROR, "repository is locked"),
        )
        looks.append(look(at(day, 9.5), proved=(tried,)))
    send(database, place, looks)
    with database.reading() as session:
        assert session.scalars(select(BackupProof.at)).all() == [at(23, 9)]
