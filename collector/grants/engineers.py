"""Engineers: persons of ours who open sessions, each known by the key of his computer.

An engineer is of no customer. What a removal means for a customer stands in the audit of each one
that has given him a grant.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from checks.api import Text
from collector.customers.models import Customer
from collector.enrolment.record import Person, audit
from collector.errors import NotFound, Unusable
from collector.grants.models import Engineer
from collector.grants.service import grants_of
from collector.identity import Identity
from wire import envelope
from wire.errors import WireError
from wire.messages import WIRE_VERSION
from wire.sessions import REGISTRATION, TRUSTED, Registration, Trusted
from wire.signing import key_id

LONGEST_NAME = 200
_NO_REGISTRATION = Text(
    "这不是工程师登记文件，或已损坏：请在工程师的电脑上用 xunjian-agent remote register --person "
    "姓名 --request 文件 生成。",
    "This is no registration of an engineer, or it is damaged: make one on the engineer's computer "
    "with xunjian-agent remote register --person NAME --request FILE.",
)


def read_registration(body: bytes) -> Registration:
    """Return what an engineer shows. Raise Unusable where his own key has not signed it."""
    try:
        sent = envelope.read(body)
        shown = envelope.opened(sent, REGISTRATION, Registration)
        envelope.check(sent, {key_id(shown.public_key): shown.public_key})
    except WireError as error:
        raise Unusable(_NO_REGISTRATION) from error
    name = shown.person
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise Unusable(
            Text(
                f"登记文件中的姓名须为 1 至 {LONGEST_NAME} 个可打印字符。",
                f"The name in the registration has to have 1 to {LONGEST_NAME} printable "
                "characters.",
            )
        )
    return shown


def take_in(session: Session, shown: Registration, person: Person, now: datetime) -> Engineer:
    """Return the engineer of a registration, added if he is new.

    Raise Unusable for a name that another key has, a key that has another name, or one that was
    removed: a key is never taken again.
    """
    id = key_id(shown.public_key)
    known = session.get(Engineer, id)
    if known is not None and known.removed_at is not None:
        raise Unusable(
            Text(
                f"该密钥属于已移除的工程师“{known.name}”：请在其电脑上重新生成密钥再登记。",
                f"This key is that of {known.name!r}, who was removed: make a new key on his "
                "computer and register that.",
            )
        )
    if known is not None and known.name != shown.person:
        raise Unusable(
            Text(
                f"该密钥已登记为“{known.name}”，不能再登记为“{shown.person}”。",
                f"This key is registered as {known.name!r} already, not as {shown.person!r}.",
            )
        )
    if known is not None:
        return known
    other = next((each for each in present(session) if each.name == shown.person), None)
    if other is not None:
        raise Unusable(
            Text(
                f"已有工程师“{other.name}”使用另一密钥：请先 engineer remove，或以另一名称登记"
                "（例如“姓名-笔记本”）。",
                f"There is an engineer {other.name!r} with another key: remove that one first, or "
                "register under another name, such as NAME-laptop.",
            )
        )
    engineer = Engineer(
        id=id, name=shown.person, public_key=shown.public_key, added_at=now, added_by=person
    )
    session.add(engineer)
    session.flush()
    return engineer


def answer(identity: Identity, shown: Registration, url: str) -> bytes:
    """Return what the engineer's computer is told, signed: whom to believe from now on."""
    trusted = Trusted(
        wire=WIRE_VERSION,
        nonce=shown.nonce,
        person=shown.person,
        key_id=key_id(shown.public_key),
        collector_key=identity.key.public,
        recipients=(identity.recipient,),
        url=url,
    )
    return identity.sign(trusted, TRUSTED)


def engineers(session: Session) -> list[Engineer]:
    """Return all engineers by name, those who were removed, too."""
    return list(session.scalars(select(Engineer).order_by(Engineer.name, Engineer.added_at)))


def present(session: Session) -> list[Engineer]:
    """Return the engineers who were not removed."""
    return [each for each in engineers(session) if each.removed_at is None]


def find_engineer(session: Session, name: str) -> Engineer:
    """Return the engineer of a name, or of the start of a key's id. Raise NotFound."""
    known = present(session)
    found = [each for each in known if each.name == name]
    found = found or [each for each in known if name and each.id.startswith(name)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(each.name for each in known)
    raise NotFound(
        Text(
            f"没有工程师“{name}”。现有工程师：{names or '无（用 engineer add 登记）'}。",
            f"There is no engineer {name!r}. Engineers: {names or 'none yet (see engineer add)'}.",
        )
    )


def remove(session: Session, engineer: Engineer, person: Person, now: datetime) -> list[str]:
    """Remove an engineer: sessions that he opens from now on are denied. Return the ids of the
    customers whose grants name him."""
    engineer.removed_at = now
    engineer.removed_by = person
    concerned = customers_of(session, engineer)
    for customer_id in concerned:
        audit(
            session,
            customer_id,
            person,
            "engineer.removed",
            f"engineer {engineer.name}, key {engineer.id[:16]}",
            now=now,
        )
    return concerned


def customers_of(session: Session, engineer: Engineer) -> list[str]:
    """Return the ids of the customers that have a grant which names an engineer."""
    found = set()
    for owner in session.scalars(select(Customer)):
        for kept in grants_of(session, owner):
            if any(each.key_id == engineer.id for each in kept.grant.persons):
                found.add(owner.id)
    return sorted(found)
