"""What a person may say of a backup day: that none is needed, or that it is to be judged again."""

from datetime import date, datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from checks.api import Text
from collector.backups.days import Day
from collector.backups.frozen import states_of
from collector.backups.known import EXCUSED, REOPENED, days_of, known_of
from collector.backups.models import BackupDay, BackupNote, BackupSet
from collector.backups.recording import add_note, freeze
from collector.backups.store import SetKey
from collector.customers.models import Customer, Host, Site
from collector.enrolment.record import Person, audit
from collector.errors import NotFound, Unusable

LONGEST_REASON = 1000


def find_set(session: Session, owner: Customer, host: str, name: str) -> BackupSet:
    """Return a backup set of a customer. Raise NotFound, naming those that there are."""
    known = session.execute(
        select(BackupSet, Host.name, Site.name)
        .join(Host, (Host.customer_id == BackupSet.customer_id) & (Host.id == BackupSet.host_id))
        .join(Site, (Site.customer_id == Host.customer_id) & (Site.id == Host.site_id))
        .where(BackupSet.customer_id == owner.id)
        .order_by(Host.name, BackupSet.name)
    ).all()
    found = [row for row, machine, _ in known if (machine, row.name) == (host, name)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(f"{site} / {machine} / {row.name}" for row, machine, site in known)
    if found:
        raise Unusable(
            Text(
                f"客户“{owner.name}”有多台主机“{host}”都有备份集“{name}”：{names}。",
                f"{owner.name!r} has several hosts {host!r} with a backup set {name!r}: {names}.",
            )
        )
    raise NotFound(
        Text(
            f"客户“{owner.name}”的主机“{host}”没有备份集“{name}”。现有备份集：{names or '无'}。",
            f"The host {host!r} of {owner.name!r} has no backup set {name!r}. Backup sets: "
            f"{names or 'none yet'}.",
        )
    )


def excuse(
    session: Session, row: BackupSet, day: date, why: str, person: Person, now: datetime
) -> Day:
    """Write down why a day needs no backup; return the day. Raise Unusable for a day on which none
    is due, or without a reason."""
    before = _due(session, row, day, now)
    return _noted(session, row, before, EXCUSED, _reason(why), person, now)


def reopen(
    session: Session, row: BackupSet, day: date, why: str, person: Person, now: datetime
) -> Day:
    """Have a frozen or excused day judged again by all that is known today; return the day. Raise
    Unusable for any other one, or without a reason."""
    before = _due(session, row, day, now)
    known = known_of(session, row, day)
    if day not in known.excused and _stored(session, row, day) is None:
        raise Unusable(
            Text(
                f"{day} 尚未封存，也未被批准，无须重开：仍会按新数据更新。",
                f"{day} is neither frozen nor excused: it still follows what comes in.",
            )
        )
    return _noted(session, row, before, REOPENED, _reason(why), person, now)


def _noted(
    session: Session,
    row: BackupSet,
    before: Day,
    kind: str,
    why: str,
    person: Person,
    now: datetime,
) -> Day:
    key = SetKey(row.customer_id, row.id)
    note = add_note(
        session,
        key,
        before.day,
        kind=kind,
        person=person,
        why=why,
        before=states_of(before),
        after={},
        at=now,
    )
    session.execute(
        delete(BackupDay).where(
            BackupDay.customer_id == row.customer_id,
            BackupDay.set_id == row.id,
            BackupDay.day == before.day,
        )
    )
    session.flush()
    freeze(session, row)
    session.flush()
    after = _due(session, row, before.day, now)
    note.after = states_of(after)
    audit(
        session,
        row.customer_id,
        person,
        f"backup_day.{kind}",
        f"{row.name} {before.day}: {why}",
        before=states_of(before),
        after=states_of(after),
        now=now,
    )
    return after


def notes_of(session: Session, row: BackupSet, day: date) -> list[BackupNote]:
    """Return the notes of a day, the oldest first."""
    return list(
        session.scalars(
            select(BackupNote)
            .where(
                BackupNote.customer_id == row.customer_id,
                BackupNote.set_id == row.id,
                BackupNote.day == day,
            )
            .order_by(BackupNote.at)
        )
    )


def _due(session: Session, row: BackupSet, day: date, now: datetime) -> Day:
    if abs(day - now.date()) > timedelta(days=400):
        raise Unusable(Text(f"{day} 超出 400 天。", f"{day} is more than 400 days away."))
    days = days_of(session, known_of(session, row, day), day, day, now)
    if not days or days[0].due_at is None:
        raise Unusable(
            Text(f"{day} 不要求备份（{row.name}）。", f"No backup of {row.name} is due on {day}.")
        )
    return days[0]


def _stored(session: Session, row: BackupSet, day: date) -> BackupDay | None:
    return session.get(BackupDay, (row.customer_id, row.id, day), populate_existing=True)


def _reason(why: str) -> str:
    kept = " ".join(why.split())
    if not kept or len(kept) > LONGEST_REASON or not kept.isprintable():
        raise Unusable(
            Text(
                f"--why 须为 1 至 {LONGEST_REASON} 个可打印字符。",
                f"--why has 1 to {LONGEST_REASON} printable characters.",
            )
        )
    return kept
